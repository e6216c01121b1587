//! Everything the cockpit is at a moment: what is known, what is shown of it, and what has the focus.

use std::cell::Cell;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use ratatui::layout::Rect;
use serde_json::Value;
use uuid::Uuid;

use super::effect::Stamp;
use super::envelope::Envelope;
use super::keymap::{Keymap, Scope};
use super::known::Known;
use super::msg::Why;
use super::panes::case::CasePane;
use super::panes::queue::QueuePane;
use super::part::{Part, World};
use super::theme::{Role, Theme, Themes};
use super::views::SavedView;
use super::zone::Zone;
use crate::domain::actor::Actor;
use crate::domain::policy::Bundle;
use crate::domain::time::Timestamp;

/// What a cockpit begins with.
#[derive(Debug)]
pub struct Beginning {
    pub actor: Actor,
    pub bundle: Arc<Bundle>,
    /// What the header calls the place.
    pub place: String,
    /// Whether the database is the private one, which `dispatch db start` starts.
    pub is_private: bool,
    pub keymap: Keymap,
    pub themes: Themes,
    /// The theme to begin with, unless another was chosen before.
    pub theme: Option<String>,
    pub views: Vec<SavedView>,
    pub bell: bool,
    pub notify: bool,
    pub drafts: HashMap<String, Value>,
    pub choices: HashMap<String, Value>,
    pub now: Timestamp,
    pub zone: Zone,
}

impl Beginning {
    /// With nothing configured and nothing kept.
    pub fn plain(actor: Actor, bundle: Arc<Bundle>, now: Timestamp) -> Self {
        Self {
            actor,
            bundle,
            place: String::new(),
            is_private: false,
            keymap: Keymap::default(),
            themes: Themes::default(),
            theme: None,
            views: Vec::new(),
            bell: false,
            notify: false,
            drafts: HashMap::new(),
            choices: HashMap::new(),
            now,
            zone: Zone::UTC,
        }
    }
}

/// Which pane has the focus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Focus {
    Queue,
    Case,
}

/// Where the panes were drawn last, for the mouse.
#[derive(Debug, Clone, Copy, Default)]
pub struct Areas {
    pub queue: Rect,
    pub case: Rect,
    /// Everything between header and footer.
    pub main: Rect,
}

/// The model.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a thing of its own")]
pub struct Model {
    pub known: Known,
    pub queue: QueuePane,
    pub case: CasePane,
    pub focus: Focus,
    pub dialogs: Vec<Box<dyn Part>>,
    pub themes: Themes,
    /// What was said last, and until when it stands.
    pub said: Option<(String, Role)>,
    pub(super) said_until: Timestamp,
    /// The call that it is about.
    pub(super) said_of: Option<Uuid>,
    /// The call that was sent last, as long as nobody touched anything since.
    pub(super) awaits: Option<Uuid>,
    /// How many of a hundred columns or rows the queue has, where somebody said so.
    pub split: Option<u16>,
    pub(super) drags_splitter: bool,
    pub(super) areas: Cell<Areas>,
    pub(super) size: (u16, u16),
    /// The one-line hint of the first run.
    pub hint: bool,
    pub(super) bell: bool,
    pub(super) notify: bool,
    /// The ticket that the case pane was told of.
    pub(super) followed: Option<Uuid>,
    /// The rest after which its case is read.
    pub(super) rest: Option<Stamp>,
    /// What others were told that is open here.
    pub(super) attended: Option<(Option<Uuid>, bool)>,
    /// A ticket to select as soon as its row comes.
    pub(super) wanted: Option<Uuid>,
    /// A call whose form is to be opened again as soon as it is taken back.
    pub(super) reopening: Option<Uuid>,
    /// Calls that ask again, behind the one that is asking.
    pub(super) asking: VecDeque<(Envelope, Why)>,
    is_dirty: bool,
}

/// How the screen is divided where nobody said otherwise.
pub const SPLIT: u16 = 62;

impl Model {
    /// A cockpit that has heard nothing yet.
    pub fn new(beginning: Beginning) -> Self {
        let Beginning {
            actor,
            bundle,
            place,
            is_private,
            keymap,
            themes,
            theme,
            views,
            bell,
            notify,
            drafts,
            choices,
            now,
            zone,
        } = beginning;
        let chosen = choices.get("theme").and_then(Value::as_str).map(str::to_owned).or(theme);
        let first = themes.themes.iter().find(|theme| Some(&theme.name) == chosen.as_ref());
        let theme = first.or_else(|| themes.themes.first()).cloned().unwrap_or_else(Theme::mono);
        let mut known = Known::new(theme, keymap, actor, bundle, now);
        known.place = place;
        known.is_private = is_private;
        known.zone = zone;
        known.drafts = drafts;
        known.views = views;
        let kept = choices.get("views").and_then(Value::as_object);
        known.views.extend(kept.into_iter().flatten().filter_map(|(name, filter)| {
            Some(SavedView { name: name.clone(), filter: filter.as_str()?.to_owned(), is_kept: true })
        }));
        let split = choices.get("split").and_then(Value::as_u64).and_then(|split| u16::try_from(split).ok());
        Self {
            known,
            queue: QueuePane::default(),
            case: CasePane::default(),
            focus: Focus::Queue,
            dialogs: Vec::new(),
            themes,
            said: None,
            said_until: now,
            said_of: None,
            awaits: None,
            split: split.map(|split| split.clamp(20, 85)),
            drags_splitter: false,
            areas: Cell::default(),
            size: (0, 0),
            hint: !choices.contains_key("hint_seen"),
            bell,
            notify,
            followed: None,
            rest: None,
            attended: None,
            wanted: None,
            reopening: None,
            asking: VecDeque::new(),
            is_dirty: true,
        }
    }

    /// What parts may look at.
    pub fn world(&self) -> World<'_> {
        self.known.world(self.queue.selected())
    }

    /// The scope in which the next key counts.
    pub fn scope(&self) -> Scope {
        match (self.dialogs.last(), self.focus) {
            (Some(dialog), _) => dialog.scope(),
            (None, Focus::Queue) => self.queue.scope(),
            (None, Focus::Case) => self.case.scope(),
        }
    }

    /// Something changed that is to be seen.
    pub fn touch(&mut self) {
        self.is_dirty = true;
    }

    /// Whether anything changed since it was last asked.
    pub(super) fn take_dirty(&mut self) -> bool {
        std::mem::take(&mut self.is_dirty)
    }

    /// Says something in the footer for a while.
    pub fn say(&mut self, text: impl Into<String>, role: Role) {
        self.said = Some((text.into(), role));
        self.said_of = None;
        self.said_until = self.known.local.plus_seconds(12);
        self.touch();
    }

    /// Says something of a call, until it is answered.
    pub(super) fn say_of(&mut self, call: Uuid, text: String, role: Role) {
        self.say(text, role);
        self.said_of = Some(call);
    }
}

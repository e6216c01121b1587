//! Every key, in one table: what it does, where, and how the footer and the help say it. The config
//! file may give an action other keys; nothing else knows a key.

use std::collections::BTreeMap;
use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::domain::words::words;

words! {
    /// What a key may do. The words are those of the config file.
    pub enum Action {
        Up = "up",
        Down = "down",
        PageUp = "page_up",
        PageDown = "page_down",
        Top = "top",
        Bottom = "bottom",
        Left = "left",
        Right = "right",
        Enter = "enter",
        Back = "back",
        NextPane = "next_pane",
        PreviousPane = "previous_pane",
        NextStep = "next_step",
        Actions = "actions",
        New = "new",
        Filter = "filter",
        ClearFilter = "clear_filter",
        Views = "views",
        Sort = "sort",
        SortTurn = "sort_turn",
        NextBreach = "next_breach",
        Acknowledge = "acknowledge",
        Palette = "palette",
        Help = "help",
        Role = "role",
        Theme = "theme",
        Calls = "calls",
        Directory = "directory",
        Export = "export",
        CopyNumber = "copy_number",
        CopyId = "copy_id",
        ShowContact = "show_contact",
        TabNext = "tab_next",
        TabPrevious = "tab_previous",
        Summary = "summary",
        Timeline = "timeline",
        Evidence = "evidence",
        TimelineFilter = "timeline_filter",
        Wider = "wider",
        Narrower = "narrower",
        Redraw = "redraw",
        Suspend = "suspend",
        Quit = "quit",
        // Inside forms.
        NextField = "next_field",
        PreviousField = "previous_field",
        Submit = "submit",
        Discard = "discard",
        Toggle = "toggle",
        LaterHour = "later_hour",
        EarlierHour = "earlier_hour",
        NextMorning = "next_morning",
        NextOffer = "next_offer",
        AddEntry = "add_entry",
        RemoveEntry = "remove_entry",
        GoOn = "go_on",
        SendAnyway = "send_anyway",
        Reopen = "reopen",
        TakeBack = "take_back",
        WriteCsv = "write_csv",
        WriteJson = "write_json",
        CopyList = "copy_list",
    }
}

words! {
    /// Where a key counts.
    pub enum Scope {
        /// Wherever nothing takes text.
        Global = "global",
        Queue = "queue",
        Case = "case",
        /// Lists on top of the screen: menus, help, choices.
        List = "list",
        /// Whether a call that waited is to go.
        Question = "question",
        /// Where a list is to go.
        Export = "export",
        /// What is only read: help, entries, calls.
        Read = "read",
        /// What is typed into: everything that makes a character is text.
        Form = "form",
        /// The filter and the palette.
        Line = "line",
    }
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Binding {
    pub scope: Scope,
    pub action: Action,
    /// With spaces between; the first is the one that is shown.
    pub keys: &'static str,
    /// A word or two for the footer; none where it goes without saying.
    pub hint: Option<&'static str>,
    /// A sentence for the help.
    pub help: &'static str,
}

const fn row(
    scope: Scope,
    action: Action,
    keys: &'static str,
    hint: Option<&'static str>,
    help: &'static str,
) -> Binding {
    Binding { scope, action, keys, hint, help }
}

use Action as A;
use Scope as S;

/// The table. The footer shows hints in this order, as far as there is room.
pub const TABLE: &[Binding] = &[
    row(S::Global, A::NextStep, "space", Some("next step"), "The next natural step of the ticket"),
    row(S::Global, A::Actions, "a", Some("actions"), "What can be done with the ticket, and why not"),
    row(S::Global, A::Filter, "/", Some("filter"), "Find: words, phone, name, address, field:value"),
    row(S::Global, A::Help, "? f1", Some("help"), "Every key that counts on this screen"),
    row(S::Global, A::New, "n", Some("new"), "Take down a new ticket"),
    row(S::Global, A::Palette, ":", Some("command"), "Any tool, ticket, view or command by its name"),
    row(S::Queue, A::Up, "k up", None, "Up one row"),
    row(S::Queue, A::Down, "j down", None, "Down one row"),
    row(S::Queue, A::PageUp, "ctrl-u pageup", None, "Up one page"),
    row(S::Queue, A::PageDown, "ctrl-d pagedown", None, "Down one page"),
    row(S::Queue, A::Top, "g home", None, "To the first row, the worst"),
    row(S::Queue, A::Bottom, "G end", None, "To the last row"),
    row(S::Queue, A::Enter, "enter l right", None, "Into the case"),
    row(S::Queue, A::ClearFilter, "esc", None, "Show all open work again"),
    row(S::Global, A::Views, "v", None, "Saved views"),
    row(S::Queue, A::Sort, "s", None, "Sort by the next column"),
    row(S::Queue, A::SortTurn, "S", None, "Turn the order round"),
    row(S::Queue, A::NextBreach, "b", None, "To the next breached ticket"),
    row(S::Global, A::Export, "e", None, "Write or copy this list: CSV, JSON"),
    row(S::Case, A::Up, "k up", None, "Up one line"),
    row(S::Case, A::Down, "j down", None, "Down one line"),
    row(S::Case, A::PageUp, "ctrl-u pageup", None, "Up one page"),
    row(S::Case, A::PageDown, "ctrl-d pagedown", None, "Down one page"),
    row(S::Case, A::Top, "g home", None, "To the beginning"),
    row(S::Case, A::Bottom, "G end", None, "To the end"),
    row(S::Case, A::TabNext, "l right", Some("next tab"), "The next tab"),
    row(S::Case, A::TabPrevious, "h left", None, "The tab before"),
    row(S::Case, A::Enter, "enter", None, "Look at one entry closely"),
    row(S::Case, A::Back, "esc", None, "Back to the queue"),
    row(S::Case, A::TimelineFilter, "f", None, "Timeline: all, state changes, evidence"),
    row(S::Global, A::Summary, "f2", None, "The case's summary"),
    row(S::Global, A::Timeline, "t f3", None, "The case's timeline"),
    row(S::Global, A::Evidence, "E f4", None, "The case's evidence"),
    row(S::Global, A::ShowContact, "x", None, "Show or hide the customer's contact"),
    row(S::Global, A::NextPane, "tab", Some("pane"), "To the next pane"),
    row(S::Global, A::PreviousPane, "backtab", None, "To the pane before"),
    row(S::Global, A::Wider, "> +", None, "More room for the queue"),
    row(S::Global, A::Narrower, "< -", None, "More room for the case"),
    row(S::Global, A::Role, "R", None, "Act in another role"),
    row(S::Global, A::Calls, "c", None, "Calls that wait, and the last answers"),
    row(S::Global, A::Directory, "d", None, "Add or change accounts, sites, technicians …"),
    row(S::Global, A::Acknowledge, "A", None, "Acknowledge new breaches and emergencies"),
    row(S::Global, A::CopyNumber, "y", None, "Copy the ticket's number"),
    row(S::Global, A::CopyId, "Y", None, "Copy the ticket's id"),
    row(S::Global, A::Theme, "T", None, "Another theme"),
    row(S::Global, A::Redraw, "ctrl-l", None, "Draw everything again"),
    row(S::Global, A::Suspend, "ctrl-z", None, "Back to the shell; fg returns"),
    row(S::Global, A::Quit, "q ctrl-c", Some("quit"), "Leave"),
    row(S::List, A::Up, "up ctrl-p", None, "Up one entry"),
    row(S::List, A::Down, "down ctrl-n", None, "Down one entry"),
    row(S::List, A::PageUp, "pageup ctrl-u", None, "Up one page"),
    row(S::List, A::PageDown, "pagedown ctrl-d", None, "Down one page"),
    row(S::List, A::Top, "home", None, "To the first entry"),
    row(S::List, A::Bottom, "end", None, "To the last entry"),
    row(S::List, A::Enter, "enter", Some("choose"), "Choose the entry"),
    row(S::List, A::Back, "esc ctrl-c", Some("close"), "Close"),
    row(S::Question, A::SendAnyway, "s", Some("send"), "Send it after all"),
    row(S::Question, A::Reopen, "f", Some("form"), "Take it back, and open its form again"),
    row(S::Question, A::TakeBack, "w", Some("take back"), "Take it back"),
    row(S::Question, A::Back, "esc ctrl-c", Some("later"), "Decide later"),
    row(S::Export, A::WriteCsv, "c", Some("CSV file"), "Write it to a CSV file"),
    row(S::Export, A::WriteJson, "j", Some("JSON file"), "Write it to a JSON file"),
    row(S::Export, A::CopyList, "y", Some("copy"), "Copy it as CSV"),
    row(S::Export, A::Back, "esc enter ctrl-c", Some("close"), "Close"),
    row(S::Read, A::Up, "k up", None, "Up one line"),
    row(S::Read, A::Down, "j down", None, "Down one line"),
    row(S::Read, A::PageUp, "ctrl-u pageup", None, "Up one page"),
    row(S::Read, A::PageDown, "ctrl-d pagedown", None, "Down one page"),
    row(S::Read, A::Top, "g home", None, "To the beginning"),
    row(S::Read, A::Bottom, "G end", None, "To the end"),
    row(S::Read, A::Enter, "enter", Some("go on"), "What the entry is for; else close"),
    row(S::Read, A::Back, "esc q ctrl-c", Some("close"), "Close"),
    row(S::Line, A::Up, "up ctrl-p", None, "Up one entry"),
    row(S::Line, A::Down, "down ctrl-n", None, "Down one entry"),
    row(S::Line, A::Enter, "enter", Some("choose"), "Take it"),
    row(S::Line, A::Back, "esc ctrl-c", Some("cancel"), "Leave it"),
    row(S::Form, A::Submit, "ctrl-s f5 alt-enter", Some("send"), "Send it"),
    row(S::Form, A::NextField, "tab", Some("next field"), "To the next field"),
    row(S::Form, A::PreviousField, "backtab", None, "To the field before"),
    row(S::Form, A::Enter, "enter", None, "Take the choice, or go on to the next field"),
    row(S::Form, A::Toggle, "space", None, "Tick, or choose the next value"),
    row(S::Form, A::Up, "up", None, "Up one choice or line"),
    row(S::Form, A::Down, "down", None, "Down one choice or line"),
    row(S::Form, A::Left, "left", None, "The value before"),
    row(S::Form, A::Right, "right", None, "The next value"),
    row(S::Form, A::LaterHour, "alt-h", None, "Times: one hour later"),
    row(S::Form, A::EarlierHour, "alt-H", None, "Times: one hour earlier"),
    row(S::Form, A::NextMorning, "alt-m", None, "Times: the next morning"),
    row(S::Form, A::NextOffer, "alt-o", None, "Times: the next window that was proposed"),
    row(S::Form, A::AddEntry, "alt-a insert", None, "Lists: add an entry"),
    row(S::Form, A::RemoveEntry, "alt-r", None, "Lists: remove the entry"),
    row(S::Form, A::GoOn, "f8 alt-g", None, "Send although the ticket moved on"),
    row(S::Form, A::Discard, "ctrl-x", None, "Throw away what was typed"),
    row(S::Form, A::Back, "esc ctrl-c", Some("keep and close"), "Close; what was typed is kept"),
];

/// A key as the table and the config file write it: `q`, `G`, `ctrl-l`, `alt-m`, `space`, `f1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    code: KeyCode,
    modifiers: KeyModifiers,
}

/// It chooses in forms, where the field that has the focus takes no text.
const SPACE: Key = Key { code: KeyCode::Char(' '), modifiers: KeyModifiers::NONE };

const NAMED: &[(&str, KeyCode)] = &[
    ("space", KeyCode::Char(' ')),
    ("enter", KeyCode::Enter),
    ("esc", KeyCode::Esc),
    ("tab", KeyCode::Tab),
    ("backtab", KeyCode::BackTab),
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
    ("pageup", KeyCode::PageUp),
    ("pagedown", KeyCode::PageDown),
    ("delete", KeyCode::Delete),
    ("backspace", KeyCode::Backspace),
    ("insert", KeyCode::Insert),
];

impl Key {
    /// Reads a key.
    pub fn parse(text: &str) -> Option<Self> {
        let (mut rest, mut modifiers) = (text, KeyModifiers::NONE);
        for (prefix, modifier) in [("ctrl-", KeyModifiers::CONTROL), ("alt-", KeyModifiers::ALT)] {
            if let Some(after) = rest.strip_prefix(prefix)
                && !after.is_empty()
            {
                (rest, modifiers) = (after, modifiers | modifier);
            }
        }
        let named = NAMED.iter().find(|(name, _)| *name == rest).map(|(_, code)| *code);
        let function = || rest.strip_prefix('f')?.parse().ok().filter(|n| (1..=12).contains(n)).map(KeyCode::F);
        let mut characters = rest.chars();
        let code = match (characters.next(), characters.next()) {
            (Some(c), None) if !c.is_whitespace() && !c.is_control() => KeyCode::Char(c),
            _ => named.or_else(function)?,
        };
        Some(Self { code, modifiers })
    }

    /// The key of an event. Shift says nothing that the character does not say.
    pub fn of(event: &KeyEvent) -> Self {
        Self { code: event.code, modifiers: event.modifiers & (KeyModifiers::CONTROL | KeyModifiers::ALT) }
    }

    /// The event that pressing it makes.
    pub fn event(self) -> KeyEvent {
        KeyEvent::new(self.code, self.modifiers)
    }

    /// Whether it makes a character where text is typed.
    pub fn is_text(self) -> bool {
        matches!(self.code, KeyCode::Char(_)) && self.modifiers.is_empty()
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.modifiers.contains(KeyModifiers::CONTROL) {
            f.write_str("ctrl-")?;
        }
        if self.modifiers.contains(KeyModifiers::ALT) {
            f.write_str("alt-")?;
        }
        match (self.code, NAMED.iter().find(|(_, code)| *code == self.code)) {
            (_, Some((name, _))) => f.write_str(name),
            (KeyCode::Char(c), None) => write!(f, "{c}"),
            (KeyCode::F(n), None) => write!(f, "f{n}"),
            _ => f.write_str("?"),
        }
    }
}

/// The table as it counts here: the defaults, with what the config file says otherwise.
#[derive(Debug, Clone)]
pub struct Keymap {
    rows: Vec<(Binding, Vec<Key>)>,
}

impl Default for Keymap {
    fn default() -> Self {
        let rows = TABLE.iter().map(|binding| (*binding, keys(binding.keys))).collect();
        Self { rows }
    }
}

fn keys(text: &str) -> Vec<Key> {
    text.split_whitespace().filter_map(Key::parse).collect()
}

impl Keymap {
    /// The table with other keys for some actions: `action` or `scope.action` to keys with spaces
    /// between. A wrong entry is named, with what is allowed.
    pub fn with(changes: &BTreeMap<String, String>) -> Result<Self, String> {
        let mut map = Self::default();
        for (name, text) in changes {
            let (place, action) = name.split_once('.').map_or((None, name.as_str()), |(place, of)| (Some(place), of));
            let scope = place.and_then(Scope::parse);
            if place.is_some() && scope.is_none() {
                let all: Vec<_> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
                return Err(format!("There is no place `{name}` to give keys to. There are: {}.", all.join(", ")));
            }
            let Some(action) = Action::parse(action) else {
                let all: Vec<_> = Action::ALL.iter().map(|action| action.as_str()).collect();
                return Err(format!("There is no action `{name}` to give keys to. There are: {}.", all.join(", ")));
            };
            let wrong = text.split_whitespace().find(|word| Key::parse(word).is_none());
            if let Some(wrong) = wrong {
                return Err(format!(
                    "`{wrong}` is no key for {name}. Keys are written like q, G, ctrl-l, alt-m, space, enter, f1."
                ));
            }
            let mut is_there = false;
            for (binding, at) in &mut map.rows {
                if binding.action == action && scope.is_none_or(|scope| scope == binding.scope) {
                    *at = keys(text);
                    is_there = true;
                }
            }
            if !is_there {
                let places = TABLE.iter().filter(|row| row.action == action).map(|row| row.scope.as_str());
                let places: Vec<_> = places.collect();
                return Err(format!("{name} has no keys there. {action} has in: {}.", places.join(", ")));
            }
        }
        for (binding, keys) in &map.rows {
            let typed = keys.iter().find(|key| matches!(binding.scope, Scope::Line | Scope::Form) && key.is_text());
            if let Some(key) = typed.filter(|key| **key != SPACE) {
                return Err(format!(
                    "The key {key} is text where one types, so it cannot mean {} there. Name the place, as in \"queue.{}\".",
                    binding.action, binding.action
                ));
            }
            if keys.is_empty() && matches!(binding.action, A::Back | A::Enter | A::Quit) {
                return Err(format!("{} needs a key, or there is no way on or out.", binding.action));
            }
        }
        match map.conflict() {
            None => Ok(map),
            Some((key, first, second)) => Err(format!(
                "The key {key} would mean both {first} and {second} in the same place. Give one of them another."
            )),
        }
    }

    /// Two actions that one key would mean in one place.
    fn conflict(&self) -> Option<(Key, Action, Action)> {
        for (n, (first, keys)) in self.rows.iter().enumerate() {
            for (second, others) in self.rows.iter().skip(n + 1) {
                let together = first.scope == second.scope
                    || [(first.scope, second.scope), (second.scope, first.scope)]
                        .iter()
                        .any(|(a, b)| *a == Scope::Global && matches!(b, Scope::Queue | Scope::Case));
                if let Some(key) = keys.iter().find(|key| together && others.contains(key)) {
                    return Some((*key, first.action, second.action));
                }
            }
        }
        None
    }

    /// What a key means in a scope. Keys of panes mean what they mean everywhere, where the pane has no
    /// meaning of its own for them.
    pub fn action(&self, scope: Scope, event: &KeyEvent) -> Option<Action> {
        let key = Key::of(event);
        let find = |scope| {
            self.rows
                .iter()
                .find(|(binding, keys)| binding.scope == scope && keys.contains(&key))
                .map(|(b, _)| b.action)
        };
        find(scope).or_else(|| match scope {
            Scope::Queue | Scope::Case => find(Scope::Global),
            // What is no text keeps its meaning over a dialog, as far as it cannot harm it.
            Scope::List | Scope::Question | Scope::Export | Scope::Read | Scope::Line | Scope::Form => {
                find(Scope::Global).filter(|action| {
                    let is_help = *action == A::Help && scope != Scope::Read;
                    (is_help || matches!(action, A::Redraw | A::Suspend)) && !key.is_text()
                })
            }
            Scope::Global => None,
        })
    }

    /// The keys of an action in a scope or everywhere, the one to show first.
    pub fn keys(&self, scope: Scope, action: Action) -> &[Key] {
        let of = |scope| self.rows.iter().find(|(b, _)| b.scope == scope && b.action == action);
        of(scope).or_else(|| of(Scope::Global)).map(|(_, keys)| keys.as_slice()).unwrap_or_default()
    }

    /// The key of an action as it is shown; empty where it has none.
    pub fn shown(&self, scope: Scope, action: Action) -> String {
        self.keys(scope, action).first().map(ToString::to_string).unwrap_or_default()
    }

    /// What counts in a scope, for help and footer: its own keys, then those that count everywhere.
    pub fn in_scope(&self, scope: Scope) -> Vec<(&Binding, &[Key])> {
        let everywhere = matches!(scope, Scope::Queue | Scope::Case);
        self.rows
            .iter()
            .filter(|(binding, keys)| {
                !keys.is_empty() && (binding.scope == scope || everywhere && binding.scope == Scope::Global)
            })
            .map(|(binding, keys)| (binding, keys.as_slice()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_the_table_can_be_read_and_none_means_two_things() {
        for binding in TABLE {
            for word in binding.keys.split_whitespace() {
                let key = Key::parse(word).unwrap_or_else(|| panic!("{word}"));
                assert_eq!(key.to_string(), word, "{binding:?}");
            }
        }
        assert_eq!(Keymap::default().conflict(), None);
    }

    #[test]
    fn every_action_has_a_key() {
        for action in Action::ALL {
            assert!(TABLE.iter().any(|binding| binding.action == *action), "{action}");
        }
    }

    #[test]
    fn the_config_file_gives_other_keys_and_is_told_what_is_wrong() {
        let with = |name: &str, keys: &str| Keymap::with(&BTreeMap::from([(name.to_owned(), keys.to_owned())]));
        let map = with("new", "N insert").unwrap();
        let press = |text: &str| Key::parse(text).unwrap().event();
        assert_eq!(map.action(Scope::Queue, &press("N")), Some(A::New));
        assert_eq!(map.action(Scope::Queue, &press("n")), None);
        assert!(with("nonsense", "x").unwrap_err().contains("There is no action `nonsense`"));
        assert!(with("new", "hyper-x").unwrap_err().contains("`hyper-x` is no key"));
        assert!(with("new", "q").unwrap_err().contains("both"));
        assert!(with("enter", "enter o").unwrap_err().contains("is text where one types"));
        assert!(with("back", "").unwrap_err().contains("no way on or out"));
    }

    #[test]
    fn text_stays_text_inside_forms() {
        let map = Keymap::default();
        for key in ["q", "a", "n", "?", ":"] {
            assert_eq!(map.action(Scope::Form, &Key::parse(key).unwrap().event()), None, "{key}");
        }
        assert_eq!(map.action(Scope::Form, &Key::parse("ctrl-l").unwrap().event()), Some(A::Redraw));
    }
}

//! What keys and parts ask for: dialogs and forms opened, filters and roles taken, calls sent and taken back.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use serde_json::json;
use uuid::Uuid;

use super::calls::Standing;
use super::dialogs::actions::{Actions, reason};
use super::dialogs::calls::CallList;
use super::dialogs::export::Export;
use super::dialogs::help::Help;
use super::dialogs::lists;
use super::dialogs::palette::Palette;
use super::dialogs::quit::Quit;
use super::effect::Effect;
use super::envelope::{Envelope, Target, waiting};
use super::extract::Extract;
use super::form::Form;
use super::keymap::{self, Action, Scope};
use super::model::{Focus, Model, SPLIT};
use super::panes::case::Tab;
use super::panes::case::summary::lacks_evidence;
use super::part::{Ask, Part, Press};
use super::refused::{At, told};
use super::theme::Role;
use super::views;
use crate::domain::actor::{self, Actor};
use crate::domain::directory::Kind;
use crate::domain::next::{self, Next};
use crate::domain::registry;
use crate::domain::state::State;
use crate::domain::tool::{From, Tool};

/// What stands for a key where an action was not asked for by one.
pub(super) const NO_KEY: KeyEvent = KeyEvent::new(KeyCode::Null, KeyModifiers::NONE);

/// Lets the part that has the focus do something, with the world before its eyes.
pub(super) fn to_focus(
    model: &mut Model,
    act: impl FnOnce(&mut dyn Part, &super::part::World<'_>) -> Vec<Ask>,
) -> Vec<Ask> {
    let world = model.known.world(model.queue.selected());
    match (model.dialogs.last_mut(), model.focus) {
        (Some(dialog), _) => act(dialog.as_mut(), &world),
        (None, Focus::Queue) => act(&mut model.queue, &world),
        (None, Focus::Case) => act(&mut model.case, &world),
    }
}

/// Does what a key does wherever it is pressed; none where it is the pane's business.
pub(super) fn act(model: &mut Model, action: Action) -> Option<Vec<Effect>> {
    let effects = match action {
        Action::NextStep => next_step(model),
        Action::Actions => {
            let menu = Actions::new(&model.world());
            open(model, Box::new(menu))
        }
        Action::New => open_tool(model, "ticket.create"),
        Action::Palette => {
            let palette = Palette::new(&model.world());
            open(model, Box::new(palette))
        }
        Action::Help => {
            let about = model.scope();
            open(model, Box::new(Help::new(about)))
        }
        Action::Filter => {
            model.focus = Focus::Queue;
            model.queue.write();
            Vec::new()
        }
        Action::Views => {
            let choice = lists::views(&model.known, model.queue.filter_text());
            open(model, Box::new(choice))
        }
        Action::Role => {
            let choice = lists::roles(&model.known);
            open(model, Box::new(choice))
        }
        Action::Theme => {
            let choice = lists::themes(&model.themes.themes, &model.known.theme);
            open(model, Box::new(choice))
        }
        Action::Calls => open(model, Box::new(CallList::default())),
        Action::Directory => open(model, Box::new(lists::kinds())),
        Action::Export => {
            let extract = list(model);
            open(model, Box::new(Export::new(extract)))
        }
        Action::Summary | Action::Timeline | Action::Evidence => {
            let tab = match action {
                Action::Timeline => Tab::Timeline,
                Action::Evidence => Tab::Evidence,
                _ => Tab::Summary,
            };
            model.focus = Focus::Case;
            let world = model.known.world(model.queue.selected());
            let asks = model.case.show(tab, &world);
            heed(model, asks)
        }
        Action::ShowContact => {
            let world = model.known.world(model.queue.selected());
            let press = Press { key: NO_KEY, action: Some(action) };
            let asks = model.case.press(press, &world);
            heed(model, asks)
        }
        Action::NextPane | Action::PreviousPane => {
            model.focus = if model.focus == Focus::Queue { Focus::Case } else { Focus::Queue };
            Vec::new()
        }
        Action::Wider | Action::Narrower => {
            let split = model.split.unwrap_or(SPLIT);
            set_split(model, if action == Action::Wider { split + 4 } else { split.saturating_sub(4) })
        }
        Action::Acknowledge => {
            let many = std::mem::take(&mut model.known.alarms).len();
            model.say(format!("{many} acknowledged."), Role::Muted);
            Vec::new()
        }
        Action::CopyNumber | Action::CopyId => copy(model, action),
        Action::Redraw => vec![Effect::Redraw],
        Action::Suspend => vec![Effect::Suspend],
        Action::Quit if model.known.calls.open().next().is_some() => open(model, Box::new(Quit)),
        Action::Quit => vec![Effect::Quit],
        _ => return None,
    };
    Some(effects)
}

/// The list under one's eyes: that of the case where it has one and the focus, else the queue.
fn list(model: &Model) -> Extract {
    let of_case = model.world().case.filter(|_| model.focus == Focus::Case).and_then(|case| model.case.list(case));
    of_case.unwrap_or_else(|| {
        let known = &model.known;
        let lines = model.queue.shown.snapshot(known);
        Extract::Queue { lines, policy: Box::new(known.bundle.policy.clone()), at: known.now() }
    })
}

pub(super) fn set_split(model: &mut Model, split: u16) -> Vec<Effect> {
    let split = split.clamp(20, 85);
    model.split = Some(split);
    vec![Effect::KeepChoice { key: "split", value: json!(split) }]
}

fn copy(model: &mut Model, action: Action) -> Vec<Effect> {
    let Some(id) = model.queue.selected() else { return Vec::new() };
    let number = model.known.row(id).map(|line| line.number.to_string()).unwrap_or_default();
    let text = if action == Action::CopyId { id.to_string() } else { number };
    model.say(format!("Copied {text}."), Role::Muted);
    vec![Effect::Copy(text)]
}

/// Puts a dialog on top.
pub(super) fn open(model: &mut Model, dialog: Box<dyn Part>) -> Vec<Effect> {
    model.dialogs.push(dialog);
    model.touch();
    Vec::new()
}

fn next_step(model: &mut Model) -> Vec<Effect> {
    let world = model.world();
    let Some(row) = world.row else {
        model.say("No ticket is selected.", Role::Warning);
        return Vec::new();
    };
    if row.state == State::InProgress && world.case.is_none() {
        model.say("Reading what the closeout gate lacks; once more in a moment.", Role::Muted);
        return Vec::new();
    }
    let lacks = lacks_evidence(world.case.map(|case| &case.case));
    match next::step(row.state, lacks, world.actor.role) {
        Next::Mine(tool) => open_tool(model, tool.spec.name),
        Next::Theirs(tool) => {
            let roles: Vec<&str> = tool.spec.roles.iter().map(|role| role.as_str()).collect();
            let key = world.keymap.shown(Scope::Global, Action::Role);
            let text = format!(
                "{} is the turn of {}; you act as {}. {key} switches.",
                tool.spec.name,
                roles.join(" or "),
                world.actor.role
            );
            model.say(text, Role::Warning);
            Vec::new()
        }
        Next::Nothing(why) => {
            let text = format!("{}: nothing to do now, {why}.", row.number);
            model.say(text, Role::Muted);
            Vec::new()
        }
    }
}

/// Opens a tool's form, or says why it cannot be called.
pub(super) fn open_tool(model: &mut Model, name: &str) -> Vec<Effect> {
    let Some(tool) = registry::find(name) else { return Vec::new() };
    let world = model.world();
    if let Some(why) = reason(tool, world.row, world.actor.role) {
        let why = told(&why, At::Screen, &world);
        model.say(why, Role::Warning);
        return Vec::new();
    }
    open_form(model, tool, None)
}

fn open_form(model: &mut Model, tool: &'static Tool, kind: Option<Kind>) -> Vec<Effect> {
    let key = Form::draft_key(tool, kind, &model.world());
    let mut effects = bring_back(model, &key, None);
    let (form, asks) = Form::open(tool, kind, &model.world());
    effects.extend(open(model, Box::new(form)));
    effects.extend(heed(model, asks));
    effects
}

/// Does what parts ask for.
pub(super) fn heed(model: &mut Model, asks: Vec<Ask>) -> Vec<Effect> {
    let mut effects = Vec::new();
    for ask in asks {
        model.touch();
        match ask {
            Ask::Close => {
                model.dialogs.pop();
            }
            Ask::Open(dialog) => effects.extend(open(model, dialog)),
            Ask::Effect(effect) => effects.extend(effect_of(model, effect)),
            Ask::Say(text) => model.say(text, Role::Warning),
            Ask::Do(action) => {
                if let Some(done) = act(model, action) {
                    effects.extend(done);
                } else {
                    // What only the queue knows is for the queue, wherever it was asked for.
                    let is_of = |scope| keymap::TABLE.iter().any(|row| row.scope == scope && row.action == action);
                    if is_of(Scope::Queue) && !is_of(Scope::Case) {
                        model.focus = Focus::Queue;
                    }
                    let press = Press { key: NO_KEY, action: Some(action) };
                    let asks = to_focus(model, |part, world| part.press(press, world));
                    effects.extend(heed(model, asks));
                }
            }
            Ask::Tool(name) => effects.extend(open_tool(model, name)),
            Ask::Directory(kind) => effects.extend(open_directory(model, kind)),
            Ask::Select { id, number } => {
                if !model.queue.select(&model.known, id) {
                    effects.extend(filter(model, &number));
                    model.wanted = Some(id);
                }
            }
            Ask::Find(number) => effects.extend(filter(model, &number)),
            Ask::Filter(text) => effects.extend(filter(model, &text)),
            Ask::KeepView { name, filter } => {
                effects.push(views::keep(&mut model.known.views, name, filter));
                model.say("Kept. It is among the views now.", Role::Success);
            }
            Ask::ForgetView(name) => {
                effects.push(views::forget(&mut model.known.views, &name));
                model.say("Forgotten. The filter still counts.", Role::Muted);
            }
            Ask::Role(role) => effects.extend(switch_role(model, role)),
            Ask::Theme(name) => {
                if let Some(theme) = model.themes.themes.iter().find(|theme| theme.name == name) {
                    model.known.theme = theme.clone();
                    effects.push(Effect::KeepChoice { key: "theme", value: json!(name) });
                    effects.push(Effect::Redraw);
                }
            }
            Ask::TakeBack { id, reopens } => {
                // It is taken back when the courier says so: it may be too late.
                model.reopening = reopens.then_some(id);
                effects.push(Effect::Withdraw(id));
            }
            Ask::Reopen(id) => effects.extend(reopen(model, id)),
        }
    }
    effects
}

/// An effect, with what the model itself notes of it.
fn effect_of(model: &mut Model, effect: Effect) -> Vec<Effect> {
    match effect {
        Effect::Send(envelope) => {
            // What was sent is no longer what is being typed: the next form begins empty.
            if let Some(draft) = &envelope.draft {
                model.known.drafts.remove(&draft.form);
            }
            model.known.calls.pressed(envelope.clone(), model.known.now());
            vec![Effect::Send(envelope)]
        }
        Effect::KeepDraft { key, draft } => {
            model.known.drafts.insert(key.clone(), draft.clone());
            vec![Effect::KeepDraft { key, draft }]
        }
        Effect::DropDraft { key } => {
            model.known.drafts.remove(&key);
            vec![Effect::DropDraft { key }]
        }
        other => vec![other],
    }
}

fn open_directory(model: &mut Model, kind: Kind) -> Vec<Effect> {
    let tool = registry::tools().iter().find(|tool| tool.mutating && tool.spec.from == From::NoTicket);
    let Some(tool) = tool else { return Vec::new() };
    if let Some(why) = reason(tool, None, model.known.actor.role) {
        let why = told(&why, At::Screen, &model.world());
        model.say(why, Role::Warning);
        return Vec::new();
    }
    open_form(model, tool, Some(kind))
}

pub(super) fn filter(model: &mut Model, text: &str) -> Vec<Effect> {
    model.focus = Focus::Queue;
    let asks = model.queue.set_filter(&model.known, text);
    heed(model, asks)
}

fn switch_role(model: &mut Model, role: actor::Role) -> Vec<Effect> {
    let login = model.known.actor.system_login.clone();
    let mut actor = Actor::local(model.known.actor.id.clone(), role);
    actor.system_login = login;
    model.known.actor = actor.clone();
    // What one role may see, another may not.
    model.known.forget_cases();
    model.followed = None;
    model.attended = None;
    model.say(format!("You act as {role} now."), Role::Success);
    vec![Effect::Follow(actor)]
}

/// Puts what a call was made of back into its form. Where something else was begun there meanwhile it waits, until that
/// is sent or thrown away.
pub(super) fn give_back(model: &mut Model, envelope: &Envelope) -> Vec<Effect> {
    let id = envelope.request_id;
    let Some(draft) = model.known.calls.take_draft(id) else { return Vec::new() };
    let key = draft.waiting(id);
    model.known.drafts.insert(key.clone(), draft.said.clone());
    let mut effects = vec![Effect::KeepDraft { key, draft: draft.said }];
    // An open form may be this one, and would keep what it holds over what is given back.
    if !model.dialogs.iter().any(|dialog| dialog.scope() == Scope::Form) {
        effects.extend(bring_back(model, &draft.form, Some(id)));
    }
    effects
}

/// Puts into an empty form what waits for it: what this call was made of, else what came last.
fn bring_back(model: &mut Model, form: &str, of: Option<Uuid>) -> Vec<Effect> {
    let drafts = &mut model.known.drafts;
    if drafts.contains_key(form) {
        return Vec::new();
    }
    let (begin, wanted) = (waiting(form, ""), of.map(|id| waiting(form, id)));
    let waits = drafts.keys().filter(|key| key.starts_with(&begin));
    let Some(key) = waits.max_by_key(|key| (Some(*key) == wanted.as_ref(), *key)).cloned() else { return Vec::new() };
    let Some(draft) = drafts.remove(&key) else { return Vec::new() };
    drafts.insert(form.to_owned(), draft.clone());
    vec![Effect::KeepDraft { key: form.to_owned(), draft }, Effect::DropDraft { key }]
}

fn kind_of(target: &Target) -> Option<Kind> {
    match target {
        Target::Kind(kind) => Kind::named(kind).ok(),
        Target::Ticket { .. } | Target::Nothing => None,
    }
}

/// Opens the form of a call again that was refused or taken back, with what was typed into it.
pub(super) fn reopen(model: &mut Model, id: Uuid) -> Vec<Effect> {
    let Some(entry) = model.known.calls.get(id).cloned() else { return Vec::new() };
    let refusal = match entry.standing {
        Standing::Refused(refusal) => Some(refusal),
        Standing::Withdrawn => None,
        _ => return Vec::new(),
    };
    let Some(tool) = registry::find(&entry.envelope.tool) else { return Vec::new() };
    let kind = kind_of(&entry.envelope.target);
    let mut effects = give_back(model, &entry.envelope);
    if let Target::Ticket { id: ticket, number } = &entry.envelope.target
        && !model.queue.select(&model.known, *ticket)
    {
        model.say(format!("{number} is looked for; open its call once more then."), Role::Warning);
        model.wanted = Some(*ticket);
        effects.extend(filter(model, number));
        return effects;
    }
    let key = Form::draft_key(tool, kind, &model.world());
    effects.extend(bring_back(model, &key, Some(id)));
    let is_newer = model.known.drafts.contains_key(&waiting(&key, id));
    let (mut form, mut asks) = Form::open(tool, kind, &model.world());
    if is_newer {
        model.say("This was begun later; what was sent comes back once this is sent or thrown away.", Role::Warning);
    } else {
        asks.extend(form.of_call(&entry.envelope, &model.world()));
        if let Some(refusal) = refusal {
            asks.extend(form.place(&refusal, &model.world()));
        }
    }
    effects.extend(open(model, Box::new(form)));
    effects.extend(heed(model, asks));
    effects
}

/// Tells others what is open here.
pub(super) fn attend(model: &mut Model, is_editing: bool) -> Effect {
    let ticket = model.queue.selected();
    model.attended = Some((ticket, is_editing));
    Effect::Attend { ticket, is_editing, actor: model.known.actor.clone() }
}

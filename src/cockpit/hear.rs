//! What follows from what is heard: of the queue, of calls, of cases, of time.

use std::collections::HashSet;
use std::sync::Arc;

use uuid::Uuid;

use super::asks::{attend, give_back, heed, reopen};
use super::calls::Standing;
use super::effect::Effect;
use super::envelope::Target;
use super::keymap::{Action, Scope};
use super::known::Link;
use super::look::safe;
use super::model::Model;
use super::msg::{CallNews, FeedNews, Msg};
use super::panes::queue::FOUND;
use super::part::Part;
use super::theme::Role;
use crate::domain::queue::Row;
use crate::domain::refusal::Refusal;
use crate::domain::sla::{SlaClock, SlaStatus};
use crate::domain::time::Timestamp;
use crate::domain::words::Priority;
use crate::engine::{Refused, Reply};
use crate::text::age;

/// How long a row lights up.
const FLASH_MILLIS: i64 = 3_000;
/// As long after the key press a refusal opens its form again by itself.
const PROMPT_MILLIS: i64 = 2_000;
/// How often a filter that depends on time looks again, in seconds.
const AGAIN: i64 = 5;

/// Changes the model with what was heard.
pub fn hear(model: &mut Model, msg: Msg) -> Vec<Effect> {
    match msg {
        Msg::Tick(at) => tick(model, at),
        Msg::Due { stamp } if model.rest == Some(stamp) => {
            model.rest = None;
            let mut effects = load_case(model);
            effects.push(attend(model, false));
            effects
        }
        Msg::Due { stamp } => {
            let mut effects: Vec<Effect> = model.queue.due(&model.known, stamp).into_iter().collect();
            effects.extend(tell_parts(model, &Msg::Due { stamp }));
            effects
        }
        Msg::Feed(news) => feed(model, news),
        Msg::Call(news) => call(model, news),
        // Read before the role was switched.
        Msg::Case { role, .. } if role != model.known.actor.role => Vec::new(),
        Msg::Case { ticket, role, outcome: Ok(case) } => {
            model.known.trouble = None;
            model.known.keep_case(ticket, Arc::clone(&case));
            tell_parts(model, &Msg::Case { ticket, role, outcome: Ok(case) })
        }
        Msg::Listed { stamp, outcome } if model.queue.awaits(stamp) => {
            listed(model, outcome);
            Vec::new()
        }
        // Its dialog was closed meanwhile.
        Msg::Exported { outcome, .. } if !model.dialogs.iter().any(|dialog| dialog.scope() == Scope::Export) => {
            match outcome {
                Ok(path) => model.say(format!("Written: {}", safe(&path.display().to_string(), 200)), Role::Success),
                Err(why) => model.say(why, Role::Error),
            }
            Vec::new()
        }
        Msg::Case { ticket, outcome: Err(refusal), .. } => {
            model.known.trouble = Some((ticket, refusal.finding().to_owned()));
            model.touch();
            Vec::new()
        }
        Msg::Zone(zone) => {
            model.known.zone = zone;
            model.touch();
            Vec::new()
        }
        Msg::Said(text) => {
            model.say(text, Role::Warning);
            Vec::new()
        }
        Msg::Present { ticket, others } => {
            model.known.present = Some((ticket, others));
            model.touch();
            Vec::new()
        }
        other => tell_parts(model, &other),
    }
}

/// What a search beyond open work brought.
fn listed(model: &mut Model, outcome: Result<Vec<Row>, Refusal>) {
    model.touch();
    match outcome {
        Ok(rows) => found(model, rows),
        Err(refusal) => {
            let why = if refusal.status() >= 500 { "the database does not answer." } else { refusal.finding() };
            model.say(format!("Closed work could not be searched: {why}"), Role::Warning);
        }
    }
}

/// Tells every dialog and the case pane what happened.
fn tell_parts(model: &mut Model, msg: &Msg) -> Vec<Effect> {
    // A rest that is over is nothing to be seen, but in a form.
    if !matches!(msg, Msg::Due { .. }) || !model.dialogs.is_empty() {
        model.touch();
    }
    let mut asks = Vec::new();
    {
        let world = model.known.world(model.queue.selected());
        for dialog in &mut model.dialogs {
            asks.extend(dialog.hear(msg, &world));
        }
        asks.extend(model.case.hear(msg, &world));
    }
    heed(model, asks)
}

fn load_case(model: &mut Model) -> Vec<Effect> {
    let Some(ticket) = model.queue.selected() else { return Vec::new() };
    vec![Effect::LoadCase { ticket, actor: model.known.actor.clone() }]
}

fn tick(model: &mut Model, at: Timestamp) -> Vec<Effect> {
    model.known.local = at;
    model.touch();
    let now = model.known.now();
    let policy = model.known.bundle.clone();
    let broke = model.known.rows.tick(&policy.policy, now);
    model.known.flashing.retain(|(_, since)| now.millis() - since.millis() < FLASH_MILLIS);
    if model.said.is_some() && at > model.said_until {
        model.said = None;
    }
    let mut goes_on = false;
    if at.millis() / 1_000 % AGAIN == 0 {
        goes_on = model.queue.shown.again(&model.known);
    } else if !broke.is_empty() {
        model.queue.shown.arrange(&model.known);
    }
    follow(model, None);
    let mut effects = alarm(model, &broke, "promise broken");
    if goes_on {
        effects.push(Effect::GoOn);
    }
    if at.millis() / 1_000 % AGAIN == 0 && model.known.trouble.is_some() && model.known.link == Link::Live {
        effects.extend(load_case(model));
    }
    // A form sees by it that the database is back, or that its ticket moved on.
    effects.extend(tell_parts(model, &Msg::Tick(at)));
    effects
}

/// Announces tickets: a line above the queue until somebody acknowledges, the bell and the desktop if
/// they are wanted.
fn alarm(model: &mut Model, tickets: &[Uuid], what: &str) -> Vec<Effect> {
    let Some(first) = tickets.first() else { return Vec::new() };
    let now = model.known.now();
    for ticket in tickets {
        model.known.alarms.insert(*ticket);
        model.known.flashing.push((*ticket, now));
    }
    let number = model.known.row(*first).map(|line| line.number.to_string()).unwrap_or_default();
    let more = if tickets.len() > 1 { format!(" and {} more", tickets.len() - 1) } else { String::new() };
    let mut effects = Vec::new();
    if model.bell {
        effects.push(Effect::Bell);
    }
    if model.notify {
        effects.push(Effect::Notify(format!("{number}{more}: {what}")));
    }
    effects
}

fn feed(model: &mut Model, news: FeedNews) -> Vec<Effect> {
    let was = model.known.link.clone();
    // That nothing changed up to now is not to be seen.
    let is_silent = matches!(&news, FeedNews::Changes { rows, deleted, .. } if rows.is_empty() && deleted.is_empty());
    let effects = match news {
        FeedNews::Page { rows, at, is_first, is_last } => {
            model.known.heard(at);
            if is_first {
                // The cursor goes back to its ticket, on whatever page that comes.
                model.wanted = model.wanted.or_else(|| model.queue.selected());
                model.known.rows.clear();
                model.known.guests.clear();
                model.queue.shown.forget();
            }
            model.known.is_complete = is_last;
            take(model, rows, at);
            let again = if is_first { model.queue.search_again(&model.known) } else { None };
            again.into_iter().collect()
        }
        FeedNews::Changes { rows, deleted, at } => {
            model.known.heard(at);
            changes(model, rows, &deleted, at)
        }
        FeedNews::Away(why) if model.known.as_of.is_none() => {
            model.known.link = Link::Opening(why);
            Vec::new()
        }
        FeedNews::Away(why) => {
            let since = model.known.as_of.unwrap_or_else(|| model.known.now());
            model.known.link = Link::Away { since, why };
            Vec::new()
        }
        FeedNews::Refused(refusal) => {
            model.known.rows.clear();
            model.known.link = Link::Refused(refusal);
            model.queue.shown.forget();
            model.queue.follow(&model.known);
            Vec::new()
        }
    };
    if let (Link::Away { since, .. }, Link::Live) = (&was, &model.known.link) {
        let away = (model.known.now().millis() - since.millis()) / 1_000;
        model.say(format!("The database is back, after {}.", age(away.max(0))), Role::Success);
        model.followed = None;
    }
    if !is_silent || was != model.known.link {
        model.touch();
    }
    effects
}

fn take(model: &mut Model, rows: Vec<Row>, at: Timestamp) {
    let bundle = model.known.bundle.clone();
    let slots = model.known.rows.take(rows, &bundle.policy, at);
    model.queue.shown.changed(&model.known, &slots);
    go_to_wanted(model);
    // Pages that are still to come may hold the ticket that the cursor is to go back to.
    if model.known.is_complete {
        model.wanted = None;
    }
    if model.wanted.is_none() {
        follow(model, None);
    }
}

/// Keeps the cursor on its ticket, or says that it left and why.
pub(super) fn follow(model: &mut Model, why: Option<String>) {
    let before = model.queue.selected();
    if model.queue.follow(&model.known) {
        return;
    }
    let number = before.and_then(|id| model.known.row(id)).map(|line| line.number.to_string());
    let left = why.unwrap_or_else(|| format!("{} no longer fits here.", number.as_deref().unwrap_or("The ticket")));
    let next = if model.queue.selected().is_some() { " The cursor stands on the next one." } else { "" };
    model.say(format!("{left}{next}"), Role::Warning);
}

/// What a batch of changes means to whoever looks at the screen.
#[derive(Debug, Default)]
struct Noticed {
    /// The selected ticket is among them.
    is_selected: bool,
    /// What became of it, where it leaves.
    left: Option<String>,
    emergencies: Vec<Uuid>,
    /// Whose promise a change broke, where time had not.
    broken: Vec<Uuid>,
}

fn notice(model: &mut Model, rows: &[Row], at: Timestamp) -> Noticed {
    let selected = model.queue.selected();
    let mut noticed = Noticed::default();
    for row in rows {
        let id = row.ticket_id;
        // What one just did oneself is no news.
        let is_ours = model
            .known
            .calls
            .newest_first()
            .take(50)
            .filter(|call| matches!(call.standing, Standing::Sent | Standing::Done(_)))
            .any(|call| call.envelope.ticket_id() == Some(id) && at.millis() - call.since.millis() < 10_000);
        let before = model.known.row(id);
        let is_emergency = row.priority == Priority::Emergency && !row.state.is_terminal();
        if is_emergency && !is_ours && before.is_none_or(|line| line.priority != Priority::Emergency) {
            noticed.emergencies.push(id);
        }
        let is_broken = row.sla_status == SlaStatus::Breach && row.sla_clock == SlaClock::Running;
        let policy = &model.known.bundle.policy;
        let was_broken = before.is_some_and(|line| line.reading(policy, at).status == SlaStatus::Breach);
        if is_broken && !was_broken && !is_ours && !row.state.is_terminal() && !noticed.emergencies.contains(&id) {
            noticed.broken.push(id);
        }
        let is_new = before.is_none_or(|line| line.seq != row.seq);
        if selected == Some(id) {
            noticed.is_selected = true;
            if row.state.is_terminal() {
                noticed.left = Some(format!("{} is {} now.", row.number, row.state));
            }
        } else if is_new && !is_ours && model.known.is_complete {
            model.known.unread.insert(id);
        }
        if row.state.is_terminal() {
            model.known.unread.remove(&id);
            model.known.alarms.remove(&id);
        }
    }
    noticed
}

fn changes(model: &mut Model, rows: Vec<Row>, deleted: &[Uuid], at: Timestamp) -> Vec<Effect> {
    let selected = model.queue.selected();
    let Noticed { is_selected, mut left, emergencies, broken } = notice(model, &rows, at);
    // A guest that changed is shown as it now is.
    for row in rows.iter().filter(|row| row.state.is_terminal()) {
        if model.known.guests.contains_key(&row.ticket_id) || selected == Some(row.ticket_id) {
            let line = model.known.rows.guest(row.clone());
            model.known.guests.insert(line.id, line);
        }
    }
    let mut left_slots = Vec::new();
    for id in deleted {
        if selected == Some(*id) {
            let number = model.known.row(*id).map(|line| line.number.to_string()).unwrap_or_default();
            left = Some(format!("{number} was deleted from the database."));
        }
        let bundle = model.known.bundle.clone();
        left_slots.extend(model.known.rows.remove(*id, &bundle.policy));
        model.known.guests.remove(id);
        model.known.unread.remove(id);
        model.known.alarms.remove(id);
    }
    let is_over = rows.iter().any(|row| row.state.is_terminal() && model.known.rows.slot(row.ticket_id).is_some());
    let had_changes = !rows.is_empty() || !deleted.is_empty();
    if had_changes {
        let bundle = model.known.bundle.clone();
        let mut slots = model.known.rows.take(rows, &bundle.policy, at);
        slots.extend(left_slots);
        model.queue.shown.changed(&model.known, &slots);
        go_to_wanted(model);
        follow(model, left);
    }
    let mut effects = if is_selected { load_case(model) } else { Vec::new() };
    // What is closed now may be what was looked for.
    effects.extend(is_over.then(|| model.queue.search_again(&model.known)).flatten());
    if model.known.is_complete {
        effects.extend(alarm(model, &emergencies, "new emergency"));
        effects.extend(alarm(model, &broken, "promise broken"));
    }
    effects
}

/// What a search found beside open work.
fn found(model: &mut Model, rows: Vec<Row>) {
    let now = model.known.now();
    let is_cut = rows.len() >= FOUND as usize;
    let found = rows.iter().map(|row| row.ticket_id).collect();
    let mut guests = Vec::new();
    for row in rows {
        let line = model.known.rows.guest(row);
        let judged = super::rows::Judged(&line, &model.known.bundle.policy);
        let is_open = model.known.rows.slot(line.id).is_some();
        if !is_open && model.queue.shown.filter().shows_but_for_words(&judged, now) {
            guests.push(line.id);
            model.known.guests.insert(line.id, line);
        }
    }
    let kept: HashSet<Uuid> = guests.iter().copied().chain(model.queue.selected()).collect();
    model.known.guests.retain(|id, _| kept.contains(id));
    model.queue.shown.set_found(&model.known, found, guests, is_cut);
    go_to_wanted(model);
    follow(model, None);
}

/// Puts the cursor on the ticket it is to go to, once that is there. Nothing moves under an open menu or form.
fn go_to_wanted(model: &mut Model) {
    if let Some(wanted) = model.wanted
        && model.dialogs.is_empty()
        && model.queue.select(&model.known, wanted)
    {
        model.wanted = None;
    }
}

fn call(model: &mut Model, news: CallNews) -> Vec<Effect> {
    model.touch();
    let now = model.known.now();
    model.known.calls.hear(&news, now);
    match news {
        CallNews::Adopted(envelope) => {
            let about = number_of(&envelope.target);
            model.say(format!("{}{about} from an earlier run is kept, and goes on.", envelope.tool), Role::Warning);
            Vec::new()
        }
        CallNews::Sent(_) => Vec::new(),
        CallNews::Waits(id) => {
            let tool = model.known.calls.get(id).map(|entry| entry.envelope.tool.clone()).unwrap_or_default();
            model.say_of(id, format!("{tool} waits for the database; it is kept and done once."), Role::Warning);
            Vec::new()
        }
        CallNews::Asks { envelope, why } => {
            model.asking.push_back((envelope, why));
            Vec::new()
        }
        CallNews::Withdrawn(id) => {
            let is_reopened = model.reopening.take_if(|reopening| *reopening == id).is_some();
            if is_reopened && model.dialogs.is_empty() && !model.queue.is_editing() {
                reopen(model, id)
            } else {
                model.known.calls.get(id).cloned().map_or_else(Vec::new, |call| give_back(model, &call.envelope))
            }
        }
        CallNews::Answered { envelope, outcome } => answered(model, &envelope, outcome),
    }
}

fn answered(model: &mut Model, envelope: &super::envelope::Envelope, outcome: Result<Reply, Refused>) -> Vec<Effect> {
    match outcome {
        Ok(reply) => {
            // The footer shows every call's answer; what was said of this one, or of one like it, is done with.
            let is_like = |of: &Uuid| {
                let said = model.known.calls.get(*of).map(|call| &call.envelope);
                said.is_some_and(|said| said.tool == envelope.tool && said.target == envelope.target)
            };
            if model.said_of.is_some_and(|of| is_like(&of)) {
                (model.said, model.said_of) = (None, None);
            }
            let mut effects = vec![Effect::LookAgain];
            let made = reply.json()["id"].as_str().and_then(|id| Uuid::try_parse(id).ok());
            if envelope.tool == "ticket.create"
                && let Some(id) = made
                // Nothing moves under the hands of somebody who went on.
                && model.awaits == Some(envelope.request_id)
                && !model.queue.select(&model.known, id)
            {
                model.wanted = Some(id);
            }
            // Whatever the feed says later: the panel shows what this answer changed.
            if envelope.ticket_id().is_some() && envelope.ticket_id() == model.queue.selected() {
                effects.extend(load_case(model));
            }
            effects
        }
        Err(refused) => {
            let about = number_of(&envelope.target);
            let said = format!("✗ {}{about}: {}", envelope.tool, refused.refusal.finding());
            let is_here = envelope.ticket_id().is_none_or(|id| model.queue.selected() == Some(id));
            let is_prompt = model.known.local.millis() - envelope.pressed_at.millis() <= PROMPT_MILLIS;
            // No form opens under the hands of somebody who went on.
            if model.awaits == Some(envelope.request_id) && is_here && is_prompt {
                model.say_of(envelope.request_id, said, Role::Error);
                reopen(model, envelope.request_id)
            } else {
                let [list, form] = [(Scope::Global, Action::Calls), (Scope::Read, Action::Enter)]
                    .map(|(scope, action)| model.known.keymap.shown(scope, action));
                model.say_of(envelope.request_id, format!("{said} {list} {form} opens its form again."), Role::Error);
                give_back(model, envelope)
            }
        }
    }
}

/// Which ticket a call is on, to be said behind its tool.
fn number_of(target: &Target) -> String {
    match target {
        Target::Ticket { number, .. } => format!(" on {number}"),
        Target::Kind(_) | Target::Nothing => String::new(),
    }
}

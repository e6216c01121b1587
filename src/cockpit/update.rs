//! What follows from what happens: the model changes, and effects say what is to be done. Pure of I/O.

use std::time::Duration;

use crossterm::event::KeyEvent;
use serde_json::json;

use super::asks::{act, attend, heed, open, to_focus};
use super::calls::Standing;
use super::dialogs::ask_again::AskAgain;
use super::effect::Effect;
use super::hear;
use super::keymap::{Action, Scope};
use super::model::Model;
use super::mouse;
use super::msg::Msg;
use super::part::Press;

/// How long the cursor rests on a ticket before its case is read.
const REST: Duration = Duration::from_millis(40);

/// Changes the model with what happened.
pub fn update(model: &mut Model, msg: Msg) -> Vec<Effect> {
    let mut effects = match msg {
        Msg::Key(key) => by_hand(model, |model| press(model, key)),
        Msg::Paste(text) => by_hand(model, |model| paste(model, &text)),
        Msg::Mouse(event) => by_hand(model, |model| mouse::mouse(model, event)),
        Msg::Resize(columns, rows) => {
            model.size = (columns, rows);
            model.touch();
            Vec::new()
        }
        Msg::Resumed => {
            model.touch();
            vec![Effect::Redraw]
        }
        Msg::GoOn => go_on(model),
        other => hear::hear(model, other),
    };
    effects.extend(settle(model));
    // Whatever it was that began it.
    if model.queue.shown.is_sorting() && !effects.contains(&Effect::GoOn) {
        effects.push(Effect::GoOn);
    }
    effects
}

/// Lets somebody do something. Whoever goes elsewhere, or looks through another filter, is not brought to the ticket
/// that was waited for before.
fn by_hand(model: &mut Model, act: impl FnOnce(&mut Model) -> Vec<Effect>) -> Vec<Effect> {
    let waited = model.wanted;
    let stood = (model.queue.selected(), model.queue.filter_text().to_owned());
    model.awaits = None;
    let effects = act(model);
    for effect in &effects {
        match effect {
            Effect::Send(envelope) => model.awaits = Some(envelope.request_id),
            // It was asked about from the list of calls, and answered there.
            Effect::SendAfterAll(id) | Effect::Withdraw(id) => {
                model.asking.retain(|(asking, _)| asking.request_id != *id);
            }
            _ => {}
        }
    }
    if model.wanted == waited && (model.queue.selected(), model.queue.filter_text()) != (stood.0, stood.1.as_str()) {
        model.wanted = None;
    }
    effects
}

fn press(model: &mut Model, key: KeyEvent) -> Vec<Effect> {
    model.touch();
    let mut effects = Vec::new();
    if model.hint {
        model.hint = false;
        effects.push(Effect::KeepChoice { key: "hint_seen", value: json!(true) });
    }
    let scope = model.scope();
    let action = model.known.keymap.action(scope, &key);
    let is_everywhere = matches!(action, Some(Action::Redraw | Action::Suspend | Action::Help));
    if let Some(action) = action.filter(|_| is_everywhere || model.dialogs.is_empty())
        && let Some(done) = act(model, action)
    {
        effects.extend(done);
        return effects;
    }
    let press = Press { key, action };
    let asks = to_focus(model, |part, world| part.press(press, world));
    effects.extend(heed(model, asks));
    effects
}

fn paste(model: &mut Model, text: &str) -> Vec<Effect> {
    model.touch();
    let asks = to_focus(model, |part, world| part.paste(text, world));
    heed(model, asks)
}

fn go_on(model: &mut Model) -> Vec<Effect> {
    // Whoever looks through another filter need not be told what does not pass it.
    let is_asked_for = model.queue.shown.is_working();
    let more = model.queue.shown.go_on(&model.known);
    if is_asked_for {
        model.queue.follow_or_begin(&model.known);
    } else {
        hear::follow(model, None);
    }
    model.touch();
    let mut effects = if more { vec![Effect::GoOn] } else { Vec::new() };
    let asks = to_focus(model, |part, world| part.hear(&Msg::GoOn, world));
    effects.extend(heed(model, asks));
    effects
}

/// What follows from where the cursor now stands.
fn settle(model: &mut Model) -> Vec<Effect> {
    let mut effects = Vec::new();
    let selected = model.queue.selected();
    if model.followed != selected {
        model.followed = selected;
        model.case.follow(selected);
        if let Some(id) = selected {
            model.known.unread.remove(&id);
        }
        let stamp = model.known.stamp();
        model.rest = Some(stamp);
        effects.push(Effect::After { stamp, wait: REST });
    }
    let is_editing = model.dialogs.last().is_some_and(|dialog| dialog.scope() == Scope::Form);
    // Told once the cursor rests, and at once when a form opens or closes on it.
    if let Some((ticket, was_editing)) = model.attended
        && ticket == selected
        && was_editing != is_editing
    {
        effects.push(attend(model, is_editing));
    }
    let is_asking = |model: &Model, id| matches!(model.known.calls.get(id), Some(call) if matches!(call.standing, Standing::Asks(_)));
    if model.dialogs.is_empty()
        && !model.queue.is_editing()
        && let Some((envelope, why)) = model.asking.pop_front()
        && is_asking(model, envelope.request_id)
    {
        let dialog = AskAgain::new(envelope, why, model.known.local);
        effects.extend(open(model, Box::new(dialog)));
    }
    effects
}

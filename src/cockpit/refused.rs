//! What a refusal says on a screen: what was wrong and what is allowed in the engine's words, and which key
//! mends it (COCKPIT.md, promise 5).

use serde_json::Value;

use super::keymap::{Action, Scope};
use super::panes::case::summary::lacks_evidence;
use super::part::World;
use crate::domain::next::{self, Next};
use crate::domain::refusal::{Code, Refusal};
use crate::domain::registry;
use crate::domain::state::State;

/// Where it is read, which decides which keys count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// With nothing on top of the panes.
    Screen,
    /// In the menu of actions, where the key of a tool calls it.
    Menu,
    /// In a form.
    Form,
}

/// The whole of it.
pub fn told(refusal: &Refusal, at: At, world: &World<'_>) -> String {
    let mend = mend(refusal, at, world).map(|mend| format!(" {mend}"));
    format!("{}{}", refusal.finding(), mend.unwrap_or_default())
}

/// As much of it as fits a row of a list: what would have to be otherwise.
pub fn brief(refusal: &Refusal) -> String {
    let words = |name: &str| {
        let list = refusal.field(name).and_then(Value::as_array)?;
        let words: Vec<String> = list.iter().filter_map(Value::as_str).map(|word| word.replace('_', " ")).collect();
        Some(words.join(", "))
    };
    match refusal.code() {
        Code::Forbidden => words("allowed_roles").map(|roles| format!("only for {roles}")),
        Code::InvalidStateTransition => words("allowed_from_states").map(|states| format!("only when {states}")),
        _ => None,
    }
    .unwrap_or_else(|| refusal.finding().to_owned())
}

/// The key that mends it, where one does. What a form asks for is mended in its fields.
fn mend(refusal: &Refusal, at: At, world: &World<'_>) -> Option<String> {
    let listed = |name: &str| refusal.field(name).and_then(Value::as_array).into_iter().flatten();
    match refusal.code() {
        // One's own request is not decided by acting as somebody else.
        Code::Forbidden if listed("allowed_roles").all(|role| *role != *world.actor.role.as_str()) => {
            Some(format!("{} acts in another role.", key(Action::Role, at, world)))
        }
        Code::InvalidStateTransition => {
            let state = refusal.field("from_state").and_then(Value::as_str).and_then(State::parse)?;
            Some(what_is_next(state, at, world))
        }
        Code::CloseoutRequirementsIncomplete
            if refusal.field("requirement_code") == Some(&"MISSING_SIGNATURE_CONFIRMATION".into())
                || listed("missing_evidence_keys").chain(listed("invalid_evidence_refs")).next().is_some() =>
        {
            let add = registry::find("closeout.add_evidence")?;
            Some(match at {
                At::Menu => format!("{} adds evidence.", add.spec.key),
                At::Screen | At::Form => {
                    let [shows, menu] = [Action::Evidence, Action::Actions].map(|action| key(action, at, world));
                    format!("{shows} shows what the closeout needs; {menu} {} adds evidence.", add.spec.key)
                }
            })
        }
        Code::TicketNotFound => Some(format!("{} finds tickets.", key(Action::Filter, at, world))),
        _ => None,
    }
}

fn what_is_next(state: State, at: At, world: &World<'_>) -> String {
    match next::step(state, lacks_evidence(world.case.map(|case| &case.case)), world.actor.role) {
        Next::Mine(tool) if at == At::Menu => format!("Next is {}: {}.", tool.spec.name, tool.spec.key),
        Next::Mine(tool) => format!("Next is {}: {}.", tool.spec.name, key(Action::NextStep, at, world)),
        Next::Theirs(tool) => {
            let roles: Vec<&str> = tool.spec.roles.iter().map(|role| role.as_str()).collect();
            let switch = key(Action::Role, at, world);
            format!("Next is {}, the turn of {}; {switch} acts in another role.", tool.spec.name, roles.join(" or "))
        }
        Next::Nothing(why) => format!("Nothing is to be done now: {why}."),
    }
}

/// The key of what counts with nothing on top, and the way there.
pub fn key(action: Action, at: At, world: &World<'_>) -> String {
    let key = world.keymap.shown(Scope::Global, action);
    let back = |scope| world.keymap.shown(scope, Action::Back);
    match at {
        At::Screen => key,
        At::Menu => format!("{}, then {key}", back(Scope::List)),
        At::Form => format!("{}, then {key}", back(Scope::Form)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cockpit::form::testing::Stage;
    use crate::domain::actor::Role;
    use crate::domain::judge;

    fn of(tool: &str, from: State, role: Role, at: At) -> String {
        let mut stage = Stage::new();
        stage.actor.role = role;
        let tool = registry::find(tool).unwrap();
        let refusal = judge::may_call(tool, role).and_then(|()| judge::admit(tool, from)).unwrap_err();
        told(&refusal, at, &stage.world())
    }

    #[test]
    fn a_refusal_names_the_key_that_mends_it_where_it_is_read() {
        let dispatcher = Role::Dispatcher;
        let said = of("tech.check_in", State::New, dispatcher, At::Screen);
        assert!(said.starts_with("The ticket is NEW; tech.check_in is possible from DISPATCHED."), "{said}");
        assert!(said.ends_with("Next is ticket.triage: space."), "{said}");
        let said = of("tech.check_in", State::New, dispatcher, At::Menu);
        let key = registry::find("ticket.triage").unwrap().spec.key;
        assert!(said.ends_with(&format!("Next is ticket.triage: {key}.")), "{said}");
        let said = of("ticket.triage", State::Verified, dispatcher, At::Form);
        assert!(said.ends_with("the turn of finance; esc, then R acts in another role."), "{said}");
        let said = of("ticket.triage", State::OnHold, dispatcher, At::Screen);
        assert!(said.ends_with("Nothing is to be done now: it is on hold."), "{said}");
        let said = of("ticket.triage", State::New, Role::Finance, At::Screen);
        assert!(said.ends_with("R acts in another role."), "{said}");
    }

    #[test]
    fn a_row_of_a_list_says_what_would_have_to_be_otherwise() {
        let tool = registry::find("assignment.dispatch").unwrap();
        assert_eq!(brief(&judge::admit(tool, State::New).unwrap_err()), "only when TRIAGED, SCHEDULED");
        assert_eq!(brief(&judge::may_call(tool, Role::Qa).unwrap_err()), "only for dispatcher");
        assert_eq!(brief(&Refusal::new(Code::TicketNotFound, "No ticket is selected.")), "No ticket is selected.");
    }

    #[test]
    fn no_refusal_on_a_screen_names_a_command() {
        let stage = Stage::new();
        let lost = Refusal::ticket_not_found("T-9");
        assert!(lost.message().contains("`dispatch queue`"));
        assert_eq!(
            told(&lost, At::Screen, &stage.world()),
            "There is no ticket T-9. Check the number. / finds tickets."
        );
        for state in State::ALL {
            for tool in registry::tools() {
                if let Err(refusal) = judge::admit(tool, *state) {
                    assert!(!told(&refusal, At::Menu, &stage.world()).contains('`'), "{}", tool.spec.name);
                }
            }
        }
    }

    #[test]
    fn what_no_key_mends_names_none() {
        let stage = Stage::new();
        let own = Refusal::new(Code::Forbidden, "You asked for this yourself.")
            .with("actor_role", stage.actor.role)
            .with("allowed_roles", [stage.actor.role]);
        assert_eq!(told(&own, At::Screen, &stage.world()), "You asked for this yourself.");
        let gate = Refusal::new(Code::CloseoutRequirementsIncomplete, "Not yet.").with("missing_checklist_keys", ["a"]);
        assert_eq!(told(&gate, At::Form, &stage.world()), "Not yet.");
        let gate = gate.with("missing_evidence_keys", ["photo_after"]);
        let said = told(&gate, At::Screen, &stage.world());
        assert_eq!(said, "Not yet. E shows what the closeout needs; a e adds evidence.");
    }
}

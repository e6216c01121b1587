//! The next natural step of a ticket, by its state and what its gate lacks, and whose turn it is
//! (COCKPIT.md, Keys).

use super::actor::Role;
use super::judge;
use super::registry;
use super::state::State;
use super::tool::Tool;

/// What comes next.
#[derive(Debug, Clone, Copy)]
pub enum Next {
    /// This role may do it.
    Mine(&'static Tool),
    /// Somebody else's turn.
    Theirs(&'static Tool),
    /// Nothing that a tool does: the ticket waits, or is done.
    Nothing(&'static str),
}

/// The tool that a state calls for. `lacks_evidence`: required evidence, the signature apart, is
/// missing; the signature is asked for where the work is declared done.
pub fn natural(state: State, lacks_evidence: bool) -> Result<&'static str, &'static str> {
    match state {
        State::New | State::NeedsInfo => Ok("ticket.triage"),
        State::Triaged | State::ReadyToSchedule => Ok("schedule.propose"),
        State::ScheduleProposed => Ok("schedule.confirm"),
        State::Scheduled => Ok("assignment.dispatch"),
        State::Dispatched => Ok("tech.check_in"),
        State::InProgress if lacks_evidence => Ok("closeout.add_evidence"),
        State::InProgress => Ok("tech.complete"),
        State::ApprovalRequired => Ok("approval.decide"),
        State::CompletedPendingVerification => Ok("qa.verify"),
        State::Verified => Ok("billing.generate_invoice"),
        State::Invoiced => Ok("ticket.close"),
        State::PendingCustomerConfirmation => Err("it waits for the customer's confirmation"),
        State::OnSite => Err("the technician is on site"),
        State::OnHold => Err("it is on hold"),
        State::Closed => Err("it is closed"),
        State::Cancelled => Err("it was cancelled"),
    }
}

/// What comes next for somebody in a role.
pub fn step(state: State, lacks_evidence: bool, role: Role) -> Next {
    match natural(state, lacks_evidence) {
        Err(why) => Next::Nothing(why),
        Ok(name) => match registry::find(name) {
            None => Next::Nothing("nothing more is to be done"),
            Some(tool) if judge::may_call(tool, role).is_ok() => Next::Mine(tool),
            Some(tool) => Next::Theirs(tool),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_named_is_a_tool_that_the_state_admits() {
        for &state in State::ALL {
            for lacks in [true, false] {
                if let Ok(name) = natural(state, lacks) {
                    let tool = registry::find(name).unwrap();
                    assert!(tool.spec.admits(state), "{name} in {state}");
                }
            }
        }
    }

    #[test]
    fn whose_turn_it_is_depends_on_the_role_alone() {
        let turn = |state, role| match step(state, false, role) {
            Next::Mine(tool) => format!("mine {}", tool.spec.name),
            Next::Theirs(tool) => format!("theirs {}", tool.spec.name),
            Next::Nothing(why) => why.to_owned(),
        };
        let rows = [
            (State::New, Role::Dispatcher, "mine ticket.triage"),
            (State::New, Role::Finance, "theirs ticket.triage"),
            (State::NeedsInfo, Role::Agent, "mine ticket.triage"),
            (State::Triaged, Role::Agent, "mine schedule.propose"),
            (State::ReadyToSchedule, Role::Dispatcher, "mine schedule.propose"),
            (State::ScheduleProposed, Role::Agent, "theirs schedule.confirm"),
            (State::Scheduled, Role::Dispatcher, "mine assignment.dispatch"),
            (State::Dispatched, Role::Technician, "mine tech.check_in"),
            (State::InProgress, Role::Qa, "theirs tech.complete"),
            (State::ApprovalRequired, Role::Approver, "mine approval.decide"),
            (State::CompletedPendingVerification, Role::Qa, "mine qa.verify"),
            (State::Verified, Role::Dispatcher, "theirs billing.generate_invoice"),
            (State::Verified, Role::Finance, "mine billing.generate_invoice"),
            (State::Invoiced, Role::Finance, "mine ticket.close"),
            (State::OnHold, Role::Dispatcher, "it is on hold"),
            (State::Closed, Role::Dispatcher, "it is closed"),
        ];
        for (state, role, expected) in rows {
            assert_eq!(turn(state, role), expected, "{state} {role}");
        }
        assert!(matches!(natural(State::InProgress, true), Ok("closeout.add_evidence")));
    }
}

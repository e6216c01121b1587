//! Tickets that are over: called off early, or done, verified, mostly billed, and closed.

use serde_json::json;

use super::jobs;
use super::people;
use super::script::arrive;
use super::story::{Story, Writer};
use crate::domain::actor::Role;
use crate::domain::closeout::SIGNATURE_KEY;
use crate::domain::words::Priority;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;

/// Of a hundred tickets that are over, how many were called off, and of a hundred others how many
/// were closed without a bill.
const CALLED_OFF: i64 = 40;
const UNBILLED: i64 = 15;

/// Why a job is not done after all: the reason, and its code.
const CANCELLATIONS: [(&str, &str); 6] = [
    ("Customer fixed it themselves", "RESOLVED_BY_CUSTOMER"),
    ("Reported twice; the other ticket stays", "DUPLICATE"),
    ("Tenant moved out, door is taken down", "NOT_NEEDED"),
    ("Customer chose another company", "CUSTOMER_DECLINED"),
    ("Covered by the builder's warranty", "WARRANTY"),
    ("Nobody answered for two weeks", "NO_RESPONSE"),
];

/// Tells a ticket that began so many seconds from now and is over by now.
pub fn tell(mut w: Writer<'_>, priority: Priority, call: (&str, &str), created: i64) -> Story {
    // What is left of the time since then is for later.
    let room = -created * 9 / 10;
    let by_agent = w.random.chance(30);
    w.create(created, call, by_agent);
    if w.random.chance(CALLED_OFF) {
        call_off(&mut w, priority, created, room);
    } else {
        let unscheduled = match priority {
            Priority::Emergency => 90,
            Priority::Urgent => 45,
            Priority::Routine => 8,
        };
        let start = if w.random.chance(unscheduled) {
            send_at_once(&mut w, priority, created, room)
        } else {
            plan(&mut w, priority, created, room)
        };
        let done = work(&mut w, start, room);
        settle(&mut w, done, room);
    }
    Story { acts: w.acts }
}

/// Two or three events, and it is over.
fn call_off(w: &mut Writer<'_>, priority: Priority, created: i64, room: i64) {
    let until = created + w.random.between(30 * MINUTE, 48 * HOUR).min(room);
    if w.random.chance(60) {
        let at = created + (until - created) / 3;
        w.triage(at, priority, &json!({}));
    }
    let (reason, code) = *w.random.pick(&CANCELLATIONS);
    w.desk(until, "ticket.cancel", json!({"reason": reason, "cancellation_code": code}));
}

/// Somebody is sent without a schedule; says when they arrive.
fn send_at_once(w: &mut Writer<'_>, priority: Priority, created: i64, room: i64) -> i64 {
    let until = created + w.random.between(15 * MINUTE, 110 * MINUTE).min(room / 4);
    let times = w.spread(created, until, 3);
    w.triage(times[0], priority, &json!({}));
    let rationale = *w.random.pick(&jobs::RATIONALES);
    let payload = json!({
        "tech_id": w.technician, "dispatch_mode": "EMERGENCY_BYPASS",
        "dispatch_rationale": rationale, "dispatch_confirmation": true
    });
    w.desk(times[1], "assignment.dispatch", payload);
    until
}

/// From the call over the confirmed window to somebody who sets out; says when they arrive.
fn plan(w: &mut Writer<'_>, priority: Priority, created: i64, room: i64) -> i64 {
    let longest = match priority {
        Priority::Emergency => 2 * HOUR,
        Priority::Urgent => 8 * HOUR,
        Priority::Routine => 96 * HOUR,
    };
    let lead = w.random.between(HOUR, longest).min(room / 3);
    let times = w.spread(created, created + lead, 5);
    w.triage(times[0], priority, &json!({"ready_to_schedule": true}));
    let window = w.window(times[4], 2);
    let options = [window.clone(), w.window(times[4] + 24 * HOUR, 2)];
    w.desk(times[1], "schedule.propose", json!({"options": options}));
    w.desk(times[2], "schedule.confirm", window);
    w.desk(times[3], "assignment.dispatch", json!({"tech_id": w.technician}));
    times[4]
}

/// On site: proof before and after, and the work declared done; says when.
fn work(w: &mut Writer<'_>, start: i64, room: i64) -> i64 {
    arrive(w, start);
    let end = start + w.random.between(35 * MINUTE, 110 * MINUTE).min(room / 6);
    let keys = w.keys();
    let signs = w.random.chance(65);
    let times = w.spread(start, end, 5);
    for (key, at) in keys.iter().zip(&times) {
        w.prove(*at, key);
    }
    if signs {
        w.prove(times[3], SIGNATURE_KEY);
    }
    let reason = *w.random.pick(&jobs::NO_SIGNATURE);
    w.complete(times[4], (!signs).then_some(reason));
    end
}

/// Verified, billed and closed.
fn settle(w: &mut Writer<'_>, done: i64, room: i64) {
    let until = done + w.random.between(HOUR, 90 * HOUR).min(room / 4);
    let times = w.spread(done, until, 3);
    w.verify(times[0], None);
    if w.random.chance(UNBILLED) {
        w.desk(times[1], "ticket.close", json!({"reason": "Covered by the service agreement"}));
        return;
    }
    let finance = (people::FINANCE, Role::Finance);
    w.call(times[1], finance, "billing.generate_invoice", json!({}));
    w.call(times[2], finance, "ticket.close", json!({"reason": "Paid"}));
}

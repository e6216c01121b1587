//! The whole day: every ticket's story, written from a seed and the time it is now.

use serde_json::json;

use super::cast::{self, End, OLDEST, Role, Twist};
use super::jobs;
use super::people;
use super::random::Random;
use super::stage::Stage;
use super::story::{Place, Story, Writer, moment};
use crate::domain::actor::Role as Post;
use crate::domain::closeout::SIGNATURE_KEY;
use crate::domain::policy::Policy;
use crate::domain::time::Timestamp;
use crate::domain::words::Priority;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;

/// Every story, in the order in which they began.
pub fn write(seed: u64, now: Timestamp, policy: &Policy, places: &[Place]) -> Vec<Story> {
    let mut random = Random::new(seed);
    let mut stage = Stage::new(places);
    let roles = cast::roles(&mut random);
    let mut stories: Vec<Story> = roles
        .iter()
        .filter_map(|role| {
            let scene = stage.scene(role, &mut random)?;
            let writer = Writer {
                now,
                random: &mut random,
                policy,
                place: scene.place,
                job: scene.job,
                door: scene.door,
                dispatcher: scene.dispatcher,
                technician: scene.technician.id,
                album: None,
                acts: Vec::new(),
            };
            Some(tell(writer, role, scene.call))
        })
        .collect();
    stories.sort_by_key(|story| story.acts.first().map(|act| act.at));
    stories
}

/// Tells one ticket's story.
pub fn tell(mut w: Writer<'_>, role: &Role, call: (&str, &str)) -> Story {
    let target = match role.priority {
        Priority::Emergency => 60,
        Priority::Urgent => 240,
        Priority::Routine => 1440,
    };
    let jitter = w.random.between(5, 55);
    let clock_start = match role.end {
        end if end.is_done() => -role.minutes * MINUTE,
        _ => (role.minutes - target) * MINUTE + jitter,
    };
    let by_agent = w.random.chance(30);
    let was_sent = matches!(role.end, End::Scheduled | End::Dispatched | End::InProgress | End::ChangeAsked);
    let is_planned = (was_sent || role.end.is_done()) && role.twist != Twist::Bypass;
    if is_planned || (role.end, role.twist) == (End::Proposed, Twist::Rescheduled) {
        planned(&mut w, role, call, by_agent, clock_start);
    } else {
        unplanned(&mut w, role, call, by_agent, clock_start);
    }
    Story { acts: w.acts }
}

/// A ticket whose clock runs from its creation.
fn unplanned(w: &mut Writer<'_>, role: &Role, call: (&str, &str), by_agent: bool, created: i64) {
    w.create(created, call, by_agent);
    // When the last thing happened: between soon after the call and a moment ago.
    let part = w.random.between(25, 90);
    let last = (created + -created * part / 100).min(-20);
    let p = role.priority;
    match (role.end, role.twist) {
        (End::NeedsInfo, _) => {
            let question = *w.random.pick(&jobs::QUESTIONS);
            w.triage(last, p, &json!({"workflow_outcome": "NEEDS_INFO", "info_needed": question}));
        }
        (End::Triaged, Twist::Forgotten) => {
            let ask =
                json!({"workflow_outcome": "NEEDS_INFO", "info_needed": "Which stockroom door, and what exactly?"});
            w.triage(created + 22 * MINUTE, p, &ask);
            w.dispatcher = "devin";
            w.triage(-9 * HOUR, p, &json!({}));
        }
        (End::Triaged, Twist::QuoteDenied) => quote(w, created, last, p, false),
        (End::Ready, Twist::QuoteGranted) => quote(w, created, last, p, true),
        (End::Triaged, _) => w.triage(last, p, &json!({})),
        (End::QuoteAsked, _) => {
            let ask = ask_for_quote(w);
            w.triage(last, p, &ask);
        }
        (End::Ready, _) => w.triage(last, p, &json!({"ready_to_schedule": true})),
        (End::Proposed, _) => {
            let times = w.spread(created, last, 2);
            w.triage(times[0], p, &json!({"ready_to_schedule": true}));
            let start = w.random.between(2, 20) * HOUR;
            let start = round(w.now, start, 30 * MINUTE);
            let options = [w.window(start, 2), w.window(start + 3 * HOUR, 2), w.window(start + 24 * HOUR, 2)];
            w.desk(times[1], "schedule.propose", json!({"options": options}));
        }
        (End::Dispatched | End::InProgress, _) => {
            let steps = if role.end == End::InProgress { 4 } else { 2 };
            let times = w.spread(created, last, steps);
            w.triage(times[0], p, &json!({}));
            let rationale = *w.random.pick(&jobs::RATIONALES);
            let payload = json!({
                "tech_id": w.technician, "dispatch_mode": "EMERGENCY_BYPASS",
                "dispatch_rationale": rationale, "dispatch_confirmation": true
            });
            w.desk(times[1], "assignment.dispatch", payload);
            if let [_, _, check_in, photo] = times[..] {
                arrive(w, check_in);
                let before = w.keys().swap_remove(0);
                w.prove(photo, &before);
            }
        }
        // Of a new ticket nothing more is known.
        _ => {}
    }
}

/// A time in seconds from now, brought down to a full so many seconds of the clock on the wall.
fn round(now: Timestamp, seconds: i64, to: i64) -> i64 {
    let at = now.millis().div_euclid(1_000) + seconds;
    seconds - at.rem_euclid(to)
}

fn ask_for_quote(w: &mut Writer<'_>) -> serde_json::Value {
    let reason = *w.random.pick(&jobs::DEAR);
    let cents = w.random.between(6, 40) * 2_500;
    json!({"requires_approval": true, "approval_reason": reason, "approval_amount_delta_cents": cents})
}

/// Money is asked for before anybody goes, and somebody decides.
fn quote(w: &mut Writer<'_>, from: i64, to: i64, priority: Priority, is_granted: bool) {
    let times = w.spread(from, to, 2);
    let ask = ask_for_quote(w);
    w.triage(times[0], priority, &ask);
    w.decide(times[1], is_granted);
}

/// A ticket with a confirmed window, from which its clock runs.
fn planned(w: &mut Writer<'_>, role: &Role, call: (&str, &str), by_agent: bool, meant: i64) {
    let start = round(w.now, meant, 5 * MINUTE);
    // What comes before goes by the time meant: tickets of a seed come in the same order at any time.
    let is_visited = !matches!(role.end, End::Scheduled | End::Proposed);
    let slack = w.random.between(0, 50) * MINUTE;
    let by = if is_visited {
        (meant - 20 * MINUTE).min(-20 * MINUTE - slack)
    } else {
        (meant - 10 * MINUTE).min(-2 * MINUTE - slack)
    };
    let lead = match role.priority {
        Priority::Emergency => w.random.between(8, 25) * MINUTE,
        Priority::Urgent => w.random.between(30, 150) * MINUTE,
        Priority::Routine => w.random.between(3 * 60, 18 * 60) * MINUTE,
    };
    let created = (by - lead).max((10 - OLDEST) * MINUTE).min(by - 5 * MINUTE);
    w.create(created, call, by_agent);
    plan(w, role, created, by, start);
    if is_visited {
        visit(w, role, by, start);
    }
}

/// From the call to the confirmed window.
fn plan(w: &mut Writer<'_>, role: &Role, created: i64, by: i64, start: i64) {
    let hours = if role.priority == Priority::Routine { 3 } else { 2 };
    let rounds = if role.twist == Twist::Rescheduled { 2 } else { 1 };
    let times = w.spread(created, by, 2 + 2 * rounds);
    if role.twist == Twist::QuoteGranted {
        let (asked, decided) = (times[0], times[0] + (times[1] - times[0]) / 2);
        quote(w, created, decided.max(asked), role.priority, true);
    } else {
        w.triage(times[0], role.priority, &json!({"ready_to_schedule": true}));
    }
    // The clock runs from the window confirmed last: a first one comes before it.
    let mut windows = vec![start];
    if rounds == 2 {
        windows.insert(0, if role.end == End::Proposed { start } else { start - 2 * HOUR });
    }
    for (n, &from) in windows.iter().enumerate() {
        let is_left_open = role.end == End::Proposed && n == 1;
        let shift = if is_left_open { 24 * HOUR } else { 0 };
        let first = w.window(from + shift, hours);
        let options = [first.clone(), w.window(from + shift + 4 * HOUR, hours)];
        w.desk(times[1 + 2 * n], "schedule.propose", json!({"options": options}));
        if !is_left_open {
            w.desk(times[2 + 2 * n], "schedule.confirm", first);
        }
    }
}

pub fn arrive(w: &mut Writer<'_>, at: i64) {
    let place = json!({"source": "phone", "accuracy_m": w.random.between(4, 30)});
    let payload = json!({"timestamp": moment(w.now, at - 1), "location": place});
    w.field(at, "tech.check_in", payload);
}

/// From sending somebody to wherever the story ends.
fn visit(w: &mut Writer<'_>, role: &Role, planned_by: i64, start: i64) {
    let early = w.random.between(12, 40) * MINUTE;
    let sent = (start - early).max(planned_by + MINUTE).min(-45);
    w.desk(sent, "assignment.dispatch", json!({"tech_id": w.technician}));
    if role.end == End::Dispatched {
        return;
    }
    let late = w.random.between(-4, 9) * MINUTE;
    let check_in = (start + late).max(sent + 2 * MINUTE).min(-90);
    arrive(w, check_in);
    let is_done = role.end.is_done();
    let length = w.random.between(40, 100) * MINUTE;
    let end = if is_done { (check_in + length).min(-25 * MINUTE) } else { -w.random.between(20, 60) };
    let keys = w.keys();
    let signs = w.random.chance(65);
    let reason = *w.random.pick(&jobs::NO_SIGNATURE);
    let reason = (!signs).then_some(reason);
    // What happens on site, before the work is declared done.
    let rest = work(w, role, check_in, end, &keys, reason);
    if !is_done {
        return;
    }
    let times = w.spread(rest, end, 4);
    for (key, at) in keys.iter().skip(1).zip(&times) {
        w.prove(*at, key);
    }
    if signs {
        w.prove(times[2], SIGNATURE_KEY);
    }
    w.complete(times[3], reason);
    if role.end == End::Completed {
        return;
    }
    let pause = w.random.between(15, 120) * MINUTE;
    let verified = (end + pause).min(-10 * MINUTE);
    w.verify(verified, None);
    if role.end == End::Verified {
        return;
    }
    let finance = (people::FINANCE, Post::Finance);
    let pause = w.random.between(10, 180) * MINUTE;
    let invoiced = (verified + pause).min(-3 * MINUTE);
    w.call(invoiced, finance, "billing.generate_invoice", json!({}));
    if role.end == End::Closed {
        let pause = w.random.between(20, 240) * MINUTE;
        w.call((invoiced + pause).min(-2 * MINUTE), finance, "ticket.close", json!({}));
    }
}

/// What is done on site first; says until when.
fn work(w: &mut Writer<'_>, role: &Role, from: i64, end: i64, keys: &[String], reason: Option<&str>) -> i64 {
    let is_done = role.end.is_done();
    // Work that is done leaves the second half for the rest of the proof.
    let to = if is_done { from + (end - from) / 2 } else { end };
    let [before, after, note] = keys else { return from };
    match role.twist {
        Twist::ChangeGranted | Twist::ChangeDenied => {
            let times = w.spread(from, to, 3);
            w.prove(times[0], before);
            ask_for_change(w, times[1]);
            w.decide(times[2], role.twist == Twist::ChangeGranted);
        }
        Twist::Rework => {
            let times = w.spread(from, to, 6);
            for (key, at) in [before, after, note].into_iter().zip(&times) {
                w.prove(*at, key);
            }
            if reason.is_none() {
                w.prove(times[3], SIGNATURE_KEY);
            }
            w.complete(times[4], reason);
            let rework = *w.random.pick(&jobs::REWORK);
            w.verify(times[5], Some(rework));
        }
        Twist::Photographed => {
            let times = w.spread(from, to, 2);
            w.prove(times[0], before);
            w.prove(times[1], after);
        }
        _ if role.end == End::ChangeAsked => {
            let times = w.spread(from, to, 2);
            w.prove(times[0], before);
            ask_for_change(w, times[1]);
        }
        _ => {
            let times = w.spread(from, to, 2);
            w.prove(times[0], before);
        }
    }
    to
}

fn ask_for_change(w: &mut Writer<'_>, at: i64) {
    let reason = *w.random.pick(&w.job.surprises);
    let cents = w.random.between(4, 36) * 2_500;
    let payload = json!({"approval_type": "NTE_INCREASE", "reason": reason, "amount_delta_cents": cents});
    w.field(at, "tech.request_change", payload);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use uuid::Uuid;

    use super::*;
    use crate::demo::places::ACCOUNTS;
    use crate::demo::story::{Contact, Deed};
    use crate::domain::policy::Bundle;

    fn places() -> Vec<Place> {
        let sites = ACCOUNTS.iter().flat_map(|account| account.sites.iter().map(move |site| (account, site)));
        let contact = Contact { name: "A B".into(), phone: "+1 415 555 0100".into(), mail: "a.b@c.example".into() };
        sites
            .map(|(account, site)| Place {
                id: Uuid::nil(),
                account_id: Uuid::nil(),
                doors: account.doors,
                name: site.name.to_string(),
                city: site.city,
                region: site.region,
                timezone: site.timezone(),
                contact: contact.clone(),
                assets: Vec::new(),
            })
            .collect()
    }

    fn day(seed: u64, now: &str) -> Vec<Story> {
        write(seed, Timestamp::parse(now).unwrap(), &Bundle::embedded().policy, &places())
    }

    #[test]
    fn in_every_story_time_goes_on_and_nothing_lies_in_the_future() {
        for seed in 0..40 {
            let now = Timestamp::parse("2026-11-21T08:03:11.000Z").unwrap();
            let stories = day(seed, "2026-11-21T08:03:11.000Z");
            assert!(stories.len() > 115, "everybody has a scene");
            for story in stories {
                let times: Vec<_> = story.acts.iter().map(|act| act.at).collect();
                assert!(times.is_sorted(), "seed {seed}: {:#?}", story.acts);
                assert!(times.iter().all(|at| *at < now), "seed {seed}: {:#?}", story.acts);
            }
        }
    }

    #[test]
    fn the_same_seed_tells_the_same_stories_at_any_time_of_day() {
        let summaries = |seed, now| -> Vec<String> {
            let first = |story: &Story| match &story.acts[0].deed {
                Deed::Call { payload, .. } => payload["summary"].to_string(),
                other => panic!("{other:?}"),
            };
            day(seed, now).iter().map(first).collect()
        };
        let morning = summaries(5, "2026-11-21T08:03:11.000Z");
        for now in ["2026-11-21T08:04:50.500Z", "2026-11-21T08:07:00.001Z", "2027-02-01T23:59:59.999Z"] {
            assert_eq!(morning, summaries(5, now), "in the same order");
        }
        assert_ne!(morning, summaries(6, "2026-11-21T08:03:11.000Z"));
        let different: BTreeSet<&String> = morning.iter().collect();
        assert!(different.len() > 85, "{}", different.len());
    }

    #[test]
    fn the_first_ticket_is_the_one_that_examples_name() {
        for seed in 0..20 {
            let stories = day(seed, "2026-11-21T08:03:11.000Z");
            let Deed::Call { payload, .. } = &stories[0].acts[0].deed else { panic!() };
            assert_eq!(payload["summary"], "Stockroom door won't latch");
        }
    }

    #[test]
    fn nobody_is_at_two_jobs_at_once() {
        for seed in 0..20 {
            let mut at_work = BTreeSet::new();
            for story in day(seed, "2026-11-21T08:03:11.000Z") {
                let called = |name: &str| {
                    story.acts.iter().find(|act| matches!(&act.deed, Deed::Call { tool, .. } if *tool == name))
                };
                let was_sent_back = matches!(&story.acts.last().unwrap().deed,
                    Deed::Call { payload, .. } if payload["result"] == "FAIL");
                if let Some(arrival) = called("tech.check_in")
                    && (called("tech.complete").is_none() || was_sent_back)
                {
                    assert!(at_work.insert(arrival.who.0.clone()), "seed {seed}: {} is at two jobs", arrival.who.0);
                }
            }
        }
    }
}

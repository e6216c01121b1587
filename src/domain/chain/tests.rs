use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::domain::time::Timestamp;

const TICKET: Uuid = Uuid::from_u128(7);

/// A chain of ours whose payloads say these things.
fn chain(said: &[String]) -> Vec<Event> {
    let mut events: Vec<Event> = Vec::new();
    for (seq, said) in (1_i64..).zip(said) {
        let mut event = Event {
            id: Uuid::from_u128(1000 + u128::from(seq.unsigned_abs())),
            ticket_id: Some(TICKET),
            chain: Some(TICKET.to_string()),
            seq: Some(seq),
            actor_type: ActorType::Human,
            actor_id: format!("maria-{}", seq % 3),
            actor_role: Some("dispatcher".into()),
            tool_name: "ticket.triage".into(),
            request_id: Some(Uuid::from_u128(2000 + u128::from(seq.unsigned_abs()))),
            correlation_id: None,
            trace_id: None,
            before_state: Some(State::New),
            after_state: Some(State::Triaged),
            payload: json!({"said": said, "n": seq}),
            prev_hash: events.last().and_then(|last| last.hash.clone()),
            hash: None,
            created_at: Timestamp::parse("2026-01-01T00:00:00.000Z").unwrap().plus_minutes(seq),
        };
        event.hash = Some(event.digest());
        events.push(event);
    }
    events
}

fn head_of(events: &[Event]) -> Head {
    events.last().map_or_else(Head::default, Event::head)
}

/// Walks as the store hands the rows over: by seq, those without one last.
fn walk(events: &[Event], head: Option<&Head>) -> Result<(), Break> {
    let mut rows: Vec<&Event> = events.iter().collect();
    rows.sort_by_key(|event| event.seq.unwrap_or(i64::MAX));
    let mut walk = Walk::along(TICKET.to_string());
    for event in rows {
        walk.link(event);
    }
    walk.end(head)
}

/// A way of tampering with the chain, at one place and another one behind it.
#[derive(Debug, Clone, Copy)]
enum Tampering {
    Payload,
    Column(&'static str),
    Hash,
    PrevHash,
    Ticket,
    PayloadRehashed,
    Remove,
    Truncate,
    SwapSeq,
    SwapContent,
    SwapContentAndIds,
    SwapPayloads,
    Append,
    RewriteFromHere,
    StrayAtZero,
    StrayWithoutSeq,
    NoHead,
}

fn tampering() -> impl Strategy<Value = Tampering> {
    use Tampering::{
        Append, Column, Hash, NoHead, Payload, PayloadRehashed, PrevHash, Remove, RewriteFromHere, StrayAtZero,
        StrayWithoutSeq, SwapContent, SwapContentAndIds, SwapPayloads, SwapSeq, Ticket, Truncate,
    };
    let columns = ["actor_type", "actor_role", "tool_name", "before_state", "after_state", "actor_id", "created_at"];
    prop_oneof![
        prop::sample::select(vec![
            Payload,
            Hash,
            PrevHash,
            Ticket,
            PayloadRehashed,
            Remove,
            Truncate,
            SwapSeq,
            SwapContent,
            SwapContentAndIds,
            SwapPayloads,
            Append,
            RewriteFromHere,
            StrayAtZero,
            StrayWithoutSeq,
            NoHead,
        ]),
        prop::sample::select(columns.to_vec()).prop_map(Column),
    ]
}

/// Tampers at index `a`, and `b` > `a` where two are needed; where the walk must break, and how.
fn tamper(events: &mut Vec<Event>, head: &mut Option<Head>, how: Tampering, a: usize, b: usize) -> (i64, &'static str) {
    let (seq_a, last) = (i64::try_from(a).unwrap() + 1, a + 1 == events.len());
    let swap_back = |events: &mut Vec<Event>, keep: &dyn Fn(&Event, Event) -> Event| {
        let (one, two) = (events[a].clone(), events[b].clone());
        events[a] = keep(&one, two.clone());
        events[b] = keep(&two, one);
        (seq_a, "swapped")
    };
    match how {
        Tampering::Payload => events[a].payload["said"] = json!("something quite different, never said before"),
        Tampering::Column("actor_type") => events[a].actor_type = ActorType::Agent,
        Tampering::Column("actor_role") => events[a].actor_role = Some("qa".into()),
        Tampering::Column("tool_name") => events[a].tool_name = "qa.verify".into(),
        Tampering::Column("before_state") => events[a].before_state = Some(State::OnHold),
        Tampering::Column("after_state") => events[a].after_state = None,
        Tampering::Column("actor_id") => events[a].actor_id = "mallory".into(),
        Tampering::Column(_) => events[a].created_at = events[a].created_at.plus_minutes(1),
        Tampering::Hash => events[a].hash = Some("0".repeat(64)),
        Tampering::PrevHash => events[a].prev_hash = Some("0".repeat(64)),
        Tampering::Ticket => events[a].ticket_id = Some(Uuid::from_u128(8)),
        Tampering::PayloadRehashed => {
            events[a].payload = json!("forged");
            events[a].hash = Some(events[a].digest());
            return if last { (seq_a, "rewritten") } else { (seq_a + 1, "replaced") };
        }
        Tampering::Remove => {
            events.remove(a);
            return (seq_a, if last { "truncated" } else { "missing" });
        }
        Tampering::Truncate => {
            events.truncate(a);
            return (seq_a, "truncated");
        }
        Tampering::SwapSeq => return swap_back(events, &|kept, moved| Event { seq: kept.seq, ..moved }),
        Tampering::SwapContent => {
            return swap_back(events, &|kept, moved| Event {
                id: kept.id,
                seq: kept.seq,
                prev_hash: kept.prev_hash.clone(),
                hash: kept.hash.clone(),
                ..moved
            });
        }
        Tampering::SwapContentAndIds => {
            return swap_back(events, &|kept, moved| Event {
                seq: kept.seq,
                prev_hash: kept.prev_hash.clone(),
                hash: kept.hash.clone(),
                ..moved
            });
        }
        Tampering::SwapPayloads => {
            return swap_back(events, &|kept, moved| Event { payload: moved.payload, ..kept.clone() });
        }
        Tampering::Append => {
            let recorded = head_of(events);
            let mut added = Event { id: Uuid::from_u128(1), seq: Some(recorded.seq + 1), ..events[a].clone() };
            added.prev_hash = recorded.hash;
            added.hash = Some(added.digest());
            events.push(added);
            return (recorded.seq + 1, "continued");
        }
        Tampering::RewriteFromHere => {
            events[a].payload = json!("forged");
            for n in a..events.len() {
                events[n].prev_hash = n.checked_sub(1).and_then(|before| events[before].hash.clone());
                events[n].hash = Some(events[n].digest());
            }
            return (head_of(events).seq, "rewritten");
        }
        Tampering::StrayAtZero => {
            events.push(Event { id: Uuid::from_u128(1), seq: Some(0), ..events[a].clone() });
            return (0, "stray");
        }
        Tampering::StrayWithoutSeq => {
            let next = head_of(events).seq + 1;
            events.push(Event { id: Uuid::from_u128(1), seq: None, ..events[a].clone() });
            return (next, "stray");
        }
        Tampering::NoHead => {
            *head = None;
            return (1, "orphaned");
        }
    }
    (seq_a, "edited")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_tampering_is_found_at_its_first_link_and_called_by_its_name(
        said in prop::collection::hash_set(".{0,12}", 2..9), how in tampering(), a in any::<prop::sample::Index>(),
        b in any::<prop::sample::Index>(),
    ) {
        let mut events = chain(&said.into_iter().collect::<Vec<_>>());
        let mut head = Some(head_of(&events));
        prop_assert_eq!(walk(&events, head.as_ref()), Ok(()));
        let swaps = format!("{how:?}").starts_with("Swap");
        let a = a.index(events.len() - usize::from(swaps));
        let b = a + 1 + b.index((events.len() - a - 1).max(1));
        let (seq, name) = tamper(&mut events, &mut head, how, a, b);
        let found = walk(&events, head.as_ref()).unwrap_err();
        let told = serde_json::to_value(&found).unwrap();
        prop_assert_eq!((found.seq, told["damage"].as_str().unwrap()), (seq, name), "{}", found.damage);
        match how {
            Tampering::Column(column) if !["actor_id", "created_at"].contains(&column) => {
                prop_assert_eq!(&told["column"], column);
            }
            Tampering::Payload | Tampering::Column(_) => prop_assert!(told["column"].is_null()),
            Tampering::Hash => prop_assert_eq!(&told["column"], "hash"),
            Tampering::PrevHash => prop_assert_eq!(&told["column"], "prev_hash"),
            Tampering::Ticket => prop_assert_eq!(&told["column"], "ticket_id"),
            _ if swaps => prop_assert_eq!(&told["with"], b + 1),
            _ => {}
        }
    }

    #[test]
    fn of_many_tamperings_the_first_broken_link_is_named(
        places in prop::collection::btree_set(0_usize..12, 1..5),
    ) {
        let mut events = chain(&vec!["word".to_owned(); 12]);
        let head = head_of(&events);
        for place in &places {
            events[*place].actor_id = "mallory".into();
        }
        let first = i64::try_from(*places.first().unwrap()).unwrap() + 1;
        prop_assert_eq!(walk(&events, Some(&head)).unwrap_err().seq, first);
    }
}

#[test]
fn an_empty_chain_is_whole_where_its_head_is_empty_too() {
    assert_eq!(walk(&[], Some(&Head::default())), Ok(()));
}

#[test]
fn a_row_that_is_no_event_breaks_its_chain_and_not_the_walk() {
    let events = chain(&["a".to_owned(), "b".to_owned()]);
    let mut walk = Walk::along(TICKET.to_string());
    walk.link(&events[0]);
    walk.unreadable(Some(2), events[1].id, "number out of range".to_owned());
    let found = walk.end(Some(&head_of(&events))).unwrap_err();
    assert_eq!((found.seq, found.event_id), (2, Some(events[1].id)));
    assert!(found.damage.to_string().contains("number out of range"));
}

#[test]
fn an_event_of_another_ticket_is_misplaced() {
    let mut events = chain(&["a".to_owned(), "b".to_owned()]);
    let head = head_of(&events);
    events[1] = Event { ticket_id: Some(Uuid::from_u128(8)), actor_id: "mallory".into(), ..events[1].clone() };
    let other = Damage::Misplaced { ticket_id: Some(Uuid::from_u128(8)) };
    assert_eq!(walk(&events, Some(&head)).unwrap_err().damage, other);
    events[1].hash = Some(events[1].digest());
    assert_eq!(walk(&events, Some(&head)).unwrap_err().damage, other);
}

#[test]
fn a_timeline_tells_whether_its_links_are_whole() {
    let events = chain(&["a", "b", "c"].map(str::to_owned));
    let timeline = |role: Role| {
        let mut told = crate::domain::view::timeline(TICKET, &events, role)["events"].take();
        told.as_array_mut().map(std::mem::take).unwrap_or_default()
    };
    let mut told = timeline(Role::Dispatcher);
    assert_eq!(finding(TICKET, &told), None);
    assert_eq!(finding(TICKET, &[]), None);
    // Events that other programs appended without a chain prove nothing, and break nothing.
    let mut stray = told[0].clone();
    stray["seq"] = Value::Null;
    told.push(stray);
    told.reverse();
    assert_eq!(finding(TICKET, &told), None);
    told.retain(|event| event["seq"] != 2);
    assert!(finding(TICKET, &told).unwrap().starts_with("link 2 of the audit chain is broken: missing"));
    let mut edited = timeline(Role::Dispatcher);
    edited[1]["payload"]["said"] = json!("B");
    assert!(finding(TICKET, &edited).unwrap().contains("edited"));
    edited[1]["actor_type"] = json!("NOBODY");
    assert!(finding(TICKET, &edited).unwrap().contains("cannot be read"));
    assert_eq!(finding(TICKET, &timeline(Role::Customer)), None, "what was hashed is left out");
}

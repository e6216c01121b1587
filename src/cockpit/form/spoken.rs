//! What a call says, as its form would say it.

use chrono_tz::Tz;
use serde_json::Value;

use super::difference::{Names, shown, ticket_in};
use super::{labels, time};
use crate::cockpit::envelope::{Envelope, Target};
use crate::cockpit::part::World;
use crate::domain::payload::Window;
use crate::domain::time::Timestamp;
use crate::text;

/// The zone of the ticket's site, where its case was read.
fn zone(envelope: &Envelope, world: &World<'_>) -> Option<Tz> {
    let Target::Ticket { id, .. } = &envelope.target else { return None };
    let selected = world.case.map(|case| &case.case).filter(|case| ticket_in(case, *id).is_some());
    let case = selected.or_else(|| world.known.case(*id).map(|case| &case.case))?;
    case.pointer("/site/timezone")?.as_str()?.parse().ok()
}

fn moment(value: &Value) -> Option<Timestamp> {
    value.as_str().and_then(Timestamp::parse)
}

fn window(value: &Value) -> Option<Window> {
    Some(Window { start: moment(value.get("start")?)?, end: moment(value.get("end")?)? })
}

/// The fields of a call by their labels. How to reach somebody is not among them.
pub fn spoken(envelope: &Envelope, world: &World<'_>) -> Vec<(String, String)> {
    let zone = zone(envelope, world).unwrap_or(Tz::UTC);
    let label = |name: &str| labels::find(name).map_or_else(|| labels::readable(name), |label| label.said.to_owned());
    let named = |at: Timestamp| at.utc().with_timezone(&zone).format("%Z").to_string();
    let of_window = |window: &Window| format!("{} {}", time::shown_window(window, zone), named(window.start));
    // What was picked has a name beside its id.
    let picked = |name: &str, value: &Value| {
        let kept = envelope.draft.as_ref()?.said.get("fields")?.get(name)?;
        kept.get("label").filter(|_| kept.get("value") == Some(value))?.as_str().map(str::to_owned)
    };
    let one = |name: &str, value: &Value| match (picked(name, value), moment(value), window(value)) {
        (Some(label), ..) => label,
        (_, Some(at), _) => format!("{} {}", time::shown(at, zone), named(at)),
        (.., Some(window)) => of_window(&window),
        _ => shown(name, value, &Names::new(), zone),
    };
    let whole = window(&envelope.payload);
    // The end of a window is told with its start.
    let is_silent = |name: &str| name.contains("phone") || name.contains("email") || whole.is_some() && name == "end";
    let fields = envelope.payload.as_object().into_iter().flatten();
    let fields = fields.filter(|(name, _)| !is_silent(name));
    fields
        .map(|(name, value)| {
            let said = match (whole.as_ref().filter(|_| name == "start"), value) {
                (Some(whole), _) => of_window(whole),
                (None, Value::Array(all)) => all.iter().map(|value| one(name, value)).collect::<Vec<_>>().join(", "),
                (None, value) => one(name, value),
            };
            (label(name), text::plain(&said).into_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cockpit::envelope::Draft;
    use crate::cockpit::form::testing::{self, Stage};
    use serde_json::json;
    use uuid::Uuid;

    fn said(payload: Value, is_known: bool) -> Vec<String> {
        let stage = if is_known { Stage::new() } else { Stage::without_case() };
        let draft = json!({"fields": {"tech_id": {"value": "t-wu", "label": "J. Wu"}}});
        let envelope = Envelope {
            request_id: Uuid::nil(),
            pressed_at: stage.now,
            tool: "schedule.confirm".to_owned(),
            target: Target::Ticket { id: testing::TICKET, number: "T-10423".to_owned() },
            payload,
            if_version: None,
            actor: stage.actor.clone(),
            upload: None,
            draft: Some(Box::new(Draft { form: String::new(), said: draft })),
        };
        spoken(&envelope, &stage.world()).into_iter().map(|(label, said)| format!("{label}: {said}")).collect()
    }

    #[test]
    fn a_call_is_told_in_the_words_of_its_form_and_the_sites_time() {
        let window = json!({"start": "2026-11-22T16:00:00.000Z", "end": "2026-11-22T18:00:00.000Z"});
        assert_eq!(said(window.clone(), true), ["Window: 2026-11-22 08:00 – 10:00 PST"]);
        assert_eq!(said(window.clone(), false), ["Window: 2026-11-22 16:00 – 18:00 UTC"]);
        assert_eq!(said(json!({"options": [window]}), true), ["Windows: 2026-11-22 08:00 – 10:00 PST"]);
        let call = json!({"tech_id": "t-wu", "nte_cents": 95_000, "timestamp": "2026-11-21T22:00:00.000Z",
            "dispatch_confirmation": true, "contact_phone": "+15105550142"});
        assert_eq!(
            said(call, true),
            ["Technician: J. Wu", "NTE: $950.00", "When: 2026-11-21 14:00 PST", "Bypass confirmed: yes"]
        );
    }
}

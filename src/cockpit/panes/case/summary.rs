//! What one has to know about a ticket, on one page.

use chrono_tz::Tz;
use ratatui::text::Line as Text;
use serde_json::Value;

use crate::cockpit::keymap::{Action, Scope};
use crate::cockpit::look::{ago, countdown, left, mark, said, sla_role, span, state_role, state_word, wrap};
use crate::cockpit::part::World;
use crate::cockpit::rows::Line;
use crate::cockpit::theme::Role;
use crate::domain::next::{self, Next};
use crate::domain::sla;
use crate::domain::state::State;
use crate::domain::time::Timestamp;
use crate::text::money;

/// Columns of the labels.
const LABEL: usize = 10;

struct Page<'a> {
    world: &'a World<'a>,
    width: usize,
    lines: Vec<Text<'static>>,
}

impl Page<'_> {
    fn row(&mut self, label: &str, text: &str, role: Role) {
        let room = self.width.saturating_sub(LABEL + 2).max(8);
        for (n, part) in wrap(text, room).into_iter().enumerate() {
            let label = if n == 0 { label } else { "" };
            self.lines.push(Text::from(vec![
                span(format!(" {} ", left(label, LABEL)), self.world.theme, Role::Muted),
                span(part, self.world.theme, role),
            ]));
        }
    }

    fn gap(&mut self) {
        if self.lines.last().is_some_and(|line| line.width() > 0) {
            self.lines.push(Text::default());
        }
    }
}

/// The zone of a site, as the case tells it.
pub fn zone(world: &World<'_>) -> Option<Tz> {
    world.case.and_then(|case| case.case["site"]["timezone"].as_str()).and_then(|name| name.parse().ok())
}

/// A moment at the site, or in UTC where its zone is not known.
pub fn at_site(at: Timestamp, zone: Option<Tz>) -> String {
    match zone {
        Some(zone) => at.utc().with_timezone(&zone).format("%a %d %b %H:%M %Z").to_string(),
        None => at.utc().format("%a %d %b %H:%M UTC").to_string(),
    }
}

/// Why the case could not be read when that was last tried.
fn trouble<'a>(world: &World<'a>) -> Option<&'a str> {
    let (ticket, why) = world.known.trouble.as_ref()?;
    world.row.is_some_and(|row| row.id == *ticket).then_some(why)
}

/// That a case is shown as it was, as it cannot be read again. Where the database is away, the banner says so.
pub fn not_read_again(world: &World<'_>) -> Option<String> {
    let (why, case) = (trouble(world)?, world.case.filter(|_| world.is_live)?);
    let read = case.case["generated_at"].as_str().and_then(Timestamp::parse);
    let old = read.map_or_else(|| "old".to_owned(), |read| format!("{} old", ago(read, world.now)));
    Some(format!("✗ Could not be read again, what is shown is {old}: {why}"))
}

/// Why there is no case to show.
pub fn not_read(world: &World<'_>) -> String {
    match trouble(world) {
        Some(why) => format!("The case could not be read: {why} It is tried again every few seconds."),
        None if world.is_live => "Reading the case …".to_owned(),
        None => "The case was not read yet, and the database does not answer.".to_owned(),
    }
}

/// Whether the closeout gate misses evidence other than the signature.
pub fn lacks_evidence(case: Option<&Value>) -> bool {
    let keys = case.and_then(|case| case["required_evidence"].as_array());
    keys.is_some_and(|keys| {
        keys.iter().any(|key| key["standing"] == "missing" && key["key"] != "signature_or_no_signature_reason")
    })
}

/// What comes next; none where that is not known before the case is read: what work in progress lacks.
pub fn next(world: &World<'_>, line: &Line) -> Option<Next> {
    let is_known = line.state != State::InProgress || world.case.is_some();
    let lacks = lacks_evidence(world.case.map(|case| &case.case));
    is_known.then(|| next::step(line.state, lacks, world.actor.role))
}

/// What comes next, as one says it.
fn next_words(world: &World<'_>, line: &Line) -> (String, Role) {
    let Some(next) = next(world, line) else {
        return ("known once its case is read".to_owned(), Role::Muted);
    };
    match next {
        Next::Mine(tool) => {
            let key = world.keymap.shown(Scope::Global, Action::NextStep);
            (format!("{key}  {}", tool.spec.summary.trim_end_matches('.')), Role::Key)
        }
        Next::Theirs(tool) => {
            let roles: Vec<&str> = tool.spec.roles.iter().map(|role| role.as_str()).collect();
            (format!("{}: the turn of {}", tool.spec.summary.trim_end_matches('.'), roles.join(" or ")), Role::Muted)
        }
        Next::Nothing(why) => (format!("nothing now: {why}"), Role::Muted),
    }
}

/// The page.
pub fn lines(world: &World<'_>, width: usize, shows_contact: bool) -> Vec<Text<'static>> {
    let Some(line) = world.row else { return Vec::new() };
    let mut page = Page { world, width, lines: Vec::new() };
    head(&mut page, line);
    let Some(case) = world.case else {
        page.gap();
        page.row("", &not_read(world), Role::Muted);
        return page.lines;
    };
    let case = &case.case;
    people(&mut page, case, shows_contact);
    job(&mut page, line, case);
    closeout(&mut page, case);
    page.lines
}

fn head(page: &mut Page<'_>, line: &Line) {
    let world = page.world;
    let delay = match sla::delay(line.state) {
        sla::Delay::Unknown => String::new(),
        on => format!("  (waits on the {on})"),
    };
    page.row("State", &format!("{}{delay}", state_word(line.state, 40)), state_role(line.state));
    let (next, role) = next_words(world, line);
    page.row("Next", &next, role);
    if let Some(entry) = world.known.calls.open().find(|entry| entry.envelope.ticket_id() == Some(line.id)) {
        page.row(
            "Running",
            &format!("↻ {} of {} ago", entry.envelope.tool, ago(entry.envelope.pressed_at, world.known.local)),
            Role::Accent,
        );
    }
    let others = world.known.present.as_ref().filter(|(ticket, _)| *ticket == line.id);
    if let Some((_, others)) = others.filter(|(_, others)| !others.is_empty()) {
        let names = others.iter().map(|other| {
            let what = if other.is_editing { "is working on it" } else { "has it open" };
            format!("{} ({}) {what}", other.actor_id, other.role)
        });
        page.row("Also here", &names.collect::<Vec<_>>().join(", "), Role::Warning);
    }
    let reading = line.reading(world.policy, world.now);
    let millis = line.deadline.millis() - line.clock_at(world.now).millis();
    let stands = if line.is_stopped() { ", the clock stands still" } else { "" };
    page.row(
        "Promise",
        &format!(
            "{} {}  by {}{stands}",
            mark(reading.status, line.is_stopped()),
            countdown(millis),
            at_site(line.deadline, zone(world))
        ),
        sla_role(reading.status, line.is_stopped()),
    );
    let kind = line.incident_type.as_deref().map_or_else(|| "not triaged yet".to_owned(), said);
    page.row("Job", &format!("{} · {kind}", line.priority), Role::Text);
}

fn people(page: &mut Page<'_>, case: &Value, shows_contact: bool) {
    let (ticket, place) = (&case["ticket"], &case["place"]);
    let word = |value: &Value| value.as_str().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    page.gap();
    let list = |values: &[&Value]| values.iter().filter_map(|value| word(value)).collect::<Vec<_>>().join(", ");
    page.row("Account", &word(&place["account_name"]).unwrap_or_else(|| "—".to_owned()), Role::Text);
    page.row("Site", &word(&place["site_name"]).unwrap_or_else(|| "—".to_owned()), Role::Text);
    let address =
        list(&[&place["address1"], &place["address2"], &place["city"], &place["region"], &place["postal_code"]]);
    page.row("", &address, Role::Muted);
    let contact = list(&[&ticket["customer_name"], &ticket["customer_phone"], &ticket["customer_email"]]);
    let access = word(&place["access_instructions"]);
    let key = page.world.keymap.shown(Scope::Global, Action::ShowContact);
    match (contact.is_empty(), shows_contact) {
        (true, _) => page.row("Contact", "nobody named", Role::Muted),
        (false, true) => page.row("Contact", &contact, Role::Text),
        (false, false) => page.row("Contact", &format!("hidden, {key} shows it"), Role::Muted),
    }
    match access {
        Some(text) if shows_contact => page.row("Access", &text, Role::Text),
        Some(_) => page.row("Access", &format!("hidden, {key} shows it"), Role::Muted),
        None => {}
    }
}

fn job(page: &mut Page<'_>, line: &Line, case: &Value) {
    let ticket = &case["ticket"];
    let zone = zone(page.world);
    page.gap();
    let moment = |value: &Value| value.as_str().and_then(Timestamp::parse);
    let window = match (moment(&ticket["scheduled_start"]), moment(&ticket["scheduled_end"])) {
        (Some(start), Some(end)) => {
            let end = zone.map_or_else(
                || end.utc().format("%H:%M").to_string(),
                |zone| end.utc().with_timezone(&zone).format("%H:%M").to_string(),
            );
            format!("{} to {end}", at_site(start, zone))
        }
        (Some(start), None) => at_site(start, zone),
        _ => "none yet".to_owned(),
    };
    page.row("Window", &window, Role::Text);
    let tech = case["place"]["technician_name"].as_str().or_else(|| ticket["assigned_tech_id"].as_str());
    page.row("Technician", tech.unwrap_or("nobody yet"), Role::Text);
    page.row("NTE", &money(ticket["nte_cents"].as_i64().unwrap_or_default()), Role::Text);
    for approval in case["open_approvals"].as_array().into_iter().flatten() {
        let amount = approval["amount_delta_cents"].as_i64().map(|cents| format!(" + {}", money(cents)));
        page.row(
            "Approval",
            &format!(
                "waits: {}{} · {}",
                said(approval["approval_type"].as_str().unwrap_or_default()),
                amount.unwrap_or_default(),
                approval["reason"].as_str().unwrap_or_default()
            ),
            Role::Warning,
        );
    }
    if ticket["requires_return_visit"] == true {
        page.row("Return", "a return visit is needed", Role::Warning);
    }
    page.row(
        "Opened",
        &format!("{} ago, {}", ago(line.created_at, page.world.now), at_site(line.created_at, zone)),
        Role::Muted,
    );
    if let Some(text) = ticket["description"].as_str().filter(|text| !text.trim().is_empty()) {
        page.gap();
        page.row("Told", text, Role::Text);
    }
}

fn closeout(page: &mut Page<'_>, case: &Value) {
    let keys = case["required_evidence"].as_array().map(Vec::as_slice).unwrap_or_default();
    if keys.is_empty() {
        return;
    }
    page.gap();
    let met = keys.iter().filter(|key| key["standing"] != "missing").count();
    let role = if met == keys.len() { Role::Success } else { Role::Warning };
    page.row("Proof", &format!("{met} of {} kinds of evidence are there", keys.len()), role);
    let missing: Vec<String> = keys
        .iter()
        .filter(|key| key["standing"] == "missing")
        .filter_map(|key| key["key"].as_str())
        .map(said)
        .collect();
    if !missing.is_empty() {
        page.row("Missing", &missing.join(", "), Role::Muted);
    }
}

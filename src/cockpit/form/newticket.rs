//! Beside a new ticket: what was done at its site before, and which open job it may be the same as.

use std::time::Duration;

use ratatui::text::{Line, Span};
use serde_json::Value;

use super::field::{Look, Took};
use crate::cockpit::effect::{Effect, Stamp};
use crate::cockpit::keymap::Action;
use crate::cockpit::look::ago;
use crate::cockpit::msg::Msg;
use crate::cockpit::part::{Ask, World};
use crate::cockpit::theme::Role;
use crate::domain::queue::{Filter, Row, Words};
use crate::domain::state::State;
use crate::domain::time::Timestamp;
use crate::text;

const REST: Duration = Duration::from_millis(300);
/// Jobs that are asked for, each time.
const LIMIT: u32 = 12;

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Question {
    Site,
    Phone,
    Summary,
}

/// Jobs that may matter to a new ticket.
#[derive(Debug, Default)]
pub struct Jobs {
    site: Option<String>,
    phone: String,
    summary: String,
    due: Option<(Stamp, Question)>,
    asked: Vec<(Stamp, Question)>,
    /// By question, newest answer.
    of_site: Vec<Row>,
    by_phone: Vec<Row>,
    by_summary: Vec<Row>,
    at: usize,
}

/// The words that say most: the two longest of four letters or more.
fn telling(summary: &str) -> Option<String> {
    let mut words: Vec<&str> =
        summary.split(|c: char| !c.is_alphanumeric()).filter(|word| word.chars().count() >= 4).collect();
    words.sort_by_key(|word| std::cmp::Reverse(word.chars().count()));
    words.truncate(2);
    (!words.is_empty()).then(|| words.join(" "))
}

fn digits(phone: &str) -> Option<String> {
    let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
    // The country's own digits may be missing on either side.
    (digits.len() >= 7).then(|| phone.trim().chars().take(60).collect())
}

fn states(all: &[State]) -> Words {
    Words::Many(all.iter().map(|state| state.as_str().to_owned()).collect())
}

const SAME_WORDS: &str = "same words";
const SAME_PHONE: &str = "same phone";
const AT_SITE: &str = "at this site";

/// A job, and why it is shown.
#[derive(Debug)]
struct Job<'a> {
    row: &'a Row,
    why: Vec<&'static str>,
}

impl Job<'_> {
    /// Whether two people may have called about one thing: at one site in the same words, or from one phone.
    fn may_be_the_same(&self) -> bool {
        let is = |why| self.why.contains(&why);
        !self.row.state.is_terminal() && (is(SAME_PHONE) || is(SAME_WORDS) && is(AT_SITE))
    }
}

impl Jobs {
    /// Takes the payload as far as it is; asks for what it newly says.
    pub fn follow(&mut self, body: &Value, world: &World<'_>) -> Vec<Ask> {
        let said = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut asks = Vec::new();
        let site = Some(said("site_id")).filter(|site| !site.is_empty());
        if site != self.site {
            self.site = site;
            self.of_site.clear();
            asks.extend(self.ask(Question::Site, world));
        }
        for (question, new) in [(Question::Phone, said("contact_phone")), (Question::Summary, said("summary"))] {
            let old = if question == Question::Phone { &mut self.phone } else { &mut self.summary };
            if *old != new {
                *old = new;
                let stamp = world.stamp();
                self.due = Some((stamp, question));
                asks.push(Ask::Effect(Effect::After { stamp, wait: REST }));
            }
        }
        asks
    }

    fn ask(&mut self, question: Question, world: &World<'_>) -> Option<Ask> {
        self.asked.retain(|(_, other)| *other != question);
        let Some(filter) = self.filter(question) else {
            // What was found by words that are gone is no answer to anything.
            self.found(question).clear();
            return None;
        };
        let stamp = world.stamp();
        self.asked.push((stamp, question));
        Some(Ask::Effect(Effect::List { stamp, filter, limit: LIMIT }))
    }

    /// What the database is asked; nothing where too little was said.
    fn filter(&self, question: Question) -> Option<Filter> {
        Some(match question {
            Question::Site => {
                let site_id = Some(Words::One(self.site.clone()?));
                Filter { site_id, state: Some(states(State::ALL)), ..Filter::default() }
            }
            Question::Phone => Filter { q: Some(digits(&self.phone)?), ..Filter::default() },
            Question::Summary => {
                Filter { q: Some(telling(&self.summary)?), state: Some(states(State::OPEN)), ..Filter::default() }
            }
        })
    }

    fn found(&mut self, question: Question) -> &mut Vec<Row> {
        match question {
            Question::Site => &mut self.of_site,
            Question::Phone => &mut self.by_phone,
            Question::Summary => &mut self.by_summary,
        }
    }

    pub fn hear(&mut self, msg: &Msg, world: &World<'_>) -> Took {
        match msg {
            Msg::Due { stamp } => match self.due {
                Some((due, question)) if due == *stamp => {
                    self.due = None;
                    // Both may have changed within one rest.
                    let other = if question == Question::Phone { Question::Summary } else { Question::Phone };
                    let asks = [question, other].map(|question| self.ask(question, world)).into_iter().flatten();
                    Took::used().asking(asks.collect())
                }
                _ => Took::nothing(),
            },
            Msg::Listed { stamp, outcome } => {
                let Some(at) = self.asked.iter().position(|(asked, _)| asked == stamp) else { return Took::nothing() };
                let (_, question) = self.asked.remove(at);
                *self.found(question) = outcome.as_ref().map_or_else(|_| Vec::new(), Vec::clone);
                self.at = self.at.min(self.shown().len().saturating_sub(1));
                Took::used()
            }
            _ => Took::nothing(),
        }
    }

    /// The jobs, each once, with why it is here: those that may be the same first, then open ones, then the site's.
    fn shown(&self) -> Vec<Job<'_>> {
        let mut all: Vec<Job<'_>> = Vec::new();
        let groups = [(&self.by_summary, SAME_WORDS), (&self.by_phone, SAME_PHONE), (&self.of_site, AT_SITE)];
        for (rows, why) in groups {
            for row in rows {
                match all.iter_mut().find(|job| job.row.ticket_id == row.ticket_id) {
                    Some(job) => job.why.push(why),
                    None => all.push(Job { row, why: vec![why] }),
                }
            }
        }
        // Of a site with many jobs only some were asked for.
        let is_near = |row: &Row| self.site.as_deref() == Some(row.site.id.to_string().as_str());
        for job in all.iter_mut().filter(|job| is_near(job.row) && !job.why.contains(&AT_SITE)) {
            job.why.push(AT_SITE);
        }
        all.sort_by_key(|job| {
            let (is_over, newest) = (job.row.state.is_terminal(), std::cmp::Reverse(job.row.created_at.millis()));
            (is_over, !job.may_be_the_same(), !job.why.contains(&AT_SITE), newest)
        });
        all.truncate(10);
        all
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by_summary.is_empty() && self.by_phone.is_empty() && self.of_site.is_empty()
    }

    pub fn press(&mut self, action: Option<Action>) -> Took {
        let count = self.shown().len();
        match action {
            Some(Action::Down) if self.at + 1 < count => {
                self.at += 1;
                Took::used()
            }
            Some(Action::Up) if self.at > 0 => {
                self.at -= 1;
                Took::used()
            }
            Some(Action::Enter) => Took::used().asking(self.go(self.at)),
            _ => Took::nothing(),
        }
    }

    /// Goes to a job instead; what was typed is kept.
    pub fn go(&self, at: usize) -> Vec<Ask> {
        let shown = self.shown();
        let Some(Job { row, .. }) = shown.get(at) else { return Vec::new() };
        vec![Ask::Select { id: row.ticket_id, number: row.number.clone() }, Ask::Close]
    }

    /// The jobs, a line each.
    pub fn lines(&self, look: &Look<'_>, now: Timestamp) -> Vec<Line<'static>> {
        let shown = self.shown();
        if shown.is_empty() {
            return Vec::new();
        }
        let open = shown.iter().filter(|job| !job.row.state.is_terminal()).count();
        let same = shown.iter().filter(|job| job.may_be_the_same()).count();
        let head = match (same, open) {
            (0, 0) => "Done here before".to_owned(),
            (0, _) => "Open work at this site, or in these words".to_owned(),
            (1, _) => "One open job may be the same".to_owned(),
            (same, _) => format!("{same} open jobs may be the same"),
        };
        let role = if same > 0 { Role::Warning } else { Role::Muted };
        let mut lines = vec![Line::styled(text::cut(&head, look.width).into_owned(), look.style(role))];
        lines.extend(shown.iter().enumerate().map(|(n, Job { row, why })| {
            let why = why.join(", ");
            let is_here = look.is_focused && n == self.at;
            let (sign, role) = match (is_here, row.state.is_terminal()) {
                (true, _) => ("› ", Role::Selection),
                (false, false) => ("  ", Role::Text),
                (false, true) => ("  ", Role::Muted),
            };
            let first = format!("{sign}{}  {}", text::plain(&row.number), row.state.as_str().replace('_', " "));
            let rest = format!("{} ago · {why} · {}", ago(row.created_at, now), text::plain(&row.summary));
            let room = look.width.saturating_sub(text::width(&first) + 2);
            Line::from(vec![
                Span::styled(text::cut(&first, look.width).into_owned(), look.style(role)),
                Span::styled(format!("  {}", text::cut(&rest, room)), look.style(Role::Muted)),
            ])
        }));
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cockpit::form::testing::{self, Stage};
    use crate::domain::policy::Bundle;
    use crate::domain::queue::RawRow;
    use crate::domain::words::Priority;
    use serde_json::json;
    use uuid::Uuid;

    fn row(n: u128, state: State) -> Row {
        let at = testing::now().plus_minutes(-60);
        let raw = RawRow {
            ticket_id: Uuid::from_u128(n),
            number: format!("T-{n}"),
            account_id: Uuid::nil(),
            account_name: "A".into(),
            state,
            priority: Priority::Urgent,
            incident_type: None,
            summary: "Door stuck".into(),
            site_id: Uuid::nil(),
            site_name: "S".into(),
            site_city: "C".into(),
            site_region: None,
            region_weight: 0,
            assigned_tech_id: None,
            assigned_tech_name: None,
            assigned_provider_id: None,
            scheduled_start: None,
            created_at: at,
            updated_at: at,
            last_event_at: None,
            last_transition_at: None,
            clock_stopped_at: None,
            sla_clock_start: at,
            version: 0,
            chain_seq: 1,
            change: String::new(),
        };
        raw.seen(testing::now(), &Bundle::embedded().policy, &Stage::new().actor)
    }

    fn answer(jobs: &mut Jobs, asks: &[Ask], rows: &[Row], stage: &Stage) {
        for ask in asks {
            if let Ask::Effect(Effect::List { stamp, .. }) = ask {
                let msg = Msg::Listed { stamp: *stamp, outcome: Ok(rows.to_vec()) };
                jobs.hear(&msg, &stage.world());
            }
        }
    }

    #[test]
    fn a_sites_history_and_likely_duplicates_are_listed_once_open_ones_first() {
        let stage = Stage::new();
        let mut jobs = Jobs::default();
        let asks = jobs.follow(&json!({"site_id": Uuid::from_u128(2).to_string()}), &stage.world());
        assert!(format!("{asks:?}").contains("CLOSED"), "{asks:?}");
        answer(&mut jobs, &asks, &[row(1, State::Closed), row(2, State::Triaged)], &stage);
        let body = json!({"site_id": Uuid::from_u128(2).to_string(), "summary": "The storefront door is stuck"});
        let asks = jobs.follow(&body, &stage.world());
        let Some(Ask::Effect(Effect::After { stamp, .. })) = asks.last() else { panic!("{asks:?}") };
        let asks = jobs.hear(&Msg::Due { stamp: *stamp }, &stage.world()).asks;
        assert!(format!("{asks:?}").contains("storefront stuck"), "{asks:?}");
        answer(&mut jobs, &asks, &[row(2, State::Triaged), row(3, State::New)], &stage);
        let shown: Vec<&str> = jobs.shown().iter().map(|job| job.row.number.as_str()).collect();
        assert_eq!(shown, ["T-2", "T-3", "T-1"]);
        jobs.press(Some(Action::Down));
        let asks = jobs.press(Some(Action::Enter)).asks;
        assert!(matches!(&asks[..], [Ask::Select { number, .. }, Ask::Close] if number == "T-3"), "{asks:?}");
        let look = Look { theme: &stage.theme, now: stage.now, width: 70, is_focused: true, has_error: false };
        assert_eq!(jobs.lines(&look, stage.now)[0].to_string(), "One open job may be the same");
        assert!(jobs.lines(&look, stage.now)[1].to_string().contains("same words, at this site"));
    }

    #[test]
    fn what_was_found_by_a_phone_goes_with_the_phone() {
        let stage = Stage::new();
        let mut jobs = Jobs::default();
        let mut says = |phone: &str| {
            let asks = jobs.follow(&json!({"contact_phone": phone}), &stage.world());
            let Some(Ask::Effect(Effect::After { stamp, .. })) = asks.last() else { panic!("{asks:?}") };
            let asks = jobs.hear(&Msg::Due { stamp: *stamp }, &stage.world()).asks;
            answer(&mut jobs, &asks, &[row(7, State::New)], &stage);
            jobs.shown().len()
        };
        assert_eq!([says("510 555-0142"), says("510")], [1, 0]);
    }

    #[test]
    fn a_phone_is_asked_for_once_it_has_digits_enough() {
        assert_eq!(digits("555"), None);
        assert_eq!(digits(" 510 555-0142 ").as_deref(), Some("510 555-0142"));
        assert_eq!(telling("a b c"), None);
    }
}

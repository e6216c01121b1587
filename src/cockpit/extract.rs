//! A list as a file or the clipboard holds it: CSV for a spreadsheet, JSON for a program.

use serde_json::{Map, Value};

use super::rows::{Line, Snapshot};
use crate::domain::policy::Policy;
use crate::domain::time::Timestamp;

/// How a file holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Csv,
    Json,
}

impl Format {
    /// The end of a file's name.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
        }
    }
}

/// A list as it stood at a moment, in the order in which it was shown.
#[derive(Debug, Clone, PartialEq)]
pub enum Extract {
    /// The queue; its clocks are read by the policy.
    Queue { lines: Snapshot, policy: Box<Policy>, at: Timestamp },
    /// Events, as the timeline tells them.
    Timeline(Vec<Value>),
    /// Evidence, as the case lists it.
    Evidence(Vec<Value>),
}

const QUEUE: [&str; 13] = [
    "number",
    "state",
    "priority",
    "sla_status",
    "sla_deadline_at",
    "incident_type",
    "summary",
    "site",
    "city",
    "region",
    "account",
    "technician",
    "scheduled_start",
];
/// Columns, and where in an event they stand.
const TIMELINE: [(&str, &str); 11] = [
    ("seq", "/seq"),
    ("created_at", "/created_at"),
    ("actor_type", "/actor_type"),
    ("actor_id", "/actor_id"),
    ("actor_role", "/actor_role"),
    ("tool_name", "/tool_name"),
    ("before_state", "/before_state"),
    ("after_state", "/after_state"),
    ("request_id", "/request_id"),
    ("correlation_id", "/correlation_id"),
    ("hash", "/hash"),
];
const EVIDENCE: [(&str, &str); 8] = [
    ("id", "/id"),
    ("kind", "/kind"),
    ("evidence_key", "/metadata/evidence_key"),
    ("uri", "/uri"),
    ("checksum", "/checksum"),
    ("is_immutable", "/is_immutable"),
    ("created_by", "/created_by"),
    ("created_at", "/created_at"),
];

type Cells = Vec<Option<String>>;

impl Extract {
    /// What the list is called.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Queue { .. } => "queue",
            Self::Timeline(_) => "timeline",
            Self::Evidence(_) => "evidence",
        }
    }

    /// How many rows it has.
    pub fn many(&self) -> usize {
        match self {
            Self::Queue { lines, .. } => lines.len(),
            Self::Timeline(rows) | Self::Evidence(rows) => rows.len(),
        }
    }

    /// What a file holds. Takes its time over many rows, so not where a screen waits.
    pub fn content(&self, format: Format) -> Result<Vec<u8>, String> {
        match format {
            Format::Csv => self.csv(usize::MAX).map(|(bytes, _)| bytes).map_err(|error| error.to_string()),
            Format::Json => Ok(self.json()),
        }
    }

    /// CSV of the first rows, of so many bytes at most, and how many rows that are.
    pub fn first(&self, most: usize) -> Result<(String, usize), String> {
        let (bytes, many) = self.csv(most).map_err(|error| error.to_string())?;
        String::from_utf8(bytes).map(|text| (text, many)).map_err(|error| error.to_string())
    }

    fn csv(&self, most: usize) -> csv::Result<(Vec<u8>, usize)> {
        let record = |cells: Vec<String>| -> csv::Result<Vec<u8>> {
            let mut csv = csv::Writer::from_writer(Vec::new());
            csv.write_record(cells)?;
            csv.into_inner().map_err(|error| error.into_error().into())
        };
        let mut bytes = record(self.columns().map(str::to_owned).collect())?;
        let mut many = 0;
        for cells in self.rows() {
            let row = record(cells.into_iter().map(|cell| harmless(cell.unwrap_or_default())).collect())?;
            if row.len() > most.saturating_sub(bytes.len()) {
                break;
            }
            bytes.extend(row);
            many += 1;
        }
        Ok((bytes, many))
    }

    /// A list with an object on each line.
    fn json(&self) -> Vec<u8> {
        let mut text = String::from("[\n");
        for (n, cells) in self.rows().enumerate() {
            let values = cells.into_iter().map(|cell| cell.map_or(Value::Null, Value::String));
            let object: Map<_, _> = self.columns().map(str::to_owned).zip(values).collect();
            text.push_str(if n > 0 { ",\n" } else { "" });
            text.push_str(&Value::Object(object).to_string());
        }
        text.push_str("\n]\n");
        text.into_bytes()
    }

    fn columns(&self) -> Box<dyn Iterator<Item = &'static str>> {
        match self {
            Self::Queue { .. } => Box::new(QUEUE.into_iter()),
            Self::Timeline(_) => Box::new(TIMELINE.into_iter().map(|(name, _)| name)),
            Self::Evidence(_) => Box::new(EVIDENCE.into_iter().map(|(name, _)| name)),
        }
    }

    fn rows(&self) -> Box<dyn Iterator<Item = Cells> + '_> {
        match self {
            Self::Queue { lines, policy, at } => Box::new(lines.iter().map(|line| of_line(line, policy, *at))),
            Self::Timeline(events) => Box::new(events.iter().map(|event| of_record(event, &TIMELINE))),
            Self::Evidence(items) => Box::new(items.iter().map(|item| of_record(item, &EVIDENCE))),
        }
    }
}

fn of_line(line: &Line, policy: &Policy, at: Timestamp) -> Cells {
    vec![
        Some(line.number.to_string()),
        Some(line.state.to_string()),
        Some(line.priority.to_string()),
        Some(line.reading(policy, at).status.to_string()),
        Some(line.deadline.to_string()),
        line.incident_type.as_deref().map(str::to_owned),
        Some(line.summary.to_string()),
        Some(line.site.name.clone()),
        Some(line.site.city.clone()),
        line.site.region.clone(),
        Some(line.account.name.clone()),
        line.tech.as_ref().map(|tech| tech.name.clone()),
        line.scheduled_start.map(|at| at.to_string()),
    ]
}

fn of_record(record: &Value, columns: &[(&str, &str)]) -> Cells {
    let cell = |value: &Value| match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    columns.iter().map(|(_, path)| record.pointer(path).and_then(cell)).collect()
}

/// What a spreadsheet would take for a formula is made text.
fn harmless(value: String) -> String {
    if value.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{value}") } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cockpit::rows::Rows;
    use crate::cockpit::tests::fixture::{case, morning, noon, rows};
    use crate::domain::policy::Bundle;

    fn queue() -> Extract {
        let (mut known, policy) = (Rows::default(), Box::new(Bundle::embedded().policy.clone()));
        known.take(rows(&morning()), &policy, noon());
        let lines = known.snapshot(known.order().to_vec(), Vec::new());
        Extract::Queue { lines, policy, at: noon() }
    }

    #[test]
    fn a_programs_file_is_one_list_and_says_what_is_not_known() {
        let content = queue().content(Format::Json).unwrap();
        let read: Vec<Value> = serde_json::from_slice(&content).unwrap();
        assert_eq!(read.len(), morning().len());
        assert!(read.iter().all(|row| row.as_object().unwrap().len() == QUEUE.len()));
        assert!(read.iter().any(|row| row["technician"].is_null()));
        let empty = Extract::Evidence(Vec::new()).content(Format::Json).unwrap();
        assert_eq!(serde_json::from_slice::<Vec<Value>>(&empty).unwrap(), Vec::<Value>::new());
    }

    #[test]
    fn a_spreadsheets_file_has_a_heading_and_the_same_rows_in_the_same_order() {
        let content = queue().content(Format::Csv).unwrap();
        let mut read = csv::Reader::from_reader(content.as_slice());
        assert_eq!(read.headers().unwrap(), QUEUE.as_slice());
        let numbers: Vec<String> = read.records().map(|record| record.unwrap()[0].to_owned()).collect();
        let Extract::Queue { lines, .. } = queue() else { panic!() };
        assert_eq!(numbers, lines.iter().map(|line| line.number.to_string()).collect::<Vec<_>>());
    }

    #[test]
    fn the_case_has_lists_too() {
        let case = case(&morning()[0]);
        let told = |extract: &Extract| String::from_utf8(extract.content(Format::Csv).unwrap()).unwrap();
        let timeline = told(&Extract::Timeline(case.events.clone()));
        assert!(timeline.contains(",ticket.triage,NEW,TRIAGED,"), "{timeline}");
        let items = case.case["evidence"].as_array().cloned().unwrap();
        let evidence = told(&Extract::Evidence(items));
        assert!(evidence.contains(",PHOTO,photo_before_security_risk,s3://jobs/before.jpg,"), "{evidence}");
    }

    #[test]
    fn of_what_is_too_long_for_the_clipboard_the_first_rows_are_taken_whole() {
        let (all, many) = queue().first(usize::MAX).unwrap();
        assert_eq!(many, morning().len());
        let (part, fewer) = queue().first(all.len() - 1).unwrap();
        assert_eq!(fewer, many - 1);
        assert!(all.starts_with(&part) && part.ends_with('\n'));
    }

    #[test]
    fn no_cell_is_a_formula() {
        assert_eq!(harmless("=HYPERLINK(1)".to_owned()), "'=HYPERLINK(1)");
        assert_eq!(harmless("Main St".to_owned()), "Main St");
    }
}

//! Rows of the queue as a file holds them: CSV for a spreadsheet, JSON for a program.

use serde_json::{Map, Value};

use super::rows::Line;
use crate::domain::policy::Policy;
use crate::domain::time::Timestamp;

/// How a file holds them.
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

/// Rows as they stood at a moment, in the order in which they were shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Extract {
    pub format: Format,
    pub lines: Vec<Line>,
    /// By which the clocks are read.
    pub policy: Policy,
    pub at: Timestamp,
}

const COLUMNS: [&str; 13] = [
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

impl Extract {
    /// What the file holds. Takes its time over many rows, so not where a screen waits.
    pub fn content(&self) -> Result<Vec<u8>, String> {
        match self.format {
            Format::Csv => self.csv().map_err(|error| error.to_string()),
            Format::Json => Ok(self.json()),
        }
    }

    fn csv(&self) -> csv::Result<Vec<u8>> {
        let mut csv = csv::Writer::from_writer(Vec::new());
        csv.write_record(COLUMNS)?;
        for line in &self.lines {
            csv.write_record(self.values(line).map(|value| harmless(value.unwrap_or_default())))?;
        }
        csv.into_inner().map_err(|error| error.into_error().into())
    }

    /// A list with an object on each line.
    fn json(&self) -> Vec<u8> {
        let objects = self.lines.iter().map(|line| {
            let values = self.values(line).map(|value| value.map_or(Value::Null, Value::String));
            Value::Object(COLUMNS.map(str::to_owned).into_iter().zip(values).collect::<Map<_, _>>()).to_string()
        });
        format!("[\n{}\n]\n", objects.collect::<Vec<_>>().join(",\n")).into_bytes()
    }

    fn values(&self, line: &Line) -> [Option<String>; 13] {
        [
            Some(line.number.to_string()),
            Some(line.state.to_string()),
            Some(line.priority.to_string()),
            Some(line.reading(&self.policy, self.at).status.to_string()),
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
}

/// What a spreadsheet would take for a formula is made text.
fn harmless(value: String) -> String {
    if value.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{value}") } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cockpit::rows::Rows;
    use crate::cockpit::tests::fixture::{morning, noon, rows};
    use crate::domain::policy::Bundle;

    fn extract(format: Format) -> Extract {
        let (mut known, policy) = (Rows::default(), Bundle::embedded().policy.clone());
        known.take(rows(&morning()), &policy, noon());
        let lines = known.order().iter().filter_map(|slot| known.line(*slot).cloned()).collect();
        Extract { format, lines, policy, at: noon() }
    }

    #[test]
    fn a_programs_file_is_one_list_and_says_what_is_not_known() {
        let content = extract(Format::Json).content().unwrap();
        let read: Vec<Value> = serde_json::from_slice(&content).unwrap();
        assert_eq!(read.len(), morning().len());
        assert!(read.iter().all(|row| row.as_object().unwrap().len() == COLUMNS.len()));
        assert!(read.iter().any(|row| row["technician"].is_null()));
        let empty = Extract { lines: Vec::new(), ..extract(Format::Json) };
        assert_eq!(serde_json::from_slice::<Vec<Value>>(&empty.content().unwrap()).unwrap(), Vec::<Value>::new());
    }

    #[test]
    fn a_spreadsheets_file_has_a_heading_and_the_same_rows_in_the_same_order() {
        let (content, lines) = (extract(Format::Csv).content().unwrap(), extract(Format::Csv).lines);
        let mut read = csv::Reader::from_reader(content.as_slice());
        assert_eq!(read.headers().unwrap(), COLUMNS.as_slice());
        let numbers: Vec<String> = read.records().map(|record| record.unwrap()[0].to_owned()).collect();
        assert_eq!(numbers, lines.iter().map(|line| line.number.to_string()).collect::<Vec<_>>());
    }

    #[test]
    fn no_cell_is_a_formula() {
        assert_eq!(harmless("=HYPERLINK(1)".to_owned()), "'=HYPERLINK(1)");
        assert_eq!(harmless("Main St".to_owned()), "Main St");
    }
}

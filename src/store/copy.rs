//! New tickets in bulk: the rows of many calls in COPY's text format, sent table by table in one
//! transaction. Triggers, constraints and indexes see each row as they would from a single call.

use std::io;

use serde::Serialize;
use serde_json::Value;
use sqlx::Connection;

use super::columns::{ANSWER, APPROVAL, ARTIFACT, COMPLETION, EVENT, EVIDENCE, OUTBOX, QA_RESULT, STEP, TICKET};
use super::persist::{Write, evidence_row};
use super::{Store, StoreError};
use crate::domain::canonical::to_value;

/// What a batch is sent in, in bytes: large enough to cost few system calls, small enough to be
/// read while the next part is on its way.
const PART: usize = 256 * 1024;

/// Rows of one table, as COPY reads them.
#[derive(Debug)]
struct Rows {
    statement: String,
    lines: Vec<u8>,
}

/// Everything that is written together for tickets that do not exist yet.
#[derive(Debug, Default)]
pub struct Batch {
    tables: Vec<Rows>,
    tickets: usize,
}

impl Batch {
    /// The rows of a write that makes new tickets and changes no other.
    pub fn of(write: &Write) -> Self {
        let mut batch = Self { tables: Vec::with_capacity(10), tickets: write.tickets.len() };
        // Tickets first: the others refer to them.
        batch.add("tickets", TICKET, &write.tickets, to_value);
        batch.add("audit_events", EVENT, &write.events, to_value);
        batch.add("ticket_state_transitions", STEP, &write.steps, Value::clone);
        batch.add("idempotency_keys", ANSWER, &write.answers, Value::clone);
        batch.add("dispatch_outbox", OUTBOX, &write.outbox, Value::clone);
        batch.add("evidence_items", EVIDENCE, &write.evidence, evidence_row);
        batch.add("approvals", APPROVAL, &write.approvals_opened, to_value);
        batch.add("completions", COMPLETION, &write.completions, to_value);
        batch.add("qa_results", QA_RESULT, &write.qa_results, to_value);
        batch.add("closeout_artifacts", ARTIFACT, &write.artifacts, to_value);
        batch
    }

    /// How many tickets it makes.
    pub fn tickets(&self) -> usize {
        self.tickets
    }

    fn add<T: Serialize>(&mut self, table: &str, columns: &[(&str, &str)], rows: &[T], value: impl Fn(&T) -> Value) {
        if rows.is_empty() {
            return;
        }
        let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
        let mut lines = Vec::with_capacity(rows.len() * 64 * columns.len());
        for row in rows {
            write_line(&mut lines, columns, &value(row));
        }
        self.tables.push(Rows { statement: format!("COPY {table} ({}) FROM STDIN", names.join(", ")), lines });
    }
}

/// A row: its columns with tabs between, and a line end.
fn write_line(out: &mut Vec<u8>, columns: &[(&str, &str)], row: &Value) {
    for (n, (name, kind)) in columns.iter().enumerate() {
        if n > 0 {
            out.push(b'\t');
        }
        match row.get(*name) {
            None | Some(Value::Null) => out.extend_from_slice(b"\\N"),
            // A text is itself, unless the column holds JSON, in which a text is quoted.
            Some(Value::String(text)) if *kind != "jsonb" => escape(out, text.as_bytes()),
            // Writing to memory cannot fail.
            Some(value) => drop(serde_json::to_writer(Escaped(out), value)),
        }
    }
    out.push(b'\n');
}

/// What goes through here is escaped for COPY.
struct Escaped<'a>(&'a mut Vec<u8>);

impl io::Write for Escaped<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        escape(self.0, bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Adds bytes with the four that mean something to COPY escaped.
fn escape(out: &mut Vec<u8>, bytes: &[u8]) {
    let mut plain = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let letter = match byte {
            b'\\' => b'\\',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            _ => continue,
        };
        out.extend_from_slice(&bytes[plain..at]);
        out.extend_from_slice(&[b'\\', letter]);
        plain = at + 1;
    }
    out.extend_from_slice(&bytes[plain..]);
}

impl Store {
    /// Writes a batch, whole or not at all.
    pub async fn copy(&self, batch: &Batch) -> Result<(), StoreError> {
        let mut connection = self.pool.acquire().await?;
        let mut transaction = connection.begin().await?;
        for rows in &batch.tables {
            let mut copy = transaction.copy_in_raw(&rows.statement).await?;
            for part in rows.lines.chunks(PART) {
                copy.send(part).await?;
            }
            copy.finish().await?;
        }
        Ok(transaction.commit().await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn line(columns: &[(&str, &str)], row: &Value) -> String {
        let mut out = Vec::new();
        write_line(&mut out, columns, row);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn columns_stand_in_their_order_with_nothing_for_null_or_absent() {
        let columns = [("b", "text"), ("a", "bigint"), ("c", "boolean"), ("d", "text"), ("e", "jsonb")];
        let row = json!({"a": -7, "b": "\\N", "c": true, "d": null, "x": 1});
        assert_eq!(line(&columns, &row), "\\\\N\t-7\ttrue\t\\N\t\\N\n");
    }

    #[test]
    fn what_means_something_to_copy_is_escaped_and_all_else_is_itself() {
        let columns = [("t", "text")];
        assert_eq!(line(&columns, &json!({"t": "a\tb\nc\r\\d\u{b}\u{202e}é"})), "a\\tb\\nc\\r\\\\d\u{b}\u{202e}é\n");
        assert_eq!(line(&columns, &json!({"t": ""})), "\n");
        assert_eq!(line(&columns, &json!({"t": "\\."})), "\\\\.\n", "no end of data");
    }

    #[test]
    fn json_is_escaped_once_more_and_kept_json_is_taken_as_it_is() {
        let columns = [("j", "jsonb"), ("k", "json")];
        let row = json!({"j": {"a": "x\ny\"\\"}, "k": "{\"b\": \"\\n\"}"});
        assert_eq!(line(&columns, &row), "{\"a\":\"x\\\\ny\\\\\"\\\\\\\\\"}\t{\"b\": \"\\\\n\"}\n");
        assert_eq!(line(&columns[..1], &json!({"j": "text"})), "\"text\"\n");
    }
}

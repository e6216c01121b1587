//! A write put together: common table expressions, and the values bound to them.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::domain::canonical::to_value;
use crate::domain::time::Timestamp;

/// Up to so many rows are bound value by value, which the server reads much faster than JSON; the
/// texts of statements for one call stay few. Batches are bound as one JSON array.
const FEW: usize = 3;

/// A statement in the making: common table expressions and what is bound to them.
#[derive(Default)]
pub(super) struct Statement {
    pub(super) parts: Vec<String>,
    pub(super) bound: Vec<Bound>,
}

/// A value for the server, in a type that it need not convert; the rest is text that the
/// statement casts.
pub(super) enum Bound {
    Uuid(Option<Uuid>),
    Time(Option<DateTime<Utc>>),
    Big(Option<i64>),
    Bool(Option<bool>),
    Text(Option<String>),
}

impl Bound {
    /// A value as a column of this type takes it.
    fn of(value: Value, kind: &str) -> Self {
        match kind {
            "uuid" => Self::Uuid(value.as_str().and_then(|text| Uuid::try_parse(text).ok())),
            "timestamptz" => Self::Time(value.as_str().and_then(Timestamp::parse).map(Timestamp::utc)),
            "bigint" => Self::Big(value.as_i64()),
            "boolean" => Self::Bool(value.as_bool()),
            _ => Self::Text(match value {
                Value::Null => None,
                Value::String(text) if kind != "jsonb" => Some(text),
                other => Some(other.to_string()),
            }),
        }
    }
}

impl Statement {
    /// Binds a value and gives its number.
    pub(super) fn bind(&mut self, value: Bound) -> usize {
        self.bound.push(value);
        self.bound.len()
    }

    /// Binds rows as JSON and gives the placeholder.
    pub(super) fn rows(&mut self, rows: &impl Serialize) -> String {
        format!("${}::json", self.bind(Bound::Text(Some(to_value(rows).to_string()))))
    }

    /// Binds rows and gives a source of them named `r`, typed as `columns` says.
    pub(super) fn source(&mut self, columns: &[(&str, &str)], rows: &[impl Serialize]) -> String {
        if rows.len() > FEW {
            let types: Vec<String> = columns.iter().map(|(name, kind)| format!("{name} {}", read_as(kind))).collect();
            return format!("json_to_recordset({}) AS r({})", self.rows(&rows), types.join(", "));
        }
        let mut sql = String::from("(VALUES ");
        for (n, row) in rows.iter().enumerate() {
            let mut row = to_value(row);
            sql.push_str(if n == 0 { "(" } else { "), (" });
            for (m, (name, kind)) in columns.iter().enumerate() {
                let number = self.bind(Bound::of(row[*name].take(), kind));
                sql.extend([if m == 0 { "$" } else { ", $" }, &number.to_string(), "::", read_as(kind)]);
            }
        }
        let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
        format!("{sql})) AS r({})", names.join(", "))
    }

    /// Adds an insert of rows, typed as `columns` says, that happens only behind the guard; gives
    /// it to whoever has something to add to it.
    pub(super) fn insert(
        &mut self,
        table: &str,
        columns: &[(&str, &str)],
        rows: &[impl Serialize],
    ) -> Option<&mut String> {
        if rows.is_empty() {
            return None;
        }
        let source = self.source(columns, rows);
        let (names, values) = insertion(columns);
        self.parts.push(format!(
            "INSERT INTO {table} ({names}) SELECT {values} FROM {source} WHERE EXISTS (SELECT FROM guard)"
        ));
        self.parts.last_mut()
    }
}

/// The names of columns, and where an insert takes them from.
pub(super) fn insertion(columns: &[(&str, &str)]) -> (String, String) {
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let values: Vec<String> = columns
        .iter()
        .map(|(name, kind)| if *kind == "json" { format!("r.{name}::json") } else { format!("r.{name}") })
        .collect();
    (names.join(", "), values.join(", "))
}

/// Kept as json text, so that a replay gives the same bytes: read as text, then cast.
fn read_as(kind: &str) -> &str {
    if kind == "json" { "text" } else { kind }
}

//! From a payload's schema to the fields of its form.

use serde_json::{Map, Value};

use super::field::Control;
use super::field::choice::Choice;
use super::field::file::File;
use super::field::hours::Hours;
use super::field::json::Json;
use super::field::line::Line;
use super::field::local::Local;
use super::field::moment::Moment;
use super::field::money::Money;
use super::field::number::Number;
use super::field::pick::{Pick, Source};
use super::field::records::Records;
use super::field::text::Text;
use super::field::ticks::{Of, Ticks};
use super::field::window::Window;
use super::field::windows::Windows;
use super::field::words::Words;
use super::labels::{self, Label, Special};
use crate::domain::directory::Kind;

/// Texts longer than this are written on several lines.
const ONE_LINE: usize = 500;

/// A field of a form.
#[derive(Debug)]
pub struct Field {
    /// The fields of the payload that it fills: its own, or the start and end of a window.
    pub names: Vec<String>,
    pub label: String,
    pub hint: String,
    pub is_required: bool,
    pub begins_with: Option<&'static str>,
    pub control: Box<dyn Control>,
    /// Whether the focus was here and went on: only then are errors shown.
    pub was_left: bool,
    /// What the engine said of it.
    pub refused: Option<String>,
}

impl Field {
    pub fn name(&self) -> &str {
        self.names.first().map_or("", String::as_str)
    }

    /// Whether a place in the payload, as a pointer or a path, is in this field.
    pub fn holds(&self, path: &str) -> bool {
        let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
        self.names.iter().any(|name| name == first)
    }
}

/// The fields of a payload, required ones first.
pub fn fields(schema: &Value, kind: Option<Kind>) -> Vec<Field> {
    let empty = Map::new();
    let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&empty);
    let required: Vec<&str> =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let is_moment = |name: &str| properties.get(name).is_some_and(|property| has_format(property, "date-time"));
    let has_window = is_moment("start") && is_moment("end");
    let mut fields: Vec<(u8, Field)> = Vec::new();
    for (name, property) in properties {
        if has_window && name == "end" {
            continue;
        }
        let is_pair = has_window && name == "start";
        let label = labels::find(name);
        let is_technician = kind == Some(Kind::Technicians) && name == "id";
        let is_required = required.contains(&name.as_str()) || is_technician;
        let control: Box<dyn Control> = if is_pair {
            Box::new(Window::new(is_required))
        } else {
            control(name, property, label, is_required, kind)
        };
        let names = if is_pair { vec![name.clone(), "end".to_owned()] } else { vec![name.clone()] };
        let hint = match label.map(|label| label.hint).filter(|hint| !hint.is_empty()) {
            _ if is_technician => "an existing id changes it, another adds one".to_owned(),
            // What nothing means is the schema's to say.
            Some(hint) if name.ends_with("_cents") && property.get("description").is_some() => {
                format!("{hint}; {}", first_sentence(property).to_lowercase())
            }
            Some(hint) => hint.to_owned(),
            None => first_sentence(property),
        };
        let rank = match label {
            Some(Label { special: Some(Special::Existing), .. }) => 0,
            _ if is_required => 1,
            Some(label) if label.is_late => 3,
            _ => 2,
        };
        let field = Field {
            names,
            label: match label {
                _ if is_technician => "Id".to_owned(),
                Some(label) => label.said.to_owned(),
                None => labels::readable(name),
            },
            hint,
            is_required,
            begins_with: label.and_then(|label| label.begins_with),
            control,
            was_left: false,
            refused: None,
        };
        fields.push((rank, field));
    }
    fields.sort_by_key(|(rank, _)| *rank);
    fields.into_iter().map(|(_, field)| field).collect()
}

/// What the schema says of a field, as a hint.
fn first_sentence(property: &Value) -> String {
    let said = property.get("description").and_then(Value::as_str).unwrap_or_default();
    let said = said.split(". ").next().unwrap_or_default().trim_end_matches('.');
    // Names of a page of the contract help nobody here.
    if said.contains("CONTRACT") { String::new() } else { said.to_owned() }
}

fn has_format(property: &Value, format: &str) -> bool {
    property.get("format").and_then(Value::as_str) == Some(format)
}

fn has_type(property: &Value, wanted: &str) -> bool {
    match property.get("type") {
        Some(Value::String(one)) => one == wanted,
        Some(Value::Array(any)) => any.iter().any(|one| one == wanted),
        _ => false,
    }
}

fn bound(property: &Value, name: &str, otherwise: usize) -> usize {
    property.get(name).and_then(Value::as_u64).and_then(|most| usize::try_from(most).ok()).unwrap_or(otherwise)
}

fn control(
    name: &str,
    property: &Value,
    label: Option<&Label>,
    is_required: bool,
    kind: Option<Kind>,
) -> Box<dyn Control> {
    let most = bound(property, "maxLength", ONE_LINE);
    let is_text = has_type(property, "string");
    let pick = |source, is_free| -> Box<dyn Control> { Box::new(Pick::new(source, is_free, most)) };
    match label.and_then(|label| label.special) {
        Some(Special::Record(kind)) if is_text => return pick(Source::Records(Records::new(kind)), false),
        Some(Special::Technician) if is_text => return pick(Source::Records(Records::for_job()), false),
        Some(Special::Existing) if is_text => {
            if let Some(kind) = kind {
                return pick(Source::Records(Records::new(kind)), kind == Kind::Technicians);
            }
        }
        Some(Special::Approval) if is_text => return pick(Source::Local(Local::Approvals), false),
        Some(Special::IncidentType) if is_text => return pick(Source::Local(Local::IncidentTypes), true),
        Some(Special::EvidenceKey) if is_text => return pick(Source::Local(Local::EvidenceKeys), true),
        Some(Special::EvidenceKind) if is_text => return pick(Source::Local(Local::EvidenceKinds), true),
        Some(Special::Checklist) if has_type(property, "object") => return Box::new(Ticks::new(Of::Checklist)),
        Some(Special::EvidenceRefs) if has_type(property, "array") => return Box::new(Ticks::new(Of::Evidence)),
        Some(Special::File) if is_text => return Box::new(File::new(most)),
        Some(Special::Hours) if has_type(property, "array") => return Box::new(Hours::field()),
        _ => {}
    }
    by_schema(name, property, is_required)
}

/// The kind of field that fits a schema, whatever it is called.
fn by_schema(name: &str, property: &Value, is_required: bool) -> Box<dyn Control> {
    let words: Option<Vec<&str>> =
        property.get("enum").and_then(Value::as_array).map(|words| words.iter().filter_map(Value::as_str).collect());
    if let Some(words) = words {
        return Box::new(Choice::words(&words, is_required));
    }
    if has_type(property, "boolean") {
        return Box::new(Choice::tick(is_required));
    }
    if has_type(property, "integer") {
        if name.ends_with("_cents") {
            return Box::new(Money::field());
        }
        let bound = |name: &str, otherwise| property.get(name).and_then(Value::as_i64).unwrap_or(otherwise);
        return Box::new(Number::field(bound("minimum", i64::MIN), bound("maximum", i64::MAX)));
    }
    if has_type(property, "array") {
        let items = property.get("items").unwrap_or(&Value::Null);
        if is_window(items) {
            return Box::new(Windows::new(bound(property, "maxItems", 200)));
        }
        return if has_type(items, "string") { Box::new(Words::field()) } else { Box::new(Json::field(true)) };
    }
    if is_window(property) {
        return Box::new(Window::new(is_required));
    }
    if has_type(property, "object") {
        return Box::new(Json::field(false));
    }
    if has_format(property, "date-time") {
        return Box::new(Moment::new(is_required));
    }
    let most = bound(property, "maxLength", ONE_LINE);
    if most > ONE_LINE { Box::new(Text::new(most)) } else { Box::new(Line::field(most)) }
}

fn is_window(schema: &Value) -> bool {
    let property = |name: &str| schema.pointer(&format!("/properties/{name}")).unwrap_or(&Value::Null);
    has_format(property("start"), "date-time") && has_format(property("end"), "date-time")
}

/// The payload as far as it is, and what cannot be read of it, by field.
pub fn body(fields: &[Field]) -> (Value, Vec<(usize, String)>) {
    let (mut body, mut unreadable) = (Map::new(), Vec::new());
    for (n, field) in fields.iter().enumerate() {
        match field.control.value() {
            Err(why) => unreadable.push((n, why)),
            Ok(None) => {}
            Ok(Some(Value::Object(parts))) if field.names.len() > 1 => body.extend(parts),
            Ok(Some(value)) => {
                body.insert(field.name().to_owned(), value);
            }
        }
    }
    (Value::Object(body), unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::registry;
    use serde_json::json;

    fn names(tool: &str, kind: Option<Kind>) -> Vec<String> {
        let schema = registry::find(tool).unwrap().schema(kind);
        fields(&schema, kind)
            .into_iter()
            .map(|field| format!("{}{}", field.label, if field.is_required { " *" } else { "" }))
            .collect()
    }

    #[test]
    fn required_fields_come_first_and_rare_ones_last() {
        assert_eq!(
            names("assignment.dispatch", None),
            ["Technician *", "Mode", "Rationale", "Bypass confirmed", "Provider", "Recommendation"]
        );
        assert_eq!(names("schedule.confirm", None), ["Window *"]);
        assert_eq!(names("ticket.create", None)[..3], ["Account *", "Site *", "Summary *"]);
        assert_eq!(names("directory.upsert", Some(Kind::Sites))[..3], ["Change", "Account *", "Name *"]);
        assert_eq!(names("directory.upsert", Some(Kind::Technicians))[..2], ["Id *", "Name *"]);
    }

    #[test]
    fn a_tool_that_nobody_foresaw_gets_a_form_by_its_schema() {
        let schema = json!({"properties": {
            "hold_reason": {"type": "string", "enum": ["A_B", "C"]},
            "fee_cents": {"type": ["integer", "null"]},
            "level": {"type": "integer", "minimum": 1},
            "is_loud": {"type": ["boolean", "null"]},
            "story": {"type": "string", "maxLength": 10_000, "description": "What happened. At length."},
            "confirmation_window": {"type": "object", "properties": {
                "start": {"type": "string", "format": "date-time"}, "end": {"type": "string", "format": "date-time"}}},
            "due": {"type": "string", "format": "date-time"},
            "tags": {"type": "array", "items": {"type": "string"}},
            "policy": {"type": "object"}, "steps": {"type": "array"}, "odd": {"anyOf": []},
        }, "required": ["story"]});
        let fields = fields(&schema, None);
        assert_eq!((fields[0].label.as_str(), fields[0].hint.as_str()), ("Story", "What happened"));
        let kinds: Vec<String> = fields.iter().map(|field| format!("{:?}", field.control)).collect();
        let starts = [
            "Text",
            "Choice",
            "Read { typed",
            "Read { typed",
            "Choice",
            "Window",
            "Moment",
            "Read",
            "Read",
            "Read",
            "Read",
        ];
        for (kind, start) in kinds.iter().zip(starts) {
            assert!(kind.starts_with(start), "{kind}");
        }
        assert!(kinds[2].contains("Money") && kinds[7].contains("Words") && kinds[10].contains("Line"));
    }
}

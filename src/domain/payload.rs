//! How a body becomes a payload: the limits every tool shares, and validation that names all
//! errors at once (CONTRACT.md 6).

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::refusal::{Code, Refusal};
use super::time::Timestamp;

/// The largest amount, and the largest sum of amounts, in cents.
pub const MAX_CENTS: i64 = 1_000_000_000_000;

/// How deep a body may be nested: what wraps it in the audit trail must still be readable.
const MAX_DEPTH: usize = 64;

/// How many errors of one body are told at most.
const MAX_ERRORS: usize = 100;

/// An amount of money: whole cents, 0 to [`MAX_CENTS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cents(pub i64);

impl JsonSchema for Cents {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Cents".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "integer", "minimum": 0, "maximum": MAX_CENTS})
    }
}

/// A span of time that somebody is promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Window {
    pub start: Timestamp,
    pub end: Timestamp,
}

impl Window {
    /// Refuses a window that ends before it starts, or when it starts.
    pub fn check(&self, field: &str) -> Result<(), Refusal> {
        if self.end > self.start {
            return Ok(());
        }
        Err(Refusal::field_rule(field, format!("{field} must be after start ({}). Give a later one.", self.start)))
    }
}

/// Refuses a text of nothing but white space.
pub fn not_blank(field: &str, text: &str) -> Result<(), Refusal> {
    if text.trim().is_empty() {
        return Err(Refusal::field_rule(field, format!("{field} is blank. Say it in words.")));
    }
    Ok(())
}

/// The same where the text was given at all.
pub fn not_blank_if_given(field: &str, text: Option<&String>) -> Result<(), Refusal> {
    text.map_or(Ok(()), |text| not_blank(field, text))
}

/// A text as it is stored: trimmed, and absent where nothing is left.
pub fn stored(text: Option<&String>) -> Option<String> {
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// One error of a body against its schema.
#[derive(Debug, Clone, Serialize)]
pub struct ValidationError {
    pub message: String,
    /// Where in the body, as a JSON pointer.
    pub path: String,
    /// Which rule of the schema, as a JSON pointer.
    pub schema_path: String,
}

/// The JSON Schema of a payload, whole in one piece.
pub fn schema_of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    settings.into_generator().into_root_schema_for::<T>().to_value()
}

/// A compiled schema.
#[derive(Debug)]
pub struct Validator(Result<jsonschema::Validator, String>);

impl Validator {
    /// Compiles a schema of ours; one that does not compile refuses everything (a test compiles
    /// them all).
    pub fn new(schema: &Value) -> Self {
        let compiled = jsonschema::options()
            .should_validate_formats(true)
            .with_format("uuid", is_uuid)
            .with_format("date-time", |text| Timestamp::parse(text).is_some())
            .with_format("email", is_email)
            .build(schema);
        Self(compiled.map_err(|error| error.to_string()))
    }

    /// Every error of a body, the most basic first.
    pub fn errors(&self, body: &Value) -> Vec<ValidationError> {
        match &self.0 {
            Err(message) => {
                vec![ValidationError { message: message.clone(), path: String::new(), schema_path: String::new() }]
            }
            Ok(validator) => validator
                .iter_errors(body)
                .take(MAX_ERRORS)
                .map(|error| ValidationError {
                    // Masked: the value itself may be somebody's phone number.
                    message: error.masked_with("the value").to_string(),
                    path: error.instance_path().to_string(),
                    schema_path: error.schema_path().to_string(),
                })
                .collect(),
        }
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36 && Uuid::try_parse(text).is_ok()
}

/// One @, a dot after it, no white space.
pub fn is_email(text: &str) -> bool {
    let mut parts = text.split('@');
    let (Some(local), Some(host), None) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    !local.is_empty() && host.contains('.') && !text.chars().any(char::is_whitespace)
}

/// Reads a body as a payload, or refuses it naming every error.
pub fn read<T: DeserializeOwned>(tool: &str, validator: &Validator, body: &Value) -> Result<T, Refusal> {
    let Value::Object(fields) = body else {
        return Err(invalid(
            tool,
            &[ValidationError {
                message: "the body must be an object".into(),
                path: String::new(),
                schema_path: "/type".into(),
            }],
        ));
    };
    let mut unstorable = Vec::new();
    find_unstorable(body, "", MAX_DEPTH, &mut unstorable);
    if !unstorable.is_empty() {
        return Err(invalid(tool, &unstorable));
    }
    let given: Map<String, Value> =
        fields.iter().filter(|(_, value)| !value.is_null()).map(|(k, v)| (k.clone(), v.clone())).collect();
    let mut given = Value::Object(given);
    let errors = validator.errors(&given);
    if !errors.is_empty() {
        return Err(invalid(tool, &errors));
    }
    make_whole(&mut given);
    serde_json::from_value(given).map_err(|error| {
        invalid(
            tool,
            &[ValidationError { message: error.to_string(), path: String::new(), schema_path: String::new() }],
        )
    })
}

fn invalid(tool: &str, errors: &[ValidationError]) -> Refusal {
    let told: Vec<String> = errors
        .iter()
        .take(5)
        .map(|error| {
            let place = if error.path.is_empty() { "the body" } else { error.path.as_str() };
            format!("{place}: {}", error.message)
        })
        .collect();
    Refusal::new(Code::InvalidRequest, format!("{tool} cannot take this payload. {}.", told.join("; ")))
        .pointing(&format!("`dispatch tool schema {tool}` shows what it takes."))
        .with("tool_name", tool)
        .with("validation_errors", json!(errors))
}

/// What JSON allows but nobody could read back: NUL, and nesting without end.
fn find_unstorable(value: &Value, path: &str, depth: usize, found: &mut Vec<ValidationError>) {
    let mut note = |message: &str| {
        found.push(ValidationError { message: message.into(), path: path.to_owned(), schema_path: String::new() });
    };
    match value {
        Value::String(text) if text.contains('\0') => note("text may not contain NUL"),
        Value::Array(_) | Value::Object(_) if depth == 0 => note("values may be nested 64 levels deep at most"),
        Value::Object(map) if map.keys().any(|key| key.contains('\0')) => note("names may not contain NUL"),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                find_unstorable(item, &format!("{path}/{index}"), depth - 1, found);
            }
        }
        Value::Object(map) => {
            for (key, item) in map {
                let key = key.replace('~', "~0").replace('/', "~1");
                find_unstorable(item, &format!("{path}/{key}"), depth - 1, found);
            }
        }
        _ => {}
    }
}

/// 1.0 is a whole number (CONTRACT.md 6), but serde does not know that.
fn make_whole(value: &mut Value) {
    match value {
        Value::Number(number) => {
            #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and in range")]
            if let Some(float) = number.as_f64()
                && number.is_f64()
                && float.fract() == 0.0
                && float.abs() <= 9e15
            {
                *value = Value::from(float as i64);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(make_whole),
        Value::Object(map) => map.values_mut().for_each(make_whole),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize, JsonSchema)]
    struct Sample {
        id: Uuid,
        #[schemars(length(min = 1, max = 5))]
        word: String,
        cents: Option<Cents>,
        at: Option<Timestamp>,
    }

    fn sample(body: &Value) -> Result<Sample, Refusal> {
        read("sample", &Validator::new(&schema_of::<Sample>()), body)
    }

    #[test]
    fn every_error_is_named_with_its_pointer_and_without_its_value() {
        let refusal = sample(&json!({"id": "nope", "word": "far too long", "cents": -1})).unwrap_err();
        let errors = refusal.field("validation_errors").unwrap().as_array().unwrap();
        let paths: Vec<_> = errors.iter().map(|e| e["path"].as_str().unwrap()).collect();
        assert_eq!(errors.len(), 3, "{errors:?}");
        assert!(paths.contains(&"/id") && paths.contains(&"/word") && paths.contains(&"/cents"));
        assert!(!refusal.message().contains("far too long"), "{refusal}");
    }

    #[test]
    fn null_is_absent_and_one_point_zero_is_one() {
        let id = Uuid::new_v4().to_string().to_uppercase();
        let read = sample(&json!({"id": id, "word": "x", "cents": 1.0, "at": null})).unwrap();
        assert_eq!(read.cents, Some(Cents(1)));
        assert_eq!(read.id.to_string(), id.to_lowercase());
        assert_eq!(read.word, "x");
        assert!(read.at.is_none());
        assert!(sample(&json!({"id": id, "word": null})).is_err());
        assert!(sample(&json!({"id": id, "word": "x", "cents": 1.5})).is_err());
        assert!(sample(&json!({"id": id.replace('-', ""), "word": "x"})).is_err());
        assert!(sample(&json!([])).is_err());
    }

    #[test]
    fn nul_is_refused_wherever_it_hides() {
        let id = Uuid::new_v4();
        let refusal = sample(&json!({"id": id, "word": "x", "extra": {"a/b": ["\0"]}})).unwrap_err();
        assert_eq!(refusal.field("validation_errors").unwrap()[0]["path"], "/extra/a~1b/0");
        assert!(sample(&json!({"id": id, "word": "x", "k\0": 1})).is_err());
    }

    #[test]
    fn a_body_is_nested_64_levels_deep_at_most() {
        let nested = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!([inner]));
        let body = |levels| json!({"id": Uuid::new_v4(), "word": "x", "extra": nested(levels)});
        assert!(sample(&body(63)).is_ok());
        assert!(sample(&body(64)).unwrap_err().message().contains("64 levels"));
    }

    #[test]
    fn emails_have_one_at_and_a_dot_after_it() {
        assert!(is_email("a@b.c"));
        for bad in ["a@b", "@b.c", "a@@b.c", "a b@c.d", "a.b@c", ""] {
            assert!(!is_email(bad), "{bad}");
        }
    }
}

//! What never enters an audit payload (CONTRACT.md 9.4).

use serde_json::Value;

const SECRET_PARTS: [&str; 8] = ["phone", "email", "access_code", "password", "token", "secret", "ssn", "dob"];

/// What stands in place of a redacted value.
pub const REDACTED: &str = "[redacted]";

fn is_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    name == "access_instructions" || SECRET_PARTS.iter().any(|part| name.contains(part))
}

/// Replaces, at any depth, the value of every field whose name marks it as private.
pub fn redact(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (name, inner) in map.iter_mut() {
                if is_secret(name) {
                    *inner = Value::String(REDACTED.to_owned());
                } else {
                    redact(inner);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(redact),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn private_fields_are_hidden_at_any_depth_and_nothing_else() {
        let mut value = json!({
            "summary": "call 555", "Contact_Phone": "555", "deep": [{"door_access_code": {"a": 1}}],
            "access_instructions": "key under mat", "access_method": "ramp"
        });
        redact(&mut value);
        assert_eq!(
            value,
            json!({
                "summary": "call 555", "Contact_Phone": "[redacted]",
                "deep": [{"door_access_code": "[redacted]"}],
                "access_instructions": "[redacted]", "access_method": "ramp"
            })
        );
    }
}

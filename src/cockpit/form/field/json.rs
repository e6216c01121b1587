//! A line of JSON, for what has no shape of its own: metadata, a place, opening hours.

use serde_json::Value;

use super::read::{Read, Reader};

/// A field of JSON.
#[derive(Debug)]
pub struct Json {
    /// Whether it holds an array; an object otherwise.
    is_array: bool,
}

impl Json {
    pub fn field(is_array: bool) -> Read<Self> {
        Read::new(Self { is_array }, 10_000)
    }
}

impl Reader for Json {
    fn read(&self, said: &str) -> Result<Value, String> {
        let read = serde_json::from_str::<Value>(said).ok();
        let example = if self.is_array { r#"["door", 2]"# } else { r#"{"floor": 2}"# };
        read.filter(|value| if self.is_array { value.is_array() } else { value.is_object() })
            .ok_or_else(|| format!("Write JSON such as {example}, or leave it empty."))
    }

    fn write(&self, value: &Value) -> String {
        if value.is_null() { String::new() } else { value.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cockpit::form::field::Control;
    use crate::cockpit::form::testing::{Stage, type_into};
    use serde_json::json;

    #[test]
    fn only_an_object_is_an_object() {
        let world = Stage::new();
        let mut field = Json::field(false);
        world.scene(|scene| field.paste("{\"floor\":\n 2}", scene));
        assert_eq!(field.value(), Ok(Some(json!({"floor": 2}))));
        type_into(&mut field, "}", &world);
        assert!(field.value().unwrap_err().contains("floor"));
        assert_eq!(Json::field(true).value(), Ok(None));
    }
}

//! A list of words: skills, regions, keys.

use serde_json::Value;

use super::read::{Read, Reader};

/// A field of words with commas between.
#[derive(Debug)]
pub struct Words;

impl Words {
    pub fn field() -> Read<Self> {
        Read::new(Self, 10_000)
    }
}

impl Reader for Words {
    fn read(&self, said: &str) -> Result<Value, String> {
        let words: Vec<&str> = said.split(',').map(str::trim).filter(|word| !word.is_empty()).collect();
        Ok(words.into())
    }

    fn write(&self, value: &Value) -> String {
        let words: Vec<&str> = value.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        words.join(", ")
    }

    /// Lines of a list are its entries.
    fn pasted(&self, text: &str) -> String {
        text.trim().replace('\n', ", ")
    }

    fn emptied(&self) -> Option<Value> {
        Some(Value::Array(Vec::new()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cockpit::form::field::Control;
    use crate::cockpit::form::testing::{Stage, type_into};
    use serde_json::json;

    #[test]
    fn words_are_parted_by_commas_or_pasted_lines() {
        let world = Stage::new();
        let mut words = Words::field();
        assert_eq!(words.value(), Ok(None));
        type_into(&mut words, "a , space b ,", &world);
        assert_eq!(words.value(), Ok(Some(json!(["a", "b"]))));
        world.scene(|scene| words.paste("c\nd\n", scene));
        assert_eq!(words.value(), Ok(Some(json!(["a", "b", "c", "d"]))));
        world.scene(|scene| words.fill(&json!(["x"]), scene));
        type_into(&mut words, "ctrl-u", &world);
        assert_eq!(words.value(), Ok(Some(json!([]))));
    }
}

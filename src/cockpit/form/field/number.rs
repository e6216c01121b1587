//! A whole number.

use serde_json::Value;

use super::read::{Read, Reader};

/// A field of a whole number.
#[derive(Debug)]
pub struct Number {
    least: i64,
    most: i64,
}

impl Number {
    pub fn field(least: i64, most: i64) -> Read<Self> {
        Read::new(Self { least, most }, 20)
    }
}

impl Reader for Number {
    fn read(&self, said: &str) -> Result<Value, String> {
        let read = said.parse::<i64>().ok().filter(|number| (self.least..=self.most).contains(number));
        read.map(Value::from).ok_or_else(|| format!("Write a whole number from {} to {}.", self.least, self.most))
    }

    fn write(&self, value: &Value) -> String {
        value.as_i64().map(|number| number.to_string()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cockpit::form::field::Control;
    use crate::cockpit::form::testing::{Stage, type_into};
    use serde_json::json;

    #[test]
    fn numbers_are_whole_and_within_their_bounds() {
        let world = Stage::new();
        let mut number = Number::field(0, 1000);
        type_into(&mut number, "12", &world);
        assert_eq!(number.value(), Ok(Some(json!(12))));
        type_into(&mut number, "345", &world);
        assert!(number.value().unwrap_err().contains("0 to 1000"));
    }
}

//! Money: typed as dollars, sent as cents.

use serde_json::Value;

use super::read::{Read, Reader};
use crate::domain::payload::MAX_CENTS;
use crate::text::money;

/// Reads dollars into cents.
fn cents(text: &str) -> Option<i64> {
    let text: String = text.chars().filter(|c| !matches!(c, '$' | ',' | ' ')).collect();
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    let is_number = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.len() + part.len() == 0 || part.len() > 2 || !is_number(whole) || !is_number(part) {
        return None;
    }
    let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let part: i64 = format!("{part:0<2}").parse().ok()?;
    whole.checked_mul(100)?.checked_add(part).filter(|cents| *cents <= MAX_CENTS)
}

/// A field of money.
#[derive(Debug)]
pub struct Money;

impl Money {
    pub fn field() -> Read<Self> {
        Read::new(Self, 30)
    }
}

impl Reader for Money {
    fn read(&self, said: &str) -> Result<Value, String> {
        let wrong = || format!("Write dollars, such as 950 or 950.00, up to {}.", money(MAX_CENTS));
        cents(said).map(Value::from).ok_or_else(wrong)
    }

    fn write(&self, value: &Value) -> String {
        value.as_i64().map(|cents| money(cents).trim_start_matches('$').to_owned()).unwrap_or_default()
    }

    fn beside(&self, value: &Value, said: &str) -> Option<String> {
        let read = money(value.as_i64()?);
        (read.trim_start_matches('$') != said).then(|| format!("= {read}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cockpit::form::field::Control;
    use crate::cockpit::form::testing::{Stage, type_into};
    use serde_json::json;

    #[test]
    fn dollars_are_read_with_or_without_their_signs() {
        for (text, value) in [
            ("950", 95_000),
            ("950.00", 95_000),
            ("$1,250.5", 125_050),
            (".75", 75),
            ("0", 0),
            ("10000000000", MAX_CENTS),
        ] {
            assert_eq!(cents(text), Some(value), "{text}");
        }
        for wrong in ["", "$", ".", "9.999", "-1", "1e3", "10000000000.01", "99999999999999999999", "nine"] {
            assert_eq!(cents(wrong), None, "{wrong}");
        }
        assert_eq!([money(95_000), money(125_000_007), money(-5)], ["$950.00", "$1,250,000.07", "-$0.05"]);
    }

    #[test]
    fn what_is_typed_is_sent_as_cents_and_shown_as_understood() {
        let world = Stage::new();
        let mut money = Money::field();
        assert_eq!(money.value(), Ok(None));
        type_into(&mut money, "$1250", &world);
        assert_eq!(money.value(), Ok(Some(json!(125_000))));
        assert!(world.shown(&money, 40).contains("= $1,250.00"));
        type_into(&mut money, "x", &world);
        assert!(money.value().unwrap_err().contains("950.00"));
    }
}

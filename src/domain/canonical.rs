//! Canonical JSON, the form that is hashed (CONTRACT.md 5): keys sorted by UTF-16 code unit at
//! every level, no white space, numbers as ECMAScript prints them, non-ASCII raw, nulls kept.

use serde::Serialize;
use serde_json::{Map, Number, Value};
use sha2::{Digest, Sha256};

/// The canonical form of a value.
pub fn canonical(value: &Value) -> String {
    let mut out = String::with_capacity(256);
    write_value(&mut out, value);
    out
}

/// SHA-256 of the canonical form of a value, in lower-case hex.
pub fn hash(value: &Value) -> String {
    sha256_hex(canonical(value).as_bytes())
}

/// SHA-256 in lower-case hex.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes in lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut out = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        out.push(HEX[usize::from(byte >> 4)] as char);
        out.push(HEX[usize::from(byte & 15)] as char);
    }
    out
}

/// A serialisable value as JSON. Our own types all have string keys and finite numbers, the only
/// two things that could make this fail, so a failure reads as null rather than as an error.
pub fn to_value(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

fn write_value(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => write_number(out, number),
        Value::String(text) => write_string(out, text),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_value(out, item);
            }
            out.push(']');
        }
        Value::Object(map) => write_object(out, map),
    }
}

fn write_object(out: &mut String, map: &Map<String, Value>) {
    let mut entries: Vec<(&String, &Value)> = map.iter().collect();
    entries.sort_by(|(a, _), (b, _)| {
        // For ASCII, which our own names are, bytes order as UTF-16 units do.
        if a.is_ascii() && b.is_ascii() { a.cmp(b) } else { a.encode_utf16().cmp(b.encode_utf16()) }
    });
    out.push('{');
    for (index, (key, value)) in entries.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write_string(out, key);
        out.push(':');
        write_value(out, value);
    }
    out.push('}');
}

fn write_number(out: &mut String, number: &Number) {
    // Integers that a double holds exactly print as themselves; all else prints as its double.
    const EXACT: u64 = 1 << 53;
    if let Some(whole) = number.as_i64()
        && whole.unsigned_abs() <= EXACT
    {
        out.push_str(&whole.to_string());
    } else {
        out.push_str(ryu_js::Buffer::new().format(number.as_f64().unwrap_or_default()));
    }
}

fn write_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            c if u32::from(c) < 0x20 => {
                out.push_str("\\u00");
                out.push(if u32::from(c) >= 0x10 { '1' } else { '0' });
                out.push(char::from_digit(u32::from(c) & 15, 16).unwrap_or('0'));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn parsed(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn numbers_print_as_ecmascript_prints_them() {
        for (given, expected) in [
            ("1.0", "1"),
            ("-0.0", "0"),
            ("1e2", "100"),
            ("1E21", "1e+21"),
            ("1e-7", "1e-7"),
            ("0.000001", "0.000001"),
            ("9007199254740993", "9007199254740992"),
            ("18446744073709551615", "18446744073709552000"),
            ("123456789012345680000", "123456789012345680000"),
            ("5e-324", "5e-324"),
        ] {
            assert_eq!(canonical(&parsed(given)), expected, "{given}");
        }
    }

    #[test]
    fn keys_sort_by_utf16_unit_at_every_level() {
        // U+1F600 is D83D DE00 in UTF-16, so it sorts before U+FB33 although its code point is higher.
        let value = json!({"\u{fb33}": 1, "\u{1f600}": 2, "b": {"z": null, "a": [true, {}]}});
        assert_eq!(canonical(&value), "{\"b\":{\"a\":[true,{}],\"z\":null},\"\u{1f600}\":2,\"\u{fb33}\":1}");
    }

    #[test]
    fn strings_escape_only_what_json_must() {
        assert_eq!(canonical(&json!("a\"\\\n\u{1}\u{1f}é\u{2028}/")), "\"a\\\"\\\\\\n\\u0001\\u001fé\u{2028}/\"");
    }

    proptest! {
        #[test]
        fn the_canonical_form_is_json_that_means_the_same(text in ".*", number in any::<f64>()) {
            let value = json!({ text.clone(): [text, number] });
            let again: Value = serde_json::from_str(&canonical(&value)).unwrap();
            prop_assert_eq!(canonical(&again), canonical(&value));
        }
    }
}

//! How a text is put together from columns: `{column}` stands for its value, and what stands in
//! `[brackets]` is left out where a column in it is blank. Doubled, each of the four stands for
//! itself.

use std::iter::Peekable;
use std::str::Chars;

use serde::Deserialize;

/// A text with places for columns.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Template(Vec<Part>);

impl TryFrom<String> for Template {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Column(String),
    Optional(Vec<Part>),
}

impl Template {
    /// Reads a template, or says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        parts(&mut text.chars().peekable(), false).map(Self).map_err(|what| format!("`{text}`: {what}"))
    }

    /// The value of one column as it is.
    pub fn column(name: &str) -> Self {
        Self(vec![Part::Column(name.to_owned())])
    }

    /// The columns that it names.
    pub fn columns(&self) -> Vec<&str> {
        fn collect<'a>(parts: &'a [Part], into: &mut Vec<&'a str>) {
            for part in parts {
                match part {
                    Part::Text(_) => {}
                    Part::Column(name) => into.push(name),
                    Part::Optional(parts) => collect(parts, into),
                }
            }
        }
        let mut columns = Vec::new();
        collect(&self.0, &mut columns);
        columns
    }

    /// The text, with each column's value in its place.
    pub fn fill<'a>(&self, value: &impl Fn(&str) -> &'a str) -> String {
        let mut text = String::new();
        fill(&self.0, value, &mut text);
        text
    }
}

fn fill<'a>(parts: &[Part], value: &impl Fn(&str) -> &'a str, text: &mut String) {
    for part in parts {
        match part {
            Part::Text(literal) => text.push_str(literal),
            Part::Column(name) => text.push_str(value(name)),
            Part::Optional(parts) => {
                let blank = |part: &Part| matches!(part, Part::Column(name) if value(name).is_empty());
                if !parts.iter().any(blank) {
                    fill(parts, value, text);
                }
            }
        }
    }
}

fn parts(chars: &mut Peekable<Chars<'_>>, inside: bool) -> Result<Vec<Part>, String> {
    let mut found = Vec::new();
    let mut text = String::new();
    while let Some(c) = chars.next() {
        if "{}[]".contains(c) && chars.next_if_eq(&c).is_some() {
            text.push(c);
            continue;
        }
        let part = match c {
            '{' => {
                let mut name = String::new();
                loop {
                    match chars.next() {
                        Some('}') => break,
                        Some(c) => name.push(c),
                        None => return Err("a { is never closed".to_owned()),
                    }
                }
                if name.trim().is_empty() {
                    return Err("{} names no column".to_owned());
                }
                Part::Column(name.trim().to_owned())
            }
            '[' if inside => return Err("brackets within brackets".to_owned()),
            '[' => Part::Optional(parts(chars, true)?),
            ']' if inside => {
                end(&mut text, &mut found);
                return Ok(found);
            }
            '}' | ']' => return Err(format!("a {c} closes nothing; write {c}{c} for the character itself")),
            c => {
                text.push(c);
                continue;
            }
        };
        end(&mut text, &mut found);
        found.push(part);
    }
    if inside {
        return Err("a [ is never closed".to_owned());
    }
    end(&mut text, &mut found);
    Ok(found)
}

fn end(text: &mut String, parts: &mut Vec<Part>) {
    if !text.is_empty() {
        parts.push(Part::Text(std::mem::take(text)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(template: &str) -> String {
        Template::parse(template).unwrap().fill(&|name| match name {
            "a" => "Glazier",
            "b" => "Urgent",
            _ => "",
        })
    }

    #[test]
    fn what_is_in_brackets_goes_where_a_column_in_it_is_blank() {
        assert_eq!(filled("{a}[: {b}][ at {blank}]"), "Glazier: Urgent");
        assert_eq!(filled("{a}: {blank}"), "Glazier: ");
        assert_eq!(filled("[{blank}]"), "");
        assert_eq!(filled("[always]"), "always");
        assert_eq!(filled("{{a}} [[{ a }]]"), "{a} [Glazier]");
    }

    #[test]
    fn columns_are_named_and_mistakes_explained() {
        assert_eq!(Template::parse("{a}[: {b}]").unwrap().columns(), ["a", "b"]);
        for (wrong, why) in [
            ("{a", "never closed"),
            ("[a", "never closed"),
            ("a}", "closes nothing"),
            ("{ }", "no column"),
            ("[a[b]]", "within"),
        ] {
            let error = Template::parse(wrong).unwrap_err();
            assert!(error.contains(why), "{wrong}: {error}");
        }
    }
}

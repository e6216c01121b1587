//! What the migrations make, read from the migrations themselves: so that a database can be
//! compared with them without a second list to keep.

use std::collections::{BTreeMap, BTreeSet};
use std::iter::Peekable;
use std::str::CharIndices;

/// The named parts of a database of ours.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shape {
    /// Indexes, without those that a constraint brings.
    pub indexes: BTreeSet<String>,
    pub triggers: BTreeSet<String>,
    /// Functions, each with its body.
    pub functions: BTreeMap<String, String>,
    pub extensions: BTreeSet<String>,
}

impl Shape {
    /// What these migrations make, one after the other.
    pub fn of<'a>(migrations: impl Iterator<Item = &'a str>) -> Self {
        let mut shape = Self::default();
        for sql in migrations {
            tokens(sql).split(|token| *token == Token::End).for_each(|statement| shape.apply(statement));
        }
        shape
    }

    fn apply(&mut self, statement: &[Token]) {
        const FILLING: [&str; 9] =
            ["or", "replace", "unique", "constraint", "concurrently", "if", "not", "exists", "only"];
        let words: Vec<&str> =
            statement.iter().filter_map(Token::word).filter(|word| !FILLING.contains(word)).collect();
        let [verb, what, name, ..] = words[..] else { return };
        let name = name.rsplit('.').next().unwrap_or(name).to_owned();
        match (verb, what) {
            ("create", "index") => drop(self.indexes.insert(name)),
            ("drop", "index") => drop(self.indexes.remove(&name)),
            ("create", "trigger") => drop(self.triggers.insert(name)),
            ("drop", "trigger") => drop(self.triggers.remove(&name)),
            ("create", "extension") => drop(self.extensions.insert(name)),
            ("create", "function") => {
                let body = statement.iter().find_map(Token::body).unwrap_or_default().to_owned();
                self.functions.insert(name, body);
            }
            ("drop", "function") => drop(self.functions.remove(&name)),
            _ => {}
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// A name or keyword, in small letters.
    Word(String),
    /// What stands between dollar quotes.
    Body(String),
    /// The end of a statement.
    End,
}

impl Token {
    fn word(&self) -> Option<&str> {
        if let Self::Word(word) = self { Some(word) } else { None }
    }

    fn body(&self) -> Option<&str> {
        if let Self::Body(body) = self { Some(body) } else { None }
    }
}

/// The words and bodies of a script; comments, strings and signs are left out.
fn tokens(sql: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut rest = sql.char_indices().peekable();
    while let Some((at, c)) = rest.next() {
        match c {
            ';' => found.push(Token::End),
            '-' if sql[at..].starts_with("--") => drop(rest.by_ref().find(|(_, c)| *c == '\n')),
            '\'' => drop(rest.by_ref().find(|(_, c)| *c == '\'')),
            '$' => {
                let Some(tag) = sql[at + 1..].find('$').map(|end| &sql[at..=at + 1 + end]) else { continue };
                let start = at + tag.len();
                let Some(length) = sql[start..].find(tag) else { continue };
                found.push(Token::Body(sql[start..start + length].to_owned()));
                skip_to(&mut rest, start + length + tag.len());
            }
            c if c.is_alphanumeric() || c == '_' => {
                let is_part = |c: char| c.is_alphanumeric() || "_.".contains(c);
                let end = sql[at..].find(|c| !is_part(c)).map_or(sql.len(), |length| at + length);
                found.push(Token::Word(sql[at..end].to_lowercase()));
                skip_to(&mut rest, end);
            }
            _ => {}
        }
    }
    found.push(Token::End);
    found
}

fn skip_to(rest: &mut Peekable<CharIndices<'_>>, end: usize) {
    while rest.next_if(|(at, _)| *at < end).is_some() {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_and_not_removed_again_is_the_shape() {
        let first = "-- CREATE INDEX not_this ON t (a);
            CREATE EXTENSION IF NOT EXISTS pg_trgm;
            CREATE UNIQUE INDEX a_idx ON t (a) WHERE b = 'x; CREATE INDEX nor_this';
            CREATE INDEX CONCURRENTLY IF NOT EXISTS b_idx ON t (b);
            CREATE FUNCTION public.f(a int) RETURNS int LANGUAGE sql AS $$ SELECT 1; -- kept $$;
            CREATE TRIGGER t_stamp BEFORE INSERT ON t EXECUTE FUNCTION f();
            DO $$ BEGIN CREATE INDEX hidden ON t (c); END $$;";
        let second = "DROP INDEX IF EXISTS a_idx; CREATE OR REPLACE FUNCTION f(a int) RETURNS int AS $b$new$b$;";
        let shape = Shape::of([first, second].into_iter());
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(shape.indexes, set(&["b_idx"]));
        assert_eq!(shape.triggers, set(&["t_stamp"]));
        assert_eq!(shape.extensions, set(&["pg_trgm"]));
        assert_eq!(shape.functions.into_iter().collect::<Vec<_>>(), [("f".to_owned(), "new".to_owned())]);
    }
}

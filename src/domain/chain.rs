//! Whether a hash chain is whole, and if not, what was done to it (CONTRACT.md 9.4).
//!
//! A [`Walk`] sees each link once, in order, and keeps two hashes and at most one link: a chain may
//! be of any length. After the first broken link it goes on only to explain that one, because the
//! links behind it and the head tell more: whether two rows were exchanged, or just a hash changed.

use std::fmt;

use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::actor::{ActorType, Role};
use super::audit::{Event, Head, SYSTEM_CHAIN};
use super::registry;
use super::state::State;

/// The first thing that is wrong with a chain.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Break {
    pub chain: String,
    /// The link, counted from 1, also where there is none any more.
    pub seq: i64,
    /// The row found there.
    pub event_id: Option<Uuid>,
    #[serde(flatten)]
    pub damage: Damage,
}

/// What was done to a chain.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "damage", rename_all = "snake_case")]
pub enum Damage {
    /// The row does not give its hash. Named with the column where that can be proven, since the
    /// row gives its hash with the expected value there; else these are the hashes.
    Edited { column: Option<&'static str>, expected: Option<String>, found: Option<String> },
    /// Two rows, or what they say, were exchanged.
    Swapped { with: i64 },
    /// A link is not there, but a later one is.
    Missing { next: i64 },
    /// The row is sound but follows another link than the one before it: that one was replaced.
    Replaced { expected: Option<String>, found: Option<String> },
    /// The row speaks of another ticket.
    Misplaced { ticket_id: Option<Uuid> },
    /// The row has no place: its seq is none, or not above the one before.
    Stray,
    /// The row holds something that no event of ours has.
    Unreadable { reason: String },
    /// Links are gone from the end: the head names a later one.
    Truncated { recorded: i64 },
    /// Links follow the one that the head names.
    Continued { recorded: i64 },
    /// Whole in itself, but the head names another last link.
    Rewritten { expected: Option<String>, found: Option<String> },
    /// There is neither a ticket nor a head for this chain.
    Orphaned,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |value: &Option<String>| match value {
            None => "nothing".to_owned(),
            Some(text) if text.len() == 64 => format!("{}…", text.get(..12).unwrap_or(text)),
            Some(text) => text.clone(),
        };
        match self {
            Self::Edited { column: Some(column), expected, found } => {
                write!(f, "edited: its {column} was {}, and is {}", short(expected), short(found))
            }
            Self::Edited { column: None, expected, found } => write!(
                f,
                "edited: what it says hashes to {}, and its hash is {}. Only a backup can tell what it said",
                short(found),
                short(expected)
            ),
            Self::Swapped { with } => write!(f, "swapped: it was exchanged with link {with}"),
            Self::Missing { next } => write!(f, "missing: the next link there is {next}"),
            Self::Replaced { expected, found } => write!(
                f,
                "the link before it was replaced: that one's hash is {}, and this one follows {}",
                short(expected),
                short(found)
            ),
            Self::Misplaced { ticket_id } => match ticket_id {
                Some(id) => write!(f, "misplaced: it speaks of ticket {id}"),
                None => f.write_str("misplaced: it speaks of no ticket"),
            },
            Self::Stray => f.write_str("added: it has no place of its own in the chain"),
            Self::Unreadable { reason } => write!(f, "edited: it cannot be read as an event ({reason})"),
            Self::Truncated { recorded } => {
                write!(f, "truncated: the head says that the chain goes to link {recorded}")
            }
            Self::Continued { recorded } => write!(f, "added: the head says that the chain ends at link {recorded}"),
            Self::Rewritten { expected, found } => write!(
                f,
                "rewritten: the head says that the chain ends in {}, and it ends in {}",
                short(expected),
                short(found)
            ),
            Self::Orphaned => f.write_str("orphaned: there is no ticket and no head of this name"),
        }
    }
}

/// A row that does not give its hash, while the rest of the chain is asked why.
#[derive(Debug)]
struct Suspect {
    event: Event,
    digest: String,
    explained: Option<Damage>,
}

/// Walks one chain, link by link, in the order of `seq`.
#[derive(Debug)]
pub struct Walk {
    chain: String,
    /// The last sound link.
    seq: i64,
    hash: Option<String>,
    broken: Option<Break>,
    suspect: Option<Box<Suspect>>,
}

impl Walk {
    /// A walk along the chain of this name.
    pub fn along(chain: impl Into<String>) -> Self {
        Self { chain: chain.into(), seq: 0, hash: None, broken: None, suspect: None }
    }

    /// Looks at the next link.
    pub fn link(&mut self, event: &Event) {
        if let Some(suspect) = &mut self.suspect {
            suspect.hear(event, self.seq + 1, self.hash.as_ref());
        } else if self.takes_its_place(event.seq, event.id) {
            let digest = event.digest();
            let belongs = event.ticket_id.map_or_else(|| SYSTEM_CHAIN.to_owned(), |id| id.to_string()) == self.chain;
            let misplaced = (!belongs).then_some(Damage::Misplaced { ticket_id: event.ticket_id });
            if event.hash.as_ref() != Some(&digest) {
                let explained = self.restored(event).or(misplaced);
                self.suspect = Some(Box::new(Suspect { event: event.clone(), digest, explained }));
            } else if let Some(misplaced) = misplaced {
                self.breaks(self.seq + 1, Some(event.id), misplaced);
            } else if event.prev_hash != self.hash {
                let (expected, found) = (self.hash.clone(), event.prev_hash.clone());
                self.breaks(self.seq + 1, Some(event.id), Damage::Replaced { expected, found });
            } else {
                self.seq += 1;
                self.hash = Some(digest);
            }
        }
    }

    /// The next link is a row that is no event.
    pub fn unreadable(&mut self, seq: Option<i64>, id: Uuid, reason: String) {
        if self.suspect.is_none() && self.takes_its_place(seq, id) {
            self.breaks(self.seq + 1, Some(id), Damage::Unreadable { reason });
        }
    }

    /// Whether nothing is broken yet, and the next row is the next link.
    fn takes_its_place(&mut self, seq: Option<i64>, id: Uuid) -> bool {
        let wanted = self.seq + 1;
        match seq {
            _ if self.broken.is_some() => return false,
            Some(seq) if seq == wanted => return true,
            Some(seq) if seq > wanted => self.breaks(wanted, None, Damage::Missing { next: seq }),
            other => self.breaks(other.unwrap_or(wanted), Some(id), Damage::Stray),
        }
        false
    }

    fn breaks(&mut self, seq: i64, event_id: Option<Uuid>, damage: Damage) {
        self.broken.get_or_insert_with(|| Break { chain: self.chain.clone(), seq, event_id, damage });
    }

    /// The one column whose change explains a row that does not give its hash: those are tried
    /// whose value is known from elsewhere, or is one of a few words.
    fn restored(&self, event: &Event) -> Option<Damage> {
        let try_with = |column: &'static str, change: &dyn Fn(&mut Event)| {
            let mut before = event.clone();
            change(&mut before);
            (before.hash.as_ref() == Some(&before.digest())).then(|| Damage::Edited {
                column: Some(column),
                expected: text_of(&before, column),
                found: text_of(event, column),
            })
        };
        let ticket_id = Uuid::try_parse(&self.chain).ok();
        let states = || std::iter::once(None).chain(State::ALL.iter().copied().map(Some));
        let roles = || std::iter::once(None).chain(Role::ALL.iter().map(|role| Some(role.as_str().to_owned())));
        try_with("prev_hash", &|e| e.prev_hash.clone_from(&self.hash))
            .or_else(|| try_with("ticket_id", &|e| e.ticket_id = ticket_id))
            .or_else(|| states().find_map(|state| try_with("before_state", &|e| e.before_state = state)))
            .or_else(|| states().find_map(|state| try_with("after_state", &|e| e.after_state = state)))
            .or_else(|| ActorType::ALL.iter().find_map(|kind| try_with("actor_type", &|e| e.actor_type = *kind)))
            .or_else(|| roles().find_map(|role| try_with("actor_role", &|e| e.actor_role.clone_from(&role))))
            .or_else(|| {
                let mut names = registry::tools().iter().map(|tool| tool.spec.name);
                names.find_map(|name| try_with("tool_name", &|e| name.clone_into(&mut e.tool_name)))
            })
    }

    /// Ends the walk: the chain must end where its head says, which is kept elsewhere.
    pub fn end(mut self, head: Option<&Head>) -> Result<(), Break> {
        if let Some(suspect) = self.suspect.take() {
            let damage = suspect.verdict(self.seq + 1, head);
            self.breaks(self.seq + 1, Some(suspect.event.id), damage);
        }
        match head {
            None => self.breaks(1, None, Damage::Orphaned),
            Some(head) if self.seq < head.seq => {
                self.breaks(self.seq + 1, None, Damage::Truncated { recorded: head.seq });
            }
            Some(head) if self.seq > head.seq => {
                self.breaks(head.seq + 1, None, Damage::Continued { recorded: head.seq });
            }
            Some(head) if self.hash != head.hash => {
                let (expected, found) = (head.hash.clone(), self.hash.clone());
                self.breaks(self.seq, None, Damage::Rewritten { expected, found });
            }
            Some(_) => {}
        }
        self.broken.map_or(Ok(()), Err)
    }
}

impl Suspect {
    /// Asks a later link whether it explains the row at `place`, which should follow `hash`.
    fn hear(&mut self, later: &Event, place: i64, hash: Option<&String>) {
        if self.explained.is_some() {
            return;
        }
        if later.seq == Some(place + 1) && later.prev_hash.as_ref() == Some(&self.digest) {
            self.explained = Some(self.hash_changed());
            return;
        }
        let here = Event { seq: Some(place), prev_hash: hash.cloned(), ..later.clone() };
        let here_under_its_id = Event { id: self.event.id, ..here.clone() };
        let with_its_payload = Event { payload: later.payload.clone(), ..self.event.clone() };
        let belongs_here = here.digest();
        if Some(&belongs_here) == later.hash.as_ref()
            || [belongs_here, here_under_its_id.digest(), with_its_payload.digest()]
                .iter()
                .any(|digest| Some(digest) == self.event.hash.as_ref())
        {
            self.explained = Some(Damage::Swapped { with: later.seq.unwrap_or(0) });
        }
    }

    fn hash_changed(&self) -> Damage {
        Damage::Edited { column: Some("hash"), expected: Some(self.digest.clone()), found: self.event.hash.clone() }
    }

    fn verdict(&self, place: i64, head: Option<&Head>) -> Damage {
        let head_names_it = head.is_some_and(|head| head.seq == place && head.hash.as_ref() == Some(&self.digest));
        match &self.explained {
            Some(damage) => damage.clone(),
            None if head_names_it => self.hash_changed(),
            None => {
                Damage::Edited { column: None, expected: self.event.hash.clone(), found: Some(self.digest.clone()) }
            }
        }
    }
}

/// What is wrong with the events of a ticket as its timeline tells them, in a sentence; none where
/// they are whole. Whether links are gone from the end only the head knows, which a timeline does
/// not tell; where it leaves out what was hashed, as for a customer, nothing can be said.
pub fn finding(ticket_id: Uuid, timeline: &[Value]) -> Option<String> {
    let read = |entry: &Value| {
        let mut entry = entry.clone();
        entry["chain"] = entry.get("seq").filter(|seq| !seq.is_null()).map(|_| ticket_id.to_string()).into();
        serde_json::from_value::<Event>(entry)
    };
    if timeline.iter().any(|entry| entry["actor_id"].is_null()) {
        return None;
    }
    let mut links: Vec<Event> = match timeline.iter().map(read).collect() {
        Ok(links) => links,
        Err(error) => return Some(format!("an event cannot be read ({error})")),
    };
    links.retain(|event| event.seq.is_some());
    links.sort_by_key(|event| event.seq);
    let head = links.last()?.head();
    let mut walk = Walk::along(ticket_id.to_string());
    for event in &links {
        walk.link(event);
    }
    let broken = walk.end(Some(&head)).err()?;
    Some(format!("link {} of the audit chain is broken: {}", broken.seq, broken.damage))
}

/// A column's value as text; none where it is null.
fn text_of(event: &Event, column: &str) -> Option<String> {
    let value = super::canonical::to_value(event)[column].take();
    value.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests;

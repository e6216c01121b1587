//! The door: which tool, called on what, by whom (CONTRACT.md 5, steps 1 to 4).

use futures::FutureExt;
use uuid::Uuid;

use super::Engine;
use super::call::Call;
use crate::domain::directory::Kind;
use crate::domain::judge;
use crate::domain::refusal::{Code, Refusal};
use crate::domain::registry;
use crate::domain::tool::Tool;

/// The largest body, in bytes (CONTRACT.md 6).
const MAX_BODY: usize = 1024 * 1024;

/// The longest id of an actor, a correlation or a trace, in characters.
const MAX_WORD: usize = 500;

/// What a call names, as far as its form tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reference {
    /// Nothing: the tool needs no name.
    Nothing,
    Kind(Kind),
    Ticket(Uuid),
    /// A ticket's number, or `source:id` of an import, to be looked up.
    Named(String),
}

/// What a tool is called on.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Target {
    pub ticket_id: Option<Uuid>,
    pub kind: Option<Kind>,
}

/// Finds the tool, and what it is called on if its form is right.
pub(super) fn route(call: &Call) -> Result<(&'static Tool, Result<Reference, Refusal>), Refusal> {
    let tool = registry::find(&call.tool).ok_or_else(|| {
        Refusal::new(
            Code::NotFound,
            format!("There is no tool {}. `dispatch tool list` shows those there are.", shown(&call.tool)),
        )
    })?;
    let reference = reference(tool, call.target.as_deref().unwrap_or_default().trim());
    // Of a command's route a malformed id is no part; a read says so after it knows who asks.
    if tool.mutating && reference.is_err() {
        return Err(reference.err().unwrap_or_else(|| malformed(tool, "")));
    }
    if call.payload.to_string().len() > MAX_BODY {
        return Err(Refusal::new(
            Code::PayloadTooLarge,
            "The payload is larger than 1 MiB. Store large files as evidence objects and name their uri.",
        ));
    }
    Ok((tool, reference))
}

/// Whether whoever calls is somebody, and may call this tool (step 3).
pub(super) fn admit(tool: &Tool, call: &Call) -> Result<(), Refusal> {
    let is_word = |text: &str| text.chars().count() <= MAX_WORD && !text.contains('\0');
    let actor = &call.caller.actor.id;
    if actor.trim().is_empty() || !is_word(actor) {
        return Err(Refusal::new(
            Code::InvalidActorContext,
            format!("The actor's id must not be blank, hold NUL, or be longer than {MAX_WORD} characters."),
        ));
    }
    for (name, word) in [("correlation_id", &call.correlation_id), ("trace_id", &call.trace_id)] {
        if word.as_deref().is_some_and(|word| !is_word(word)) {
            return Err(Refusal::field_rule(
                name,
                format!("{name} must not hold NUL or be longer than {MAX_WORD} characters."),
            ));
        }
    }
    judge::authorise(tool, &call.caller.actor)
}

/// The request id of a command (step 4).
pub(super) fn request_id(call: &Call) -> Result<Uuid, Refusal> {
    match call.request_id.as_deref().map(str::trim).filter(|id| !id.is_empty()) {
        None => Err(Refusal::new(
            Code::MissingIdempotencyKey,
            "A command needs a request id (a UUID), so that a retry is not done twice. Send one.",
        )),
        Some(id) => uuid(id).ok_or_else(|| {
            Refusal::new(Code::InvalidIdempotencyKey, "The request id is not a UUID (8-4-4-4-12 hex digits). Send one.")
        }),
    }
}

fn uuid(text: &str) -> Option<Uuid> {
    Uuid::try_parse(text).ok().filter(|_| text.len() == 36)
}

fn reference(tool: &Tool, named: &str) -> Result<Reference, Refusal> {
    if tool.spec.route.contains("{kind}") {
        return Kind::named(named).map(Reference::Kind);
    }
    if !tool.spec.takes_ticket() {
        return Ok(Reference::Nothing);
    }
    if let Some(id) = uuid(named) {
        return Ok(Reference::Ticket(id));
    }
    let number = named.to_uppercase();
    if is_number(&number) {
        Ok(Reference::Named(number))
    } else if named.contains(':') && named.len() <= 1_200 && !named.contains('\0') {
        Ok(Reference::Named(named.to_owned()))
    } else {
        Err(malformed(tool, named))
    }
}

fn is_number(text: &str) -> bool {
    text.strip_prefix("T-")
        .is_some_and(|digits| (1..=18).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A ticket id that is none (CONTRACT.md 8).
fn malformed(tool: &Tool, named: &str) -> Refusal {
    let what = if named.is_empty() {
        format!("{} needs a ticket: its number (T-10423) or its id.", tool.spec.name)
    } else {
        format!("`{}` is no ticket. Give its number (T-10423) or its id.", shown(named))
    };
    let has_code = ["ticket.get", "ticket.timeline", "closeout.list_evidence"].contains(&tool.spec.name);
    let code = if has_code { Code::InvalidTicketId } else { Code::NotFound };
    Refusal::new(code, what).with("ticket_id", shown(named))
}

/// Text from outside, short enough to be repeated in a message.
pub(super) fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}

impl Engine {
    /// Looks up what a call names; nothing where nobody knows it.
    pub(super) async fn target(&self, reference: &Reference) -> Result<Option<Target>, Refusal> {
        Ok(match reference {
            Reference::Nothing => Some(Target::default()),
            Reference::Kind(kind) => Some(Target { kind: Some(*kind), ticket_id: None }),
            Reference::Ticket(id) => Some(Target { ticket_id: Some(*id), kind: None }),
            Reference::Named(name) => {
                let found = self.patiently(|| self.store.resolve(name).boxed()).await?;
                found.map(|id| Target { ticket_id: Some(id), kind: None })
            }
        })
    }
}

impl Reference {
    /// The refusal for a ticket that nobody knows.
    pub(super) fn not_found(&self) -> Refusal {
        match self {
            Self::Named(name) => Refusal::ticket_not_found(shown(name)),
            Self::Ticket(id) => Refusal::ticket_not_found(id.to_string()),
            Self::Nothing | Self::Kind(_) => Refusal::ticket_not_found(""),
        }
    }
}

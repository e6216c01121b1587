//! What a tool is: its row of the contract's table, its payload, its rule (CONTRACT.md 3).

use std::any::Any;
use std::fmt::Debug;
use std::sync::OnceLock;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use super::actor::Role;
use super::case::{CaseFile, Context, Decision};
use super::directory::Kind;
use super::payload::{self, Validator};
use super::refusal::{Code, Refusal};
use super::state::State;
use super::ticket::StoredTicket;
use super::words::words;

words! {
    /// How the contract, the menus and the docs group the tools.
    pub enum Group {
        Intake = "intake",
        Schedule = "schedule",
        Assign = "assign",
        Field = "field",
        Money = "money",
        Closeout = "closeout",
        Directory = "directory",
        Look = "look",
    }
}

words! {
    /// What pressing it by mistake would cost: how carefully a face asks before it calls.
    pub enum Risk {
        Ordinary = "ordinary",
        /// The ticket ends here; nothing leads back.
        Final = "final",
        /// It goes past what the policy asks for.
        Override = "override",
    }
}

/// In which states a tool may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// It makes a new ticket.
    NewTicket,
    /// Any state, terminal ones included.
    Any,
    /// These.
    States(&'static [State]),
    /// It is about no ticket.
    NoTicket,
}

/// One row of the toolset.
#[derive(Debug, Clone, Copy)]
pub struct ToolSpec {
    pub name: &'static str,
    /// One sentence for menus and docs.
    pub summary: &'static str,
    pub method: &'static str,
    /// With `{id}` for the ticket, `{kind}` for a kind of master data.
    pub route: &'static str,
    pub roles: &'static [Role],
    pub from: From,
    /// The state a ticket lands in; none where it depends, or does not change.
    pub to: Option<State>,
    /// The HTTP status of an accepted call.
    pub status: u16,
    pub group: Group,
    pub risk: Risk,
    /// The key of menus; no two tools have the same.
    pub key: &'static str,
}

impl ToolSpec {
    /// The route template as stored answers and audit events name it.
    pub fn endpoint(&self) -> String {
        self.route.replace("{id}", "{ticketId}")
    }

    /// Whether it is called on a ticket.
    pub fn takes_ticket(&self) -> bool {
        self.route.contains("{id}")
    }

    /// The states in which it may be called, for a refusal to name.
    pub fn from_states(&self) -> &'static [State] {
        match self.from {
            From::States(states) => states,
            From::Any => State::ALL,
            From::NewTicket | From::NoTicket => &[],
        }
    }

    /// Whether a ticket in this state admits the tool.
    pub fn admits(&self, state: State) -> bool {
        match self.from {
            From::Any => true,
            From::States(states) => states.contains(&state),
            From::NewTicket | From::NoTicket => false,
        }
    }
}

/// What a call needs to know beside ticket and site: the engine loads exactly this.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each says whether one part of the case file is loaded")]
pub struct Needs {
    pub account: Option<Uuid>,
    pub site: Option<Uuid>,
    pub asset: Option<Uuid>,
    pub technician: Option<String>,
    pub recommendation: Option<Uuid>,
    pub approvals: bool,
    pub evidence: bool,
    pub exceptions: bool,
    pub completion: bool,
    pub verification: bool,
    pub promises: bool,
    pub master: Option<(Kind, Option<String>)>,
}

/// A command: something that changes the world. Its payload type carries its rules.
pub trait Command: DeserializeOwned + JsonSchema + Debug + Send + Sync + 'static {
    /// Its row of the toolset.
    const SPEC: ToolSpec;
    /// What its decision depends on.
    fn needs(&self) -> Needs {
        Needs::default()
    }
    /// Where the state alone does not say whether the ticket admits it (step 7).
    fn state_rule(&self, _ticket: &StoredTicket) -> Result<(), Refusal> {
        Ok(())
    }
    /// What a schema cannot say (step 8).
    fn field_rules(&self) -> Result<(), Refusal> {
        Ok(())
    }
    /// The rule itself (step 9).
    fn decide(&self, case: &CaseFile, context: &Context<'_>) -> Result<Decision, Refusal>;
}

/// A read; its payload type is its query. What it answers is the engine's business.
pub trait Read: DeserializeOwned + JsonSchema + Debug + Send + Sync + 'static {
    /// Its row of the toolset.
    const SPEC: ToolSpec;
}

/// A command whose payload has been read, whatever its type.
pub trait ReadyCommand: Debug + Send + Sync {
    fn needs(&self) -> Needs;
    fn state_rule(&self, ticket: &StoredTicket) -> Result<(), Refusal>;
    fn field_rules(&self) -> Result<(), Refusal>;
    fn decide(&self, case: &CaseFile, context: &Context<'_>) -> Result<Decision, Refusal>;
}

impl<T: Command> ReadyCommand for T {
    fn needs(&self) -> Needs {
        Command::needs(self)
    }
    fn state_rule(&self, ticket: &StoredTicket) -> Result<(), Refusal> {
        Command::state_rule(self, ticket)
    }
    fn field_rules(&self) -> Result<(), Refusal> {
        Command::field_rules(self)
    }
    fn decide(&self, case: &CaseFile, context: &Context<'_>) -> Result<Decision, Refusal> {
        Command::decide(self, case, context)
    }
}

/// A payload that has been read.
#[derive(Debug)]
pub enum Payload {
    Command(Box<dyn ReadyCommand>),
    Query(Box<dyn Any + Send + Sync>),
}

impl Payload {
    /// The query of a read, as its type.
    pub fn query<T: 'static>(&self) -> Option<&T> {
        match self {
            Self::Query(query) => query.downcast_ref(),
            Self::Command(_) => None,
        }
    }
}

/// One shape that a tool's payload may have; only directory tools have several, one a kind.
#[derive(Debug)]
struct Shape {
    kind: Option<Kind>,
    schema: fn() -> Value,
    read: fn(&str, &Validator, &Value) -> Result<Payload, Refusal>,
    validator: OnceLock<Validator>,
}

/// A registered tool.
#[derive(Debug)]
pub struct Tool {
    pub spec: ToolSpec,
    pub mutating: bool,
    shapes: Vec<Shape>,
}

impl Tool {
    /// A command.
    pub fn command<T: Command>() -> Self {
        Self { spec: T::SPEC, mutating: true, shapes: vec![command_shape::<T>(None)] }
    }

    /// A read.
    pub fn read<T: Read>() -> Self {
        let shape = Shape {
            kind: None,
            schema: payload::schema_of::<T>,
            read: |tool, validator, body| {
                payload::read::<T>(tool, validator, body)
                    .map(|query| Payload::Query(Box::new(query)))
                    .map_err(|refusal| as_invalid_query(&refusal))
            },
            validator: OnceLock::new(),
        };
        Self { spec: T::SPEC, mutating: false, shapes: vec![shape] }
    }

    /// A command whose payload depends on the kind of master data it is called on.
    pub fn command_by_kind(spec: ToolSpec) -> Self {
        Self { spec, mutating: true, shapes: Vec::new() }
    }

    /// Adds the payload of one kind.
    #[must_use]
    pub fn kind<T: Command>(mut self, kind: Kind) -> Self {
        self.shapes.push(command_shape::<T>(Some(kind)));
        self
    }

    fn shape(&self, kind: Option<Kind>) -> Option<&Shape> {
        self.shapes.iter().find(|shape| shape.kind.is_none() || shape.kind == kind)
    }

    /// The JSON Schema of the payload; where it depends on a kind and none is given, of them all.
    pub fn schema(&self, kind: Option<Kind>) -> Value {
        if let Some(shape) = self.shape(kind) {
            return (shape.schema)();
        }
        let all: Vec<Value> = self.shapes.iter().map(|shape| (shape.schema)()).collect();
        serde_json::json!({"title": self.spec.name, "anyOf": all})
    }

    /// Reads a body, or refuses it naming every error (step 6).
    pub fn payload(&self, kind: Option<Kind>, body: &Value) -> Result<Payload, Refusal> {
        let Some(shape) = self.shape(kind) else {
            return Err(Refusal::field_rule("kind", "This tool needs a kind of master data."));
        };
        let validator = shape.validator.get_or_init(|| Validator::new(&(shape.schema)()));
        (shape.read)(self.spec.name, validator, body)
    }

    /// The fields of a body that the payload does not know.
    pub fn unknown_fields(&self, kind: Option<Kind>, body: &Value) -> Vec<String> {
        let known = self.fields(kind);
        let Some(fields) = body.as_object() else { return Vec::new() };
        fields.keys().filter(|name| !known.contains(name)).cloned().collect()
    }

    /// The names of the payload's fields.
    pub fn fields(&self, kind: Option<Kind>) -> Vec<String> {
        let schema = self.schema(kind);
        let properties = schema.get("properties").and_then(Value::as_object);
        properties.map(|map| map.keys().cloned().collect()).unwrap_or_default()
    }
}

/// What a read is asked with is a query, and a wrong one is told so (CONTRACT.md 8).
fn as_invalid_query(refusal: &Refusal) -> Refusal {
    let first = refusal.field("validation_errors").and_then(|errors| errors.get(0)).cloned().unwrap_or_default();
    let parameter = first["path"].as_str().unwrap_or_default().trim_start_matches('/').to_owned();
    Refusal::new(Code::InvalidQuery, refusal.message()).with("parameter", parameter).with("allowed", &first["message"])
}

fn command_shape<T: Command>(kind: Option<Kind>) -> Shape {
    Shape {
        kind,
        schema: payload::schema_of::<T>,
        read: |tool, validator, body| {
            payload::read::<T>(tool, validator, body).map(|command| Payload::Command(Box::new(command)))
        },
        validator: OnceLock::new(),
    }
}

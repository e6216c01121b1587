//! `dispatch call`: one tool call.

use std::io::Read;

use clap::Args;
use serde_json::{Map, Value, json};

use super::error::CliError;
use super::offer;
use super::session::Session;
use super::tool::{named, nearest};
use super::usage::whole;
use crate::domain::directory::Kind;
use crate::domain::refusal::{Code, Refusal};
use crate::domain::tool::Tool;
use crate::engine::Call;

/// Call one tool
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  dispatch --demo call ticket.get T-10001
  dispatch --demo call ticket.triage T-10001 --set priority=URGENT --set incident_type=DOOR_WONT_LATCH --dry-run
  dispatch --demo call directory.search technicians --set q=ortiz
  dispatch tool schema ticket.triage")]
pub struct CallArgs {
    /// The tool's name, e.g. ticket.triage or `ticket_triage`
    #[arg(value_parser = offer::TOOLS, hide_possible_values = true)]
    tool: String,
    /// The ticket (number, id, or source:id of an import), or the kind of master data
    target: Option<String>,
    /// One field of the payload; the tool's schema says how the value is read
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// The payload as JSON, from a file, or from standard input
    #[arg(long, value_name = "JSON|@FILE|-")]
    payload: Option<String>,
    /// The request id: the same id again gives the same answer and does nothing twice
    #[arg(long, value_name = "UUID")]
    request_id: Option<String>,
    /// A word of yours that the audit trail keeps
    #[arg(long, value_name = "ID")]
    correlation_id: Option<String>,
    /// Say what would happen, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Refuse if the ticket is no longer at this version
    #[arg(long, value_name = "VERSION", value_parser = whole(0..=1_000_000_000i64))]
    if_version: Option<i64>,
}

impl CallArgs {
    /// A change of master data.
    pub fn upsert(kind: String, set: Vec<String>) -> Self {
        Self {
            tool: "directory.upsert".to_owned(),
            target: Some(kind),
            set,
            payload: None,
            request_id: None,
            correlation_id: None,
            dry_run: false,
            if_version: None,
        }
    }
}

/// Runs `dispatch call`.
pub async fn run(session: &mut Session, args: CallArgs) -> Result<u8, CliError> {
    let tool = named(&args.tool)?;
    let kind = match args.target.as_deref() {
        Some(word) if tool.spec.route.contains("{kind}") => Some(Kind::named(word)?),
        _ => None,
    };
    let mut payload = match &args.payload {
        None => Map::new(),
        Some(text) => read_payload(text)?,
    };
    for pair in &args.set {
        let (key, value) = typed(tool, kind, pair)?;
        payload.insert(key, value);
    }
    let payload = Value::Object(payload);
    refuse_unknown(tool, kind, &payload)?;
    let caller = session.caller()?;
    let mut call = Call::new(&caller, tool.spec.name, args.target.as_deref(), payload);
    if args.request_id.is_some() {
        call.request_id = args.request_id;
    }
    call.correlation_id = args.correlation_id;
    call.if_version = args.if_version;
    let desk = session.desk().await?;
    if args.dry_run {
        let preview = desk.preview(call).await?;
        session.out.value(&preview)?;
    } else {
        let reply = desk.call(call).await?;
        session.out.body(&reply.body)?;
    }
    Ok(0)
}

/// Refuses fields that the tool does not know, naming the nearest that it does.
pub fn refuse_unknown(tool: &Tool, kind: Option<Kind>, payload: &Value) -> Result<(), CliError> {
    let Some(unknown) = tool.unknown_fields(kind, payload).into_iter().next() else { return Ok(()) };
    let fields = tool.fields(kind);
    let known: Vec<&str> = fields.iter().map(String::as_str).collect();
    let hint = match nearest(&unknown, &known) {
        Some(near) => format!("Did you mean `{near}`?"),
        None if known.is_empty() => "It takes none.".to_owned(),
        None => format!("It knows: {}.", known.join(", ")),
    };
    Err(CliError::Usage(format!("{} does not know the field `{unknown}`. {hint}", tool.spec.name)))
}

fn read_payload(text: &str) -> Result<Map<String, Value>, CliError> {
    let text = match (text, text.strip_prefix('@')) {
        ("-", _) => {
            let mut all = String::new();
            std::io::stdin().read_to_string(&mut all).map_err(CliError::io("standard input"))?;
            all
        }
        (_, Some(path)) => std::fs::read_to_string(path).map_err(CliError::io(format!("the payload file {path}")))?,
        (text, None) => text.to_owned(),
    };
    if text.trim().is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_str(&text) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => {
            Err(CliError::Usage("The payload is not a JSON object, such as {\"priority\": \"URGENT\"}.".to_owned()))
        }
        Err(error) => Err(Refusal::new(
            Code::InvalidJson,
            format!("The payload is not JSON: {error}. Write an object, such as {{\"priority\": \"URGENT\"}}."),
        )
        .into()),
    }
}

/// Reads `key=value` as the tool's schema wants the field.
fn typed(tool: &Tool, kind: Option<Kind>, pair: &str) -> Result<(String, Value), CliError> {
    let Some((key, value)) = pair.split_once('=') else {
        return Err(CliError::Usage(format!("--set wants KEY=VALUE, such as priority=URGENT, not `{pair}`.")));
    };
    let key = key.trim();
    refuse_unknown(tool, kind, &json!({ key: null }))?;
    let schema = tool.schema(kind);
    let property = schema.pointer(&format!("/properties/{key}")).cloned().unwrap_or_default();
    // Enumerations and texts are taken as they are, so that nobody needs quotes within quotes.
    let value = if is_text(&property) {
        Value::String(value.to_owned())
    } else {
        serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()))
    };
    Ok((key.to_owned(), value))
}

fn is_text(property: &Value) -> bool {
    let names_string = |kind: &Value| match kind {
        Value::String(name) => name == "string",
        Value::Array(names) => names.iter().any(|name| name == "string"),
        _ => false,
    };
    property.get("type").is_some_and(names_string)
        || property.get("enum").is_some()
        || property.get("oneOf").is_some()
        || property
            .get("anyOf")
            .and_then(Value::as_array)
            .is_some_and(|options| options.iter().all(|option| is_text(option) || option["type"] == "null"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_the_schema_wants_them() {
        let triage = named("ticket.triage").unwrap();
        let read = |pair: &str| typed(triage, None, pair).unwrap().1;
        assert_eq!(read("priority=URGENT"), json!("URGENT"));
        assert_eq!(read("incident_type=42"), json!("42"));
        assert_eq!(read("nte_cents=95000"), json!(95000));
        assert_eq!(read("ready_to_schedule=true"), json!(true));
        assert_eq!(read("workflow_outcome=TRIAGED"), json!("TRIAGED"));
        let confirm = named("schedule.confirm").unwrap();
        assert_eq!(typed(confirm, None, "start=2026-01-01T00:00:00Z").unwrap().1, json!("2026-01-01T00:00:00Z"));
        let complete = named("tech.complete").unwrap();
        assert_eq!(typed(complete, None, "checklist_status={\"a\":true}").unwrap().1, json!({"a": true}));
    }

    #[test]
    fn an_unknown_field_names_its_neighbour() {
        let error = typed(named("ticket.triage").unwrap(), None, "incident_tipe=X").unwrap_err();
        assert!(error.to_string().contains("Did you mean `incident_type`?"), "{error}");
        assert_eq!(error.code(), 2);
    }
}

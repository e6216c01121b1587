//! `dispatch run`: scripted calls, one JSON object a line, done exactly once however often the
//! script is run.

use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use clap::Args;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, mpsc};
use uuid::Uuid;

use super::call::refuse_unknown;
use super::error::{CliError, code_of_status};
use super::out::say;
use super::session::Session;
use super::tool::named;
use super::usage::whole;
use crate::domain::canonical::sha256_hex;
use crate::domain::directory::Kind;
use crate::engine::{Call, Caller, Desk, Refused};

/// Do scripted calls; running the same script again resumes it
///
/// Each line is an object with `tool`, `ticket` and `payload`, and where wanted `request_id`,
/// `if_version`, `as` (`actor`, `role`) and `save` (a name). A later line may say ${name.id} for a field of an earlier reply. Lines that belong
/// together (one ticket, one name) are done in order; with --jobs others run beside them.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  echo '{\"tool\": \"directory.search\", \"ticket\": \"accounts\"}' | dispatch --demo run -"
)]
pub struct RunArgs {
    /// The script, or - for standard input
    file: String,
    /// How many calls at once
    #[arg(long, default_value_t = 1, value_parser = whole(1..=64u16))]
    jobs: u16,
    /// Go on after a refusal
    #[arg(long)]
    keep_going: bool,
    /// What the request ids are derived from, with the line [default: the file's content]
    #[arg(long, value_name = "ID")]
    run_id: Option<String>,
}

/// A line as it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    tool: String,
    /// A ticket, or a kind of master data.
    ticket: Option<String>,
    #[serde(default)]
    payload: Value,
    request_id: Option<String>,
    if_version: Option<i64>,
    #[serde(rename = "as")]
    actor: Option<As>,
    save: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct As {
    actor: Option<String>,
    role: Option<String>,
}

/// A line ready to be done.
#[derive(Debug, Clone)]
struct Step {
    number: usize,
    line: Line,
    caller: Caller,
    request_id: String,
}

/// What became of a line.
struct Done {
    number: usize,
    tool: String,
    ticket: Option<String>,
    result: Result<(u16, bool, Value), Refused>,
}

type Saved = Arc<Mutex<HashMap<String, Value>>>;

/// Runs `dispatch run`.
pub async fn run(session: &mut Session, args: RunArgs) -> Result<u8, CliError> {
    let text = read(&args.file)?;
    let run_id = match (&args.run_id, args.file.as_str()) {
        (Some(id), _) => id.clone(),
        (None, "-") => Uuid::new_v4().to_string(),
        (None, _) => sha256_hex(text.as_bytes()),
    };
    let steps = parse(session, &text, &run_id)?;
    if steps.is_empty() {
        say("The script holds no calls. Write one JSON object a line; `dispatch help run` has an example.");
        return Ok(0);
    }
    let desk = session.desk().await?;
    let lanes = lanes(&steps);
    let (results, mut received) = mpsc::channel(64);
    let stop = Arc::new(AtomicBool::new(false));
    let saved: Saved = Arc::default();
    let room = Arc::new(Semaphore::new(usize::from(args.jobs)));
    let keep_going = args.keep_going;
    let conductor = {
        let stop = Arc::clone(&stop);
        tokio::spawn(async move {
            for lane in lanes {
                let Ok(permit) = Arc::clone(&room).acquire_owned().await else { break };
                let (desk, saved, stop, results) =
                    (Arc::clone(&desk), Arc::clone(&saved), Arc::clone(&stop), results.clone());
                tokio::spawn(async move {
                    work(lane, &*desk, &saved, &stop, keep_going, &results).await;
                    drop(permit);
                });
            }
        })
    };
    let (mut first_refusal, mut answered) = (None, 0);
    while let Some(done) = received.recv().await {
        match &done.result {
            Ok(_) => answered += 1,
            Err(refused) => {
                first_refusal.get_or_insert(code_of_status(refused.refusal.status()));
            }
        }
        print(session, &done)?;
    }
    let _ = conductor.await;
    say(&format!("{answered} of {} calls answered (run id {run_id}).", steps.len()));
    Ok(first_refusal.unwrap_or(0))
}

fn read(file: &str) -> Result<String, CliError> {
    let mut bytes = Vec::new();
    if file == "-" {
        std::io::stdin().read_to_end(&mut bytes).map_err(CliError::io("standard input"))?;
    } else {
        bytes = std::fs::read(file).map_err(CliError::io(format!("the script {file}")))?;
    }
    String::from_utf8(bytes)
        .map_err(|_| CliError::Usage(format!("The script {file} is not UTF-8 text. Save it as UTF-8.")))
}

/// Reads the whole script before anything of it is done.
fn parse(session: &Session, text: &str, run_id: &str) -> Result<Vec<Step>, CliError> {
    let mut steps = Vec::new();
    for (number, text) in (1..).zip(text.lines()) {
        if text.trim().is_empty() {
            continue;
        }
        let wrong = |message: String| CliError::Usage(format!("Line {number} of the script: {message}"));
        let line: Line = serde_json::from_str(text).map_err(|error| wrong(not_a_call(&error)))?;
        let tool = named(&line.tool).map_err(|error| wrong(error.to_string()))?;
        let kind = match &line.ticket {
            Some(kind) if tool.spec.route.contains("{kind}") => {
                Some(Kind::named(kind).map_err(|refusal| wrong(refusal.message().to_owned()))?)
            }
            _ => None,
        };
        refuse_unknown(tool, kind, &line.payload).map_err(|error| wrong(error.to_string()))?;
        let caller = match &line.actor {
            None => session.caller()?,
            Some(by) => {
                session.caller_as(by.actor.as_deref(), by.role.as_deref()).map_err(|error| wrong(error.to_string()))?
            }
        };
        let derived = Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("dispatch run {run_id} line {number}").as_bytes());
        let request_id = line.request_id.clone().unwrap_or_else(|| derived.to_string());
        steps.push(Step { number, line, caller, request_id });
    }
    Ok(steps)
}

/// Why a line is no call, and how one is written.
fn not_a_call(error: &serde_json::Error) -> String {
    let told = error.to_string();
    // It speaks of its one line as the first.
    let told = told.split_once(" at line ").map_or(told.as_str(), |(told, _)| told);
    let column = if error.is_data() { String::new() } else { format!(" (column {})", error.column()) };
    format!(
        "{told}{column}. Write one JSON object a line, such as {{\"tool\": \"ticket.get\", \"ticket\": \"T-10001\"}}."
    )
}

/// What ties lines together: their ticket, the name they save, the names they refer to.
fn ties(line: &Line) -> Vec<String> {
    let mut ties: Vec<String> = Vec::new();
    let text = format!("{} {}", line.ticket.as_deref().unwrap_or_default(), line.payload);
    for part in text.split("${").skip(1) {
        ties.push(format!("name {}", part.split(['.', '}']).next().unwrap_or_default()));
    }
    ties.extend(line.save.iter().map(|name| format!("name {name}")));
    ties.extend(line.ticket.iter().filter(|ticket| !ticket.contains("${")).map(|ticket| format!("ticket {ticket}")));
    ties
}

/// Splits a script into lanes: within one the order counts, between them it does not.
fn lanes(steps: &[Step]) -> Vec<Vec<Step>> {
    let mut lane_of_tie: HashMap<String, usize> = HashMap::new();
    let mut lane_of_step: Vec<usize> = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        let ties = ties(&step.line);
        let lane = ties.iter().filter_map(|tie| lane_of_tie.get(tie)).min().copied().unwrap_or(index);
        let joined: Vec<usize> = ties.iter().filter_map(|tie| lane_of_tie.get(tie)).copied().collect();
        for other in lane_of_step.iter_mut().chain(lane_of_tie.values_mut()) {
            if joined.contains(other) {
                *other = lane;
            }
        }
        lane_of_tie.extend(ties.into_iter().map(|tie| (tie, lane)));
        lane_of_step.push(lane);
    }
    let mut lanes: BTreeMap<usize, Vec<Step>> = BTreeMap::new();
    for (step, lane) in steps.iter().zip(lane_of_step) {
        lanes.entry(lane).or_default().push(step.clone());
    }
    lanes.into_values().collect()
}

async fn work(
    lane: Vec<Step>,
    desk: &dyn Desk,
    saved: &Saved,
    stop: &AtomicBool,
    keep_going: bool,
    results: &mpsc::Sender<Done>,
) {
    for step in lane {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let done = one(&step, desk, saved).await;
        if done.result.is_err() && !keep_going {
            stop.store(true, Ordering::Relaxed);
        }
        if results.send(done).await.is_err() {
            return;
        }
    }
}

async fn one(step: &Step, desk: &dyn Desk, saved: &Saved) -> Done {
    let known = saved.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let filled = fill(&step.line.payload, &known).and_then(|payload| {
        Ok((payload, step.line.ticket.as_deref().map(|text| fill_text(text, &known)).transpose()?))
    });
    let (payload, ticket) = match filled {
        Ok((payload, ticket)) => {
            (payload, ticket.map(|ticket| ticket.as_str().map_or_else(|| ticket.to_string(), str::to_owned)))
        }
        Err(name) => {
            let refusal = crate::domain::refusal::Refusal::field_rule(
                "ticket",
                format!(
                    "The line refers to ${{{name}}}, but no earlier line was answered that saves it. Let one say \
                     \"save\": \"{}\", or mend the one that does.",
                    name.split('.').next().unwrap_or_default()
                ),
            );
            let result = Err(Refused { refusal, request_id: None, correlation_id: None });
            return Done {
                number: step.number,
                tool: step.line.tool.clone(),
                ticket: step.line.ticket.clone(),
                result,
            };
        }
    };
    let mut call = Call::new(&step.caller, &step.line.tool, ticket.as_deref(), payload);
    call.request_id = Some(step.request_id.clone());
    call.if_version = step.line.if_version;
    let result = desk.call(call).await.map(|reply| (reply.status, reply.replayed, reply.json()));
    if let (Some(name), Ok((_, _, body))) = (&step.line.save, &result) {
        saved.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone(), body.clone());
    }
    Done { number: step.number, tool: step.line.tool.clone(), ticket, result }
}

/// Replaces `${name.path}` by what was saved; the name, where nothing was.
fn fill(value: &Value, saved: &HashMap<String, Value>) -> Result<Value, String> {
    Ok(match value {
        Value::String(text) => fill_text(text, saved)?,
        Value::Array(items) => Value::Array(items.iter().map(|item| fill(item, saved)).collect::<Result<_, _>>()?),
        Value::Object(map) => Value::Object(
            map.iter().map(|(key, item)| Ok((key.clone(), fill(item, saved)?))).collect::<Result<_, String>>()?,
        ),
        other => other.clone(),
    })
}

fn fill_text(text: &str, saved: &HashMap<String, Value>) -> Result<Value, String> {
    let look_up = |path: &str| {
        let mut parts = path.split('.');
        let name = parts.next().unwrap_or_default();
        let found = parts.try_fold(saved.get(name)?, |value, part| match value {
            Value::Array(items) => items.get(part.parse::<usize>().ok()?),
            other => other.get(part),
        });
        found.cloned()
    };
    if let Some(path) = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'))
        && !path.contains("${")
    {
        return look_up(path).ok_or_else(|| path.to_owned());
    }
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((path, after)) = after.split_once('}') else { break };
        out.push_str(before);
        match look_up(path).ok_or_else(|| path.to_owned())? {
            Value::String(text) => out.push_str(&text),
            other => out.push_str(&other.to_string()),
        }
        rest = after;
    }
    out.push_str(rest);
    Ok(Value::String(out))
}

fn print(session: &mut Session, done: &Done) -> Result<(), CliError> {
    if session.out.json {
        let mut line = json!({"line": done.number, "tool": done.tool, "ticket": done.ticket});
        match &done.result {
            Ok((status, replayed, reply)) => {
                line["status"] = json!(status);
                line["replayed"] = json!(replayed);
                line["reply"] = reply.clone();
            }
            Err(refused) => {
                line["status"] = json!(refused.refusal.status());
                line["error"] = refused.envelope()["error"].clone();
            }
        }
        session.out.json_line(&line)?;
    } else {
        let told = match &done.result {
            Ok((_, true, _)) => "done before".to_owned(),
            Ok((_, false, reply)) => {
                let ticket = if reply["ticket"].is_object() { &reply["ticket"] } else { reply };
                let field = |name: &str| ticket[name].as_str().unwrap_or_default().to_owned();
                format!("done  {} {}", field("number"), field("state"))
            }
            Err(refused) => format!("refused  {refused}"),
        };
        session.out.text(&format!("{:>5}  {:<26}  {told}", done.number, done.tool))?;
    }
    session.out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::actor::{Actor, Role};

    fn step(number: usize, line: &Value) -> Step {
        Step {
            number,
            line: serde_json::from_value(line.clone()).unwrap(),
            caller: Caller::local(Actor::local("m", Role::Dispatcher)),
            request_id: String::new(),
        }
    }

    #[test]
    fn lines_of_one_ticket_or_name_stay_together_and_others_part() {
        let steps: Vec<Step> = [
            json!({"tool": "ticket.create", "save": "a"}),
            json!({"tool": "ticket.create", "save": "b"}),
            json!({"tool": "ticket.triage", "ticket": "${a.id}"}),
            json!({"tool": "ticket.triage", "ticket": "T-1"}),
            json!({"tool": "ticket.triage", "ticket": "${b.id}", "payload": {"x": "see ${a.number}"}}),
            json!({"tool": "ticket.get", "ticket": "T-1"}),
        ]
        .iter()
        .zip(1..)
        .map(|(line, number)| step(number, line))
        .collect();
        let lanes: Vec<Vec<usize>> =
            lanes(&steps).iter().map(|lane| lane.iter().map(|step| step.number).collect()).collect();
        assert_eq!(lanes, [vec![1, 2, 3, 5], vec![4, 6]]);
    }

    #[test]
    fn references_keep_their_type_alone_and_join_text_otherwise() {
        let saved = HashMap::from([("a".to_owned(), json!({"id": "x", "n": 7, "list": [{"k": 1}]}))]);
        let filled =
            fill(&json!({"n": "${a.n}", "t": "see ${a.id}/${a.n}", "l": ["${a.list.0.k}"], "p": "$5"}), &saved);
        assert_eq!(filled.unwrap(), json!({"n": 7, "t": "see x/7", "l": [1], "p": "$5"}));
        assert_eq!(fill(&json!("${b.id}"), &saved).unwrap_err(), "b.id");
    }
}

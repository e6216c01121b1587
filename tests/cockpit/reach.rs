//! Every tool of the registry is reached by keys: at most three, and its form.

use std::collections::{BTreeMap, BTreeSet};

use dispatch::domain::actor::Role;
use dispatch::domain::directory::Kind;
use dispatch::domain::registry;
use dispatch::domain::state::State;
use dispatch::domain::tool::{From, Tool, ToolSpec};
use serde_json::json;

use crate::post::{As, Post};
use crate::support::{ok, ordinary_way};
use crate::terminal::Terminal;

/// What is there once a tool was asked for.
enum Shows {
    /// A form; no other has its title.
    Form,
    /// A tab of the case, and what is on it.
    Tab(&'static str, &'static str),
    /// This, and no form on top of it.
    Text(String),
}

/// How a tool is asked for. A new one is in the menu; one that is not, and a new read, has to be told here.
fn ways(tool: &'static Tool, number: &str) -> Vec<(Vec<String>, Shows)> {
    let keys = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
    let in_menu = |shows| vec![(keys(&["a", tool.spec.key]), shows)];
    match tool.spec.name {
        _ if tool.mutating && (tool.spec.takes_ticket() || tool.spec.from == From::NewTicket) => in_menu(Shows::Form),
        "ticket.get" | "case.get" => in_menu(Shows::Tab("[Summary]", "Promise")),
        "ticket.timeline" => in_menu(Shows::Tab("[Timeline]", "✓ chain whole")),
        "closeout.list_evidence" => in_menu(Shows::Tab("[Evidence]", "No evidence yet.")),
        // The first is under the cursor already.
        "directory.upsert" => {
            let of = |kind: &Kind| match kind.as_str() {
                name if *kind == Kind::ALL[0] => (keys(&["d", "<enter>"]), name),
                name => (keys(&["d", &name[..1], "<enter>"]), name),
            };
            let titled = |name: &str| Shows::Text(format!("╭ {}{} ", name[..1].to_uppercase(), &name[1..]));
            Kind::ALL.iter().map(of).map(|(keys, name)| (keys, titled(name))).collect()
        }
        // What a form offers of the directory, here the accounts.
        "directory.search" => vec![(keys(&["n", "h"]), Shows::Text("Harbor Foods".to_owned()))],
        "dispatcher.cockpit" => vec![(Vec::new(), Shows::Text(format!(" {number} ")))],
        other => panic!("no way to {other} is known: say by which keys it is reached, and what is seen then"),
    }
}

/// The tickets of a post, one of each state that was asked for; their numbers.
struct Tickets<'a> {
    post: &'a Post,
    made: BTreeMap<&'static str, String>,
}

impl Tickets<'_> {
    /// One on which a tool may be called.
    async fn fit_for(&mut self, spec: &ToolSpec) -> String {
        let mut states = vec!["NEW"];
        states.extend(ordinary_way().into_iter().map(|(state, ..)| state));
        states.push("APPROVAL_REQUIRED");
        let admits = |state: &&str| State::parse(state).is_some_and(|state| spec.admits(state));
        let state = match spec.from {
            From::NewTicket | From::NoTicket => "NEW",
            From::Any | From::States(_) => {
                states.into_iter().find(admits).unwrap_or_else(|| panic!("{}: say how to get to its states", spec.name))
            }
        };
        if let Some(number) = self.made.get(state) {
            return number.clone();
        }
        let engine = &self.post.database.engine;
        let id = if state == "APPROVAL_REQUIRED" {
            let id = self.post.world.ticket_in(engine, "IN_PROGRESS").await;
            let asked =
                json!({"approval_type": "NTE_INCREASE", "amount_delta_cents": 5_000, "reason": "The arm is bent"});
            ok(engine, Role::Technician, "tech.request_change", Some(&id), asked).await;
            id
        } else {
            self.post.world.ticket_in(engine, state).await
        };
        let number = ok(engine, Role::Dispatcher, "ticket.get", Some(&id), json!({})).await["number"].clone();
        let number = number.as_str().unwrap().to_owned();
        self.made.insert(state, number.clone());
        number
    }
}

/// Puts the cursor on a ticket, and waits for its case; another tab than any that will be asked for by `tool`.
fn select(terminal: &Terminal, number: &str, tool: &Tool) {
    terminal.keys(":").text(number).wait_for(&format!("ticket  {number}")).keys("<enter>").wait_gone("Command");
    let is_selected = |line: &str| line.contains('▌') && line.contains(&format!(" {number} "));
    terminal.wait_until("the ticket selected", |screen| screen.contents().lines().any(is_selected));
    terminal.keys(if tool.spec.name == "ticket.timeline" { "<f2>" } else { "<f3>" }).wait_gone("Reading the case");
}

/// The title of the form on top.
fn title(terminal: &Terminal) -> String {
    let screen = terminal.wait_for("ctrl-s send").wait_idle().screen();
    let (_, title) = screen.split_once('╭').unwrap_or_else(|| panic!("no form:\n{screen}"));
    title.split(['─', '·']).next().unwrap_or_default().trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_tool_of_the_registry_is_reached_within_three_keys() {
    let post = Post::new().await;
    let mut tickets = Tickets { post: &post, made: BTreeMap::new() };
    let mut terminals: BTreeMap<&str, Terminal> = BTreeMap::new();
    let mut titles = BTreeSet::new();
    for tool in registry::tools() {
        let name = tool.spec.name;
        let number = tickets.fit_for(&tool.spec).await;
        let may = |role: &&Role| tool.spec.roles.contains(role);
        let role = [Role::Dispatcher].iter().find(may).or(tool.spec.roles.iter().find(|role| **role != Role::Agent));
        let role = role.unwrap_or_else(|| panic!("{name}: nobody may call it")).as_str();
        let terminal = terminals
            .entry(role)
            .or_insert_with(|| post.cockpit_as(&As { arguments: &["--role", role], ..As::default() }));
        for (keys, shows) in ways(tool, &number) {
            select(terminal.wait_for(&number), &number, tool);
            assert!(keys.len() <= 3, "{name}: {keys:?}");
            for key in &keys {
                terminal.keys(key).wait_idle();
            }
            match shows {
                Shows::Form => assert!(titles.insert(title(terminal)), "{name}: its form is another tool's"),
                Shows::Tab(tab, text) => {
                    terminal.wait_for(tab).wait_for(text);
                }
                Shows::Text(text) => {
                    terminal.wait_for(&text);
                }
            }
            terminal.keys("<esc> <esc>");
        }
    }
}

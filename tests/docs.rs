//! The documents say what is true: generated tables are fresh, and every command in them runs.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod support;

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::CommandFactory;
use dispatch::cli::Cli;
use dispatch::domain::actor::Role;
use dispatch::domain::registry;
use dispatch::domain::tool::From;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The toolset as AGENTS.md shows it: a row a tool, a column a role.
fn table() -> String {
    let roles: Vec<Role> = Role::ALL
        .iter()
        .copied()
        .filter(|role| registry::tools().iter().any(|tool| tool.spec.roles.contains(role)))
        .collect();
    let heads: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
    let mut table =
        format!("| tool | from | to | {} |\n|---|---|---|{}\n", heads.join(" | "), ":-:|".repeat(roles.len()));
    for tool in registry::tools() {
        let from = match tool.spec.from {
            From::NewTicket => "(new)".to_owned(),
            From::Any => "any".to_owned(),
            From::NoTicket => "—".to_owned(),
            From::States(states) => states.iter().map(|state| state.as_str()).collect::<Vec<_>>().join(" "),
        };
        let to = tool.spec.to.map_or("—", |state| state.as_str());
        let marks: Vec<&str> = roles.iter().map(|role| if tool.spec.roles.contains(role) { "●" } else { "" }).collect();
        writeln!(table, "| `{}` | {from} | {to} | {} |", tool.spec.name, marks.join(" | ")).unwrap();
    }
    table
}

#[test]
fn the_table_of_roles_is_the_registrys() {
    let path = root().join("AGENTS.md");
    let text = fs::read_to_string(&path).unwrap();
    let (begin, end) = ("<!-- tools: begin -->\n", "<!-- tools: end -->");
    let (before, rest) = text.split_once(begin).unwrap();
    let (found, after) = rest.split_once(end).unwrap();
    let wanted = format!("\n{}\n", table());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, format!("{before}{begin}{wanted}{end}{after}")).unwrap();
    } else {
        assert_eq!(found, wanted, "AGENTS.md is stale: UPDATE_DOCS=1 cargo test --test docs");
    }
}

/// A directory in which `dispatch` is the program under test, with a demo of its own.
fn workplace(name: &str) -> PathBuf {
    support::cluster();
    let place = support::data_dir().join(name);
    fs::create_dir_all(place.join("bin")).unwrap();
    let _ = fs::remove_file(place.join("bin/dispatch"));
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_dispatch"), place.join("bin/dispatch")).unwrap();
    place
}

/// Runs a line as a shell would, with `dispatch` on the path.
fn shell(place: &Path, line: &str) {
    let path = std::env::join_paths(
        std::iter::once(place.join("bin")).chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    )
    .unwrap();
    let output = Command::new("sh")
        .args(["-c", line])
        .current_dir(place)
        .env_remove("DISPATCH_DATABASE_URL")
        .env_remove("DATABASE_URL")
        .env("PATH", path)
        .env("HOME", place)
        .env("USER", "tester")
        .env("DISPATCH_DATA_DIR", support::data_dir())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "`{line}` failed: {said}{}", String::from_utf8_lossy(&output.stdout));
}

/// The lines of every example in the help, command by command.
fn examples(command: &clap::Command, found: &mut Vec<(String, Vec<String>)>) {
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let joined = help.replace("\\\n", " ");
    let lines: Vec<String> = joined
        .lines()
        .skip_while(|line| !line.starts_with("Example"))
        .filter_map(|line| line.strip_prefix("  "))
        .map(str::to_owned)
        .collect();
    if !command.get_subcommands().any(|_| true) || !lines.is_empty() {
        found.push((command.get_name().to_owned(), lines));
    }
    command
        .get_subcommands()
        .filter(|command| command.get_name() != "help")
        .for_each(|command| examples(command, found));
}

#[test]
fn every_example_in_the_help_and_in_the_readme_runs() {
    let place = workplace("examples");
    shell(&place, "dispatch demo");
    let mut found = Vec::new();
    examples(&Cli::command(), &mut found);
    assert!(found.len() > 15);
    // What stops the database comes last, so that what needs it has run.
    found.sort_by_key(|(name, _)| name == "stop");
    for (name, lines) in &found {
        assert!(!lines.is_empty(), "the help of `{name}` has no example");
        for line in lines.iter().filter(|line| !line.contains("bench ") && !line.contains("db stop")) {
            shell(&place, line);
        }
    }
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let commands: Vec<&str> = readme.lines().filter(|line| line.starts_with("dispatch ")).collect();
    assert!(commands.len() > 5);
    for command in commands {
        shell(&place, command);
    }
    assert_eq!(
        readme.lines().filter(|line| line.starts_with("cargo ")).collect::<Vec<_>>(),
        ["cargo run --release -- demo", "cargo test"]
    );
}

#[test]
fn every_file_that_the_documents_point_to_is_there() {
    for document in ["README.md", "AGENTS.md", "docs/architecture.md"] {
        let text = fs::read_to_string(root().join(document)).unwrap();
        let folder = root().join(document).parent().unwrap().to_owned();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            assert!(folder.join(link).exists(), "{document} points to {link}");
        }
    }
}

//! Completions and manual pages, asked of the real shells and of the real `man`. Where one is not
//! installed, the test says so.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]
#![expect(clippy::print_stderr, reason = "a test says what it could not try on this machine")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A directory of one test, gone at its end.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("dispatch-completions-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// The program where nothing is set up: no settings that can be read, no database.
    fn run(&self, arguments: &[&str]) -> Output {
        let broken = self.0.join("broken.toml");
        fs::write(&broken, "nothing = right\n").unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_dispatch"));
        command.arg("--config").arg(broken).args(arguments).current_dir(&self.0).stdin(Stdio::null());
        command.env_clear().env("HOME", &self.0).env("DISPATCH_DATABASE_URL", "no url").output().unwrap()
    }

    fn script(&self, shell: &str) -> PathBuf {
        let output = self.run(&["completions", shell]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let path = self.0.join(format!("completions.{shell}"));
        fs::write(&path, output.stdout).unwrap();
        path
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// Whether a program is here; where it is not, says so.
fn is_here(program: &str) -> bool {
    let is_here = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !is_here {
        eprintln!("{program} is not installed: it was not asked");
    }
    is_here
}

fn words(output: &Output) -> BTreeSet<String> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.split_whitespace().map(str::to_owned).collect()
}

/// What bash offers at the end of a line.
fn offered_by_bash(script: &Path, line: &[&str]) -> BTreeSet<String> {
    let ask = r#"source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
        compopt() { :; }
        _dispatch dispatch "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"; printf '%s\n' "${COMPREPLY[@]}""#;
    let output = Command::new("bash")
        .args(["--norc", "--noprofile", "-c", ask, "bash"])
        .arg(script)
        .args(line)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    words(&output)
}

#[test]
fn bash_completes_commands_options_and_the_words_of_the_contract() {
    if !is_here("bash") {
        return;
    }
    let place = Place::new("bash");
    let script = place.script("bash");
    for (line, offered) in [
        (&["dispatch", "qu"][..], &["queue"][..]),
        (&["dispatch", "d"], &["db", "demo", "directory", "doctor"]),
        (&["dispatch", "db", "sta"], &["start", "status"]),
        (&["dispatch", "queue", "--wa"], &["--watch"]),
        (&["dispatch", "queue", "--priority", ""], &["EMERGENCY", "URGENT", "ROUTINE"]),
        (&["dispatch", "queue", "--state", "IN_"], &["IN_PROGRESS"]),
        (&["dispatch", "queue", "--sla", "b"], &["breach"]),
        (&["dispatch", "queue", "--role", "fin"], &["finance"]),
        (&["dispatch", "call", "assignment"], &["assignment.dispatch"]),
        (&["dispatch", "directory", "list", "tech"], &["technicians"]),
        (&["dispatch", "completions", "z"], &["zsh"]),
    ] {
        let found = offered_by_bash(&script, line);
        for word in offered {
            assert!(found.contains(*word), "{line:?} offers {found:?}, not {word}");
        }
    }
}

#[test]
fn zsh_and_fish_take_their_scripts_and_fish_completes_the_words() {
    let place = Place::new("others");
    for shell in ["zsh", "fish", "elvish", "powershell"] {
        let script = place.script(shell);
        if !["zsh", "fish"].contains(&shell) || !is_here(shell) {
            continue;
        }
        let checked = Command::new(shell).arg("-n").arg(&script).output().unwrap();
        assert!(checked.status.success(), "{shell}: {}", String::from_utf8_lossy(&checked.stderr));
    }
    if is_here("fish") {
        let script = place.0.join("completions.fish");
        let ask = |line: &str| {
            let command = format!("source {}; complete -C '{line}'", script.display());
            let output = Command::new("fish").args(["--no-config", "-c", &command]).env("HOME", &place.0).output();
            words(&output.unwrap())
        };
        assert!(ask("dispatch doc").contains("doctor"));
        assert!(ask("dispatch queue --priority URG").contains("URGENT"));
    }
}

#[test]
fn words_are_still_judged_by_the_command_and_not_by_the_list() {
    let place = Place::new("judged");
    let output = Command::new(env!("CARGO_BIN_EXE_dispatch"))
        .args(["queue", "--role", "Tech", "--priority", "soon"])
        .env_clear()
        .env("HOME", &place.0)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("EMERGENCY") && !said.contains("possible values"), "{said}");
}

#[test]
fn every_command_has_a_page_that_groff_reads_without_a_complaint() {
    let place = Place::new("man");
    let told = place.run(&["man", "--dir", "pages"]);
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let pages: Vec<PathBuf> = fs::read_dir(place.0.join("pages")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(pages.len() > 25);
    assert!(place.0.join("pages/dispatch-db-status.1").exists());

    let one = place.run(&["man", "db", "status"]);
    assert_eq!(one.stdout, fs::read(place.0.join("pages/dispatch-db-status.1")).unwrap());
    let wrong = place.run(&["man", "quue"]);
    assert_eq!(wrong.status.code(), Some(5));
    assert!(String::from_utf8(wrong.stderr).unwrap().contains("Did you mean queue?"));
    let file = place.0.join("a-file");
    fs::write(&file, "").unwrap();
    assert_eq!(place.run(&["man", "--dir", "a-file/pages"]).status.code(), Some(1));

    if is_here("groff") {
        for page in &pages {
            let output = Command::new("groff").args(["-man", "-Tutf8", "-ww", "-z"]).arg(page).output().unwrap();
            assert!(output.status.success() && output.stderr.is_empty(), "{}: {output:?}", page.display());
        }
    }
    if is_here("man") {
        let page = place.0.join("pages/dispatch-queue.1");
        let output = Command::new("man").args(["-P", "cat", "-l"]).arg(page).env("MANWIDTH", "80").output().unwrap();
        let shown = String::from_utf8(output.stdout).unwrap();
        assert!(shown.contains("Show the queue in SLA order") && shown.contains("--watch"), "{shown}");
        assert!(shown.contains("dispatch --demo queue --limit 10"), "{shown}");
    }
}

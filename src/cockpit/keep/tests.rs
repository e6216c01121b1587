use serde_json::json;

use super::drafts::MOST_DRAFTS;
use super::*;
use crate::cockpit::envelope::{Envelope, waiting};

fn fresh() -> Keep {
    Keep::at(std::env::temp_dir().join(format!("dispatch-keep-{}", uuid::Uuid::new_v4())).join("scope"))
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn what_is_kept_is_there_in_the_next_run_and_nobody_elses() {
    let keep = fresh();
    keep.keep_draft("ticket.triage/1", json!({"summary": "Zoë"})).unwrap();
    keep.keep_choice("theme", json!("mono")).unwrap();
    let folder = keep.folder().to_owned();
    drop(keep);
    let keep = Keep::at(folder);
    let kept = keep.read();
    assert_eq!(kept.drafts["ticket.triage/1"], json!({"summary": "Zoë"}));
    assert_eq!(kept.choices["theme"], "mono");
    assert_eq!(kept.trouble, None);
    keep.drop_draft("ticket.triage/1").unwrap();
    assert!(keep.read().drafts.is_empty());
    assert_eq!(mode(keep.folder()), 0o700);
    for file in fs::read_dir(keep.folder()).unwrap() {
        assert_eq!(mode(&file.unwrap().path()), 0o600);
    }
    fs::remove_dir_all(keep.folder()).unwrap();
}

#[test]
fn the_drafts_of_a_cockpit_that_runs_are_nobody_elses_until_it_ends() {
    let first = fresh();
    first.keep_draft("maria ticket.create new", json!("half")).unwrap();
    let second = Keep::at(first.folder().to_owned());
    assert!(second.read().drafts.is_empty());
    second.keep_draft("maria ticket.create new", json!("other")).unwrap();
    assert_eq!(first.read().drafts["maria ticket.create new"], "half");
    // However it ends.
    let sign = first.sign(&first.run.id);
    let held = first.run.alive.lock().unwrap().take();
    assert!(held.is_some() && sign.exists());
    drop((first, held));
    let third = Keep::at(second.folder().to_owned());
    let kept = third.read();
    assert_eq!(kept.drafts, [("maria ticket.create new".to_owned(), json!("half"))].into());
    assert!(!sign.exists(), "nothing is left of it");
    assert_eq!(second.read().drafts["maria ticket.create new"], "other");
    assert_eq!(third.read().drafts, kept.drafts, "they are its own now");
    fs::remove_dir_all(second.folder()).unwrap();
}

#[test]
fn of_two_drafts_in_one_form_the_older_one_waits_and_those_of_older_files_are_taken_over() {
    let folder = fresh().folder().to_owned();
    make_folder(&folder).unwrap();
    fs::write(folder.join(DRAFTS), "{\"form\": {\"fields\": 1}}").unwrap();
    let (first, second) = (Keep::at(folder.clone()), Keep::at(folder.clone()));
    second.keep_draft("form", json!({"fields": 3})).unwrap();
    first.keep_draft("form", json!({"fields": 2})).unwrap();
    drop((first, second));
    let drafts = Keep::at(folder.clone()).read().drafts;
    let mut waiting: Vec<_> = drafts.iter().filter(|(key, _)| key.starts_with("form waiting ")).collect();
    waiting.sort_by_key(|(key, _)| *key);
    let waiting: Vec<_> = waiting.into_iter().map(|(_, draft)| draft["fields"].clone()).collect();
    assert_eq!((drafts["form"]["fields"].clone(), waiting), (json!(2), vec![json!(1), json!(3)]));
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn what_is_in_the_journal_is_no_draft_any_more() {
    let envelope: Envelope = serde_json::from_value(json!({
        "request_id": Uuid::now_v7(), "pressed_at": "2026-11-21T12:00:00.000Z", "tool": "ticket.create",
        "target": "Nothing", "payload": {}, "if_version": null, "upload": null,
        "actor": crate::domain::actor::Actor::local("maria", crate::domain::actor::Role::Dispatcher),
        "draft": {"form": "form", "said": {"fields": {"a": 1}}},
    }))
    .unwrap();
    let keep = fresh();
    let draft = envelope.draft.clone().unwrap();
    let (mut journal, _) = journal::Journal::begin(keep.folder()).unwrap();
    journal.asked(&envelope).unwrap();
    keep.keep_draft(&draft.form, draft.said.clone()).unwrap();
    keep.keep_draft(&draft.waiting(envelope.request_id), draft.said).unwrap();
    keep.keep_draft("other", json!({"fields": {"a": 2}})).unwrap();
    // Killed while it was put back.
    keep.keep_draft(&waiting("other", Uuid::nil()), json!({"fields": {"a": 2}})).unwrap();
    assert_eq!(keep.read().drafts, [("other".to_owned(), json!({"fields": {"a": 2}}))].into());
    keep.keep_draft("form", json!({"fields": {"a": 3}})).unwrap();
    assert!(keep.read().drafts.contains_key("form"), "begun after it");
    fs::remove_dir_all(keep.folder()).unwrap();
}

#[test]
fn a_cockpit_that_was_stopped_while_it_wrote_is_not_waited_for_for_ever() {
    let keep = fresh();
    keep.keep_draft("form", json!(1)).unwrap();
    let held = lock(&keep.folder().join(".lock"), STARTING).unwrap();
    let trouble = Keep::at(keep.folder().to_owned()).read().trouble.unwrap();
    assert!(trouble.contains("another cockpit of yours"), "{trouble}");
    drop(held);
    assert_eq!(keep.read().drafts["form"], 1);
    fs::remove_dir_all(keep.folder()).unwrap();
}

#[test]
fn the_oldest_drafts_are_forgotten_and_one_that_is_typed_again_is_new() {
    let keep = fresh();
    for n in 0..MOST_DRAFTS {
        keep.keep_draft(&format!("form {n}"), json!(n)).unwrap();
    }
    keep.keep_draft("form 0", json!("again")).unwrap();
    keep.keep_draft("one more", json!(1)).unwrap();
    let drafts = keep.read().drafts;
    assert_eq!(drafts.len(), MOST_DRAFTS);
    assert!(drafts.contains_key("form 0") && !drafts.contains_key("form 1"));
    fs::remove_dir_all(keep.folder()).unwrap();
}

#[test]
fn cockpits_that_keep_at_once_lose_nothing_of_each_other() {
    let keep = fresh();
    std::thread::scope(|scope| {
        for n in 0..4 {
            let keep = &keep;
            scope.spawn(move || {
                for m in 0..20 {
                    keep.keep_draft(&format!("{n}/{m}"), json!(m)).unwrap();
                }
            });
        }
    });
    assert_eq!(keep.read().drafts.len(), 80);
    fs::remove_dir_all(keep.folder()).unwrap();
}

#[test]
fn a_file_that_cannot_be_read_is_put_aside_and_a_folder_that_cannot_be_made_is_said() {
    let keep = fresh();
    keep.keep_choice("theme", json!("dark")).unwrap();
    fs::write(keep.folder().join(CHOICES), "{\"theme\":").unwrap();
    assert!(keep.read().choices.is_empty());
    assert!(keep.folder().join("choices.broken").exists());
    let blocked = Keep::at(keep.folder().join("choices.broken").join("below a file"));
    let trouble = blocked.read().trouble.unwrap();
    assert!(trouble.contains("DISPATCH_STATE_DIR"), "{trouble}");
    assert!(blocked.keep_choice("theme", json!("dark")).is_err());
    fs::remove_dir_all(keep.folder()).unwrap();
}

#[test]
fn each_database_has_its_own_folder_whatever_its_password() {
    let of = |url: &str| scope(&Opening { which: Which::Url(url.to_owned()), ..Opening::private("") });
    assert_eq!(of("postgres://me:one@host/db"), of("postgres://me:two@host/db"));
    assert_ne!(of("postgres://me@host/db"), of("postgres://me@host/other"));
    assert_eq!(of("postgres://me@host/db").len(), 16);
}

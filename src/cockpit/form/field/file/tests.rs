use super::*;
use crate::cockpit::form::testing::{Stage, type_into};
use crate::cockpit::msg::Fingerprint;

fn stamp_of(asks: &[Ask]) -> Stamp {
    match asks.last() {
        Some(Ask::Effect(Effect::Folder { stamp, .. } | Effect::Fingerprint { stamp, .. })) => *stamp,
        other => panic!("{other:?}"),
    }
}

fn entry(name: &str, is_folder: bool) -> Entry {
    Entry { name: name.into(), is_folder, bytes: 1_234_567 }
}

#[test]
fn a_file_is_found_folder_by_folder_and_named_by_its_hash() {
    let stage = Stage::new();
    let mut file = File::new(10_000);
    let asks = stage.scene(|scene| file.learn(scene));
    let entries = vec![entry(".hidden", false), entry("photos", true), entry("note.txt", false)];
    let listed = Msg::Folder { stamp: stamp_of(&asks), outcome: Ok(entries) };
    stage.scene(|scene| file.hear(&listed, scene));
    assert_eq!(stage.lines(&file, 60)[1..], ["  photos/", "  note.txt  1.2 MB"]);
    let took = type_into(&mut file, "ph enter", &stage);
    assert!(format!("{:?}", took.asks).contains("photos/"), "{took:?}");
    let listed = Msg::Folder { stamp: stamp_of(&took.asks), outcome: Ok(vec![entry("after.jpg", false)]) };
    stage.scene(|scene| file.hear(&listed, scene));
    let took = type_into(&mut file, "down enter", &stage);
    assert!(file.value().unwrap_err().contains("being read"));
    let found = Fingerprint {
        path: "photos/after.jpg".into(),
        uri: "dispatch:sha256/ab".into(),
        sha256: "ab".repeat(32),
        bytes: 1_234_567,
    };
    let read = Msg::Fingerprint { stamp: stamp_of(&took.asks), outcome: Ok(found) };
    assert!(stage.scene(|scene| file.hear(&read, scene)).is_changed);
    assert_eq!(file.value(), Ok(Some(json!("dispatch:sha256/ab"))));
    assert_eq!(file.upload().unwrap().0, &Upload::File("photos/after.jpg".into()));
}

#[test]
fn a_uri_may_be_typed_and_a_file_that_cannot_be_read_says_why() {
    let stage = Stage::new();
    let mut file = File::new(10_000);
    type_into(&mut file, "s3://jobs/after.jpg", &stage);
    assert_eq!((file.value(), file.upload()), (Ok(Some(json!("s3://jobs/after.jpg"))), None));
    type_into(&mut file, "ctrl-u gone.jpg", &stage);
    let took = stage.scene(|scene| file.leave(scene));
    let read = Msg::Fingerprint { stamp: stamp_of(&took.asks), outcome: Err("There is no such file.".into()) };
    stage.scene(|scene| file.hear(&read, scene));
    assert_eq!(file.value(), Err("There is no such file.".to_owned()));
}

#[test]
fn a_note_may_be_written_instead_of_chosen() {
    let stage = Stage::new();
    let mut file = File::new(10_000);
    stage.scene(|scene| file.narrow("kind", Some(&json!("NOTE")), scene));
    assert!(stage.lines(&file, 60)[1].contains("write the note here"));
    let took = type_into(&mut file, "Shutter space braced", &stage);
    assert!(!took.asks.iter().any(|ask| matches!(ask, Ask::Effect(Effect::Fingerprint { .. }))), "{took:?}");
    let uri = uri_of(&sha256_hex(b"Shutter braced"));
    assert_eq!((file.value(), file.draft()), (Ok(Some(json!(uri))), json!("Shutter braced")));
    assert_eq!(file.upload().unwrap().0, &Upload::Words { words: "Shutter braced".to_owned() });
    let took = stage.scene(|scene| file.narrow("kind", Some(&json!("PHOTO")), scene));
    assert!(took.is_changed && file.value().is_err(), "words are no photo");
}

#[test]
fn a_note_may_speak_of_a_uri_and_begin_with_a_dot_and_still_be_one() {
    let stage = Stage::new();
    let note = |text: &str| {
        let mut file = File::new(10_000);
        let asks = stage.scene(|scene| file.learn(scene));
        let listed = Msg::Folder { stamp: stamp_of(&asks), outcome: Ok(vec![entry("my note.txt", false)]) };
        stage.scene(|scene| file.hear(&listed, scene));
        stage.scene(|scene| file.narrow("kind", Some(&json!("NOTE")), scene));
        let took = stage.scene(|scene| file.paste(text, scene));
        if let Some(Ask::Effect(Effect::Folder { stamp, .. })) = took.asks.last() {
            let listed = Msg::Folder { stamp: *stamp, outcome: Ok(vec![entry("a b.txt", false)]) };
            stage.scene(|scene| file.hear(&listed, scene));
        }
        stage.scene(|scene| file.leave(scene));
        file
    };
    let words = [
        "Replaced per https://vendor/spec",
        "https://vendor/spec says so",
        "and/or://",
        ". The shutter is braced",
        "/ two doors fixed",
        "~40 cm off",
        "/tmp/b c.txt",
        "...",
    ];
    for text in words {
        let file = note(text);
        assert_eq!(file.value(), Ok(Some(json!(uri_of(&sha256_hex(text.as_bytes()))))), "{text}");
    }
    for text in ["s3://jobs/note.txt", "dispatch:sha256/ab"] {
        assert_eq!(note(text).value(), Ok(Some(json!(text))));
    }
    for path in ["/tmp/note.txt", "~/note.txt", "./note", "../note", "my note.txt", "/tmp/a b.txt"] {
        let file = note(path);
        assert!(file.reading.is_some() && file.chosen.is_none(), "{path}: {file:?}");
    }
}

#[test]
fn a_click_takes_the_file_it_is_on_whatever_stands_above_the_list() {
    let stage = Stage::new();
    for (kind, failed) in [("PHOTO", false), ("NOTE", false), ("PHOTO", true)] {
        let mut file = File::new(10_000);
        let asks = stage.scene(|scene| file.learn(scene));
        let entries = vec![entry("a.jpg", false), entry("b.jpg", false)];
        let listed = Msg::Folder { stamp: stamp_of(&asks), outcome: Ok(entries) };
        stage.scene(|scene| file.hear(&listed, scene));
        stage.scene(|scene| file.narrow("kind", Some(&json!(kind)), scene));
        file.failure = failed.then(|| "It cannot be read.".to_owned());
        let row = stage.lines(&file, 60).iter().position(|line| line.contains("a.jpg")).unwrap();
        assert_eq!(row, if kind == "NOTE" || failed { 2 } else { 1 });
        stage.scene(|scene| file.click(3, row - 1, 60, scene));
        assert_eq!(file.draft(), Value::Null, "{kind}: above the list");
        stage.scene(|scene| file.click(3, row, 60, scene));
        assert_eq!(file.draft(), json!("a.jpg"), "{kind}");
    }
}

#[test]
fn a_dropped_path_loses_its_quotes() {
    let stage = Stage::new();
    let mut file = File::new(10_000);
    stage.scene(|scene| file.paste("'/tmp/a b.jpg'\n", scene));
    assert_eq!(file.draft(), json!("/tmp/a b.jpg"));
}

#[test]
fn a_note_has_several_lines_and_keeps_them() {
    let stage = Stage::new();
    let mut file = File::new(10_000);
    let note = Some(json!("NOTE"));
    stage.scene(|scene| file.narrow("kind", note.as_ref(), scene));
    type_into(&mut file, "one enter two", &stage);
    let uri = json!(uri_of(&sha256_hex(b"one\ntwo")));
    assert_eq!((file.value(), file.draft()), (Ok(Some(uri.clone())), json!("one\ntwo")));
    let lines = stage.lines(&file, 60);
    assert!(lines[0].starts_with("one") && lines[1].starts_with("two") && lines[2].starts_with("7 B"), "{lines:#?}");
    assert!(type_into(&mut file, "up", &stage).is_used, "to the line above");
    assert!(!type_into(&mut file, "up", &stage).is_used, "to the field before");
    stage.scene(|scene| file.leave(scene));
    assert!(stage.scene(|scene| file.paste("a\nb ", scene)).is_changed);
    assert_eq!(file.draft(), json!("onea\nb \ntwo"));

    let mut again = File::new(10_000);
    stage.scene(|scene| again.restore(&json!("one\ntwo"), scene));
    stage.scene(|scene| again.narrow("kind", note.as_ref(), scene));
    assert_eq!(again.value(), Ok(Some(uri)));
    stage.scene(|scene| again.narrow("kind", Some(&json!("PHOTO")), scene));
    stage.scene(|scene| again.narrow("kind", note.as_ref(), scene));
    assert_eq!(again.draft(), json!("one\ntwo"));
    let took = stage.scene(|scene| again.paste(&"x".repeat(20_000), scene));
    assert!(took.is_changed && again.is_too_long());
    assert_eq!(again.value(), Err("20,007 characters; at most 10,000".to_owned()));
}

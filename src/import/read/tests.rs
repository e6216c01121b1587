use super::*;

struct Temporary(PathBuf);

impl Temporary {
    fn new(end: &str, bytes: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("dispatch-read-{}.{end}", uuid::Uuid::new_v4()));
        std::fs::write(&path, bytes).unwrap();
        Self(path)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

type Found = Vec<(u64, Result<Vec<String>, String>)>;

fn all(end: &str, bytes: &[u8]) -> Result<Found, String> {
    let file = Temporary::new(end, bytes);
    let source = Source::open(&file.0).map_err(|error| error.to_string())?;
    let mut rows = source.rows().unwrap();
    let mut found = Vec::new();
    while let Some(row) = rows.next_row().unwrap() {
        found.push((row.line, row.values));
    }
    assert_eq!(source.rows, found.len() as u64);
    Ok(found)
}

fn lines(bytes: &[u8]) -> Vec<u64> {
    all("csv", bytes).unwrap().iter().map(|(line, _)| *line).collect()
}

#[test]
fn lines_are_those_of_the_file_whatever_ends_them() {
    assert_eq!(lines(b"a,b\n1,2\n\"x\ny\",2\n3,4"), [2, 3, 5]);
    assert_eq!(lines(b"a,b\r\n1,2\r\n\"x\r\ny\",2\r\n3,4\r\n"), [2, 3, 5]);
    assert_eq!(lines(b"\xef\xbb\xbfa,b\n\n\n1,2\n\n3,4\n"), [4, 6]);
    assert_eq!(lines(b"a,b\r\n\r\n1,2\r\n\r\n\r\n3,4\r\n"), [3, 6]);
}

#[test]
fn a_row_of_another_length_is_said_and_the_next_is_read() {
    let rows = all("csv", b"a,b\n1\n1,2,3\n1,2\n").unwrap();
    assert!(rows[0].1.as_ref().unwrap_err().contains("1 fields; the header has 2"));
    assert!(rows[1].1.is_err());
    assert_eq!(rows[2].1.as_ref().unwrap(), &["1", "2"]);
}

#[test]
fn json_lines_have_the_columns_of_them_all() {
    let rows = all("txt", b"\xef\xbb\xbf{\"a\": 1, \"b\": null}\n\n{\"c\": [true], \"a\": \"x\"}\n[1]\n{\n").unwrap();
    assert_eq!(rows[0], (1, Ok(vec!["1".into(), String::new(), String::new()])));
    assert_eq!(rows[1], (3, Ok(vec!["x".into(), String::new(), "[true]".into()])));
    assert!(rows[2].1.as_ref().unwrap_err().contains("no JSON object"));
    assert!(rows[3].1.as_ref().unwrap_err().contains("not JSON"));
    assert!(all("ndjson", b"[1]\n").unwrap_err().contains("no JSON object"));
}

#[test]
fn what_is_broken_is_said_with_its_line() {
    assert_eq!(all("csv", b"").unwrap_err(), "it is empty; a heading and rows are wanted");
    assert_eq!(all("csv", b" \n\n").unwrap_err(), "it is empty; a heading and rows are wanted");
    assert!(all("csv", b"a,b\n1,2\n\"x\ny\xff\",2\n").unwrap_err().starts_with("line 4 is not UTF-8"));
    assert!(all("ndjson", b"{}\n{\"a\": \"\xff\"}\n").unwrap_err().starts_with("line 2 is not UTF-8"));
    let big = |size: usize| [b"a,b\n1,2\n3,\"".to_vec(), vec![b'x'; size], b"\"\n".to_vec()].concat();
    assert!(all("csv", &big(10_000_000)).unwrap_err().starts_with("line 3: the field b holds 10000000 bytes"));
    assert!(all("csv", &big(40_000_000)).unwrap_err().starts_with("line 3: the row"));
    assert_eq!(all("csv", &big(MAX_FIELD)).unwrap().len(), 2);
    let json = |size: usize| [b"{\"a\": \"".to_vec(), vec![b'x'; size], b"\"}\n".to_vec()].concat();
    assert!(all("ndjson", &json(10_000_000)).unwrap_err().starts_with("line 1: the field a"));
    assert!(all("ndjson", &json(40_000_000)).unwrap_err().starts_with("line 1: the row"));
    let folder = Source::open(&std::env::temp_dir()).unwrap_err().to_string();
    assert!(folder.contains("it is a directory"), "{folder}");
}

//! Files of requests, CSV or one JSON object a line, read row by row and within bounds. A file is
//! looked through whole before anything is done with it: what is broken is said first.

use std::cell::Cell;
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use csv::ByteRecord;
use serde_json::Value;

/// The largest field, in bytes.
pub const MAX_FIELD: usize = 1024 * 1024;
/// The largest row, in bytes: no more of it is ever held.
const MAX_ROW: u64 = 16 * 1024 * 1024;

/// A file that cannot be imported.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It cannot be read at all.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// What is in it makes no sense.
    #[error("{0}")]
    Broken(String),
}

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Csv,
    Ndjson,
}

/// A file that was looked through and found whole.
#[derive(Debug)]
pub struct Source {
    path: PathBuf,
    format: Format,
    /// The names of its columns, in their order; of JSON all keys.
    pub columns: Vec<String>,
    /// How many rows it holds.
    pub rows: u64,
}

/// One row.
#[derive(Debug)]
pub struct Row {
    /// The line of the file on which it begins, counted from 1.
    pub line: u64,
    /// Its values in the order of the columns, or why it is none.
    pub values: Result<Vec<String>, String>,
}

impl Source {
    /// Looks a file through.
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        let meta = std::fs::metadata(path)?;
        if meta.is_dir() {
            return Err(ReadError::Broken("it is a directory; name a file in it".to_owned()));
        }
        if !meta.is_file() {
            return Err(ReadError::Broken(
                "it is no ordinary file, and it is read twice; save it to one first".to_owned(),
            ));
        }
        let Some(format) = format(path)? else {
            return Err(ReadError::Broken("it is empty; a heading and rows are wanted".to_owned()));
        };
        let mut source = Self { path: path.to_owned(), format, columns: Vec::new(), rows: 0 };
        match format {
            Format::Csv => {
                let mut rows = CsvRows::open(path)?;
                source.columns.clone_from(&rows.columns);
                while rows.next()?.is_some() {
                    source.rows += 1;
                }
            }
            Format::Ndjson => {
                let mut lines = Lines::open(path)?;
                let mut seen = HashSet::new();
                while let Some((line, text)) = lines.next()? {
                    source.rows += 1;
                    let Ok(Value::Object(fields)) = serde_json::from_str(&text) else { continue };
                    for (name, value) in fields {
                        check_size(line, &name, json_text(&value).len())?;
                        if seen.insert(name.clone()) {
                            source.columns.push(name);
                        }
                    }
                }
                if source.columns.is_empty() {
                    return Err(ReadError::Broken("it holds no JSON object; write one on each line".to_owned()));
                }
            }
        }
        Ok(source)
    }

    /// Its rows, from the first.
    pub fn rows(&self) -> Result<Rows, ReadError> {
        Ok(Rows(match self.format {
            Format::Csv => Kind::Csv(CsvRows::open(&self.path)?),
            Format::Ndjson => Kind::Ndjson(Lines::open(&self.path)?, self.columns.clone()),
        }))
    }
}

/// JSON where the first character opens an object; else CSV; nothing where there is none.
fn format(path: &Path) -> Result<Option<Format>, ReadError> {
    let mut start = [0; 512];
    let mut file = File::open(path)?;
    let mut filled = 0;
    while filled < start.len() {
        match file.read(&mut start[filled..])? {
            0 => break,
            more => filled += more,
        }
    }
    let start = &start[..filled];
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
    let first = start.iter().find(|byte| !byte.is_ascii_whitespace());
    let named = path.extension().is_some_and(|end| ["json", "jsonl", "ndjson"].iter().any(|known| end == *known));
    Ok(first.map(|first| if named || *first == b'{' { Format::Ndjson } else { Format::Csv }))
}

/// Rows under way.
#[derive(Debug)]
pub struct Rows(Kind);

#[derive(Debug)]
enum Kind {
    Csv(CsvRows),
    Ndjson(Lines, Vec<String>),
}

impl Rows {
    /// The next row.
    pub fn next_row(&mut self) -> Result<Option<Row>, ReadError> {
        match &mut self.0 {
            Kind::Csv(rows) => rows.next(),
            Kind::Ndjson(lines, columns) => {
                Ok(lines.next()?.map(|(line, text)| Row { line, values: json_values(&text, columns) }))
            }
        }
    }
}

fn json_values(text: &str, columns: &[String]) -> Result<Vec<String>, String> {
    match serde_json::from_str(text) {
        Ok(Value::Object(fields)) => {
            Ok(columns.iter().map(|name| fields.get(name).map(json_text).unwrap_or_default()).collect())
        }
        Ok(_) => Err("The line is no JSON object.".to_owned()),
        Err(error) => Err(format!("The line is not JSON: {error}.")),
    }
}

fn json_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn check_size(line: u64, column: &str, size: usize) -> Result<(), ReadError> {
    if size <= MAX_FIELD {
        return Ok(());
    }
    let column: String = column.chars().take(80).collect();
    Err(ReadError::Broken(format!(
        "line {line}: the field {column} holds {size} bytes; a field may hold {MAX_FIELD}. Look for a quote that is never closed"
    )))
}

fn too_long(line: u64) -> ReadError {
    ReadError::Broken(format!(
        "line {line}: the row that begins there is larger than {MAX_ROW} bytes. Look for a quote that is never closed"
    ))
}

fn not_utf8(line: u64) -> ReadError {
    ReadError::Broken(format!("line {line} is not UTF-8 text. Save the file as UTF-8"))
}

/// Gives out no more of a row than it may have.
#[derive(Debug)]
struct Bounded {
    inner: File,
    left: Rc<Cell<u64>>,
}

impl Read for Bounded {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        let left = self.left.get();
        let size = u64::try_from(read).unwrap_or(u64::MAX);
        if size > left {
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        self.left.set(left - size);
        Ok(read)
    }
}

/// Counts the lines beside the reader of records, which is off by one where lines end in CR LF and
/// before blank lines.
#[derive(Debug)]
struct LineCounter {
    reader: BufReader<File>,
    at: u64,
    line: u64,
}

impl LineCounter {
    fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { reader: BufReader::new(File::open(path)?), at: 0, line: 1 })
    }

    /// The line of the first record from this byte on.
    fn line_from(&mut self, byte: u64) -> io::Result<u64> {
        loop {
            let buffer = self.reader.fill_buf()?;
            let mut taken = 0;
            for &next in buffer {
                if self.at >= byte && !matches!(next, b'\r' | b'\n') {
                    self.reader.consume(taken);
                    return Ok(self.line);
                }
                self.at += 1;
                self.line += u64::from(next == b'\n');
                taken += 1;
            }
            if taken == 0 {
                return Ok(self.line);
            }
            self.reader.consume(taken);
        }
    }
}

#[derive(Debug)]
struct CsvRows {
    reader: csv::Reader<Bounded>,
    lines: LineCounter,
    left: Rc<Cell<u64>>,
    columns: Vec<String>,
    record: ByteRecord,
}

impl CsvRows {
    fn open(path: &Path) -> Result<Self, ReadError> {
        let left = Rc::new(Cell::new(MAX_ROW));
        let bounded = Bounded { inner: File::open(path)?, left: Rc::clone(&left) };
        // Rows of another length are told one by one, with their line.
        let reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bounded);
        let lines = LineCounter::open(path)?;
        let mut rows = Self { reader, lines, left, columns: Vec::new(), record: ByteRecord::new() };
        match rows.read()? {
            Some((_, header)) => rows.columns = header.into_iter().map(|name| name.trim().to_owned()).collect(),
            None => return Err(ReadError::Broken("it is empty; a heading and rows are wanted".to_owned())),
        }
        Ok(rows)
    }

    /// The next record and the line it begins on.
    fn read(&mut self) -> Result<Option<(u64, Vec<String>)>, ReadError> {
        self.left.set(MAX_ROW);
        let begin = self.lines.line_from(self.reader.position().byte())?;
        let found = self.reader.read_byte_record(&mut self.record).map_err(|error| match error.into_kind() {
            csv::ErrorKind::Io(error) if error.kind() == io::ErrorKind::FileTooLarge => too_long(begin),
            csv::ErrorKind::Io(error) => ReadError::Io(error),
            other => ReadError::Broken(format!("line {begin}: {other:?}")),
        })?;
        if !found {
            return Ok(None);
        }
        let mut line = begin;
        let mut values = Vec::with_capacity(self.record.len());
        for (n, field) in self.record.iter().enumerate() {
            let name = self.columns.get(n).map_or("beyond the last column", String::as_str);
            check_size(line, name, field.len())?;
            match std::str::from_utf8(field) {
                Ok(text) => values.push(text.to_owned()),
                Err(error) => return Err(not_utf8(line + newlines(&field[..error.valid_up_to()]))),
            }
            line += newlines(field);
        }
        Ok(Some((begin, values)))
    }

    fn next(&mut self) -> Result<Option<Row>, ReadError> {
        let expected = self.columns.len();
        Ok(self.read()?.map(|(line, values)| {
            let many = values.len();
            let values = if many == expected {
                Ok(values)
            } else {
                Err(format!("The row has {many} fields; the header has {expected}."))
            };
            Row { line, values }
        }))
    }
}

fn newlines(bytes: &[u8]) -> u64 {
    bytes.iter().map(|byte| u64::from(*byte == b'\n')).sum()
}

/// Lines that are not blank, with their numbers.
#[derive(Debug)]
struct Lines {
    reader: BufReader<File>,
    line: u64,
}

impl Lines {
    fn open(path: &Path) -> Result<Self, ReadError> {
        Ok(Self { reader: BufReader::new(File::open(path)?), line: 0 })
    }

    fn next(&mut self) -> Result<Option<(u64, String)>, ReadError> {
        loop {
            let mut bytes = Vec::new();
            if (&mut self.reader).take(MAX_ROW).read_until(b'\n', &mut bytes)? == 0 {
                return Ok(None);
            }
            self.line += 1;
            if u64::try_from(bytes.len()).is_ok_and(|size| size >= MAX_ROW) {
                return Err(too_long(self.line));
            }
            let text = std::str::from_utf8(&bytes).map_err(|_| not_utf8(self.line))?;
            let text = text.trim_start_matches('\u{feff}').trim();
            if !text.is_empty() {
                return Ok(Some((self.line, text.to_owned())));
            }
        }
    }
}

#[cfg(test)]
mod tests;

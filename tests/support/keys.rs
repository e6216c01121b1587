//! Keys as tests write them, and the bytes that a terminal sends for them.

/// The bytes of each key of a macro: words are typed character by character, `<name>` is a key.
pub fn bytes_of(macro_text: &str) -> Vec<Vec<u8>> {
    let mut keys = Vec::new();
    for word in macro_text.split_whitespace() {
        let mut rest = word;
        while let Some(first) = rest.chars().next() {
            if let Some((name, after)) = rest.strip_prefix('<').and_then(|rest| rest.split_once('>')) {
                keys.push(named(name));
                rest = after;
            } else {
                keys.push(first.to_string().into_bytes());
                rest = rest.get(first.len_utf8()..).unwrap_or_default();
            }
        }
    }
    keys
}

fn named(name: &str) -> Vec<u8> {
    if let Some(rest) = name.strip_prefix("alt-") {
        let mut bytes = vec![0x1b];
        bytes.extend(if rest.chars().count() == 1 { rest.as_bytes().to_vec() } else { named(rest) });
        return bytes;
    }
    if let Some([letter @ (b'a'..=b'z' | b'\\' | b']')]) = name.strip_prefix("ctrl-").map(str::as_bytes) {
        return vec![letter & 0x1f];
    }
    let bytes: &[u8] = match name {
        "space" => b" ",
        "lt" => b"<",
        "enter" => b"\r",
        "esc" => b"\x1b",
        "tab" => b"\t",
        "backtab" => b"\x1b[Z",
        "backspace" => b"\x7f",
        "up" => b"\x1b[A",
        "down" => b"\x1b[B",
        "right" => b"\x1b[C",
        "left" => b"\x1b[D",
        "home" => b"\x1b[H",
        "end" => b"\x1b[F",
        "insert" => b"\x1b[2~",
        "delete" => b"\x1b[3~",
        "pageup" => b"\x1b[5~",
        "pagedown" => b"\x1b[6~",
        "f1" => b"\x1bOP",
        "f2" => b"\x1bOQ",
        "f3" => b"\x1bOR",
        "f4" => b"\x1bOS",
        "f5" => b"\x1b[15~",
        "focus" => b"\x1b[I",
        "unfocus" => b"\x1b[O",
        other => panic!("there is no key <{other}> in this harness"),
    };
    bytes.to_vec()
}

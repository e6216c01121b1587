//! What is said of a command line that makes no sense.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::process::ExitCode;
use std::str::FromStr;

use clap::Parser;
use clap::error::ErrorKind;
use uuid::Uuid;

use super::Cli;
use super::out::say;

/// Reads the command line; where it makes no sense, that has been said.
pub fn parse() -> Result<Cli, ExitCode> {
    Cli::try_parse().map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            error.exit()
        }
        _ => {
            say(&told(&error.render().to_string()));
            ExitCode::from(2)
        }
    })
}

/// The parser's message in as few lines as it has parts: what is wrong, the usage, where to read on.
fn told(message: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in message.lines().filter(|line| !line.trim().is_empty()) {
        match lines.last_mut() {
            // A list or a tip belongs to what stands before it.
            Some(last) if line.starts_with(' ') => {
                last.push(' ');
                last.push_str(line.trim());
            }
            _ => lines.push(line.to_owned()),
        }
    }
    lines.join("\n").replacen("error: ", "dispatch: ", 1)
}

/// Reads a whole number within bounds, or says which.
pub fn whole<T>(bounds: RangeInclusive<T>) -> impl Fn(&str) -> Result<T, String> + Clone
where
    T: FromStr + PartialOrd + Display + Clone,
{
    move |text| match text.trim().parse() {
        Ok(number) if bounds.contains(&number) => Ok(number),
        _ => Err(format!("write a whole number from {} to {}", bounds.start(), bounds.end())),
    }
}

/// Reads a UUID, or says how one is written.
pub fn uuid(text: &str) -> Result<Uuid, String> {
    Uuid::try_parse(text.trim()).map_err(|_| "write a UUID, 8-4-4-4-12 hex digits; uuidgen makes one".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_a_line_for_each_of_its_parts() {
        let message = "error: the following required arguments were not provided:\n  <TOOL>\n\n\
                       Usage: dispatch call <TOOL> [TARGET]\n\nFor more information, try '--help'.\n";
        let lines = [
            "dispatch: the following required arguments were not provided: <TOOL>",
            "Usage: dispatch call <TOOL> [TARGET]",
            "For more information, try '--help'.",
        ];
        assert_eq!(told(message), lines.join("\n"));
    }

    #[test]
    fn numbers_out_of_bounds_and_words_are_told_the_bounds() {
        let read = whole(1..=64u16);
        assert_eq!(read("7"), Ok(7));
        for wrong in ["0", "65", "-1", "x", ""] {
            assert_eq!(read(wrong), Err("write a whole number from 1 to 64".to_owned()));
        }
        assert!(uuid("7").is_err());
    }
}

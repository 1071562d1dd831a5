//! The terminal: results go to stdout, talk goes to stderr. The only file that prints.
//!
//! Text from outside (names, SQL, messages of the server) may hold control characters that would command the terminal;
//! everything printed here goes through `plain` first.

use std::io::{BufRead, IsTerminal, Write};

use comfy_table::{ContentArrangement, Table, presets};
use secrecy::SecretString;
use serde_json::Value;

use crate::operation::{Class, Trouble};

/// How a command ends. The numbers are a contract with scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done, or up to date.
    Done = 0,
    /// Not so: something is pending, failed or found.
    NotSo = 1,
    /// Bad usage or configuration.
    Usage = 2,
    /// The target cannot be reached.
    Unreachable = 3,
    /// The guard refused: an approval is needed.
    Refused = 4,
    /// Cancelled.
    Cancelled = 130,
}

impl Exit {
    /// How a command ends that was to do something and had this trouble.
    pub(super) fn of(trouble: &Trouble) -> Self {
        match trouble.class {
            Class::Other => Self::NotSo,
            Class::Unreachable => Self::Unreachable,
            Class::Refused => Self::Refused,
        }
    }
}

/// Where a command writes.
#[derive(Clone, Copy, Debug)]
pub struct Terminal {
    /// One JSON object instead of text (or one a line, for events).
    pub json: bool,
}

impl Terminal {
    /// A line of the result; not printed with `--json`.
    pub fn say(self, line: impl AsRef<str>) {
        if !self.json {
            put(&mut anstream::stdout(), &plain(line.as_ref()));
        }
    }

    /// A line of talk, on stderr.
    pub fn talk(self, line: impl AsRef<str>) {
        put(&mut anstream::stderr(), &plain(line.as_ref()));
    }

    /// A JSON object of the result; printed only with `--json`.
    pub fn json(self, value: &Value) {
        if self.json {
            put(&mut anstream::stdout(), &escaped(&value.to_string()));
        }
    }

    /// A trouble: on stderr as text, or on stdout as JSON.
    pub fn trouble(self, trouble: &Trouble) {
        if self.json {
            let Trouble {
                what, data, next, ..
            } = trouble;
            self.json(&serde_json::json!({"error": {"what": what, "data": data, "next": next}}));
        } else {
            self.talk(format!("error: {}", trouble.what));
            self.talk(format!("  data: {}", trouble.data));
            self.talk(format!("  next: {}", trouble.next));
        }
    }

    /// A table of the result; not printed with `--json`.
    pub fn table(self, header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) {
        let mut table = Table::new();
        table
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Disabled)
            .set_header(header.iter().map(|word| word.to_uppercase()));
        for row in rows {
            table.add_row(row.iter().map(|cell| plain(cell).replace('\n', " ")));
        }
        for line in table.lines() {
            self.say(line.trim_end());
        }
    }

    /// Whether a person can be asked.
    #[must_use]
    pub fn can_ask(self) -> bool {
        std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }

    /// Asks for a line.
    pub fn ask(self, question: &str) -> std::io::Result<String> {
        anstream::eprint!("{question} ");
        std::io::stderr().flush()?;
        first_line()
    }

    /// Asks for a password, which is not echoed.
    pub fn ask_password(self, question: &str) -> std::io::Result<SecretString> {
        rpassword::prompt_password(format!("{question} ")).map(Into::into)
    }
}

/// Writes a line. That nobody reads it any more (`| head`, a closed window) is no reason to stop what is under way.
fn put(to: &mut impl Write, line: &str) {
    let _unread = writeln!(to, "{line}");
}

/// The first line of standard input, without its end: how a script hands over a password.
pub fn first_line() -> std::io::Result<String> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// Control characters other than the line end and the tab become visible: a name from a database cannot recolour or
/// rewrite what stands on the screen.
fn plain(text: &str) -> String {
    text.chars()
        .map(|each| if is_sly(each) { '\u{fffd}' } else { each })
        .collect()
}

/// The same for JSON, where they can stand in strings only and have a spelling that reads back as what they are.
fn escaped(json: &str) -> String {
    let spell = |each: char| match each {
        each if is_sly(each) => format!("\\u{:04x}", u32::from(each)),
        each => each.to_string(),
    };
    json.chars().map(spell).collect()
}

/// What commands a terminal, and what turns the direction of text around or hides in it: an approver reads this.
fn is_sly(each: char) -> bool {
    let commands = each.is_control() && !matches!(each, '\n' | '\t');
    commands
        || matches!(each, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::{Exit, escaped, plain};

    #[test]
    fn a_hostile_name_commands_no_terminal() {
        assert_eq!(
            plain("a\u{1b}[2Jb\u{9b}c\nd\u{202e}e"),
            "a\u{fffd}[2Jb\u{fffd}c\nd\u{fffd}e"
        );
    }

    #[test]
    fn json_keeps_a_hostile_name_and_commands_no_terminal() {
        let name = "a\u{1b}[2Jb\u{9b}c\n\u{7f}d\u{202e}e 🚀";
        let written = escaped(&serde_json::json!({ name: name }).to_string());
        assert!(!written.contains(super::is_sly), "{written}");
        let read: serde_json::Value = serde_json::from_str(&written).unwrap();
        assert_eq!(read[name], name);
    }

    #[test]
    fn the_exit_codes_are_those_that_the_help_promises() {
        let codes = [
            (Exit::Done, 0),
            (Exit::NotSo, 1),
            (Exit::Usage, 2),
            (Exit::Unreachable, 3),
            (Exit::Refused, 4),
            (Exit::Cancelled, 130),
        ];
        for (exit, code) in codes {
            assert_eq!(exit as u8, code, "{exit:?}");
        }
    }
}

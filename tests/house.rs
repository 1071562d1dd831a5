//! The house rules that a compiler does not check: who may import whom, how long a file may be, where SQL may stand,
//! and that what the documents name exists.
#![expect(
    clippy::unwrap_used,
    reason = "a test panics where it is wrong, in its helpers too"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The chapters from the top to the bottom, as `src/lib.rs` draws them. A chapter imports what is on a line below its
/// own, and of its own line nothing but itself.
const LEVELS: [&[&str]; 13] = [
    &["main"],
    &["cli", "web"],
    &["app"],
    &["job"],
    &["guard"],
    &["backup"],
    &["migration"],
    &["target"],
    &["notify"],
    &["sql", "operation", "auth", "audit"],
    &["store"],
    &["clock", "config", "telemetry"],
    &[],
];
/// The only imports that go sideways: `lockkeeper serve` is the command that starts the pages.
const SIDEWAYS: [(&str, &str); 1] = [("src/cli/serve.rs", "web")];
/// Longer files are split by noun.
const LINES: usize = 350;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below `folder` whose name ends in `ending`, as a path from the root, with its text.
fn files(folder: &str, ending: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            let is_foreign = path.ends_with("node_modules");
            if path.is_dir() && !is_foreign {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                let name = path.strip_prefix(root()).unwrap().display().to_string();
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(!found.is_empty(), "no {ending} in {folder}");
    found.sort();
    found
}

/// Fails with every complaint at once.
fn expect_none(rule: &str, complaints: &[String]) {
    assert!(
        complaints.is_empty(),
        "{rule}:\n  {}",
        complaints.join("\n  ")
    );
}

/// The chapter of a file: `src/web/page/plan.rs` is of `web`.
fn chapter(file: &str) -> &str {
    let rest = file.strip_prefix("src/").unwrap();
    rest.split('/').next().unwrap().trim_end_matches(".rs")
}

fn level(chapter: &str) -> usize {
    LEVELS
        .iter()
        .position(|names| names.contains(&chapter))
        .unwrap_or_else(|| panic!("{chapter} has no place in LEVELS"))
}

/// The text without its comments: a document may point upwards.
fn code(text: &str) -> String {
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// The chapters that a file names by `crate::…`, in a group (`use crate::{a, b::C}`) too.
fn imports(text: &str) -> BTreeSet<String> {
    let mut chapters = BTreeSet::new();
    let code = code(text);
    for (at, _) in code.match_indices("crate::") {
        // `$crate::` is ours as well; `lockkeeper_crate::` would not be.
        if code[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_') {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        let Some(group) = rest.strip_prefix('{') else {
            chapters.insert(first_word(rest));
            continue;
        };
        let mut depth = 0;
        let mut start = true;
        for (at, letter) in group.char_indices() {
            match letter {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => start = true,
                letter if start && letter.is_alphanumeric() => {
                    chapters.insert(first_word(&group[at..]));
                    start = false;
                }
                _ => {}
            }
        }
    }
    chapters
}

fn first_word(text: &str) -> String {
    text.chars()
        .take_while(|letter| letter.is_alphanumeric() || *letter == '_')
        .collect()
}

#[test]
fn a_chapter_imports_only_what_is_below_it() {
    let mut wrong = Vec::new();
    for (file, text) in files("src", ".rs") {
        if file == "src/lib.rs" {
            continue;
        }
        let here = chapter(&file);
        for there in imports(&text) {
            let sideways = SIDEWAYS.contains(&(file.as_str(), there.as_str()));
            if there != here && level(&there) <= level(here) && !sideways {
                wrong.push(format!("{file} imports {there}"));
            }
        }
    }
    expect_none("main → cli, web → app → … → clock", &wrong);
}

#[test]
fn imports_are_read_in_every_spelling() {
    let text = "use crate::store::{Store, Tx};\n// use crate::web;\nuse crate::{\n    app::{self, App},\n    job,\n};\n\
                fn f() -> crate::audit::Entry { other_crate::x() }";
    let read: Vec<String> = imports(text).into_iter().collect();
    assert_eq!(read, ["app", "audit", "job", "store"]);
}

#[test]
fn every_chapter_has_a_place_and_every_place_a_chapter() {
    let written: BTreeSet<String> = fs::read_to_string(root().join("src/lib.rs"))
        .unwrap()
        .lines()
        .filter_map(|line| {
            Some(
                line.strip_prefix("pub mod ")?
                    .trim_end_matches(';')
                    .to_owned(),
            )
        })
        .collect();
    let placed: BTreeSet<String> = LEVELS
        .concat()
        .into_iter()
        .filter(|name| *name != "main")
        .map(str::to_owned)
        .collect();
    assert_eq!(written, placed);
}

#[test]
fn the_doors_hold_no_sql_and_open_no_connection() {
    let mut wrong = Vec::new();
    for (file, text) in files("src", ".rs") {
        if !matches!(chapter(&file), "web" | "cli") {
            continue;
        }
        for word in ["sqlx::", "tokio_postgres"] {
            if code(&text).contains(word) {
                wrong.push(format!("{file} says {word}"));
            }
        }
    }
    expect_none("web and cli know nothing of databases", &wrong);
}

#[test]
fn no_file_is_too_long_to_be_read_at_once() {
    let mut wrong = Vec::new();
    for (file, text) in [files("src", ".rs"), files("tests", ".rs")].concat() {
        let lines = text.lines().count();
        if lines > LINES {
            wrong.push(format!("{file}: {lines} lines"));
        }
    }
    expect_none("split by noun", &wrong);
}

#[test]
fn every_module_says_what_it_is_for() {
    let silent: Vec<String> = files("src", ".rs")
        .into_iter()
        .filter(|(_, text)| !text.starts_with("//!"))
        .map(|(file, _)| file)
        .collect();
    expect_none("a file opens with //!", &silent);
}

#[test]
fn no_template_trusts_what_it_prints() {
    let mut wrong = Vec::new();
    for (file, text) in files("templates", ".html") {
        let packed: String = text.split_whitespace().collect();
        if packed.contains("|safe") || packed.contains("autoescape") {
            wrong.push(file);
        }
    }
    expect_none("every value is escaped", &wrong);
}

#[test]
fn the_schema_explains_itself() {
    // Beginnings of names whose meaning is their name.
    let plain = |name: &str| {
        name.ends_with("_at") || name.ends_with("_by") || matches!(name, "id" | "at" | "target")
    };
    let mut wrong = Vec::new();
    for (file, text) in files("migrations", ".sql") {
        let (mut before, mut table) = ("", None);
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("CREATE TABLE ") {
                table = Some(rest.trim_end_matches(" ("));
                if !before.starts_with("--") {
                    wrong.push(format!("{file}: {rest} opens without a comment"));
                }
            } else if line.starts_with(')') {
                table = None;
            } else if let Some(table) = table {
                let name = first_word(line.trim_start());
                let is_column = line.starts_with("    ")
                    && !line.starts_with("     ")
                    && name
                        .chars()
                        .all(|letter| letter.is_ascii_lowercase() || letter == '_');
                if is_column && !line.contains("--") && !plain(&name) && !line.ends_with(" IN") {
                    wrong.push(format!("{file}: {table}.{name}"));
                }
            }
            before = line;
        }
    }
    expect_none(
        "a column that its name does not explain has a comment",
        &wrong,
    );
}

#[test]
fn every_command_in_the_documents_exists() {
    let mut wrong = Vec::new();
    let mut asked = BTreeSet::new();
    let readme = ["README.md", "ARCHITECTURE.md"].map(|name| {
        let text = fs::read_to_string(root().join(name)).unwrap_or_default();
        (name.to_owned(), text)
    });
    for (file, text) in readme.into_iter().chain(files("docs", ".md")) {
        for command in commands(&text) {
            if !asked.insert(command.clone()) {
                continue;
            }
            #[expect(clippy::disallowed_methods, reason = "the binary under test")]
            let answered = std::process::Command::new(env!("CARGO_BIN_EXE_lockkeeper"))
                .args(&command)
                .arg("--help")
                .output()
                .unwrap();
            if !answered.status.success() {
                wrong.push(format!("{file}: lockkeeper {}", command.join(" ")));
            }
        }
    }
    assert!(!asked.is_empty(), "the documents name commands");
    expect_none("the documents name what exists", &wrong);
}

/// The commands in a document's code: `lockkeeper` and up to two words after it.
fn commands(text: &str) -> Vec<Vec<String>> {
    let mut fenced = false;
    let mut commands = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            continue;
        }
        let spans: Vec<&str> = if fenced {
            vec![line]
        } else {
            line.split('`').skip(1).step_by(2).collect()
        };
        for span in spans {
            let words: Vec<&str> = span.split_whitespace().collect();
            for at in words
                .iter()
                .enumerate()
                .filter(|(_, word)| **word == "lockkeeper")
            {
                let command: Vec<String> = words[at.0 + 1..]
                    .iter()
                    .take_while(|word| word.chars().all(|letter| letter.is_ascii_lowercase()))
                    .take(if words.get(at.0 + 1).is_some_and(|word| is_leaf(word)) {
                        1
                    } else {
                        2
                    })
                    .map(|word| (*word).to_owned())
                    .collect();
                if !command.is_empty() {
                    commands.push(command);
                }
            }
        }
    }
    commands
}

/// Commands that have no command below them.
fn is_leaf(word: &str) -> bool {
    matches!(word, "serve" | "worker" | "doctor")
}

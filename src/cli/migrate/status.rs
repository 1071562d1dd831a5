//! `lockkeeper migrate status`: the history of one target. It takes no lock and changes nothing.

use serde_json::json;

use crate::cli::Failure;
use crate::cli::terminal::{Exit, Terminal};
use crate::migration::{Entry, State, Survey};
use crate::target::Target;

pub(super) async fn run(target: &Target, terminal: Terminal) -> Result<Exit, Failure> {
    let survey = Survey::of(target).await.map_err(Failure::Target)?;
    let history = &survey.history;
    terminal.say(format!("{}: {}", target.name, target.url.safe()));
    for sentence in survey.sentences() {
        terminal.say(sentence);
    }
    let odd: Vec<&Entry> = history
        .entries
        .iter()
        .filter(|entry| !is_settled(entry))
        .collect();
    if !odd.is_empty() {
        terminal.say("");
        terminal.table(
            &["migration", "state", "note"],
            odd.iter().map(|entry| {
                vec![
                    entry.name.clone(),
                    entry.state.word().to_owned(),
                    entry.note.clone().unwrap_or_default(),
                ]
            }),
        );
    }
    let blocked = survey.blocked();
    if let Some(trouble) = &blocked {
        terminal.say("");
        terminal.say(format!("{} {}", trouble.what, trouble.next));
    }
    let clean = blocked.is_none() && history.pending().next().is_none();
    let entries: Vec<_> = history
        .entries
        .iter()
        .map(|entry| json!({"name": entry.name, "state": entry.state.word(), "edited": entry.edited, "note": entry.note}))
        .collect();
    let pending: Vec<_> = history.pending().map(|entry| entry.name.clone()).collect();
    terminal.json(&json!({
        "target": target.name,
        "database": target.url.safe(),
        "upToDate": clean,
        "pending": pending,
        "blocked": blocked.map(|trouble| trouble.what),
        "migrations": entries,
    }));
    Ok(if clean { Exit::Done } else { Exit::NotSo })
}

/// Whether there is nothing to say about a migration but that it is applied.
fn is_settled(entry: &Entry) -> bool {
    entry.state == State::Applied && !entry.edited && entry.note.is_none()
}

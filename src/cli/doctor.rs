//! `lockkeeper doctor`: what was found, and what to fix. It changes nothing.

use serde_json::{Value, json};

use super::terminal::{Exit, Terminal};
use super::{Failure, targets};
use crate::app::inspection::{self, Check, Seen};
use crate::clock::Clock;
use crate::config::Config;
use crate::migration::Survey;
use crate::store::Store;
use crate::target::tool;

pub(super) async fn run(config: &Config, terminal: Terminal) -> Result<Exit, Failure> {
    let targets = targets(config)?;
    let tools = tool::installed().await;
    let mut checks = inspection::console(config);
    checks.extend(store(config).await);
    checks.extend(inspection::channels(config));
    checks.extend(inspection::machine(config, Some(&tools)).await);
    checks.extend(inspection::without_targets(config));
    for target in &targets {
        let survey = Survey::of(target).await;
        let seen = Seen::Now(survey.as_ref());
        checks.extend(inspection::target(target, &seen, Some(&tools)));
    }
    for check in &checks {
        let mark = if check.fix.is_some() { "fix" } else { "ok " };
        terminal.say(format!("{mark}  {}: {}", check.what, check.found));
        if let Some(fix) = &check.fix {
            terminal.say(format!("       {fix}"));
        }
    }
    let list: Vec<Value> = checks
        .iter()
        .map(|check| json!({"what": check.what, "found": check.found, "ok": check.fix.is_none(), "fix": check.fix}))
        .collect();
    terminal.json(&json!({ "checks": list }));
    Ok(if checks.iter().any(|check| check.unreachable) {
        Exit::Unreachable
    } else if checks.iter().any(|check| check.fix.is_some()) {
        Exit::NotSo
    } else {
        Exit::Done
    })
}

/// The store, who works on it, and the clock beside it. A file that is not there yet is not made.
async fn store(config: &Config) -> Vec<Check> {
    let clock = Clock::system();
    let missing = config.store.file.as_ref().filter(|file| !file.exists());
    let (mut checks, store) = match missing {
        Some(file) => {
            let found = format!(
                "{} does not exist yet; the console makes it",
                file.display()
            );
            (vec![Check::well("store", found)], None)
        }
        None => match Store::open(&config.store.url).await {
            Err(error) => (vec![inspection::unusable(&error)], None),
            Ok(store) => (inspection::store(config, &store).await, Some(store)),
        },
    };
    if let Some(store) = &store {
        checks.extend(inspection::work(store, &clock).await);
        checks.push(inspection::outbox(store).await);
    }
    checks.push(inspection::clock(store.as_ref(), &clock).await);
    checks
}

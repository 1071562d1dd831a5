//! `lockkeeper worker`: runs jobs and serves no pages.

use clap::Args;
use tokio_util::sync::CancellationToken;

use super::signal::asked_to_stop;
use super::terminal::{Exit, Terminal};
use super::{Failure, open};
use crate::config::Config;

#[derive(Args, Debug)]
pub(super) struct WorkerArgs {
    /// How many jobs to run at a time, whatever the settings say
    #[arg(long, value_name = "N")]
    pub at_once: Option<u32>,
}

pub(super) async fn run(config: Config, terminal: Terminal) -> Result<Exit, Failure> {
    let app = open(config).await?;
    let at_once = app.config.worker.at_once;
    let targets = app.resources.targets.len();
    terminal.talk(format!(
        "Taking jobs from {}, up to {at_once} at a time, for {targets} target{}. SIGTERM or Ctrl-C stops in good order.",
        app.store.place(),
        if targets == 1 { "" } else { "s" }
    ));
    if app.config.store.file.is_some() {
        terminal.talk(
            "The store is a file: the console must run on this machine, and jobs are found by looking every two seconds. \
             Workers on other machines need a Postgres store.",
        );
    }
    tracing::info!(
        store.place = app.store.place(),
        at_once,
        targets,
        "worker started"
    );
    let stop = CancellationToken::new();
    let asked = async {
        asked_to_stop().await;
        stop.cancel();
    };
    tokio::join!(app.work(stop.clone()), asked);
    tracing::info!("stopped");
    Ok(Exit::Done)
}

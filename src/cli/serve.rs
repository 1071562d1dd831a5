//! `lockkeeper serve`: the pages, and unless told otherwise the worker, in one process.

use std::time::Duration;

use clap::Args;
use tokio_util::sync::CancellationToken;

use super::signal::asked_to_stop;
use super::terminal::{Exit, Terminal};
use super::{Failure, open};
use crate::auth::{setup, user};
use crate::config::Config;
use crate::web;

#[derive(Args, Debug)]
pub(super) struct ServeArgs {
    /// Listen here instead of server.listen, for example 127.0.0.1:8090
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
    /// Serve the pages only: jobs wait until a `lockkeeper worker` takes them
    #[arg(long)]
    pub no_worker: bool,
}

/// How long requests may take to end after the program was asked to stop.
const GRACE: Duration = Duration::from_secs(5);

pub(super) async fn run(
    args: ServeArgs,
    config: Config,
    terminal: Terminal,
) -> Result<Exit, Failure> {
    let app = open(config).await?;
    let stop = CancellationToken::new();
    let address = app.config.server.listen;
    let server = web::serve(&app, stop.clone()).await.map_err(|error| {
        Failure::Usage(format!(
            "the console cannot listen on {address}: {error}. Stop what uses that port, or name another one with --listen"
        ))
    })?;
    tracing::info!(
        server.url = app.config.server.public_url,
        store.place = app.store.place(),
        targets = app.resources.targets.len(),
        "console started"
    );
    if user::none_yet(&app.store).await? {
        let minutes = i64::from(app.config.auth.setup_minutes);
        let token = setup::issue(&app.store, &app.clock, minutes).await?;
        let base = app.config.server.public_url.trim_end_matches('/');
        terminal.talk("");
        terminal.talk("Nobody can sign in yet. Make the first user here, once:");
        terminal.talk(format!("  {base}/setup?token={token}"));
        terminal.talk(format!(
            "The link is good for {minutes} minutes. Starting again prints a new one."
        ));
        terminal.talk("");
    }
    let work = {
        let (app, stop) = (app.clone(), stop.clone());
        tokio::spawn(async move {
            if args.no_worker {
                app.tend(stop).await;
            } else {
                app.work(stop).await;
            }
        })
    };
    if args.no_worker {
        terminal.talk("This console runs no jobs: they wait until a `lockkeeper worker` on this store takes them.");
    }
    let handle = server.handle();
    let serving = tokio::spawn(server);
    asked_to_stop().await;
    // Open streams end with the token; then the server has nothing left to wait for.
    stop.cancel();
    let _late = tokio::time::timeout(GRACE, handle.stop(true)).await;
    serving.abort();
    let _ended = work.await;
    tracing::info!("stopped");
    Ok(Exit::Done)
}

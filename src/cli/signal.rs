//! Being asked to stop: by Ctrl-C, or by whatever has started this program.

use tokio_util::sync::CancellationToken;

/// A token that is cancelled on SIGINT or SIGTERM, from now on until the program ends: a command that runs one job after the
/// other has one for all of them, so that no signal is lost in between.
pub(super) fn stop() -> CancellationToken {
    let stop = CancellationToken::new();
    let asked = stop.clone();
    tokio::spawn(async move {
        asked_to_stop().await;
        asked.cancel();
    });
    stop
}

/// Returns on SIGINT or SIGTERM.
pub(super) async fn asked_to_stop() {
    let terminated = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminated => {}
    }
    tracing::info!("stopping: what runs is ended or finished first");
}

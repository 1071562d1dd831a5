//! The figures of this process and its store, in the text format that Prometheus reads.
//!
//! What must stay true: telling the figures connects to no target and reads the store a few times, however often
//! somebody asks; the number of series is bounded by the program and its configuration (a route is its pattern, a method
//! one that the program knows), never by what visitors send; names from outside are escaped. Durations grow in a
//! recorder of the process; what is true at the moment of asking is written into a fresh one, so that nothing stays that
//! is not known any more.

use std::sync::OnceLock;
use std::time::Duration;

use metrics::{Unit, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{
    BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};
use tokio_util::sync::CancellationToken;

use super::App;
use super::watch::Watch;
use crate::job::figures::{self as job_figures, Jobs};
use crate::job::presence;
use crate::store::StoreError;

/// The histogram of how long requests took, in seconds.
const REQUESTS: &str = "lockkeeper_http_request_duration_seconds";
/// Its limits: a page takes a few milliseconds, one that waits for a target a second and a half.
const REQUEST_SECONDS: [f64; 13] = [
    0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];
/// The limits of how long jobs take: a plan is made in a second, a large backup takes hours.
const JOB_SECONDS: [f64; 11] = [
    0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0, 43_200.0,
];
/// How often recorded durations are sorted into the histograms; until then each of them takes memory.
const UPKEEP: Duration = Duration::from_secs(5);

/// The recorder of this process.
#[derive(Clone, Debug)]
pub struct Figures {
    recorded: PrometheusHandle,
}

impl Figures {
    /// Starts to record durations in this process. A second call, as in tests, gives the recorder of the first; `None`
    /// when another one is installed.
    #[must_use]
    pub fn install() -> Option<Self> {
        static RECORDED: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
        let recorded = RECORDED.get_or_init(|| {
            let installed = recorder()
                .map_err(|error| error.to_string())
                .and_then(|recorder| {
                    let handle = recorder.handle();
                    metrics::set_global_recorder(recorder).map_err(|error| error.to_string())?;
                    Ok(handle)
                });
            match installed {
                Ok(handle) => {
                    describe_recorded();
                    Some(handle)
                }
                Err(error) => {
                    tracing::warn!(
                        error,
                        "durations are not recorded; the other figures are told"
                    );
                    None
                }
            }
        });
        let recorded = recorded.clone()?;
        Some(Self { recorded })
    }

    /// Keeps the recorder small until `stop` is cancelled, also when nobody ever asks for the figures.
    pub async fn upkeep(self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(UPKEEP) => self.recorded.run_upkeep(),
                () = stop.cancelled() => return,
            }
        }
    }

    /// All figures: what was recorded, and what is true now.
    pub async fn tell(&self, app: &App, watch: &Watch) -> Result<String, StoreError> {
        let now = Now::of(app, watch).await?;
        Ok(format!("{}{}", now.text(), self.recorded.render()))
    }
}

/// Records an answered request. `route` is the pattern that matched, if one did.
pub fn answered(method: &str, route: Option<String>, status: u16, took: Duration) {
    // Visitors may send any word as a method.
    const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    let method = METHODS.into_iter().find(|known| *known == method);
    histogram!(
        REQUESTS,
        "method" => method.unwrap_or("other"),
        "route" => route.unwrap_or_else(|| "none".to_owned()),
        "status" => status.to_string()
    )
    .record(took.as_secs_f64());
}

fn recorder() -> Result<PrometheusRecorder, BuildError> {
    let of = |name: &str| Matcher::Full(name.to_owned());
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(of(REQUESTS), &REQUEST_SECONDS)?
        .set_buckets_for_metric(of(job_figures::DURATION), &JOB_SECONDS)?;
    Ok(builder.build_recorder())
}

fn describe_recorded() {
    describe_histogram!(
        REQUESTS,
        Unit::Seconds,
        "How long requests took until the answer began, by the route that matched."
    );
    describe_histogram!(
        job_figures::DURATION,
        Unit::Seconds,
        "How long jobs took that this process ran to their end."
    );
}

/// What is true at one moment.
#[derive(Debug)]
struct Now {
    jobs: Jobs,
    workers: usize,
    store_bytes: i64,
    targets: Vec<Seen>,
}

/// A target that somebody has looked at.
#[derive(Debug)]
struct Seen {
    target: String,
    /// How old the look is.
    age_ms: i64,
    /// The pending migrations, if the look succeeded.
    pending: Option<usize>,
}

impl Now {
    async fn of(app: &App, watch: &Watch) -> Result<Self, StoreError> {
        let now = app.clock.now_ms();
        let seen = |target: &str| {
            let look = watch.newest(target)?;
            let found = look.found.as_ref().ok();
            Some(Seen {
                target: target.to_owned(),
                age_ms: now - look.at,
                pending: found.map(|found| found.survey.history.pending().count()),
            })
        };
        let targets = app.resources.targets.iter();
        Ok(Self {
            jobs: job_figures::jobs(&app.store, &app.clock).await?,
            workers: presence::list(&app.store, &app.clock).await?.len(),
            store_bytes: app.store.size().await?,
            targets: targets.filter_map(|target| seen(&target.name)).collect(),
        })
    }

    /// The text, from a recorder that lives as long as this call.
    fn text(&self) -> String {
        let recorder = PrometheusBuilder::new().build_recorder();
        metrics::with_local_recorder(&recorder, || {
            describe();
            self.write();
        });
        recorder.handle().render()
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "the format knows floating-point numbers only; these are exact up to 2^53"
    )]
    fn write(&self) {
        gauge!("lockkeeper_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        gauge!("lockkeeper_store_bytes").set(self.store_bytes as f64);
        gauge!("lockkeeper_workers").set(self.workers as f64);
        for (state, jobs) in &self.jobs.by_state {
            gauge!("lockkeeper_jobs", "state" => *state).set(*jobs as f64);
        }
        gauge!("lockkeeper_jobs_oldest_queued_seconds").set(seconds(self.jobs.waiting_ms));
        for seen in &self.targets {
            let target = label(&seen.target);
            let up = if seen.pending.is_some() { 1.0 } else { 0.0 };
            gauge!("lockkeeper_target_up", "target" => target.clone()).set(up);
            gauge!("lockkeeper_target_looked_seconds", "target" => target.clone())
                .set(seconds(seen.age_ms));
            if let Some(pending) = seen.pending {
                gauge!("lockkeeper_target_pending_migrations", "target" => target)
                    .set(pending as f64);
            }
        }
    }
}

fn describe() {
    describe_gauge!(
        "lockkeeper_build_info",
        "Always 1; the version that answers is its label."
    );
    describe_gauge!(
        "lockkeeper_store_bytes",
        Unit::Bytes,
        "Size of Lockkeeper's own database."
    );
    describe_gauge!(
        "lockkeeper_workers",
        Unit::Count,
        "Workers that gave a sign of life in the last 30 seconds."
    );
    describe_gauge!(
        "lockkeeper_jobs",
        Unit::Count,
        "Jobs in the store, by state."
    );
    describe_gauge!(
        "lockkeeper_jobs_oldest_queued_seconds",
        Unit::Seconds,
        "For how long the oldest queued job has been waiting; 0 when none waits."
    );
    describe_gauge!(
        "lockkeeper_target_up",
        "Whether the newest look at the target succeeded; absent until somebody looked."
    );
    describe_gauge!(
        "lockkeeper_target_looked_seconds",
        Unit::Seconds,
        "How old the newest look at the target is. Asking for figures does not look."
    );
    describe_gauge!(
        "lockkeeper_target_pending_migrations",
        Unit::Count,
        "Migrations that wait, by the newest look; absent when it failed."
    );
}

fn seconds(ms: i64) -> f64 {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0)).as_secs_f64()
}

/// A label's value. The exporter escapes it, but takes a backslash before another character for an escape that has been
/// made already; a doubled one it reads as the backslash that it is.
fn label(text: &str) -> String {
    text.replace('\\', r"\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now(targets: Vec<Seen>) -> Now {
        Now {
            jobs: Jobs {
                by_state: vec![("queued", 2)],
                waiting_ms: 1_500,
            },
            workers: 1,
            store_bytes: 4_096,
            targets,
        }
    }

    #[test]
    fn a_hostile_name_stays_a_label() {
        let seen = |target: &str| Seen {
            target: target.to_owned(),
            age_ms: 2_000,
            pending: Some(3),
        };
        let text = now(vec![
            seen("a\"} 0\nevil{x=\"1"),
            seen("b\\"),
            seen("b\\\\"),
            seen("c\\\"d\\\n"),
        ])
        .text();
        for value in [r#"a\"} 0\nevil{x=\"1"#, r"b\\", r"b\\\\", r#"c\\\"d\\\n"#] {
            let line = format!("\nlockkeeper_target_pending_migrations{{target=\"{value}\"}} 3\n");
            assert!(text.contains(&line), "{line} is not in {text}");
        }
        assert!(!text.lines().any(|line| line.starts_with("evil")), "{text}");
    }

    #[test]
    fn what_is_not_known_is_not_told() {
        let text = now(Vec::new()).text();
        assert!(!text.contains("lockkeeper_target"), "{text}");
        assert!(text.contains("\nlockkeeper_jobs_oldest_queued_seconds 1.5\n"));
        let down = Seen {
            target: "app".to_owned(),
            age_ms: -5,
            pending: None,
        };
        let text = now(vec![down]).text();
        assert!(text.contains("\nlockkeeper_target_up{target=\"app\"} 0\n"));
        assert!(text.contains("\nlockkeeper_target_looked_seconds{target=\"app\"} 0\n"));
        assert!(!text.contains("pending_migrations"), "{text}");
    }

    #[test]
    fn two_consoles_in_one_process_share_the_recorder() {
        assert!(Figures::install().is_some());
        assert!(Figures::install().is_some());
    }
}

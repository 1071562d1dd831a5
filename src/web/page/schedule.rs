//! `/t/{target}/settings/schedules/{id}`: one schedule, to be changed or deleted.

use askama::Template;

use super::settings::TimingFields;
use crate::web::layout::{Environment, Layout, Link, Tab};

/// The page.
#[derive(Debug, Template)]
#[template(path = "page/schedule.html")]
pub struct SchedulePage {
    /// What every page shares.
    pub layout: Layout,
    /// Its path.
    pub path: String,
    /// What it asks for: `Take a backup`.
    pub operation: String,
    /// When it runs as it is now, in words.
    pub words: String,
    /// When it is to run.
    pub timing: TimingFields,
}

impl SchedulePage {
    /// Nightly backups.
    #[must_use]
    pub fn sample() -> Self {
        Self {
            layout: Layout {
                crumbs: vec![Link::new("Settings", "/t/jarvis/settings")],
                ..Layout::sample_target(
                    "Schedule",
                    "jarvis",
                    Environment::Production,
                    Tab::Settings,
                )
            },
            path: "/t/jarvis/settings/schedules/1".to_owned(),
            operation: "Take a backup".to_owned(),
            words: "every day at 03:30 Europe/Berlin".to_owned(),
            timing: TimingFields {
                cron: "30 3 * * *".to_owned(),
                zone: "Europe/Berlin".to_owned(),
                ..TimingFields::default()
            },
        }
    }
}

//! Every page, rendered from its samples, held against the promises that all pages make.

use askama::Template;

use super::{audit, backups, error, job, jobs, login, migration, migrations, overview, plan, plans, setup, target};

/// Every sample by name.
pub(crate) fn samples() -> Vec<(&'static str, String)> {
    fn html(page: &impl Template) -> String {
        page.render().expect("a sample renders")
    }
    vec![
        ("setup", html(&setup::SetupPage::sample())),
        ("setup-refused", html(&setup::SetupPage::sample_refused())),
        ("login", html(&login::LoginPage::sample())),
        ("login-refused", html(&login::LoginPage::sample_refused())),
        ("overview", html(&overview::OverviewPage::sample())),
        ("overview-empty", html(&overview::OverviewPage::sample_empty())),
        ("target", html(&target::TargetPage::sample())),
        ("target-unreachable", html(&target::TargetPage::sample_unreachable())),
        ("migrations", html(&migrations::MigrationsPage::sample())),
        ("migrations-empty", html(&migrations::MigrationsPage::sample_empty())),
        ("migrations-long", html(&migrations::MigrationsPage::sample_long())),
        ("migrations-hostile", html(&migrations::MigrationsPage::sample_hostile())),
        ("migration", html(&migration::MigrationPage::sample())),
        ("plans", html(&plans::PlansPage::sample())),
        ("plans-empty", html(&plans::PlansPage::sample_empty())),
        ("plan", html(&plan::PlanPage::sample())),
        ("plan-refused", html(&plan::PlanPage::sample_refused())),
        ("plan-approved", html(&plan::PlanPage::sample_approved())),
        ("plan-stale", html(&plan::PlanPage::sample_stale())),
        ("backups", html(&backups::BackupsPage::sample())),
        ("backups-empty", html(&backups::BackupsPage::sample_empty())),
        ("jobs", html(&jobs::JobsPage::sample())),
        ("jobs-empty", html(&jobs::JobsPage::sample_empty())),
        ("job", html(&job::JobPage::sample())),
        ("job-failed", html(&job::JobPage::sample_failed())),
        ("job-interrupted", html(&job::JobPage::sample_interrupted())),
        ("audit", html(&audit::AuditPage::sample())),
        ("error", html(&error::ErrorPage::sample())),
    ]
}

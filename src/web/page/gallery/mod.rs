//! Every page, rendered from its samples, held against the promises that all pages make.

mod people;

use askama::Template;

use super::{
    approvals, audit, backup, backups, error, job, jobs, migration, migrations, notifications,
    overview, plan, plans, schedule, settings, shown, subscription, system, target,
};

/// Every sample by name.
fn samples() -> Vec<(&'static str, String)> {
    let mut samples = people::of_people();
    samples.extend(people::of_users());
    samples.extend(of_plans());
    samples.extend(of_targets());
    samples
}

fn html(page: &impl Template) -> String {
    page.render().expect("a sample renders")
}

/// Those about plans and what is decided about them.
fn of_plans() -> Vec<(&'static str, String)> {
    vec![
        ("plans", html(&plans::PlansPage::sample())),
        ("plans-empty", html(&plans::PlansPage::sample_empty())),
        ("plan", html(&plan::PlanPage::sample())),
        ("plan-unsaved", html(&plan::PlanPage::sample_unsaved())),
        ("plan-refused", html(&plan::PlanPage::sample_refused())),
        ("plan-unproven", html(&plan::PlanPage::sample_unproven())),
        ("plan-approved", html(&plan::PlanPage::sample_approved())),
        ("plan-hostile", html(&plan::PlanPage::sample_hostile())),
        ("plan-safe", html(&plan::PlanPage::sample_safe())),
        ("plan-stale", html(&plan::PlanPage::sample_stale())),
        ("approvals", html(&approvals::ApprovalsPage::sample())),
        (
            "approvals-empty",
            html(&approvals::ApprovalsPage::sample_empty()),
        ),
        (
            "approvals-hostile",
            html(&approvals::ApprovalsPage::sample_hostile()),
        ),
    ]
}

/// Those about targets and what is done with them.
fn of_targets() -> Vec<(&'static str, String)> {
    vec![
        ("overview", html(&overview::OverviewPage::sample())),
        (
            "overview-empty",
            html(&overview::OverviewPage::sample_empty()),
        ),
        ("target", html(&target::TargetPage::sample())),
        (
            "target-unreachable",
            html(&target::TargetPage::sample_unreachable()),
        ),
        ("migrations", html(&migrations::MigrationsPage::sample())),
        (
            "migrations-empty",
            html(&migrations::MigrationsPage::sample_empty()),
        ),
        (
            "migrations-long",
            html(&migrations::MigrationsPage::sample_long()),
        ),
        (
            "migrations-hostile",
            html(&migrations::MigrationsPage::sample_hostile()),
        ),
        ("migration", html(&migration::MigrationPage::sample())),
        ("backups", html(&backups::BackupsPage::sample())),
        ("backups-empty", html(&backups::BackupsPage::sample_empty())),
        ("backup", html(&backup::BackupPage::sample())),
        (
            "backup-refused",
            html(&backup::BackupPage::sample_refused()),
        ),
        (
            "backup-hostile",
            html(&backup::BackupPage::sample_hostile()),
        ),
        ("settings", html(&settings::SettingsPage::sample())),
        (
            "settings-empty",
            html(&settings::SettingsPage::sample_empty()),
        ),
        (
            "settings-refused",
            html(&settings::SettingsPage::sample_refused()),
        ),
        (
            "settings-full",
            html(&settings::SettingsPage::sample_full()),
        ),
        ("schedule", html(&schedule::SchedulePage::sample())),
        (
            "subscription",
            html(&subscription::SubscriptionPage::sample()),
        ),
        (
            "subscription-refused",
            html(&subscription::SubscriptionPage::sample_refused()),
        ),
        (
            "notifications",
            html(&notifications::NotificationsPage::sample()),
        ),
        (
            "notifications-empty",
            html(&notifications::NotificationsPage::sample_empty()),
        ),
        (
            "notifications-hostile",
            html(&notifications::NotificationsPage::sample_hostile()),
        ),
        ("jobs", html(&jobs::JobsPage::sample())),
        ("jobs-empty", html(&jobs::JobsPage::sample_empty())),
        ("jobs-hidden", html(&jobs::JobsPage::sample_hidden())),
        ("job", html(&job::JobPage::sample())),
        ("job-counted", html(&job::JobPage::sample_counted())),
        ("job-queued", html(&job::JobPage::sample_queued())),
        ("job-failed", html(&job::JobPage::sample_failed())),
        ("job-interrupted", html(&job::JobPage::sample_interrupted())),
        ("audit", html(&audit::AuditPage::sample())),
        ("audit-empty", html(&audit::AuditPage::sample_empty())),
        ("audit-refused", html(&audit::AuditPage::sample_refused())),
        ("audit-hostile", html(&audit::AuditPage::sample_hostile())),
        ("system", html(&system::SystemPage::sample())),
        ("system-ill", html(&system::SystemPage::sample_ill())),
        (
            "system-hostile",
            html(&system::SystemPage::sample_hostile()),
        ),
        ("error", html(&error::ErrorPage::sample())),
    ]
}

#[test]
fn pages_obey_the_content_security_policy() {
    for (name, html) in samples() {
        for banned in [
            "style=",
            "<style",
            "javascript:",
            "<script>",
            "http://",
            "https://",
        ] {
            assert!(!html.contains(banned), "{name} contains {banned}");
        }
        let document = scraper::Html::parse_document(&html);
        for element in document.tree.values().filter_map(|node| node.as_element()) {
            for (attribute, _) in element.attrs() {
                assert!(!attribute.starts_with("on"), "{name} has {attribute}");
            }
        }
        assert_eq!(
            html.matches("<script").count(),
            1,
            "{name} loads one script"
        );
    }
}

#[test]
fn pages_stay_light() {
    for (name, html) in samples() {
        assert!(html.len() <= 30_000, "{name} has {} bytes", html.len());
    }
    let file = |name: &str| {
        let path = format!("{}/static/{name}", env!("CARGO_MANIFEST_DIR"));
        std::fs::metadata(path).expect("a static file").len()
    };
    assert!(
        file("app.css") <= 12_000,
        "app.css has {} bytes",
        file("app.css")
    );
    assert!(
        file("app.js") <= 6_000,
        "app.js has {} bytes",
        file("app.js")
    );
}

#[test]
fn text_from_outside_stays_text() {
    let page = migrations::MigrationsPage::sample_hostile();
    let html = html_of("migrations-hostile");
    for (name, html) in samples() {
        assert!(!html.contains("<script>"), "{name}");
    }
    let document = scraper::Html::parse_document(&html);
    let names = scraper::Selector::parse("tbody bdi").expect("a selector");
    let shown: Vec<String> = document
        .select(&names)
        .map(|name| name.text().collect())
        .collect();
    let given: Vec<String> = page
        .rows
        .into_iter()
        .map(|row| shown::shown(&row.name).into_owned())
        .collect();
    assert_eq!(shown, given);
}

#[test]
fn what_was_typed_is_kept() {
    for (name, kept) in [
        ("setup-refused", "value=\"&#60;b&#62;ada&#60;/b&#62;\""),
        ("login-refused", "value=\"ada\""),
        ("plan-refused", "value=\"jarvis-staging\""),
        (
            "backup-refused",
            "value=\"2026-11-22_1505&#34;&#62;&#60;b&#62;\"",
        ),
        ("settings-refused", "value=\"* * * * &#60;b&#62;\""),
        ("settings-refused", "value=\"Europe/Berlinn\""),
        ("users-refused", "value=\"&#60;b&#62;ada&#60;/b&#62;\""),
        ("tokens-refused", "value=\"&#34;&#62;&#60;b&#62;x\""),
        ("tokens-refused", "value=\"1000\""),
        ("settings-refused", "value=\"&#60;b&#62;two&#60;/b&#62;\""),
        (
            "settings-refused",
            "value=\"&#34;&#62;&#60;script&#62;alert(1)&#60;/script&#62;\"",
        ),
        ("audit-refused", "value=\"yester&#34;day\""),
        (
            "audit-refused",
            "value=\"&#34;&#62;&#60;script&#62;alert(1)&#60;/script&#62;\"",
        ),
    ] {
        assert!(html_of(name).contains(kept), "{name} forgot {kept}");
    }
}

#[test]
fn every_icon_is_in_the_sprite() {
    let sprite =
        std::fs::read_to_string(format!("{}/static/icons.svg", env!("CARGO_MANIFEST_DIR")));
    let sprite = sprite.expect("the sprite");
    let uses = scraper::Selector::parse("use").expect("a selector");
    for (name, html) in samples() {
        for symbol in scraper::Html::parse_document(&html).select(&uses) {
            let href = symbol.attr("href").unwrap_or_default();
            let id = href.rsplit('#').next().unwrap_or_default();
            assert!(
                sprite.contains(&format!("<symbol id=\"{id}\"")),
                "{name} uses {href}"
            );
        }
    }
}

#[test]
fn a_page_asks_for_one_thing() {
    let primary = scraper::Selector::parse(".primary, .danger").expect("a selector");
    for (name, html) in samples() {
        let asked = scraper::Html::parse_document(&html)
            .select(&primary)
            .count();
        assert!(asked <= 1, "{name} has {asked} primary buttons");
    }
}

#[test]
fn ids_and_labels_fit_together() {
    let every = scraper::Selector::parse("[id]").expect("a selector");
    let fields = scraper::Selector::parse("input:not([type=hidden]), select").expect("a selector");
    for (name, html) in samples() {
        let document = scraper::Html::parse_document(&html);
        let mut ids = std::collections::HashSet::new();
        for element in document.select(&every) {
            assert!(
                ids.insert(element.attr("id")),
                "{name} has {:?} twice",
                element.attr("id")
            );
        }
        for field in document.select(&fields) {
            let label = format!("for=\"{}\"", field.attr("id").unwrap_or_default());
            assert!(html.contains(&label), "{name} has a field without a label");
        }
    }
}

#[test]
fn templates_trust_nothing() {
    let mut folders = vec![std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("templates")];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let template = std::fs::read_to_string(&path).expect("a template");
            for banned in ["|safe", "| safe", "escape none", "Safe("] {
                assert!(
                    !template.contains(banned),
                    "{} contains {banned}",
                    path.display()
                );
            }
            seen += 1;
        }
    }
    assert!(seen >= 15, "only {seen} templates were read");
}

fn html_of(wanted: &str) -> String {
    let found = samples().into_iter().find(|(name, _)| *name == wanted);
    found.expect("a sample of that name").1
}

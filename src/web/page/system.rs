//! `/system`: what this installation is made of, line by line, with what to do where something is not well.

use askama::Template;

use super::pill::Pill;
use crate::web::layout::{Layout, Nav, Tone};

/// One thing that was looked at.
#[derive(Clone, Debug)]
pub struct SystemLine {
    /// What it is about.
    pub what: String,
    /// What was found.
    pub found: String,
    /// What to do about it; nothing when it is well.
    pub fix: Option<String>,
}

impl SystemLine {
    /// Whether it is well, as shown.
    #[must_use]
    pub fn pill(&self) -> Pill {
        match self.fix {
            None => Pill::new("well", "check", Tone::Good),
            Some(_) => Pill::new("to fix", "warn", Tone::Warn),
        }
    }
}

/// Lines that belong together.
#[derive(Clone, Debug)]
pub struct SystemGroup {
    /// What they are about.
    pub title: &'static str,
    /// The lines.
    pub lines: Vec<SystemLine>,
}

/// The page.
#[derive(Debug, Template)]
#[template(path = "page/system.html")]
pub struct SystemPage {
    /// What every page shares.
    pub layout: Layout,
    /// All that was looked at; no group is empty.
    pub groups: Vec<SystemGroup>,
}

impl SystemPage {
    /// The sum of it.
    #[must_use]
    pub fn headline(&self) -> String {
        let lines = self.groups.iter().flat_map(|group| &group.lines);
        match lines.filter(|line| line.fix.is_some()).count() {
            0 => "Everything here is well.".to_owned(),
            1 => "1 thing to fix.".to_owned(),
            n => format!("{n} things to fix."),
        }
    }

    /// An installation in good order.
    #[must_use]
    pub fn sample() -> Self {
        let line = |what: &str, found: &str| SystemLine {
            what: what.to_owned(),
            found: found.to_owned(),
            fix: None,
        };
        Self {
            layout: Layout {
                nav: Nav::None,
                ..Layout::sample("System")
            },
            groups: vec![
                SystemGroup {
                    title: "Console",
                    lines: vec![
                        line("version", "0.1.0"),
                        line("settings", "from /srv/lockkeeper/lockkeeper.toml"),
                        line("proxies", "172.18.0.0/16 are trusted, by x-forwarded-for"),
                        line("clock", "2026-11-22 16:05:33 UTC"),
                    ],
                },
                SystemGroup {
                    title: "Store and jobs",
                    lines: vec![
                        line(
                            "store",
                            "SQLite in /srv/lockkeeper/store.db, 812 kB, step 3 of the schema, last written to a file by \
                             `lockkeeper store backup` 2026-11-21 03:30 UTC",
                        ),
                        line("store's disk", "41 GB free"),
                        line(
                            "worker",
                            "process 7 on keeper, version 0.1.0, 4 jobs at a time, since 2026-11-20 08:00 UTC",
                        ),
                        line("jobs", "0 running, 0 queued, 1 scheduled"),
                    ],
                },
                SystemGroup {
                    title: "Backups",
                    lines: vec![
                        line("archive", "/srv/lockkeeper/backups, 41 GB free"),
                        line(
                            "client tools",
                            "pg_dump and pg_restore 17.11 in /usr/lib/postgresql/17/bin",
                        ),
                    ],
                },
                SystemGroup {
                    title: "Targets",
                    lines: vec![line(
                        "target jarvis",
                        "Postgres 17.11 (production), db:5432/jarvis, seen 2026-11-22 16:05:32 UTC",
                    )],
                },
            ],
        }
    }

    /// One where something is to fix in every group.
    #[must_use]
    pub fn sample_ill() -> Self {
        let mut page = Self::sample();
        let fixes = [
            (
                "proxies",
                "172.18.0.1 passes requests on and is not trusted: everybody behind it seems to come from there",
                "If it is your proxy, add it to trusted_proxies in [server].",
            ),
            (
                "store's disk",
                "12 MB free",
                "Make room: without it no job, no sign-in and no approval can be recorded.",
            ),
            (
                "archive",
                "/srv/lockkeeper/backups, 12 MB free",
                "Make room, or name a folder on another disk as `folder` in [archive].",
            ),
            (
                "target jarvis",
                "Nothing listens at db:5432, seen 2026-11-22 16:05:32 UTC",
                "Start the server, or correct the URL.",
            ),
        ];
        for (group, (what, found, fix)) in page.groups.iter_mut().zip(fixes) {
            group.lines.push(SystemLine {
                what: what.to_owned(),
                found: found.to_owned(),
                fix: Some(fix.to_owned()),
            });
        }
        page
    }

    /// What names from outside may hold.
    #[must_use]
    pub fn sample_hostile() -> Self {
        let mut page = Self::sample();
        for line in page.groups.iter_mut().flat_map(|group| &mut group.lines) {
            *line = SystemLine {
                what: "<b>target</b>\"'".to_owned(),
                found: format!("<script>alert(1)</script>\u{202e}{}", "x".repeat(300)),
                fix: Some("{{ fix }} <img src=x onerror=alert(1)>".to_owned()),
            };
        }
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_headline_counts_what_is_to_fix() {
        assert_eq!(SystemPage::sample().headline(), "Everything here is well.");
        assert_eq!(SystemPage::sample_ill().headline(), "4 things to fix.");
    }
}

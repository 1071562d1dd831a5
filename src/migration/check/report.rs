//! What a check says of each thing that it looked at.

use super::tally::Tally;
use crate::migration::Survey;
use crate::migration::history::words::{listed, printable};
use crate::operation::Progress;
use crate::target::catalog::Facts;
use crate::target::catalog::standing::Standing;
use crate::target::catalog::table::TableSize;
use crate::target::size::{Bytes, Count};
use crate::target::tool::ToolVersion;
use crate::target::url::Host;
use crate::target::{Session, Target};

/// From how many of the server's connections on, in percent, somebody should know.
const CROWDED_PERCENT: i64 = 80;

/// What it is and who we are there.
pub(super) fn connection(
    target: &Target,
    session: &Session,
    facts: &Facts,
    standing: &Standing,
    progress: &Progress,
) {
    progress.info(format!(
        "Postgres {}, database {}, {}.",
        facts.version_text,
        printable(&facts.database),
        facts.encoding
    ));
    let role = printable(&standing.role);
    let rights = if standing.superuser {
        ", a superuser"
    } else {
        ""
    };
    let line = match (&target.url.host, session.pooled(), &standing.tls) {
        (_, Some(_), _) => "through a pooler".to_owned(),
        (Host::Socket(_), _, _) => "through a Unix socket".to_owned(),
        (Host::Tcp(_), _, Some(tls)) => format!("encrypted with {tls}"),
        (Host::Tcp(_), _, None) => "not encrypted".to_owned(),
    };
    progress.info(format!(
        "The role is {role}{rights}; the connection is {line}."
    ));
    if let Some(why) = session.pooled() {
        progress.warn(format!(
            "The URL leads through a pooler ({why}): migrations and backups need the direct URL of the database."
        ));
    }
}

pub(super) fn client_tools(major: i32, installed: &[ToolVersion], progress: &Progress) {
    let Some(tool) = installed.iter().find(|tool| tool.major == major) else {
        progress.warn(format!(
            "There is no pg_dump {major} on this machine, so it can take no backup of this target: install \
             postgresql-client-{major}."
        ));
        return;
    };
    progress.info(format!(
        "pg_dump {} is in {}.",
        tool.version,
        tool.folder.display()
    ));
    if tool.below_floor() == Some(true) {
        progress.warn(format!(
            "The client tools {} lack the fix of CVE-2026-18408 in psql: update the Postgres client packages.",
            tool.version
        ));
    }
}

pub(super) fn sizes(facts: &Facts, tables: &[TableSize], progress: &Progress) {
    progress.info(match facts.size_bytes {
        Some(bytes) => format!("The database has {}.", Bytes(bytes)),
        None => {
            "The size of the database could not be measured: the role may not, or it took too long."
                .to_owned()
        }
    });
    for table in tables {
        let name = match table.schema.as_str() {
            "public" => table.name.clone(),
            schema => format!("{schema}.{}", table.name),
        };
        let rows = match table.rows_estimate {
            Some(rows) => format!(", ≈ {} rows", Count(rows)),
            None => String::new(),
        };
        let worth = if table.bytes_exact {
            ""
        } else {
            " when it was last vacuumed (somebody holds its lock)"
        };
        progress.info(format!(
            "{}: {}{worth}{rows}.",
            printable(&name),
            Bytes(table.bytes)
        ));
    }
    let (used, limit) = (facts.connections_used, i64::from(facts.connections_max));
    let connections = format!("{used} of {limit} connections are in use.");
    if used * 100 >= limit * CROWDED_PERCENT {
        progress.warn(connections);
    } else {
        progress.info(connections);
    }
}

pub(super) fn ledger(survey: &Survey, tally: &Tally, progress: &Progress) {
    progress.info(match (tally.applied, survey.has_ledger) {
        (_, false) => "There is no ledger yet.".to_owned(),
        (1, true) => "1 migration is applied.".to_owned(),
        (n, true) => format!("{n} migrations are applied."),
    });
    let names: Vec<String> = survey
        .history
        .pending()
        .map(|entry| entry.name.clone())
        .collect();
    match names.len() {
        0 if survey.folder.problem.is_none() => progress.info("Nothing is pending."),
        0 => {}
        1 => progress.warn(format!("1 migration is pending: {}.", listed(&names))),
        n => progress.warn(format!("{n} migrations are pending: {}.", listed(&names))),
    }
    if let Some(trouble) = survey.trouble() {
        progress.warn(trouble.what);
    }
    for oddity in survey.oddities() {
        progress.warn(oddity);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migration::check::tally::tests::facts;
    use crate::operation::{Level, Report};

    fn said(report: impl FnOnce(&Progress)) -> Vec<(Level, String)> {
        let (progress, mut reports) = Progress::new(crate::clock::Clock::fixed(0));
        report(&progress);
        drop(progress);
        std::iter::from_fn(|| reports.try_recv().ok())
            .map(|report| match report {
                Report::Event(event) => (event.level, event.text),
                Report::Count(count) => panic!("a check counts nothing: {count:?}"),
            })
            .collect()
    }

    #[test]
    fn a_crowded_server_and_a_busy_table_are_told() {
        let table = TableSize {
            schema: "audit".to_owned(),
            name: "two\nlines".to_owned(),
            bytes: 8_192,
            bytes_exact: false,
            rows_estimate: Some(1_200),
        };
        let crowded = Facts {
            connections_used: 80,
            ..facts(None)
        };
        let said = said(|progress| sizes(&crowded, &[table], progress));
        assert_eq!(said[1].0, Level::Info);
        assert_eq!(
            said[1].1,
            "audit.two\\nlines: 8.19 kB when it was last vacuumed (somebody holds its lock), ≈ 1,200 rows."
        );
        assert_eq!(
            said[2],
            (Level::Warn, "80 of 100 connections are in use.".to_owned())
        );
        let calm = self::said(|progress| sizes(&facts(None), &[], progress));
        assert!(calm.iter().all(|(level, _)| *level == Level::Info));
    }

    #[test]
    fn tools_of_another_major_are_none() {
        let tool = ToolVersion {
            folder: "/tools".into(),
            version: "15.18".to_owned(),
            major: 15,
            minor: 18,
        };
        let none = said(|progress| client_tools(16, std::slice::from_ref(&tool), progress));
        assert!(none[0].1.contains("no pg_dump 16"), "{none:?}");
        let open = said(|progress| client_tools(15, &[tool], progress));
        assert_eq!(open[0].0, Level::Info);
        assert!(open[1].1.contains("CVE-2026-18408"), "{open:?}");
    }
}

//! A session that holds something: a lock, a table.
#![expect(
    clippy::disallowed_methods,
    reason = "the ban keeps secrets of production out of argv; there are none here"
)]

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use super::cluster::Cluster;

/// Another session that holds something until it is dropped.
pub struct Holder {
    psql: Child,
}

impl Holder {
    /// Opens a session on a database, runs `sql` in it and keeps it open.
    pub fn on(cluster: &Cluster, database: &str, sql: &str) -> Self {
        let mut psql = Command::new(cluster.bin().join("psql"))
            .args(["-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-d"])
            .arg(cluster.url(database))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = psql.stdin.as_mut().unwrap();
        writeln!(input, "{sql};\n\\echo held").unwrap();
        input.flush().unwrap();
        let said = BufReader::new(psql.stdout.as_mut().unwrap());
        assert!(said.lines().any(|line| line.unwrap() == "held"), "{sql}");
        Self { psql }
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        drop(self.psql.stdin.take());
        let _gone = self.psql.wait();
    }
}

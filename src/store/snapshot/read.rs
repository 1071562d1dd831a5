//! Reading a snapshot: line by line, with everything that can be wrong with a file noticed before it is believed.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::super::newest;
use super::{Counts, FORM, Footer, Header, LONGEST, SnapshotError, TABLES};

/// A file that was read to its end and is whole.
#[derive(Clone, Debug)]
pub struct Checked {
    /// Where it is.
    pub path: PathBuf,
    /// What it says of itself.
    pub header: Header,
    /// What it holds.
    pub footer: Footer,
}

/// Reads the whole file and compares it with its last line.
pub fn check(file: &Path) -> Result<Checked, SnapshotError> {
    let mut reader = Reader::open(file)?;
    loop {
        match reader.next()? {
            Line::Row(_) => {}
            Line::End(footer) => {
                return Ok(Checked {
                    path: file.to_path_buf(),
                    header: reader.header,
                    footer,
                });
            }
        }
    }
}

/// A row as it stands in the file. Its table is one of ours, and its columns have names that can be nothing else.
pub(super) struct SnapshotRow {
    pub table: &'static str,
    pub values: Map<String, Value>,
}

/// What follows the header.
pub(super) enum Line {
    Row(SnapshotRow),
    /// The footer, which fits everything before it, and nothing after it.
    End(Footer),
}

/// A snapshot that is being read.
pub(super) struct Reader {
    path: PathBuf,
    pub header: Header,
    input: BufReader<File>,
    hash: Sha256,
    counts: Counts,
    lines: u64,
}

/// A line of either kind.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLine {
    t: Option<String>,
    r: Option<Map<String, Value>>,
    rows: Option<Counts>,
    sha256: Option<String>,
}

impl Reader {
    /// Opens a file and reads its header.
    pub fn open(path: &Path) -> Result<Self, SnapshotError> {
        let file = File::open(path).map_err(|error| unreadable(path, error))?;
        let mut reader = Self {
            path: path.to_path_buf(),
            header: Header {
                lockkeeper_store: FORM,
                schema: 0,
                at: jiff::Timestamp::UNIX_EPOCH,
                version: String::new(),
            },
            input: BufReader::with_capacity(1 << 16, file),
            hash: Sha256::new(),
            counts: TABLES
                .iter()
                .map(|table| (table.name.to_owned(), 0))
                .collect(),
            lines: 0,
        };
        let foreign = |why: &str| SnapshotError::Foreign(path.to_path_buf(), why.to_owned());
        let line = reader.line()?;
        if line.is_empty() {
            return Err(foreign("it is empty"));
        }
        reader.header = serde_json::from_slice(&line)
            .map_err(|_| foreign("its first line does not say that it is one"))?;
        reader.hash.update(&line);
        let header = &reader.header;
        let found = if header.lockkeeper_store > FORM {
            format!("form {}, known is {FORM}", header.lockkeeper_store)
        } else if header.schema > newest() {
            format!("schema {}, known is {}", header.schema, newest())
        } else if header.lockkeeper_store < 1 || header.schema < 1 {
            return Err(foreign("its first line names no schema"));
        } else {
            return Ok(reader);
        };
        Err(SnapshotError::Newer {
            path: path.to_path_buf(),
            version: header.version.clone(),
            found,
        })
    }

    /// The next line. After the end there is none to ask for.
    pub fn next(&mut self) -> Result<Line, SnapshotError> {
        let line = self.line()?;
        if !line.ends_with(b"\n") {
            return Err(SnapshotError::Cut {
                path: self.path.clone(),
                lines: self.lines,
            });
        }
        let raw = serde_json::from_slice(&line)
            .map_err(|_| self.altered(format!("line {} cannot be read", self.lines)))?;
        match raw {
            RawLine {
                t: Some(table),
                r: Some(values),
                rows: None,
                sha256: None,
            } => {
                self.hash.update(&line);
                self.row(&table, values).map(Line::Row)
            }
            RawLine {
                t: None,
                r: None,
                rows: Some(rows),
                sha256: Some(sha256),
            } => self.end(Footer { rows, sha256 }).map(Line::End),
            _ => Err(self.altered(format!("line {} is neither a row nor the end", self.lines))),
        }
    }

    fn row(
        &mut self,
        table: &str,
        values: Map<String, Value>,
    ) -> Result<SnapshotRow, SnapshotError> {
        let known = TABLES.iter().find(|known| known.name == table);
        let plain = |name: &String| {
            (1..=63).contains(&name.len())
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        };
        let storable = |value: &Value| value.is_null() || value.is_string() || value.is_i64();
        let Some(known) = known else {
            return Err(self.altered(format!(
                "line {} is of a table that no snapshot holds",
                self.lines
            )));
        };
        if values.is_empty() || !values.keys().all(plain) || !values.values().all(storable) {
            return Err(self.altered(format!("line {} is no row of {table}", self.lines)));
        }
        *self.counts.entry(table.to_owned()).or_default() += 1;
        Ok(SnapshotRow {
            table: known.name,
            values,
        })
    }

    fn end(&mut self, footer: Footer) -> Result<Footer, SnapshotError> {
        let sha256 = base16ct::lower::encode_string(&self.hash.clone().finalize());
        for (table, count) in &self.counts {
            let said = footer.rows.get(table).copied().unwrap_or_default();
            if said != *count {
                return Err(self.altered(format!(
                    "it holds {count} rows of {table}, and its last line says {said}"
                )));
            }
        }
        if let Some(table) = footer
            .rows
            .keys()
            .find(|table| !self.counts.contains_key(*table))
        {
            return Err(self.altered(format!(
                "its last line counts rows of {table}, which no snapshot holds"
            )));
        }
        if footer.sha256 != sha256 {
            return Err(self.altered(format!(
                "its SHA-256 is {sha256}, and its last line says {}",
                footer.sha256
            )));
        }
        if !self.line()?.is_empty() {
            return Err(self.altered("something stands after its last line".to_owned()));
        }
        Ok(footer)
    }

    /// The next line with its end; empty at the end of the file.
    fn line(&mut self) -> Result<Vec<u8>, SnapshotError> {
        let mut line = Vec::new();
        let most = LONGEST as u64 + 1;
        (&mut self.input)
            .take(most)
            .read_until(b'\n', &mut line)
            .map_err(|error| unreadable(&self.path, error))?;
        if line.len() > LONGEST {
            let why = format!("line {} is too long", self.lines + 1);
            return Err(SnapshotError::Foreign(self.path.clone(), why));
        }
        self.lines += u64::from(!line.is_empty());
        Ok(line)
    }

    fn altered(&self, found: String) -> SnapshotError {
        SnapshotError::Altered {
            path: self.path.clone(),
            found,
        }
    }
}

fn unreadable(path: &Path, reason: std::io::Error) -> SnapshotError {
    SnapshotError::File {
        path: path.to_path_buf(),
        deed: "read",
        reason,
    }
}

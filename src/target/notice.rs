//! What a server says besides its answers (`RAISE NOTICE`, warnings), collected per session.

use std::sync::{Arc, Mutex};

use tokio_postgres::error::DbError;

/// How many notices are kept between two readings: a loop that raises millions must not fill the memory.
const KEPT: usize = 10_000;

/// One notice or warning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// `NOTICE`, `WARNING`, `INFO`…, in the server's language.
    pub severity: String,
    /// The SQLSTATE, such as `00000` or `42P07`.
    pub code: String,
    /// What was said.
    pub message: String,
    /// More about it.
    pub detail: Option<String>,
    /// What might help.
    pub hint: Option<String>,
}

impl From<&DbError> for Notice {
    fn from(said: &DbError) -> Self {
        Self {
            severity: said.severity().to_owned(),
            code: said.code().code().to_owned(),
            message: said.message().to_owned(),
            detail: said.detail().map(str::to_owned),
            hint: said.hint().map(str::to_owned),
        }
    }
}

/// The ear of a session; clones hear the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    notices: Vec<Notice>,
    unkept: usize,
    lost: Option<String>,
}

impl Heard {
    pub fn notice(&self, said: &DbError) {
        if let Ok(mut inner) = self.0.lock() {
            if inner.notices.len() < KEPT {
                inner.notices.push(said.into());
            } else {
                inner.unkept += 1;
            }
        }
    }

    pub fn lost(&self, why: String) {
        if let Ok(mut inner) = self.0.lock() {
            inner.lost = Some(why);
        }
    }

    pub fn why_lost(&self) -> Option<String> {
        self.0.lock().ok()?.lost.clone()
    }

    /// What was heard since the last reading, in order; a last one says how many more there were.
    pub fn drain(&self) -> Vec<Notice> {
        let Ok(mut inner) = self.0.lock() else {
            return Vec::new();
        };
        let mut notices = std::mem::take(&mut inner.notices);
        let unkept = std::mem::take(&mut inner.unkept);
        if unkept > 0 {
            notices.push(Notice {
                severity: "WARNING".to_owned(),
                code: "00000".to_owned(),
                message: format!("{unkept} more notices were not kept."),
                detail: None,
                hint: None,
            });
        }
        notices
    }
}

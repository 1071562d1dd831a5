//! What a person is told when something went wrong, in three parts, on every page alike.

/// The three parts. Whole sentences, free of secrets.
#[derive(Clone, Debug)]
pub struct TroubleBox {
    /// What happened.
    pub what: String,
    /// What that means for the data.
    pub data: String,
    /// What to do next.
    pub next: String,
}

impl TroubleBox {
    /// A trouble from its three sentences.
    pub fn new(what: impl Into<String>, data: impl Into<String>, next: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            data: data.into(),
            next: next.into(),
        }
    }
}

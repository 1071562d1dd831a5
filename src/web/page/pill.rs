//! A state as a word, a shape and a colour together, so that none of the three has to be seen.

use crate::web::layout::Tone;

/// A state as pages show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pill {
    /// The word, in the vocabulary of the console.
    pub word: &'static str,
    /// The symbol of the sprite; states that can stand beside each other have different ones.
    pub glyph: &'static str,
    /// The colour.
    pub tone: Tone,
}

impl Pill {
    /// A pill.
    #[must_use]
    pub const fn new(word: &'static str, glyph: &'static str, tone: Tone) -> Self {
        Self { word, glyph, tone }
    }
}

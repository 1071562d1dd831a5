//! SQL as pages show it: lines of coloured spans. Who knows the grammar makes them; here they are only text.

/// What a span of SQL is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    /// `ALTER`.
    Keyword,
    /// `"User"`.
    Ident,
    /// `'text'`.
    String,
    /// `42`.
    Number,
    /// `-- why`.
    Comment,
    /// `=`.
    Operator,
    /// Everything else, blanks included.
    Other,
}

impl Token {
    /// The class that colours it. One letter, because a long migration repeats it a thousand times.
    #[must_use]
    pub fn class(self) -> &'static str {
        match self {
            Self::Keyword => "k",
            Self::Ident => "q",
            Self::String => "s",
            Self::Number => "n",
            Self::Comment => "c",
            Self::Operator => "o",
            Self::Other => "",
        }
    }
}

/// Neighbouring characters of one kind.
#[derive(Clone, Debug)]
pub struct Span {
    /// What they are.
    pub token: Token,
    /// The characters, without a line break.
    pub text: String,
}

/// One line of a file.
#[derive(Clone, Debug)]
pub struct Line {
    /// Its number, from 1; also its anchor, `#L12`.
    pub number: usize,
    /// Its spans, which together are its text.
    pub spans: Vec<Span>,
}

impl Line {
    /// The lines of `sql`, numbered from `first`, with a rough guess at the tokens: good enough for a sample.
    #[must_use]
    pub fn sample(sql: &str, first: usize) -> Vec<Self> {
        let line = |(index, text): (usize, &str)| Self {
            number: first + index,
            spans: text.split_inclusive(' ').map(Span::sample).collect(),
        };
        sql.lines().enumerate().map(line).collect()
    }
}

impl Span {
    fn sample(text: &str) -> Self {
        let word = text.trim().trim_end_matches([',', ';', '(']);
        let token = if word.starts_with('"') {
            Token::Ident
        } else if word.starts_with('\'') {
            Token::String
        } else if word.starts_with("--") {
            Token::Comment
        } else if word.starts_with(|c: char| c.is_ascii_digit()) {
            Token::Number
        } else if word.len() > 1 && word.chars().all(|c| c.is_ascii_uppercase()) {
            Token::Keyword
        } else {
            Token::Other
        };
        Self {
            token,
            text: text.to_owned(),
        }
    }
}

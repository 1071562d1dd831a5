//! The `datasource` block of a Prisma schema: its provider and its schemas, where they are plain.

/// What the block says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Datasource {
    /// The provider, `postgresql` as a rule.
    pub(super) provider: Option<String>,
    /// Its `schemas`.
    pub(super) schemas: Vec<String>,
}

/// Whether the text has such a block.
pub(super) fn has(text: &str) -> bool {
    block(text).is_some()
}

/// Reads the block; an absent one says nothing.
pub(super) fn read(text: &str) -> Datasource {
    let Some(block) = block(text) else {
        return Datasource::default();
    };
    Datasource {
        provider: value(&block, "provider")
            .and_then(|value| strings(value).into_iter().next())
            .map(str::to_owned),
        schemas: value(&block, "schemas")
            .map(|value| strings(value).into_iter().map(str::to_owned).collect())
            .unwrap_or_default(),
    }
}

/// The lines within `datasource name { … }`, without comments.
fn block(text: &str) -> Option<String> {
    let mut lines = text.split('\n').map(without_comment);
    lines.find(|line| {
        let mut words = line.split_whitespace();
        words.next() == Some("datasource") && line.contains('{')
    })?;
    let lines: Vec<&str> = lines
        .take_while(|line| !line.trim_start().starts_with('}'))
        .collect();
    Some(lines.join("\n"))
}

/// A `//` within a string is none, as in a URL.
fn without_comment(line: &str) -> &str {
    let mut quoted = false;
    let mut before = ' ';
    for (at, each) in line.char_indices() {
        match each {
            '"' if before != '\\' => quoted = !quoted,
            '/' if !quoted && line[at..].starts_with("//") => return &line[..at],
            _ => {}
        }
        before = each;
    }
    line
}

/// What follows `name =`: the rest of the line, or a list to its end.
fn value<'a>(block: &'a str, name: &str) -> Option<&'a str> {
    let mut from = 0;
    for line in block.split_inclusive('\n') {
        if let Some((left, _)) = line.split_once('=')
            && left.trim() == name
        {
            let rest = &block[from + left.len() + 1..];
            let end = if rest.trim_start().starts_with('[') {
                rest.find(']')
            } else {
                rest.find('\n')
            };
            return Some(&rest[..end.unwrap_or(rest.len())]);
        }
        from += line.len();
    }
    None
}

/// The strings in it.
fn strings(text: &str) -> Vec<&str> {
    text.split('"').skip(1).step_by(2).collect()
}

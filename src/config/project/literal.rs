//! Literals of a config file: an object of JavaScript or TypeScript, read and not run.
//!
//! What is looked for is the object that is exported, by itself or given to `defineConfig`. Of its properties those count that are
//! strings, objects of such, or `path.join` of strings; everything else is computed.

use std::collections::HashMap;

/// How deep objects within objects are read.
const DEEPEST: usize = 8;

/// What is known of a property.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It is this text.
    Text(String),
    /// It is not there.
    Nothing,
    /// It is there, and only the running program would know it.
    Computed,
}

/// An object literal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Object {
    properties: HashMap<String, Property>,
    /// Something is spread into it (`...base`), so what is absent may be there.
    open: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Property {
    Text(String),
    Object(Object),
    Computed,
}

impl Object {
    /// A property that is a text.
    pub(super) fn text(&self, name: &str) -> Found {
        match self.properties.get(name) {
            Some(Property::Text(text)) => Found::Text(text.clone()),
            Some(Property::Object(_) | Property::Computed) => Found::Computed,
            None if self.open => Found::Computed,
            None => Found::Nothing,
        }
    }

    /// A property that is an object, or what is known instead.
    pub(super) fn object(&self, name: &str) -> Result<&Self, Found> {
        match self.properties.get(name) {
            Some(Property::Object(object)) => Ok(object),
            Some(Property::Text(_) | Property::Computed) => Err(Found::Computed),
            None if self.open => Err(Found::Computed),
            None => Err(Found::Nothing),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(String),
    Mark(char),
    /// A text with `${…}` in it, or one that never ends.
    Unknown,
}

/// The object that a config file exports. Where none is found, everything may be.
pub(super) fn config(text: &str) -> Object {
    let tokens = tokens(text);
    let unknown = Object {
        open: true,
        ..Object::default()
    };
    let Some(at) = beginning(&tokens) else {
        return unknown;
    };
    match object(&tokens, at, 0) {
        Some((object, next)) if is_whole(&tokens, at, next) => object,
        _ => unknown,
    }
}

/// Whether the value that began with the object at `at` is over behind it, at `next`: whatever follows there goes on computing.
fn is_whole(tokens: &[Token], at: usize, mut next: usize) -> bool {
    let mark = |at: usize, wanted: char| tokens.get(at) == Some(&Token::Mark(wanted));
    if at >= 2 && mark(at - 2, '(') {
        next += usize::from(mark(next, ','));
        if !mark(next, ')') {
            return false;
        }
        next += 1;
    }
    is_over(tokens, next)
}

/// Whether nothing at `next` goes on with the value before it.
fn is_over(tokens: &[Token], next: usize) -> bool {
    matches!(
        tokens.get(next),
        None | Some(Token::Mark(';') | Token::Word(_))
    )
}

/// The options of the ORM in a config file of Prisma 8: `definePrismaConfig({ orm: anyName({ … }) })`; `None` in another one.
pub(super) fn orm(text: &str) -> Option<Object> {
    let tokens = tokens(text);
    let eight = Token::Word("definePrismaConfig".to_owned());
    if !tokens.contains(&eight) {
        return None;
    }
    let options = tokens
        .windows(5)
        .enumerate()
        .find_map(|(at, five)| match five {
            [
                Token::Word(key),
                Token::Mark(':'),
                Token::Word(_),
                Token::Mark('('),
                Token::Mark('{'),
            ] if key == "orm" => object(&tokens, at + 5, 0),
            _ => None,
        });
    Some(options.map_or(
        Object {
            open: true,
            ..Object::default()
        },
        |(object, _)| object,
    ))
}

/// Where the exported object begins, behind its `{`: `export default {`, `module.exports = {`, with `defineConfig(` before it, or
/// the name of a constant that is such an object. Nowhere, where the export is worked out.
fn beginning(tokens: &[Token]) -> Option<usize> {
    let word = |at: usize, wanted: &str| matches!(tokens.get(at), Some(Token::Word(word)) if word == wanted);
    let mark = |at: usize, wanted: char| tokens.get(at) == Some(&Token::Mark(wanted));
    let mut exports = (0..tokens.len()).filter(|at| {
        (word(*at, "export") && word(at + 1, "default"))
            || (word(*at, "exports") && mark(at + 1, '='))
    });
    let behind = exports.next()? + 2;
    if exports.next().is_some() {
        return None;
    }
    let literal = |at: usize| {
        if mark(at, '{') {
            Some(at + 1)
        } else if word(at, "defineConfig") && mark(at + 1, '(') && mark(at + 2, '{') {
            Some(at + 3)
        } else {
            None
        }
    };
    if let Some(at) = literal(behind) {
        return Some(at);
    }
    let Some(Token::Word(name)) = tokens.get(behind) else {
        return None;
    };
    // Named anywhere else, it may be changed there.
    let named: Vec<usize> = (0..tokens.len()).filter(|at| word(*at, name)).collect();
    let [constant, _] = *named.as_slice() else {
        return None;
    };
    if !is_over(tokens, behind + 1) || constant == 0 || !word(constant - 1, "const") {
        return None;
    }
    // Behind the name there may be a type.
    let assigned = (constant + 1..tokens.len()).find(|at| mark(*at, '='))?;
    let is_typed = assigned == constant + 1 || mark(constant + 1, ':');
    literal(assigned + 1).filter(|_| is_typed)
}

/// The object whose first token is at `at`, and where the token behind its `}` is.
fn object(tokens: &[Token], mut at: usize, depth: usize) -> Option<(Object, usize)> {
    let mut object = Object::default();
    if depth > DEEPEST {
        return None;
    }
    loop {
        match tokens.get(at)? {
            Token::Mark('}') => return Some((object, at + 1)),
            Token::Mark(',') => at += 1,
            Token::Word(name) | Token::Text(name)
                if tokens.get(at + 1) == Some(&Token::Mark(':')) =>
            {
                let (property, next) = property(tokens, at + 2, depth)?;
                object.properties.insert(name.clone(), property);
                at = next;
            }
            // A shorthand or a method is there, and computed.
            Token::Word(name)
                if matches!(tokens.get(at + 1), Some(Token::Mark(',' | '}' | '('))) =>
            {
                object.properties.insert(name.clone(), Property::Computed);
                at = skipped(tokens, at + 1)?;
            }
            // A spread, an accessor, or a name that is computed: it may be one that is there already.
            _ => {
                object.open = true;
                for property in object.properties.values_mut() {
                    *property = Property::Computed;
                }
                at = skipped(tokens, at + 1)?;
            }
        }
    }
}

fn property(tokens: &[Token], at: usize, depth: usize) -> Option<(Property, usize)> {
    let plain = match tokens.get(at)? {
        Token::Text(text) => Some((Property::Text(text.clone()), at + 1)),
        Token::Mark('{') => {
            let (object, next) = self::object(tokens, at + 1, depth + 1)?;
            Some((Property::Object(object), next))
        }
        Token::Word(_) => joined(tokens, at).map(|(text, next)| (Property::Text(text), next)),
        _ => None,
    };
    match plain {
        Some((property, next)) if ends(tokens, next) => Some((property, next)),
        _ => Some((Property::Computed, skipped(tokens, at)?)),
    }
}

/// Whether a value is over here: anything else would go on computing with it.
fn ends(tokens: &[Token], at: usize) -> bool {
    matches!(tokens.get(at), Some(Token::Mark(',' | '}')))
}

/// `path.join('a', 'b')` of nothing but texts.
fn joined(tokens: &[Token], at: usize) -> Option<(String, usize)> {
    let head = [
        Token::Word("path".to_owned()),
        Token::Mark('.'),
        Token::Word("join".to_owned()),
        Token::Mark('('),
    ];
    let mut at = tokens[at..].starts_with(&head).then_some(at + head.len())?;
    let mut parts: Vec<&str> = Vec::new();
    loop {
        match tokens.get(at)? {
            Token::Text(part) => parts.push(part),
            Token::Mark(',') => {}
            Token::Mark(')') => return Some((parts.join("/"), at + 1)),
            _ => return None,
        }
        at += 1;
    }
}

/// Where the `,` or `}` is that ends what begins at `at`.
fn skipped(tokens: &[Token], mut at: usize) -> Option<usize> {
    let mut open = 0_usize;
    loop {
        match tokens.get(at)? {
            Token::Mark('(' | '[' | '{') => open += 1,
            Token::Mark('}' | ',') if open == 0 => return Some(at),
            Token::Mark(')' | ']' | '}') => open = open.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
}

/// The tokens of a program, as far as literals need them.
fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            _ if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            _ if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            '\'' | '"' | '`' => {
                let (token, length) = string(rest, first);
                tokens.push(token);
                length
            }
            _ if is_word(first) => {
                let end = rest.find(|each| !is_word(each)).unwrap_or(rest.len());
                tokens.push(Token::Word(rest[..end].to_owned()));
                end
            }
            _ if first.is_whitespace() => first.len_utf8(),
            _ => {
                tokens.push(Token::Mark(first));
                first.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    tokens
}

fn is_word(each: char) -> bool {
    each.is_alphanumeric() || matches!(each, '_' | '$')
}

/// The string at the beginning of `rest`, and its length in bytes.
fn string(rest: &str, quote: char) -> (Token, usize) {
    let mut text = String::new();
    let mut letters = rest.char_indices().skip(1);
    let mut computed = false;
    while let Some((at, each)) = letters.next() {
        match each {
            _ if each == quote => {
                let token = if computed {
                    Token::Unknown
                } else {
                    Token::Text(text)
                };
                return (token, at + each.len_utf8());
            }
            // Paths need no escape but that of a quote or a backslash.
            '\\' => match letters.next() {
                Some((_, escaped)) if matches!(escaped, '\\' | '\'' | '"' | '`') => {
                    text.push(escaped);
                }
                _ => computed = true,
            },
            '$' if quote == '`' && rest[at..].starts_with("${") => computed = true,
            _ => text.push(each),
        }
    }
    (Token::Unknown, rest.len())
}

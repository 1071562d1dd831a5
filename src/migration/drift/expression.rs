//! Two ways in which the server writes one expression.
//!
//! What it has written itself it may write otherwise once it has read it again, as after a dump and a restore: the cast of an
//! array becomes a cast of each element. `status IN ('a', 'b')` of a `varchar` is
//! `((ARRAY['a'::character varying, 'b'::character varying])::text[])` at first and
//! `(ARRAY[('a'::character varying)::text, ('b'::character varying)::text])` from then on. Both mean the same; they are
//! compared in the second form.

/// How the cast of an array begins.
const ARRAY: &str = "(ARRAY[";

/// Whether both texts are the same expression, as far as this is known.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    one == other
        || (one.contains("ARRAY[") && other.contains("ARRAY[") && settled(one) == settled(other))
}

/// The text with every cast of an array as casts of its elements.
fn settled(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if rest.starts_with(ARRAY)
            && let Some((cast, length)) = cast(rest)
        {
            out.push_str(&cast);
            rest = &rest[length..];
            continue;
        }
        let length = match first {
            '\'' | '"' => quoted(rest, first),
            _ => first.len_utf8(),
        };
        out.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    out
}

/// The cast of an array at the beginning of `text`, as casts of its elements, and its length in bytes.
fn cast(text: &str) -> Option<(String, usize)> {
    let inner = &text[ARRAY.len()..];
    let (elements, end) = elements(inner)?;
    let after = inner[end..].strip_prefix("])::")?;
    let of = after.find("[]")?;
    let kind = &after[..of];
    let is_type = |each: char| {
        each.is_alphanumeric() || matches!(each, ' ' | '_' | '.' | '"' | '(' | ')' | ',')
    };
    if kind.is_empty()
        || !kind.chars().all(is_type)
        || kind.matches('(').count() != kind.matches(')').count()
    {
        return None;
    }
    let cast: Vec<String> = elements
        .into_iter()
        .map(|element| format!("({})::{kind}", settled(element)))
        .collect();
    let length = text.len() - after.len() + of + "[]".len();
    Some((format!("ARRAY[{}]", cast.join(", ")), length))
}

/// The elements of a list up to the `]` that closes it, and where that is.
fn elements(text: &str) -> Option<(Vec<&str>, usize)> {
    let (mut elements, mut from, mut at, mut depth) = (Vec::new(), 0, 0, 0_usize);
    while let Some(first) = text[at..].chars().next() {
        match first {
            '\'' | '"' => {
                at += quoted(&text[at..], first);
                continue;
            }
            '(' | '[' => depth += 1,
            ']' if depth == 0 => {
                elements.push(text[from..at].trim());
                return Some((elements, at));
            }
            ')' | ']' => depth = depth.checked_sub(1)?,
            ',' if depth == 0 => {
                elements.push(text[from..at].trim());
                from = at + 1;
            }
            _ => {}
        }
        at += first.len_utf8();
    }
    None
}

/// The length of what is in quotes at the beginning of `text`; a doubled quote is read as two pieces side by side.
fn quoted(text: &str, quote: char) -> usize {
    text[1..].find(quote).map_or(text.len(), |end| end + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cast_of_an_array_is_a_cast_of_its_elements() {
        for (one, other) in [
            (
                "CHECK (((status)::text = ANY ((ARRAY['new'::character varying, 'o,]''ld'::character varying])::text[])))",
                "CHECK (((status)::text = ANY (ARRAY[('new'::character varying)::text, ('o,]''ld'::character varying)::text])))",
            ),
            (
                "(ARRAY[lower('a'::text), x[1]])::public.\"My (Type)\"[]",
                "ARRAY[(lower('a'::text))::public.\"My (Type)\", (x[1])::public.\"My (Type)\"]",
            ),
            (
                "(ARRAY[(ARRAY[1])::bigint[]])::numeric(5,2)[]",
                "ARRAY[(ARRAY[(1)::bigint])::numeric(5,2)]",
            ),
        ] {
            assert!(is_same(one, other), "{}\n{}", settled(one), settled(other));
            assert!(is_same(other, one));
        }
    }

    #[test]
    fn what_is_another_expression_stays_another() {
        for (one, other) in [
            ("(ARRAY['a'])::text[]", "ARRAY[('b')::text]"),
            ("(ARRAY['a'])::text[]", "ARRAY[('a')::bytea]"),
            ("(ARRAY['a'])::text[]", "(ARRAY['a', 'b'])::text[]"),
            // Within a text nothing is an expression.
            (
                "'(ARRAY[1])::text[]' || ARRAY[1]",
                "'ARRAY[(1)::text]' || ARRAY[1]",
            ),
            ("(ARRAY[", "(ARRAY[["),
            ("(ARRAY[é'])::t[]", "ARRAY[(é)::t]"),
        ] {
            assert!(!is_same(one, other), "{one} is {other}");
        }
        let hostile = "(ARRAY[".repeat(200);
        assert_eq!(settled(&hostile), hostile);
    }
}

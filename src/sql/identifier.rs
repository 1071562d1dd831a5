//! Names as Postgres holds them, and how they are written into SQL.
//!
//! A name is kept raw (unquoted, case as stored); quoting happens only where text is made. Text that will be run uses
//! [`quote_identifier`], which is right for every name; [`quote_if_needed`] is for people.

use std::fmt;

/// `name` in double quotes, ready for SQL: inner quotes are doubled, nothing else needs an escape.
///
/// A NUL cannot be part of a name in Postgres; it is left in place and the server refuses the statement.
#[must_use]
pub fn quote_identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// `name` as a person would write it: quoted only if Postgres would read it differently without quotes.
#[must_use]
pub fn quote_if_needed(name: &str) -> String {
    let plain = name
        .bytes()
        .next()
        .is_some_and(|first| first.is_ascii_lowercase() || first == b'_')
        && name.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' || byte == b'$'
        });
    if plain && !is_keyword(name) {
        name.to_owned()
    } else {
        quote_identifier(name)
    }
}

/// Whether the scanner takes the word for a keyword of more than the unreserved kind.
fn is_keyword(word: &str) -> bool {
    use pg_query::protobuf::KeywordKind;
    super::scanner::tokens(word).is_ok_and(|tokens| {
        tokens.first().is_some_and(|token| {
            !matches!(
                token.keyword_kind(),
                KeywordKind::NoKeyword | KeywordKind::UnreservedKeyword
            )
        })
    })
}

/// The name of a table, view or other relation as a statement wrote it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableName {
    /// The schema, if the statement named one; otherwise the search path decides.
    pub schema: Option<String>,
    /// The relation's own name.
    pub name: String,
}

impl TableName {
    /// A name that leaves the schema to the search path.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            schema: None,
            name: name.into(),
        }
    }

    /// A name within a schema.
    pub fn within(schema: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            schema: Some(schema.into()),
            name: name.into(),
        }
    }

    /// The name with every part quoted, for SQL that will be run.
    #[must_use]
    pub fn to_sql(&self) -> String {
        match &self.schema {
            Some(schema) => format!(
                "{}.{}",
                quote_identifier(schema),
                quote_identifier(&self.name)
            ),
            None => quote_identifier(&self.name),
        }
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            write!(out, "{}.", quote_if_needed(schema))?;
        }
        out.write_str(&quote_if_needed(&self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_where_postgres_needs_it() {
        for (name, shown) in [
            ("users", "users"),
            ("_AToB", "\"_AToB\""),
            ("_prisma_migrations", "_prisma_migrations"),
            ("User", "\"User\""),
            ("user", "\"user\""),
            ("order", "\"order\""),
            ("name", "name"),
            ("a b", "\"a b\""),
            ("1st", "\"1st\""),
            ("a\"b", "\"a\"\"b\""),
            ("", "\"\""),
            ("größe", "\"größe\""),
            ("🚀", "\"🚀\""),
        ] {
            assert_eq!(quote_if_needed(name), shown);
        }
    }

    #[test]
    fn a_table_name_has_a_form_for_people_and_one_for_the_server() {
        let name = TableName::within("public", "User");
        assert_eq!(name.to_string(), "public.\"User\"");
        assert_eq!(name.to_sql(), "\"public\".\"User\"");
        assert_eq!(TableName::new("a\";drop").to_sql(), "\"a\"\";drop\"");
    }
}

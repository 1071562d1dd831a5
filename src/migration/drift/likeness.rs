//! What a scratch database has in common with its target: how text is stored and sorted, the settings under which scripts
//! are read, and the schemas in which they find themselves.

use tokio_postgres::types::Type;

use super::trouble;
use crate::operation::Trouble;
use crate::sql::{MAKING_SETTINGS, quote_identifier};
use crate::target::{Session, describe};

/// What is copied from the target, and whether a database can be made at all.
pub(super) struct Likeness {
    role: String,
    may_create: bool,
    in_recovery: bool,
    /// Everything after `CREATE DATABASE name`.
    manner: String,
    /// Name and value, those of the role last.
    settings: Vec<(String, String)>,
}

impl Likeness {
    /// What `session` shows of its database.
    pub(super) async fn of(session: &Session) -> Result<Self, Trouble> {
        let failed = |error: &tokio_postgres::Error| trouble::unread("this database", error);
        // Columns that some versions do not have are read by name.
        let question = "SELECT current_user::text, \
                (SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user), pg_is_in_recovery(), \
                pg_encoding_to_char(encoding)::text, datcollate::text, datctype::text, \
                to_jsonb(d) ->> 'datlocprovider', \
                coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale'), to_jsonb(d) ->> 'daticurules' \
            FROM pg_database d WHERE datname = current_database()";
        let client = session.client();
        let row = client
            .query_one(question, &[])
            .await
            .map_err(|error| failed(&error))?;
        let text = |index: usize| row.get::<_, Option<String>>(index);
        let settings = client
            .query_typed(
                "SELECT split_part(s, '=', 1), substr(s, strpos(s, '=') + 1) \
                 FROM pg_db_role_setting, unnest(setconfig) s \
                 WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()) \
                     AND setrole IN (0, (SELECT oid FROM pg_roles WHERE rolname = current_user)) \
                     AND lower(split_part(s, '=', 1)) = ANY ($1) ORDER BY setrole",
                &[(&MAKING_SETTINGS.as_slice(), Type::TEXT_ARRAY)],
            )
            .await
            .map_err(|error| failed(&error))?;
        let manner = manner(&Locale {
            encoding: text(3).unwrap_or_default(),
            collate: text(4).unwrap_or_default(),
            ctype: text(5).unwrap_or_default(),
            provider: text(6),
            name: text(7),
            rules: text(8),
        });
        Ok(Self {
            role: row.get(0),
            may_create: row.get::<_, Option<bool>>(1).unwrap_or(false),
            in_recovery: row.get(2),
            manner,
            settings: settings
                .iter()
                .map(|row| (row.get(0), row.get(1)))
                .collect(),
        })
    }

    /// A trouble where the role may not make a database, or the server cannot.
    pub(super) fn must_allow_databases(&self) -> Result<(), Trouble> {
        if self.in_recovery {
            return Err(trouble::standby());
        }
        if !self.may_create {
            return Err(trouble::no_createdb(&self.role));
        }
        Ok(())
    }

    /// The statement that makes a database like this one, into which nobody can connect yet.
    pub(super) fn create(&self, name: &str) -> String {
        format!(
            "CREATE DATABASE {} {} ALLOW_CONNECTIONS false",
            quote_identifier(name),
            self.manner
        )
    }

    /// Gives the database `name`, in which `session` is, the settings of the target.
    pub(super) async fn settle(&self, session: &Session, name: &str) -> Result<(), Trouble> {
        for (setting, value) in &self.settings {
            // By way of the session, so that the server itself writes the value down, lists of schemas too.
            let given = [(setting as _, Type::TEXT), (value as _, Type::TEXT)];
            let kept = async {
                let client = session.client();
                client
                    .query_typed("SELECT set_config($1, $2, false)", &given)
                    .await?;
                let keep = format!(
                    "ALTER DATABASE {} SET {} FROM CURRENT",
                    quote_identifier(name),
                    quote_identifier(setting)
                );
                client.simple_query(&keep).await
            };
            match kept.await {
                // It names what only a migration makes, such as a configuration for text search.
                Err(error) if error.as_db_error().is_some() && setting != "search_path" => {
                    tracing::debug!(
                        error = describe(&error),
                        setting,
                        "left as the server has it"
                    );
                }
                Err(error) => {
                    return Err(Trouble::new(
                        format!(
                            "The scratch database could not get the setting {setting} of the target: {}",
                            describe(&error)
                        ),
                        trouble::UNTOUCHED,
                        "Look at the server's answer above.",
                    ));
                }
                Ok(_) => {}
            }
        }
        Ok(())
    }
}

/// How a database stores and sorts text.
struct Locale {
    encoding: String,
    collate: String,
    ctype: String,
    /// `c` libc, `i` ICU, `b` built in; none before Postgres 15.
    provider: Option<String>,
    name: Option<String>,
    rules: Option<String>,
}

/// Postgres docs: CREATE DATABASE.
fn manner(of: &Locale) -> String {
    let mut manner = format!(
        "TEMPLATE template0 ENCODING {} LC_COLLATE {} LC_CTYPE {}",
        literal(&of.encoding),
        literal(&of.collate),
        literal(&of.ctype)
    );
    let provider = match of.provider.as_deref() {
        Some("i") => "icu",
        Some("b") => "builtin",
        Some("c") => "libc",
        _ => return manner,
    };
    manner.extend([" LOCALE_PROVIDER ", provider]);
    let named = match provider {
        "icu" => [("ICU_LOCALE", &of.name), ("ICU_RULES", &of.rules)],
        "builtin" => [("BUILTIN_LOCALE", &of.name), ("", &None)],
        _ => return manner,
    };
    for (option, value) in named {
        if let Some(value) = value {
            manner.extend([" ", option, " ", &literal(value)]);
        }
    }
    manner
}

/// A string constant; our sessions read backslashes as they are.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_provider_is_asked_for_in_its_own_words() {
        let of = |provider: Option<&str>, name: Option<&str>| {
            manner(&Locale {
                encoding: "UTF8".to_owned(),
                collate: "C.UTF-8".to_owned(),
                ctype: "it's".to_owned(),
                provider: provider.map(str::to_owned),
                name: name.map(str::to_owned),
                rules: None,
            })
        };
        let plain = "TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C.UTF-8' LC_CTYPE 'it''s'";
        assert_eq!(of(None, None), plain);
        assert_eq!(of(Some("c"), None), format!("{plain} LOCALE_PROVIDER libc"));
        assert_eq!(
            of(Some("i"), Some("de-AT")),
            format!("{plain} LOCALE_PROVIDER icu ICU_LOCALE 'de-AT'")
        );
        assert_eq!(
            of(Some("b"), Some("C.UTF-8")),
            format!("{plain} LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'")
        );
    }
}

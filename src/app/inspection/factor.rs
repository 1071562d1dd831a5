//! Whether the codes of those who have a second factor can be checked.

use super::Check;
use crate::auth::factor::key::KeyFile;
use crate::auth::factor::{Factors, Sealed};
use crate::clock::Clock;
use crate::config::Config;
use crate::store::Store;

const WHAT: &str = "second factors";

/// The key that seals them, and what it opens.
pub async fn factors(config: &Config, store: &Store) -> Check {
    let key = KeyFile::at(config.auth.secret_file.clone());
    let factors = Factors::new(store.clone(), Clock::system(), key);
    match factors.sealed().await {
        Ok(sealed) => told(&sealed),
        Err(error) => Check::ill(
            WHAT,
            error.to_string(),
            "Correct `secret_file` in [auth], or make the file readable for the console.",
        ),
    }
}

fn told(sealed: &Sealed) -> Check {
    let file = sealed.file.display();
    let fix = "Put back the file that they were set up with: until then nobody of them can give a code. Without it they sign in \
               with a recovery code, or after `lockkeeper user reset-factor NAME`.";
    match (&sealed.key, sealed.ours, sealed.others) {
        (None, _, 0) => Check::well(WHAT, format!("none; their key will be made as {file}")),
        (None, _, others) => Check::ill(WHAT, format!("{others}, but {file} is not there"), fix),
        (Some(key), ours, 0) => {
            Check::well(WHAT, format!("{ours}, sealed with the key {key} in {file}"))
        }
        (Some(key), _, others) => Check::ill(
            WHAT,
            format!("{others} sealed with another key than {key} in {file}"),
            fix,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_opens_not_all_is_to_fix() {
        let sealed = |key: Option<&str>, ours, others| Sealed {
            file: "/srv/secret.key".into(),
            key: key.map(str::to_owned),
            ours,
            others,
        };
        for (sealed, is_well) in [
            (sealed(None, 0, 0), true),
            (sealed(Some("ab"), 3, 0), true),
            (sealed(None, 0, 1), false),
            (sealed(Some("ab"), 3, 1), false),
        ] {
            assert_eq!(told(&sealed).fix.is_none(), is_well, "{sealed:?}");
        }
    }
}

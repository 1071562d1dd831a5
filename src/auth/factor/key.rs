//! The key that seals second factors. It lies in a file beside the store, never in it: whoever copies the store has none of
//! the secrets.
//!
//! What must stay true: the file is made once, whole, readable by its owner only, and two processes that start at once end
//! up with the same one; what was sealed for one user opens for no other; a key that is not the one something was sealed
//! with is told apart from a wrong code.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use rand::Rng;
use sha2::{Digest, Sha256};

/// How many bytes the key has.
const BYTES: usize = 32;
/// How many hexadecimal digits a key's name has.
const NAME_DIGITS: usize = 16;

/// Where the key is. It is read anew each time: putting the right file back is all it takes.
#[derive(Clone, Debug)]
pub struct KeyFile {
    path: PathBuf,
}

/// The key itself; it is never printed.
pub struct Key {
    name: String,
    cipher: LessSafeKey,
}

/// Why nothing can be sealed or opened. The sentences are for a person and free of secrets.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// There is no file, but something was sealed.
    #[error("the file {0} with the key of the second factors is not there")]
    Absent(PathBuf),
    /// It could not be read or made.
    #[error("the file {path} with the key of the second factors cannot be used: {reason}")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// The system's words, or what is wrong with what it holds.
        reason: String,
    },
    /// It is another key than the one it was sealed with.
    #[error("it was sealed with the key {sealed_with}, and {path} holds the key {found}")]
    Other {
        /// The file.
        path: PathBuf,
        /// The name of the key in it.
        found: String,
        /// The name of the key that would be needed.
        sealed_with: String,
    },
    /// What was sealed is damaged, or belongs to somebody else.
    #[error("what the store holds of it is damaged")]
    Damaged,
}

impl KeyFile {
    /// A key in the file at `path`, which need not exist yet.
    #[must_use]
    pub fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The key, if the file is there.
    pub fn read(&self) -> Result<Option<Key>, KeyError> {
        match fs::read(&self.path) {
            Ok(bytes) => match parse(&bytes) {
                Some(bytes) => Key::of(&bytes).map(Some),
                None => Err(self.unusable(&"it must hold 64 hexadecimal digits or 32 bytes")),
            },
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.unusable(&error)),
        }
    }

    /// The key, made now if there is none.
    pub fn read_or_make(&self) -> Result<Key, KeyError> {
        if let Some(key) = self.read()? {
            return Ok(key);
        }
        self.make().map_err(|error| self.unusable(&error))?;
        self.read()?
            .ok_or_else(|| KeyError::Absent(self.path.clone()))
    }

    /// Opens what `name` was sealed with for `owner`.
    pub fn open(&self, name: &str, owner: &str, sealed: &str) -> Result<Vec<u8>, KeyError> {
        let key = self.read()?;
        let key = key.ok_or_else(|| KeyError::Absent(self.path.clone()))?;
        if key.name != name {
            return Err(KeyError::Other {
                path: self.path.clone(),
                found: key.name,
                sealed_with: name.to_owned(),
            });
        }
        key.open(owner, sealed)
    }

    /// Writes a new key beside its place and links it in: whoever reads finds nothing or all of it, and of two who make one
    /// at once the second finds the first one's.
    fn make(&self) -> io::Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let mut bytes = [0_u8; BYTES + 8];
        rand::rng().fill_bytes(&mut bytes);
        let (key, suffix) = bytes.split_at(BYTES);
        let draft = folder.join(format!(
            ".secret-{}.part",
            base16ct::lower::encode_string(suffix)
        ));
        let written = (|| {
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&draft)?;
            writeln!(file, "{}", base16ct::lower::encode_string(key))?;
            file.sync_all()?;
            match fs::hard_link(&draft, &self.path) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
                linked => linked,
            }
        })();
        let removed = fs::remove_file(&draft);
        written?;
        removed?;
        fs::File::open(folder)?.sync_all()
    }

    fn unusable(&self, reason: &impl ToString) -> KeyError {
        KeyError::Unusable {
            path: self.path.clone(),
            reason: reason.to_string(),
        }
    }
}

fn parse(bytes: &[u8]) -> Option<[u8; BYTES]> {
    if let Ok(raw) = bytes.try_into() {
        return Some(raw);
    }
    let mut key = [0; BYTES];
    let decoded = base16ct::mixed::decode(bytes.trim_ascii(), &mut key).ok()?;
    (decoded.len() == BYTES).then_some(())?;
    Some(key)
}

impl Key {
    fn of(bytes: &[u8; BYTES]) -> Result<Self, KeyError> {
        let mut name = base16ct::lower::encode_string(&Sha256::digest(bytes));
        name.truncate(NAME_DIGITS);
        let cipher = UnboundKey::new(&AES_256_GCM, bytes).map_err(|_| KeyError::Damaged)?;
        Ok(Self {
            name,
            cipher: LessSafeKey::new(cipher),
        })
    }

    /// Which key it is: the first digits of its SHA-256.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Seals something for `owner`: a random nonce, then the sealed bytes, hexadecimal.
    pub fn seal(&self, owner: &str, plain: &[u8]) -> Result<String, KeyError> {
        let mut nonce = [0_u8; NONCE_LEN];
        rand::rng().fill_bytes(&mut nonce);
        let mut sealed = plain.to_vec();
        let fresh = Nonce::assume_unique_for_key(nonce);
        self.cipher
            .seal_in_place_append_tag(fresh, Aad::from(owner), &mut sealed)
            .map_err(|_| KeyError::Damaged)?;
        Ok(base16ct::lower::encode_string(
            &[&nonce[..], &sealed].concat(),
        ))
    }

    fn open(&self, owner: &str, sealed: &str) -> Result<Vec<u8>, KeyError> {
        let mut bytes = base16ct::lower::decode_vec(sealed).map_err(|_| KeyError::Damaged)?;
        if bytes.len() < NONCE_LEN {
            return Err(KeyError::Damaged);
        }
        let mut sealed = bytes.split_off(NONCE_LEN);
        let nonce = Nonce::try_assume_unique_for_key(&bytes).map_err(|_| KeyError::Damaged)?;
        let plain = self
            .cipher
            .open_in_place(nonce, Aad::from(owner), &mut sealed)
            .map_err(|_| KeyError::Damaged)?;
        Ok(plain.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn two_who_make_the_key_at_once_agree() {
        let folder = tempfile::tempdir().unwrap();
        let file = KeyFile::at(folder.path().join("data/secret.key"));
        let names: Vec<String> = std::thread::scope(|scope| {
            let makers: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| file.read_or_make().unwrap().name))
                .collect();
            makers.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert!(names.iter().all(|name| *name == names[0]), "{names:?}");
        let mode = fs::metadata(file.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let left = fs::read_dir(folder.path().join("data")).unwrap().count();
        assert_eq!(left, 1, "no draft is left");
    }

    #[test]
    fn a_seal_opens_for_its_owner_and_with_its_key_only() {
        let folder = tempfile::tempdir().unwrap();
        let file = KeyFile::at(folder.path().join("one"));
        let key = file.read_or_make().unwrap();
        let sealed = key.seal("ada", b"secret").unwrap();
        assert_ne!(
            sealed,
            key.seal("ada", b"secret").unwrap(),
            "a nonce of its own"
        );
        assert_eq!(file.open(key.name(), "ada", &sealed).unwrap(), b"secret");
        for (owner, text) in [
            ("grace", sealed.as_str()),
            ("ada", &sealed[2..]),
            ("ada", ""),
        ] {
            let refused = file.open(key.name(), owner, text);
            assert!(matches!(refused, Err(KeyError::Damaged)), "{owner}");
        }
        let other = KeyFile::at(folder.path().join("other"));
        let absent = other.open(key.name(), "ada", &sealed);
        assert!(matches!(absent, Err(KeyError::Absent(_))));
        other.read_or_make().unwrap();
        let refused = other.open(key.name(), "ada", &sealed).unwrap_err();
        assert!(refused.to_string().contains(key.name()), "{refused}");
    }

    #[test]
    fn a_key_is_digits_or_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let file = KeyFile::at(folder.path().join("key"));
        let raw = [0xab_u8; 32];
        fs::write(file.path(), raw).unwrap();
        let name = file.read().unwrap().unwrap().name;
        fs::write(file.path(), format!("{}\n", "AB".repeat(32))).unwrap();
        assert_eq!(file.read().unwrap().unwrap().name, name);
        for wrong in [
            "",
            "abc",
            &"ab".repeat(31),
            &"xy".repeat(32),
            &"ab".repeat(33),
        ] {
            fs::write(file.path(), wrong).unwrap();
            let refused = file.read().err().unwrap().to_string();
            assert!(refused.contains("64 hexadecimal digits"), "{refused}");
        }
    }
}

//! The secret that every process of a cluster proves to know.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::{env, fmt};

use crate::error::DataflowError;

/// Shortest secret, in bytes.
const MIN_LENGTH: usize = 16;

/// Largest file of a secret, in bytes.
const MAX_LENGTH: u64 = 4096;

/// What the key of a secret is derived for: BLAKE3 wants a constant that no other program has.
const PURPOSE: &str = "cntflow 2026-11-28 secret of a cluster";

/// A key that all processes of a cluster share. It is never sent: each process proves that it knows
/// it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    key: [u8; 32],
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl Secret {
    /// The secret `text`, without the white space around it.
    ///
    /// # Errors
    /// It has fewer than 16 bytes.
    pub fn from_text(text: &str) -> Result<Self, DataflowError> {
        let text = text.trim();
        if text.len() < MIN_LENGTH {
            return Err(DataflowError::ShortSecret {
                length: text.len(),
                least: MIN_LENGTH,
            });
        }
        Ok(Self {
            key: blake3::derive_key(PURPOSE, text.as_bytes()),
        })
    }

    /// The secret in a file.
    ///
    /// # Errors
    /// The file cannot be read or has no text, or the secret is too short.
    pub fn from_file(path: &Path) -> Result<Self, DataflowError> {
        let metadata = fs_err::metadata(path).map_err(DataflowError::ReadSecret)?;
        if metadata.len() > MAX_LENGTH {
            let text = format!(
                "{}: {} bytes, and a secret has at most {MAX_LENGTH}",
                path.display(),
                metadata.len()
            );
            let error = std::io::Error::new(ErrorKind::InvalidData, text);
            return Err(DataflowError::ReadSecret(error));
        }
        let text = fs_err::read_to_string(path).map_err(DataflowError::ReadSecret)?;
        Self::from_text(&text)
    }

    /// The secret of this user on this machine, made when it is first asked for. It serves clusters
    /// whose processes all run here.
    ///
    /// # Errors
    /// There is no folder for it, or it cannot be read or written.
    pub fn of_user() -> Result<Self, DataflowError> {
        let folder = user_folder().ok_or(DataflowError::NoSecretFolder)?;
        Self::in_folder(&folder)
    }

    fn in_folder(folder: &Path) -> Result<Self, DataflowError> {
        let path = folder.join("cluster-secret");
        if !path.exists() {
            fs_err::create_dir_all(folder).map_err(DataflowError::ReadSecret)?;
            write_new_secret(folder, &path).map_err(DataflowError::ReadSecret)?;
        }
        Self::from_file(&path)
    }

    /// The key for keyed hashes.
    pub(super) fn key(&self) -> &[u8; 32] {
        &self.key
    }
}

/// Writes a random secret that only this user can read. Another process may write one at the same
/// time: the first one counts.
fn write_new_secret(folder: &Path, path: &Path) -> std::io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    let bytes = random_bytes()?;
    let text = blake3::Hash::from_bytes(bytes).to_hex();
    writeln!(file, "{text}")?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Err(error) if error.error.kind() != ErrorKind::AlreadyExists => Err(error.error),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Unpredictable bytes of the system.
pub(super) fn random_bytes() -> std::io::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
    Ok(bytes)
}

fn user_folder() -> Option<PathBuf> {
    let variable = |name| env::var_os(name).filter(|value| !value.is_empty());
    let of_cache = variable("XDG_CACHE_HOME").map(PathBuf::from);
    let caches = of_cache.or_else(|| Some(PathBuf::from(variable("HOME")?).join(".cache")));
    caches.map(|caches| caches.join("cntflow"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_of_a_user_is_made_once_and_only_the_user_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let secrets = [(), ()].map(|()| Secret::in_folder(folder.path()).unwrap());
        assert!(secrets[0] == secrets[1]);
        let other = tempfile::tempdir().unwrap();
        assert!(secrets[0] != Secret::in_folder(other.path()).unwrap());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let file = fs_err::metadata(folder.path().join("cluster-secret")).unwrap();
            assert_eq!(file.permissions().mode() & 0o077, 0);
        }
    }

    #[test]
    fn a_secret_is_long_enough_and_never_printed() {
        let error = Secret::from_text(" 123456789012345\n").unwrap_err();
        assert_eq!(
            error.to_string(),
            "the secret of the cluster has 15 bytes, and needs at least 16"
        );
        let secret = Secret::from_text("1234567890123456").unwrap();
        assert_eq!(format!("{secret:?}"), "Secret(..)");
    }
}

//! What there is: one object, those below a prefix, those that a glob matches.

use futures_util::StreamExt;
use glob::{MatchOptions, Pattern};
use object_store::{Error, ObjectMeta, ObjectStoreExt, UpdateVersion};

use super::address::Address;
use super::client::ObjectStores;
use super::failure::{broken, failed};
use super::put::Written;
use crate::StorageError;

/// Objects of one listing; 10,000,000. More are an error: a prefix that holds something else.
const MOST_OBJECTS: usize = 10_000_000;

/// Signs that make a key a glob.
const GLOB_SIGNS: [char; 3] = ['*', '?', '['];

/// An object that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its URL.
    pub url: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// What names its content, where the store gives it.
    pub etag: Option<String>,
    /// The version that was found.
    pub(super) version: UpdateVersion,
}

impl Found {
    /// What [`ObjectStores::replace`] may replace.
    #[must_use]
    pub fn written(&self) -> Written {
        Written(self.version.clone())
    }
}

/// Which keys a source stands for.
#[derive(Debug)]
enum Choice {
    /// All below a prefix.
    Below(String),
    /// Those that a glob matches, and those below what it matches.
    Matching(Pattern),
}

impl ObjectStores {
    /// The objects of a source, sorted by URL: the one of this name, or those below the prefix, or those that the glob matches or that
    /// lie below what it matches. Those below with a name that starts with a dot are left out, as hidden files are.
    ///
    /// # Errors
    /// The store cannot be asked, or it gives no lists. That there are none is no error.
    pub fn list(&self, source: &str) -> Result<Vec<Found>, StorageError> {
        let at = Address::parse(source)?;
        let glob = at.key.find(GLOB_SIGNS).filter(|_| !at.scheme.is_http());
        let Some(first_sign) = glob else {
            let may_be_one = !at.key.is_empty() && !source.ends_with('/');
            if may_be_one && let Some(found) = self.head(source)? {
                return Ok(vec![found]);
            }
            let choice = Choice::Below(at.key.clone());
            return self.list_chosen(&at, &choice);
        };
        let pattern = Pattern::new(&at.key).map_err(|error| broken(&at, error))?;
        let folder = at.key[..first_sign].rfind('/').unwrap_or(0);
        let base = Address {
            key: at.key[..folder].to_owned(),
            ..at
        };
        self.list_chosen(&base, &Choice::Matching(pattern))
    }

    /// What is known of an object; `None` if it is not there.
    ///
    /// # Errors
    /// The store cannot be asked, or refuses.
    pub fn head(&self, url: &str) -> Result<Option<Found>, StorageError> {
        let at = Address::parse(url)?;
        let (client, path) = (self.client(&at)?, at.path()?);
        match self.wait(client.head(&path)) {
            Ok(meta) => Ok(Some(found(&at, &meta))),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(failed(&at, &error)),
        }
    }

    /// The size of an object in bytes.
    ///
    /// # Errors
    /// As [`ObjectStores::head`]; it is not there.
    pub fn size(&self, url: &str) -> Result<u64, StorageError> {
        let found = self.head(url)?;
        let found = found.ok_or_else(|| StorageError::Object {
            url: url.to_owned(),
            reason: "no such object".to_owned(),
        })?;
        Ok(found.bytes)
    }

    fn list_chosen(&self, base: &Address, choice: &Choice) -> Result<Vec<Found>, StorageError> {
        let (client, prefix) = (self.client(base)?, base.path()?);
        let prefix = Some(prefix).filter(|prefix| !prefix.as_ref().is_empty());
        let mut all = self.wait(async {
            let mut all = Vec::new();
            let mut listing = client.list(prefix.as_ref());
            while let Some(meta) = listing.next().await {
                let meta = meta.map_err(|error| failed_to_list(base, &error))?;
                if choice.takes(meta.location.as_ref()) {
                    all.push(found(base, &meta));
                }
                if all.len() > MOST_OBJECTS {
                    return Err(broken(base, format!("more than {MOST_OBJECTS} objects")));
                }
            }
            Ok(all)
        })?;
        all.sort_by(|a, b| a.url.cmp(&b.url));
        Ok(all)
    }
}

fn found(at: &Address, meta: &ObjectMeta) -> Found {
    Found {
        url: at.with_path(&meta.location).to_string(),
        bytes: meta.size,
        etag: meta.e_tag.clone(),
        version: UpdateVersion {
            e_tag: meta.e_tag.clone(),
            version: meta.version.clone(),
        },
    }
}

/// An HTTP server need not list anything; one that speaks WebDAV does.
fn failed_to_list(at: &Address, error: &Error) -> StorageError {
    if at.scheme.is_http() {
        let reason = format!(
            "there is no such file, and the server gives no lists of what lies below (by WebDAV): name the files ({error})"
        );
        return broken(at, reason);
    }
    failed(at, error)
}

impl Choice {
    fn takes(&self, key: &str) -> bool {
        let options = MatchOptions {
            case_sensitive: true,
            require_literal_separator: true,
            require_literal_leading_dot: true,
        };
        match self {
            Self::Below(prefix) => {
                let below = key.strip_prefix(prefix.as_str()).unwrap_or(key);
                !is_hidden(below)
            }
            Self::Matching(pattern) => {
                let ends = key.match_indices('/').map(|(end, _)| end);
                ends.chain([key.len()]).any(|end| {
                    pattern.matches_with(&key[..end], options) && !is_hidden(&key[end..])
                })
            }
        }
    }
}

/// Whether a name below starts with a dot.
fn is_hidden(below: &str) -> bool {
    below.split('/').any(|name| name.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glob_takes_what_it_matches_and_what_lies_below() {
        let choice = Choice::Matching(Pattern::new("zoo/run-*").unwrap());
        for key in ["zoo/run-1", "zoo/run-1/a.pt", "zoo/run-2/b/c.pt"] {
            assert!(choice.takes(key), "{key}");
        }
        for key in ["zoo/other/a.pt", "zoo", "zoo/run-1/.tmp", "a/zoo/run-1"] {
            assert!(!choice.takes(key), "{key}");
        }
        let choice = Choice::Matching(Pattern::new("zoo/*/last.pt").unwrap());
        assert!(choice.takes("zoo/a/last.pt") && !choice.takes("zoo/a/b/last.pt"));
        let choice = Choice::Below(String::new());
        assert!(choice.takes("a/b.pt") && !choice.takes(".a/b.pt") && !choice.takes("a/.b"));
    }
}

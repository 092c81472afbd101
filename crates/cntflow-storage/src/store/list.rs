//! Listing: one object, the objects below a prefix, or those that a glob matches.

use futures_util::{StreamExt, TryStreamExt, stream};
use glob::{MatchOptions, Pattern};
use object_store::{Error, ObjectMeta, ObjectStoreExt, UpdateVersion};

use super::address::{Address, Scheme};
use super::client::ObjectStores;
use super::failure::{client_error, object_error};
use super::hub::HubError;
use super::hub_url;
use super::put::ObjectVersion;
use crate::StorageError;

/// The largest number of objects that a listing may have. A prefix with more is surely no folder of
/// checkpoints, and is an error.
const MAX_OBJECTS: usize = 10_000_000;

/// Revisions of a repository of the hub that are listed concurrently.
const REVISIONS_AT_ONCE: usize = 8;

/// Characters that make a key a glob.
const GLOB_CHARACTERS: [char; 3] = ['*', '?', '['];

/// What a store says of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectInfo {
    /// Its URL.
    pub url: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// The entity tag of its content, if the store gives one.
    pub etag: Option<String>,
    /// The version of its content that was listed.
    pub(super) version: UpdateVersion,
}

impl ObjectInfo {
    /// The version that [`ObjectStores::replace`] may replace.
    #[must_use]
    pub fn version(&self) -> ObjectVersion {
        ObjectVersion(self.version.clone())
    }
}

/// Which keys belong to a source.
#[derive(Debug)]
enum KeyFilter {
    /// All below a prefix.
    Below(String),
    /// Those that a glob matches, and those below such a key.
    Matching(Pattern),
}

impl ObjectStores {
    /// The objects of a source, sorted by URL.
    ///
    /// A source is an object, a prefix (all objects below it) or a glob (all objects that match, or
    /// lie below a match). Of the hub the revision may be a glob, too. Hidden objects are left out:
    /// those with a dot at the beginning of some part of the key below the prefix. An empty list is
    /// not an error.
    ///
    /// # Errors
    /// The store cannot be reached, refuses the request, or cannot list at all, as most HTTP
    /// servers.
    pub fn list(&self, source: &str) -> Result<Vec<ObjectInfo>, StorageError> {
        let address = Address::parse(source)?;
        let may_be_one = !address.key.is_empty() && !source.ends_with('/');
        if address.scheme != Scheme::Hub {
            return self.wait(self.list_at(&address, may_be_one));
        }
        self.wait(async {
            let revisions = self.revisions(&address).await?;
            let lists = revisions
                .into_iter()
                .map(|address| async move { self.list_at(&address, may_be_one).await });
            let lists = stream::iter(lists).buffered(REVISIONS_AT_ONCE);
            let lists: Vec<Vec<ObjectInfo>> = lists.try_collect().await?;
            let mut all = lists.concat();
            all.sort_by(|a, b| a.url.cmp(&b.url));
            Ok(all)
        })
    }

    /// The revisions of the hub that an address names, as they are now.
    async fn revisions(&self, address: &Address) -> Result<Vec<Address>, StorageError> {
        let failed = |error: HubError| client_error(address, &error.of_store(""));
        let repository = self.hub_repository(address)?;
        repository.refresh().await.map_err(failed)?;
        let (name, revision) = hub_url::parts(&address.bucket);
        let pattern = revision.filter(|revision| revision.contains(GLOB_CHARACTERS));
        let Some(pattern) = pattern else {
            return Ok(vec![address.clone()]);
        };
        let glob = Pattern::new(&pattern).map_err(|error| object_error(address, error))?;
        let matching = repository.matching(&pattern, |name| glob.matches(name));
        let revisions = matching.await.map_err(failed)?.into_iter();
        let addresses = revisions.map(|revision| Address {
            bucket: hub_url::join(name, &revision),
            ..address.clone()
        });
        Ok(addresses.collect())
    }

    async fn list_at(
        &self,
        address: &Address,
        may_be_one: bool,
    ) -> Result<Vec<ObjectInfo>, StorageError> {
        // Most HTTP servers cannot list, so keys of HTTP URLs are never globs: these characters are
        // ordinary there.
        let glob = address
            .key
            .find(GLOB_CHARACTERS)
            .filter(|_| !address.scheme.is_http());
        let Some(first_wildcard) = glob else {
            if may_be_one && let Some(object) = self.look_at(address).await? {
                return Ok(vec![object]);
            }
            let filter = KeyFilter::Below(address.key.clone());
            return self.list_filtered(address, &filter).await;
        };
        let pattern = Pattern::new(&address.key).map_err(|error| object_error(address, error))?;
        let folder = address.key[..first_wildcard].rfind('/').unwrap_or(0);
        let base = Address {
            key: address.key[..folder].to_owned(),
            ..address.clone()
        };
        let filter = KeyFilter::Matching(pattern);
        self.list_filtered(&base, &filter).await
    }

    /// Size and version of an object; `None` if there is no such object.
    ///
    /// # Errors
    /// The store cannot be reached, or refuses.
    pub fn head(&self, url: &str) -> Result<Option<ObjectInfo>, StorageError> {
        let address = Address::parse(url)?;
        self.wait(self.look_at(&address))
    }

    async fn look_at(&self, address: &Address) -> Result<Option<ObjectInfo>, StorageError> {
        let (client, path) = (self.client(address)?, address.path()?);
        match client.head(&path).await {
            Ok(meta) => Ok(Some(object_info(address, &meta))),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(client_error(address, &error)),
        }
    }

    /// The size of an object in bytes.
    ///
    /// # Errors
    /// As [`ObjectStores::head`]; there is no such object.
    pub fn size(&self, url: &str) -> Result<u64, StorageError> {
        let info = self.head(url)?.ok_or_else(|| StorageError::Object {
            url: url.to_owned(),
            reason: "no such object".to_owned(),
        })?;
        Ok(info.bytes)
    }

    async fn list_filtered(
        &self,
        base: &Address,
        filter: &KeyFilter,
    ) -> Result<Vec<ObjectInfo>, StorageError> {
        let (client, prefix) = (self.client(base)?, base.path()?);
        let prefix = Some(prefix).filter(|prefix| !prefix.as_ref().is_empty());
        let mut all = Vec::new();
        let mut listing = client.list(prefix.as_ref());
        while let Some(meta) = listing.next().await {
            let meta = meta.map_err(|error| failed_to_list(base, &error))?;
            if filter.accepts(meta.location.as_ref()) {
                all.push(object_info(base, &meta));
            }
            if all.len() > MAX_OBJECTS {
                let reason = format!("more than {MAX_OBJECTS} objects");
                return Err(object_error(base, reason));
            }
        }
        all.sort_by(|a, b| a.url.cmp(&b.url));
        Ok(all)
    }
}

fn object_info(address: &Address, meta: &ObjectMeta) -> ObjectInfo {
    ObjectInfo {
        url: address.with_path(&meta.location).to_string(),
        bytes: meta.size,
        etag: meta.e_tag.clone(),
        version: UpdateVersion {
            e_tag: meta.e_tag.clone(),
            version: meta.version.clone(),
        },
    }
}

/// A failed listing. HTTP servers list nothing unless they speak WebDAV, which the message says.
fn failed_to_list(address: &Address, error: &Error) -> StorageError {
    if address.scheme.is_http() {
        let reason = format!(
            "no such file; if it is a folder, name its files one by one, since this server does not list folders by WebDAV ({error})"
        );
        return object_error(address, reason);
    }
    client_error(address, error)
}

impl KeyFilter {
    fn accepts(&self, key: &str) -> bool {
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
                // The key itself or any folder above it may match; what lies below the match must
                // not be hidden.
                let ends = key.match_indices('/').map(|(end, _)| end);
                ends.chain([key.len()]).any(|end| {
                    pattern.matches_with(&key[..end], options) && !is_hidden(&key[end..])
                })
            }
        }
    }
}

/// Whether a part of the name starts with a dot.
fn is_hidden(below: &str) -> bool {
    below.split('/').any(|name| name.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glob_takes_what_it_matches_and_what_lies_below() {
        let filter = KeyFilter::Matching(Pattern::new("zoo/run-*").unwrap());
        for key in ["zoo/run-1", "zoo/run-1/a.pt", "zoo/run-2/b/c.pt"] {
            assert!(filter.accepts(key), "{key}");
        }
        for key in ["zoo/other/a.pt", "zoo", "zoo/run-1/.tmp", "a/zoo/run-1"] {
            assert!(!filter.accepts(key), "{key}");
        }
        let filter = KeyFilter::Matching(Pattern::new("zoo/*/last.pt").unwrap());
        assert!(filter.accepts("zoo/a/last.pt") && !filter.accepts("zoo/a/b/last.pt"));
        let filter = KeyFilter::Below(String::new());
        assert!(filter.accepts("a/b.pt") && !filter.accepts(".a/b.pt") && !filter.accepts("a/.b"));
    }
}

//! Which networks a model was trained on, as short hashes.

use serde::{Deserialize, Serialize};

/// Hexadecimal digits of a hash: 48 bits. Among 50,000 training networks, another network is taken
/// for one of them with a probability of 2e-10.
const DIGITS: usize = 12;

/// The training networks: each by the digest of its file, or by its name where it has no digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NetworkHashes {
    /// Sorted hashes of digests, without separators: 12 bytes a network.
    digests: String,
    /// Sorted hashes of names of networks without a digest.
    names: String,
}

impl NetworkHashes {
    /// The hashes of networks, each with its name and its digest.
    pub(super) fn of<'a>(networks: impl Iterator<Item = (&'a str, Option<&'a str>)>) -> Self {
        let (mut digests, mut names) = (Vec::new(), Vec::new());
        for (name, digest) in networks {
            match digest {
                Some(digest) => digests.push(hash(digest)),
                None => names.push(hash(name)),
            }
        }
        Self {
            digests: joined(digests),
            names: joined(names),
        }
    }

    /// Whether a network was trained on. `None` if that cannot be known: the training networks are
    /// known by digests, and this one has none.
    pub(super) fn contains(&self, name: &str, digest: Option<&str>) -> Option<bool> {
        if !self.names.is_empty() && has(&self.names, &hash(name)) {
            return Some(true);
        }
        match digest {
            Some(digest) => Some(has(&self.digests, &hash(digest))),
            None => self.digests.is_empty().then_some(false),
        }
    }

    /// Whether both lists are sorted hashes. They are unless a file was damaged.
    pub(super) fn is_consistent(&self) -> bool {
        [&self.digests, &self.names].into_iter().all(|list| {
            let is_hex = list.bytes().all(|byte| byte.is_ascii_hexdigit());
            is_hex && list.len() % DIGITS == 0 && chunks(list).is_sorted_by(|a, b| a < b)
        })
    }
}

/// The first 48 bits of the BLAKE3 hash of a text.
fn hash(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex()[..DIGITS].to_owned()
}

fn joined(mut hashes: Vec<String>) -> String {
    hashes.sort_unstable();
    hashes.dedup();
    hashes.concat()
}

fn chunks(list: &str) -> impl Iterator<Item = &[u8]> {
    list.as_bytes().chunks(DIGITS)
}

fn has(list: &str, hash: &str) -> bool {
    let (list, hash) = (list.as_bytes().as_chunks::<DIGITS>().0, hash.as_bytes());
    list.binary_search_by(|other| other.as_slice().cmp(hash))
        .is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_known_by_their_digest_else_by_their_name() {
        let networks = [("a", Some("d1")), ("b", Some("d0")), ("c", None)];
        let hashes = NetworkHashes::of(networks.into_iter());
        assert!(hashes.is_consistent());
        assert_eq!(hashes.digests.len(), 24);
        assert_eq!(hashes.contains("renamed", Some("d0")), Some(true));
        // The name of a network with a digest says nothing.
        assert_eq!(hashes.contains("a", Some("other")), Some(false));
        assert_eq!(hashes.contains("c", Some("other")), Some(true));
        assert_eq!(hashes.contains("e", None), None);
        let by_name = NetworkHashes::of([("c", None)].into_iter());
        assert_eq!(by_name.contains("e", None), Some(false));
    }

    #[test]
    fn a_list_that_is_not_sorted_hashes_is_noticed() {
        let mut hashes = NetworkHashes::of((0..9).map(|_| ("a", None)));
        assert_eq!(hashes.names.len(), 12);
        hashes.names.push('0');
        assert!(!hashes.is_consistent());
        hashes.names = "b".repeat(12) + &"a".repeat(12);
        assert!(!hashes.is_consistent());
    }
}

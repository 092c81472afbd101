//! URLs of objects: which store, and which key in it.

use std::fmt;

use object_store::path::Path;

use super::hub_url;
use crate::StorageError;

/// A kind of object store, by the scheme of its URLs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Scheme {
    S3,
    Gs,
    Az,
    Hub,
    Http,
    Https,
}

/// What URLs of each scheme begin with.
const SCHEMES: [(&str, Scheme); 6] = [
    ("s3://", Scheme::S3),
    ("gs://", Scheme::Gs),
    ("az://", Scheme::Az),
    ("hf://", Scheme::Hub),
    ("http://", Scheme::Http),
    ("https://", Scheme::Https),
];

/// The parsed URL of an object or a prefix: `s3://bucket/key`, `hf://owner/name@revision/key`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Address {
    pub(super) scheme: Scheme,
    /// The bucket or container; host and port of an HTTP server; of the hub the repository with
    /// its revision, as they stand in the URL.
    pub(super) bucket: String,
    /// The key as it stands in the URL, without a slash before or after it.
    pub(super) key: String,
}

/// Whether a source or an output is the URL of an object store.
#[must_use]
pub fn is_url(text: &str) -> bool {
    SCHEMES.iter().any(|(start, _)| text.starts_with(start))
}

impl Address {
    /// Parses a URL. In URLs of `s3`, `gs` and `az` the key is taken literally: `%`, `?` and `#`
    /// are ordinary characters. In `http` and `https` URLs `%` escapes a character.
    pub(super) fn parse(url: &str) -> Result<Self, StorageError> {
        let failed = |reason: &str| StorageError::Object {
            url: url.to_owned(),
            reason: reason.to_owned(),
        };
        let (scheme, rest) = SCHEMES
            .iter()
            .find_map(|(start, scheme)| Some((*scheme, url.strip_prefix(start)?)))
            .ok_or_else(|| failed("not s3, gs, az, hf, http or https"))?;
        let (bucket, key) = if scheme == Scheme::Hub {
            hub_url::split(rest).map_err(failed)?
        } else {
            rest.split_once('/').unwrap_or((rest, ""))
        };
        if bucket.is_empty() {
            return Err(failed("no bucket or server before the first slash"));
        }
        if bucket.contains('@') && scheme != Scheme::Hub {
            return Err(failed(
                "a URL must not hold a user name or a password; set the environment variables of the store instead",
            ));
        }
        if scheme.is_http() && key.contains(['?', '#']) {
            return Err(failed("URLs with a query or a fragment are not read"));
        }
        let address = Self {
            scheme,
            bucket: bucket.to_owned(),
            key: key.trim_matches('/').to_owned(),
        };
        address.path()?;
        Ok(address)
    }

    /// The key as the client takes it.
    pub(super) fn path(&self) -> Result<Path, StorageError> {
        let path = if self.scheme.is_http() {
            Path::from_url_path(&self.key)
        } else {
            Path::parse(&self.key)
        };
        path.map_err(|error| StorageError::Object {
            url: self.to_string(),
            reason: error.to_string(),
        })
    }

    /// The address of another key in the same store, as a listing gives it.
    pub(super) fn with_path(&self, path: &Path) -> Self {
        let key = if self.scheme.is_http() {
            escaped(path.as_ref())
        } else {
            path.to_string()
        };
        Self {
            key,
            ..self.clone()
        }
    }
}

/// The key of an HTTP URL, with the characters escaped that would end or change it.
fn escaped(key: &str) -> String {
    let mut text = String::with_capacity(key.len());
    for character in key.chars() {
        match character {
            '%' => text.push_str("%25"),
            '?' => text.push_str("%3F"),
            '#' => text.push_str("%23"),
            ' ' => text.push_str("%20"),
            other => text.push(other),
        }
    }
    text
}

impl Scheme {
    pub(super) fn is_http(self) -> bool {
        matches!(self, Self::Http | Self::Https)
    }

    fn start(self) -> &'static str {
        let entry = SCHEMES.iter().find(|(_, scheme)| *scheme == self);
        entry.map_or("", |(start, _)| start)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = self.scheme.start();
        if self.scheme == Scheme::Hub && self.key.is_empty() {
            return write!(f, "{start}{}", self.bucket);
        }
        write!(f, "{start}{}/{}", self.bucket, self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_taken_literally() {
        let urls = [
            "s3://zoo/a b#1?/step-00001.safetensors",
            "gs://zoo/100%/ä.pt",
            "az://container/a",
            "http://127.0.0.1:9000/a%20b.pt",
            "hf://owner/name@step1000/a b%.safetensors",
        ];
        for url in urls {
            let address = Address::parse(url).unwrap();
            assert_eq!(address.to_string(), url);
            let path = address.path().unwrap();
            assert_eq!(address.with_path(&path), address, "{url}");
        }
        let address = Address::parse("s3://zoo").unwrap();
        assert_eq!((address.bucket.as_str(), address.key.as_str()), ("zoo", ""));
        assert!(!is_url("s3:/zoo") && !is_url("/data/s3://zoo") && is_url("gs://zoo/a"));
    }

    #[test]
    fn urls_that_are_no_address_are_refused_with_a_reason() {
        let refused = [
            ("ftp://a/b", "not s3"),
            ("s3:///b", "no bucket"),
            ("https://user:secret@a/b", "a password"),
            ("https://a/b?signature=1", "query"),
            ("s3://a/b//c", "empty path segment"),
            ("s3://a/../c", ".."),
            ("hf://gpt2", "owner/name"),
            ("hf://owner/name@/a", "no revision"),
            ("hf://datasets/owner/name", "only models"),
            ("hf://owner/na me", "a repository"),
        ];
        for (url, reason) in refused {
            let text = Address::parse(url).unwrap_err().to_string();
            assert!(text.starts_with(url) || text.contains("s3://a"), "{text}");
            assert!(text.contains(reason), "{text}");
        }
    }
}

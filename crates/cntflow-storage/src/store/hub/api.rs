//! Answers of the hub's API, as far as they are read.

use serde::Deserialize;

/// The branches and tags of a repository.
#[derive(Debug, Deserialize)]
pub(super) struct References {
    #[serde(default)]
    pub(super) branches: Vec<Reference>,
    #[serde(default)]
    pub(super) tags: Vec<Reference>,
}

/// A branch or a tag.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Reference {
    pub(super) name: String,
    pub(super) target_commit: String,
}

/// A file or a folder of a commit.
#[derive(Debug, Deserialize)]
pub(super) struct TreeEntry {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) path: String,
    #[serde(default)]
    pub(super) size: u64,
    /// The number of the content in git.
    pub(super) oid: Option<String>,
    /// Of a file that git only points to.
    pub(super) lfs: Option<LargeFile>,
}

/// The content of a file that git only points to.
#[derive(Debug, Deserialize)]
pub(super) struct LargeFile {
    pub(super) oid: String,
    pub(super) size: u64,
}

impl TreeEntry {
    /// Size of the file in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.lfs.as_ref().map_or(self.size, |lfs| lfs.size)
    }

    /// What changes with the content: the entity tag that the file is served with.
    pub(super) fn tag(self) -> Option<String> {
        self.lfs.map(|lfs| lfs.oid).or(self.oid)
    }
}

/// The URL of the next page in a header `Link`.
pub(super) fn next_page(link: &str) -> Option<&str> {
    link.split(',').find_map(|part| {
        let (url, parameters) = part.split_once(';')?;
        let is_next = parameters
            .split(';')
            .any(|parameter| matches!(parameter.trim(), r#"rel="next""# | "rel=next"));
        let url = url.trim().strip_prefix('<')?.strip_suffix('>')?;
        is_next.then_some(url)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_found_among_other_links() {
        let next = "<https://hub/api?cursor=b>; rel=\"next\"";
        assert_eq!(next_page(next), Some("https://hub/api?cursor=b"));
        let both = format!("<https://hub/api?cursor=a>; rel=\"prev\", {next}");
        assert_eq!(next_page(&both), Some("https://hub/api?cursor=b"));
        assert_eq!(next_page("<https://hub/api>; rel=\"last\""), None);
        assert_eq!(next_page("next"), None);
    }

    #[test]
    fn a_large_file_has_the_size_and_the_tag_of_its_content() {
        let entry = r#"{"type": "file", "path": "a", "size": 135, "oid": "pointer",
            "lfs": {"oid": "content", "size": 5000, "pointerSize": 135}}"#;
        let entry: TreeEntry = serde_json::from_str(entry).unwrap();
        assert_eq!(entry.bytes(), 5000);
        assert_eq!(entry.tag().as_deref(), Some("content"));
    }
}

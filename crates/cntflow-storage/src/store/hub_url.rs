//! The repository and the revision in a URL of the hub: `hf://owner/name[@revision][/file]`.

/// Characters that make a revision a glob.
const GLOB_CHARACTERS: [char; 3] = ['*', '?', '['];

/// Other things of the hub, which are named before the owner.
const NO_MODELS: [&str; 3] = ["datasets", "spaces", "buckets"];

/// What revisions begin with that have slashes in their names.
const REFERENCES: [&str; 2] = ["refs/pr/", "refs/convert/"];

/// A repository of the hub, as a URL names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubUrl {
    /// `owner/name`.
    pub repository: String,
    /// A branch, a tag, a commit, or a glob of branches and tags; `None` for the branch `main`.
    pub revision: Option<String>,
    /// A file, a folder or a glob of the revision; empty for all of it.
    pub path: String,
}

impl HubUrl {
    /// The parts of a URL; `None` if it is not of the hub, or names no repository.
    #[must_use]
    pub fn parse(url: &str) -> Option<Self> {
        let (bucket, path) = split(url.strip_prefix("hf://")?).ok()?;
        let (repository, revision) = parts(bucket);
        Some(Self {
            repository: repository.to_owned(),
            revision,
            path: path.trim_matches('/').to_owned(),
        })
    }

    /// Whether the revision is a glob.
    #[must_use]
    pub fn has_revision_glob(&self) -> bool {
        let revision = self.revision.as_deref().unwrap_or_default();
        revision.contains(GLOB_CHARACTERS)
    }
}

/// The repository with its revision, and what follows them.
pub(super) fn split(rest: &str) -> Result<(&str, &str), &'static str> {
    let wrong = "a repository of the hub is named owner/name, as in hf://owner/name@revision";
    let (owner, after) = rest.split_once('/').ok_or(wrong)?;
    if NO_MODELS.contains(&owner) {
        return Err("only models are read of the hub, no datasets or spaces");
    }
    let name_end = after.find(['/', '@']).unwrap_or(after.len());
    let name = &after[..name_end];
    if !is_name(owner) || !is_name(name) {
        return Err(wrong);
    }
    let revision_end = match after[name_end..].strip_prefix('@') {
        None => name_end,
        Some(revision) => match revision_length(revision) {
            0 => return Err("no revision after the @"),
            length => name_end + 1 + length,
        },
    };
    let (bucket, key) = rest.split_at(owner.len() + 1 + revision_end);
    Ok((bucket, key.strip_prefix('/').unwrap_or(key)))
}

/// How much of a text is the revision that it begins with.
fn revision_length(text: &str) -> usize {
    let reference = REFERENCES.iter().find(|start| text.starts_with(**start));
    let start = reference.map_or(0, |start| start.len());
    text[start..]
        .find('/')
        .map_or(text.len(), |end| start + end)
}

/// The repository and the revision of what [`split`] gives first. A slash in the name of a
/// revision is written `%2F`.
pub(super) fn parts(bucket: &str) -> (&str, Option<String>) {
    match bucket.split_once('@') {
        None => (bucket, None),
        Some((repository, revision)) => {
            let revision = revision.replace("%2F", "/").replace("%2f", "/");
            (repository, Some(revision))
        }
    }
}

/// A repository and a revision as [`parts`] reads them.
pub(super) fn join(repository: &str, revision: &str) -> String {
    let is_reference = REFERENCES.iter().any(|start| revision.starts_with(start));
    let revision = if is_reference {
        revision.to_owned()
    } else {
        revision.replace('/', "%2F")
    };
    format!("{repository}@{revision}")
}

/// Whether an owner or a repository may have that name.
fn is_name(name: &str) -> bool {
    let may_be = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !name.is_empty() && name.bytes().all(may_be) && !name.starts_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_a_repository_a_revision_and_a_path() {
        let check = |url: &str, repository: &str, revision: Option<&str>, path: &str| {
            let expected = HubUrl {
                repository: repository.to_owned(),
                revision: revision.map(str::to_owned),
                path: path.to_owned(),
            };
            assert_eq!(HubUrl::parse(url), Some(expected), "{url}");
        };
        check("hf://o/n", "o/n", None, "");
        check("hf://o/n/", "o/n", None, "");
        check("hf://o/n-1.5_b/a/b.bin", "o/n-1.5_b", None, "a/b.bin");
        check("hf://o/n@step1000", "o/n", Some("step1000"), "");
        check("hf://o/n@main/a@b", "o/n", Some("main"), "a@b");
        check("hf://o/n@refs/pr/12/a", "o/n", Some("refs/pr/12"), "a");
        check("hf://o/n@refs/pr/12", "o/n", Some("refs/pr/12"), "");
        check("hf://o/n@my%2Fbranch/a", "o/n", Some("my/branch"), "a");
        check(
            "hf://o/n@step*/*.safetensors",
            "o/n",
            Some("step*"),
            "*.safetensors",
        );
        for url in [
            "hf://o",
            "hf://o/",
            "hf:///n",
            "s3://o/n",
            "hf://o/@main",
            "hf://../n",
        ] {
            assert_eq!(HubUrl::parse(url), None, "{url}");
        }
    }

    #[test]
    fn revisions_are_written_as_they_are_read() {
        for revision in ["main", "my/branch", "refs/pr/12", "v1.0"] {
            let bucket = join("o/n", revision);
            let url = format!("hf://{bucket}/a");
            assert_eq!(HubUrl::parse(&url).unwrap().revision.unwrap(), revision);
            assert_eq!(HubUrl::parse(&url).unwrap().path, "a");
        }
    }

    #[test]
    fn only_a_revision_makes_a_glob_of_revisions() {
        let is_glob = |url| HubUrl::parse(url).unwrap().has_revision_glob();
        assert!(is_glob("hf://o/n@*") && is_glob("hf://o/n@step[12]/a"));
        assert!(!is_glob("hf://o/n/*.safetensors") && !is_glob("hf://o/n@main"));
    }
}

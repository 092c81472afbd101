//! Stamps: what changes when a file or an object is written to.

use std::fs::Metadata;
use std::path::Path;
use std::time::{Duration, SystemTime};

use fs_err as fs;

use crate::Location;
use crate::store::ObjectInfo;

/// Ends of the names of files that a checkpoint in several files consists of.
const SHARD_ENDS: [&str; 3] = ["safetensors", "bin", "pt"];

/// What changes when a file or an object is written to. Equal stamps mean equal content, except on
/// file systems without times of changes, where somebody may have set the time of a file back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Size, times and number of a file; entity tag and size of an object.
    pub text: String,
    /// When a file was written to last; `None` for an object, which is always whole.
    pub modified: Option<SystemTime>,
    /// When anything of a file has changed last: its content, its name, its times. Unlike
    /// `modified` nobody can set it back.
    pub changed: Option<SystemTime>,
}

impl Stamp {
    /// The stamp of the file that a location is in: of an archive for a member, of the whole file
    /// for a row, and of all files in the folder for an index of several.
    ///
    /// # Errors
    /// The file does not exist or cannot be looked at.
    pub fn of_file(location: &Location) -> std::io::Result<Self> {
        let stamp = Self::of_path(&location.path)?;
        if !location.is_index() {
            return Ok(stamp);
        }
        let folder = location.path.parent().unwrap_or(Path::new(""));
        let folder = if folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            folder
        };
        let mut paths = Vec::new();
        for entry in fs::read_dir(folder)? {
            paths.push(entry?.path());
        }
        paths.sort();
        let mut all = stamp;
        let mut hasher = blake3::Hasher::new();
        // Others that lie there, such as a log, are none of its business.
        let is_shard = |path: &Path| {
            let end = path.extension().and_then(|end| end.to_str());
            end.is_some_and(|end| SHARD_ENDS.contains(&end))
        };
        for path in paths.into_iter().filter(|path| is_shard(path)) {
            let Ok(stamp) = Self::of_path(&path) else {
                continue;
            };
            hasher.update(stamp.text.as_bytes());
            all.modified = all.modified.max(stamp.modified);
            all.changed = all.changed.max(stamp.changed);
        }
        all.text = format!("{} {}", all.text, hasher.finalize().to_hex());
        Ok(all)
    }

    fn of_path(path: &Path) -> std::io::Result<Self> {
        Ok(Self::of_metadata(&fs::metadata(path)?))
    }

    /// The stamp of a file by what the system says of it. A checkpoint that is in several files
    /// has another one, see [`Stamp::of_file`].
    #[must_use]
    pub fn of_metadata(metadata: &Metadata) -> Self {
        let modified = metadata.modified().ok();
        #[cfg(unix)]
        let text = {
            use std::os::unix::fs::MetadataExt;
            format!(
                "{} {}.{:09} {}.{:09} {}",
                metadata.len(),
                metadata.mtime(),
                metadata.mtime_nsec(),
                metadata.ctime(),
                metadata.ctime_nsec(),
                metadata.ino()
            )
        };
        #[cfg(not(unix))]
        let text = format!("{} {modified:?}", metadata.len());
        #[cfg(unix)]
        let changed = {
            use std::os::unix::fs::MetadataExt;
            let seconds = u64::try_from(metadata.ctime()).unwrap_or_default();
            let nanoseconds = metadata.ctime_nsec().clamp(0, 999_999_999) as u32;
            Some(SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds)).max(modified)
        };
        #[cfg(not(unix))]
        let changed = modified;
        Self {
            text,
            modified,
            changed,
        }
    }

    /// The stamp of an object, by its listing.
    pub fn of_object(object: &ObjectInfo) -> Self {
        let tag = object.etag.as_deref().unwrap_or_default();
        Self {
            text: format!("{} {tag}", object.bytes),
            modified: None,
            changed: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_changes_with_the_file_and_with_any_shard_of_an_index() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        let stamp = |name: &str| {
            let location = Location::from(folder.path().join(name));
            Stamp::of_file(&location).unwrap().text
        };
        write("a.npy", "1");
        write("model.safetensors.index.json", "{}");
        write("model-1.safetensors", "1");
        let (file, index) = (stamp("a.npy"), stamp("model.safetensors.index.json"));
        assert_eq!(stamp("a.npy"), file);
        write("model-1.safetensors", "12");
        assert_eq!(stamp("a.npy"), file);
        assert_ne!(stamp("model.safetensors.index.json"), index);
        write("a.npy", "12");
        assert_ne!(stamp("a.npy"), file);
    }
}

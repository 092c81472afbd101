//! A file that sources are written to: its first byte says by which ending they are read.

use std::path::PathBuf;
use std::sync::LazyLock;

/// A folder of this process.
static FOLDER: LazyLock<PathBuf> =
    LazyLock::new(|| tempfile::tempdir().expect("a temporary folder").keep());

/// Writes the bytes behind the first to a file of the ending that the first one chooses; `None`
/// where there are no bytes.
pub(crate) fn written(bytes: &[u8], endings: &[&str]) -> Option<PathBuf> {
    let (&which, bytes) = bytes.split_first()?;
    let ending = endings[usize::from(which) % endings.len()];
    let path = FOLDER.join(format!("source.{ending}"));
    std::fs::write(&path, bytes).expect("room for a small file");
    Some(path)
}

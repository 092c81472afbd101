//! Reads the bytes as a catalog in a file: CSV, JSON lines (both also gzipped) or Parquet, by the first byte.

#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use cntflow_checkpoint::{Catalog, read_catalog};
use libfuzzer_sys::fuzz_target;

/// Endings that say what a catalog is.
const ENDINGS: [&str; 5] = ["csv", "jsonl", "csv.gz", "jsonl.gz", "parquet"];

/// A folder of this process.
static FOLDER: LazyLock<PathBuf> =
    LazyLock::new(|| tempfile::tempdir().expect("a temporary folder").keep());

fuzz_target!(|bytes: &[u8]| {
    let Some((&which, bytes)) = bytes.split_first() else {
        return;
    };
    let ending = ENDINGS[usize::from(which) % ENDINGS.len()];
    let path = FOLDER.join(format!("catalog.{ending}"));
    std::fs::write(&path, bytes).expect("room for a small file");
    if let Ok(entries) = read_catalog(&path) {
        let _ = Catalog::new(entries);
    }
});

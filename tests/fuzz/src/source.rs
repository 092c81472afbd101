//! Scans the bytes as a source: a catalog (CSV, JSONL) or an archive (tar, tar.gz, zip), by the first byte; opens what is found in it.

#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use cntflow_checkpoint::{CatalogOptions, Limits, scan};
use libfuzzer_sys::fuzz_target;

/// Endings that say what a source is.
const ENDINGS: [&str; 5] = ["csv", "jsonl", "tar", "tgz", "zip"];

/// A folder of this process.
static FOLDER: LazyLock<PathBuf> =
    LazyLock::new(|| tempfile::tempdir().expect("a temporary folder").keep());

fuzz_target!(|bytes: &[u8]| {
    let Some((&which, bytes)) = bytes.split_first() else {
        return;
    };
    let ending = ENDINGS[usize::from(which) % ENDINGS.len()];
    let path = FOLDER.join(format!("source.{ending}"));
    std::fs::write(&path, bytes).expect("room for a small file");
    let limits = Limits {
        decoded_bytes: 16 << 20,
        archive_bytes: 16 << 20,
        header_bytes: 1 << 20,
        ..Limits::default()
    };
    let scanned = scan(
        &[path.to_string_lossy().into_owned()],
        &CatalogOptions::default(),
    );
    let Ok((catalog, _)) = scanned else { return };
    for entry in catalog.entries().iter().take(16) {
        // Catalogs may name any file of the machine; only what lies in the source is opened.
        if entry.location.path == path {
            let _ = entry.location.open(&limits);
        }
    }
});

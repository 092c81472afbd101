//! Scans the bytes as a source: a catalog (CSV, JSONL) or an archive (tar, tar.gz, zip), by the
//! first byte; opens what is found in it.

#![no_main]

mod by_ending;

use cntflow_formats::OpenCheckpoint;
use cntflow_catalog::CatalogOptions;
use cntflow_sources::scan;
use cntflow_storage::Limits;
use libfuzzer_sys::fuzz_target;

/// Endings that say what a source is.
const ENDINGS: [&str; 5] = ["csv", "jsonl", "tar", "tgz", "zip"];

fuzz_target!(|bytes: &[u8]| {
    let Some(path) = by_ending::written(bytes, &ENDINGS) else {
        return;
    };
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
    for entry in catalog.entries().take(16) {
        // Catalogs may name any file of the machine; only what lies in the source is opened.
        if entry.location.path == path {
            let _ = OpenCheckpoint::open_at(&entry.location, &limits);
        }
    }
});

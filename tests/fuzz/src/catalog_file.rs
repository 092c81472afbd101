//! Reads the bytes as a catalog in a file: CSV, JSON lines (both also gzipped) or Parquet, by the
//! first byte.

#![no_main]

mod by_ending;

use cntflow_catalog::read_catalog;
use libfuzzer_sys::fuzz_target;

/// Endings that say what a catalog is.
const ENDINGS: [&str; 5] = ["csv", "jsonl", "csv.gz", "jsonl.gz", "parquet"];

fuzz_target!(|bytes: &[u8]| {
    let Some(path) = by_ending::written(bytes, &ENDINGS) else {
        return;
    };
    if let Ok(entries) = read_catalog(&path) {
        let _ = entries.into_catalog();
    }
});

//! Opens the bytes as a model of TensorFlow.js: `model.json`, and behind [`BETWEEN`] the files of
//! its weights, `a.bin` and `b.bin`.

#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use cntflow_architecture::resolve_architecture;
use cntflow_catalog::CatalogOptions;
use cntflow_formats::OpenCheckpoint;
use cntflow_sources::scan;
use cntflow_storage::{Limits, Location};
use libfuzzer_sys::fuzz_target;

/// Between two files.
const BETWEEN: &[u8] = b"\n----\n";

/// The files, in their order.
const FILES: [&str; 3] = ["model.json", "a.bin", "b.bin"];

/// A folder of this process.
static FOLDER: LazyLock<PathBuf> =
    LazyLock::new(|| tempfile::tempdir().expect("a temporary folder").keep());

fuzz_target!(|bytes: &[u8]| {
    let mut rest = Some(bytes);
    for file in FILES {
        let Some(bytes) = rest else {
            let _ = std::fs::remove_file(FOLDER.join(file));
            continue;
        };
        let end = bytes.windows(BETWEEN.len()).position(|part| part == BETWEEN);
        let content = &bytes[..end.unwrap_or(bytes.len())];
        std::fs::write(FOLDER.join(file), content).expect("room for a small file");
        rest = end.map(|end| &bytes[end + BETWEEN.len()..]);
    }
    let sources = [FOLDER.to_string_lossy().into_owned()];
    let _ = scan(&sources, &CatalogOptions::default());
    let limits = Limits {
        decoded_bytes: 16 << 20,
        header_bytes: 1 << 20,
        ..Limits::default()
    };
    let model = Location::from(FOLDER.join(FILES[0]));
    let Ok(checkpoint) = OpenCheckpoint::open_at(&model, &limits) else {
        return;
    };
    let (resolved, coverage) = resolve_architecture(&checkpoint, None);
    assert_eq!(coverage.len(), checkpoint.tensors().len());
    for row in &coverage {
        if let Ok(values) = checkpoint.values(&row.tensor.name) {
            assert_eq!(values.len(), row.tensor.n_values(), "{}", row.tensor.name);
        }
    }
    if let Ok(resolved) = resolved {
        let _ = resolved.network(&checkpoint);
    }
});

//! Scans the bytes as a published layout: the first byte says which, the rest is its files, parted
//! by [`BETWEEN`]. What is found is opened.

#![no_main]

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use cntflow_formats::OpenCheckpoint;
use cntflow_architecture::resolve_architecture;
use cntflow_catalog::CatalogOptions;
use cntflow_sources::scan;
use cntflow_storage::Limits;
use libfuzzer_sys::fuzz_target;

/// Between two files.
const BETWEEN: &[u8] = b"\n----\n";

/// The files of the layouts: Small CNN Zoo, a tree of Ray Tune, a folder of Hugging Face.
const LAYOUTS: [&[&str]; 3] = [
    &["weights.npy", "layout.csv", "metrics.csv"],
    &[
        "run/params.json",
        "run/result.json",
        "run/checkpoint_1/checkpoints",
        "run/checkpoint_2/checkpoints",
    ],
    &[
        "config.json",
        "model.safetensors.index.json",
        "1.safetensors",
        "2.safetensors",
    ],
];

/// A folder of this process, with a folder for each layout.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a temporary folder").keep();
    for (layout, files) in LAYOUTS.iter().enumerate() {
        for file in *files {
            let parent = folder.join(layout.to_string()).join(file);
            let parent = parent.parent().unwrap_or(&folder);
            std::fs::create_dir_all(parent).expect("room for folders");
        }
    }
    folder
});

fuzz_target!(|bytes: &[u8]| {
    let Some((&which, bytes)) = bytes.split_first() else {
        return;
    };
    let layout = usize::from(which) % LAYOUTS.len();
    let folder = FOLDER.join(layout.to_string());
    write(&folder, LAYOUTS[layout], bytes);
    let limits = Limits {
        decoded_bytes: 16 << 20,
        header_bytes: 1 << 20,
        ..Limits::default()
    };
    let sources = [folder.to_string_lossy().into_owned()];
    let Ok((catalog, _)) = scan(&sources, &CatalogOptions::default()) else {
        return;
    };
    for entry in catalog.entries().take(4) {
        if let Ok(checkpoint) = OpenCheckpoint::open_at(&entry.location, &limits) {
            let (_, coverage) = resolve_architecture(&checkpoint, entry.architecture.as_deref());
            assert_eq!(coverage.len(), checkpoint.tensors().len());
        }
    }
});

/// Writes the files; the last has all the bytes that are left, and those behind it are not there.
fn write(folder: &Path, files: &[&str], mut bytes: &[u8]) {
    for (place, file) in files.iter().enumerate() {
        let path = folder.join(file);
        let last = place + 1 == files.len();
        let end = bytes
            .windows(BETWEEN.len())
            .position(|window| window == BETWEEN && !last);
        let (content, rest) = match end {
            Some(end) => (&bytes[..end], Some(&bytes[end + BETWEEN.len()..])),
            None => (bytes, None),
        };
        std::fs::write(&path, content).expect("room for a small file");
        let Some(rest) = rest else {
            for missing in &files[place + 1..] {
                let _ = std::fs::remove_file(folder.join(missing));
            }
            return;
        };
        bytes = rest;
    }
}

//! Published populations on a server give the same catalog as in a folder, with no more requests
//! than needed.

#[path = "../it/populations.rs"]
mod populations;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cntflow_catalog::{Catalog, CatalogOptions};
use cntflow_formats::OpenCheckpoint;
use cntflow_sources::scan;
use cntflow_storage::{FullMessage, Limits};
use zip::write::{SimpleFileOptions, ZipWriter};

use crate::server::Server;
use populations::{
    gzip, safetensors_of, write, write_ray_tune_tree, write_shards, write_small_cnn_zoo,
};

/// What was read last is kept for the whole process: these tests would take it from each other.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn found(source: &str) -> (Catalog, String) {
    let (catalog, skipped) = scan(&[source.to_owned()], &CatalogOptions::default()).unwrap();
    let mut reasons: Vec<String> = skipped
        .iter()
        .map(|file| format!("{}: {}\n", file.path.display(), file.reason))
        .collect();
    reasons.sort();
    (catalog, reasons.concat())
}

/// Digest of every checkpoint, or why it cannot be opened.
fn opened(catalog: &Catalog) -> BTreeMap<String, String> {
    let opened = catalog.entries().map(|entry| {
        let opened = OpenCheckpoint::open_at(&entry.location, &Limits::default());
        let digest = opened.map(|opened| format!("{:?}", opened.digest()));
        let digest_or_error = digest.unwrap_or_else(|error| error.full_message());
        (entry.checkpoint.clone(), digest_or_error)
    });
    opened.collect()
}

fn checkpoint(value: f32) -> Vec<u8> {
    safetensors_of(&[("fc.weight", &[2, 3], value), ("fc.bias", &[2], value)])
}

fn tar_of(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, bytes) in members {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, name, *bytes).unwrap();
    }
    archive.into_inner().unwrap()
}

fn zip_of(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in members {
        archive
            .start_file(*name, SimpleFileOptions::default())
            .unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// A model of TensorFlow.js, whose weights are in three files.
fn write_tensorflow_js(folder: &Path) {
    let shards = [1, 2, 3].map(|i| format!("group1-shard{i}of3.bin"));
    for name in shards.iter().map(String::as_str).chain(["model.json"]) {
        let file = Path::new("tests/data/tensorflow_js/mlp").join(name);
        write(&folder.join(name), std::fs::read(file).unwrap());
    }
}

fn write_all(folder: &Path) {
    write_ray_tune_tree(&folder.join("ray"));
    write_small_cnn_zoo(&folder.join("cnn"), 20);
    write_shards(&folder.join("hugging"));
    write_tensorflow_js(&folder.join("tensorflow_js"));
    let (one, two) = (checkpoint(1.0), checkpoint(2.0));
    write(&folder.join("task1/model_7/config.json"), r#"{"lr": 0.1}"#);
    write(&folder.join("task1/model_7/weights.hdf5"), &one);
    let members: [(&str, &[u8]); 3] = [
        ("run1/a.safetensors", &one),
        ("run1/b.safetensors", &two),
        ("run1/notes.txt", b"what they are"),
    ];
    write(&folder.join("packed/plain.tar"), tar_of(&members));
    write(&folder.join("packed/small.tar.gz"), gzip(tar_of(&members)));
    write(&folder.join("packed/zipped.zip"), zip_of(&members));
    let cnn = ["weights.npy", "layout.csv"]
        .map(|name| (name, std::fs::read(folder.join("cnn").join(name)).unwrap()));
    let cnn: Vec<(&str, &[u8])> = cnn
        .iter()
        .map(|(name, bytes)| (*name, &bytes[..]))
        .collect();
    write(&folder.join("packed/cnn.zip"), zip_of(&cnn));
    write(&folder.join("cut.safetensors"), &one[..one.len() - 1]);
    write(&folder.join("of_no_ending"), &one);
    write(&folder.join("noise"), "nothing that is known");
    write(&folder.join("notes.md"), "# Notes");
    write(&folder.join("epoch_3_seed_1.pt"), &two);
}

#[test]
fn a_prefix_is_scanned_as_a_folder_is() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    write_all(folder.path());
    let server = Server::start();
    server.gives_lists();
    let base = server.folder(folder.path());
    let local = format!("{}/", folder.path().display());
    let as_local = |text: &str| text.replace(&base, &local);

    let (expected, reasons) = found(&local);
    let (catalog, remote_reasons) = found(&base);
    assert_eq!(as_local(&remote_reasons), reasons);
    let debug = |catalog: &Catalog| format!("{:#?}", catalog.entries());
    assert_eq!(as_local(&debug(&catalog)), debug(&expected));
    let remote: BTreeMap<String, String> = opened(&catalog)
        .iter()
        .map(|(name, outcome)| (as_local(name), as_local(outcome)))
        .collect();
    assert_eq!(remote, opened(&expected));
    // Of Ray Tune, the Small CNN Zoo, Hugging Face, TensorFlow.js, PGDL, archives, files of their
    // own, and the zoo in an archive.
    assert_eq!(remote.len(), 58 + 20 + 1 + 1 + 1 + 6 + 3 + 20);
    assert_eq!(
        remote
            .values()
            .filter(|outcome| outcome.contains("cut short"))
            .count(),
        2
    );
}

#[test]
fn rows_of_an_object_are_read_in_blocks() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let rows = 500;
    write_small_cnn_zoo(folder.path(), rows);
    let server = Server::start();
    let url = format!("{}weights.npy", server.folder(folder.path()));
    let (catalog, _) = found(&url);
    assert_eq!(catalog.entries().len(), rows);
    let mut entries = catalog.entries();
    let entry = entries
        .find(|entry| entry.location.row == Some(21))
        .unwrap();
    assert_eq!((entry.run.as_str(), entry.step), ("/zoo/run_2", 3));
    let local = found(&folder.path().join("weights.npy").to_string_lossy()).0;
    let digests = |catalog: &Catalog| opened(catalog).into_values().collect::<Vec<_>>();
    assert_eq!(digests(&catalog), digests(&local));
    // Before the blocks come headers.
    let asked = server.asked("weights.npy");
    let blocks = asked.iter().flatten().filter(|range| range.start > 0);
    let mut blocks: Vec<_> = blocks.map(|range| (range.start, range.end)).collect();
    blocks.sort_unstable();
    let row = 4 * 4970;
    let (first, end) = (128, 128 + row * rows);
    let second = first + (8 << 20) / row * row;
    assert_eq!(blocks, [(first, second), (second, end)]);
    let headers = asked.iter().flatten().filter(|range| range.start == 0);
    assert!({ headers }.all(|range| range.end <= 1 << 16), "{asked:?}");
}

#[test]
fn an_archive_on_a_server_that_gives_no_lists_is_read_once() {
    let _alone = alone();
    let server = Server::start();
    let (one, two) = (checkpoint(1.0), checkpoint(2.0));
    let members: [(&str, &[u8]); 2] = [("a.safetensors", &one), ("b.safetensors", &two)];
    for (key, bytes) in [
        ("zoo.tar", tar_of(&members)),
        ("zoo.tgz", gzip(tar_of(&members))),
        ("zoo.zip", zip_of(&members)),
        ("download", zip_of(&members)),
    ] {
        let url = server.file(key, &bytes);
        let (catalog, _) = found(&url);
        let names = catalog.entries().map(|entry| entry.checkpoint.clone());
        let expected = ["a", "b"].map(|name| format!("{url}: {name}.safetensors"));
        assert!(names.eq(expected), "{catalog:?}");
        let opened = OpenCheckpoint::open_at(
            &catalog.entries().nth(1).unwrap().location,
            &Limits::default(),
        );
        assert_eq!(opened.unwrap().values("fc.bias").unwrap()[..], [2.0, 2.0]);
        let wholes = server
            .asked(key)
            .iter()
            .filter(|range| range.is_none())
            .count();
        assert_eq!(
            wholes, 2,
            "{key}: one request for its size, one for all of it"
        );
    }
}

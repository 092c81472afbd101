//! Zips whose lists are wrong: a repeated name, or members that the end record does not count.
//! Readers differ in which member they see, so every kind of file that is a zip is refused.

use std::io::{Cursor, Write};
use std::path::Path;

use cntflow_catalog::CatalogOptions;
use cntflow_formats::OpenCheckpoint;
use cntflow_sources::scan;
use cntflow_storage::{Content, FullMessage, Limits};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::bounded::{alone, bounded};

/// A zip of stored members.
fn zip(names: &[&str]) -> Vec<u8> {
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for name in names {
        zip.start_file(*name, stored).unwrap();
        zip.write_all(b"content").unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// The same with another name of the same length for a member.
fn renamed(mut zip: Vec<u8>, from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let is_there = |at: &usize| zip[*at..].starts_with(from.as_bytes());
    let places: Vec<usize> = (0..zip.len()).filter(is_there).collect();
    assert_eq!(places.len(), 2, "in its own header and in the list");
    for at in places {
        zip[at..at + to.len()].copy_from_slice(to.as_bytes());
    }
    zip
}

/// The same with an end record that counts one member less.
fn uncounted(mut zip: Vec<u8>) -> Vec<u8> {
    let end = zip.len() - 22;
    zip[end + 8] -= 1;
    zip[end + 10] -= 1;
    zip
}

#[track_caller]
fn refused(bytes: Vec<u8>, expected: &str) {
    let path = Path::new("hostile");
    let opened = bounded(|| {
        OpenCheckpoint::read(path, Content::in_memory(bytes), &Limits::default()).map(drop)
    });
    let text = opened.unwrap_err().full_message();
    assert!(
        text.contains("hostile") && text.contains(expected),
        "{text}"
    );
}

const TORCH: [&str; 4] = ["a/data.pkl", "a/data/0", "a/data/1", "a/version"];
const ARRAYS: [&str; 2] = ["a.npy", "b.npy"];
const KERAS: [&str; 4] = [
    "metadata.json",
    "config.json",
    "config.jsom",
    "model.weights.h5",
];

#[test]
fn a_repeated_name_is_refused() {
    let _alone = alone();
    refused(
        renamed(zip(&TORCH), "a/data/1", "a/data/0"),
        "its zip lists member a/data/0 twice: 4 members of 3 names",
    );
    refused(
        renamed(zip(&ARRAYS), "b.npy", "a.npy"),
        "its zip lists member a.npy twice: 2 members of 1 names",
    );
    refused(
        renamed(zip(&KERAS), "config.jsom", "config.json"),
        "its zip lists member config.json twice: 4 members of 3 names",
    );
}

#[test]
fn a_member_that_the_end_record_does_not_count_is_refused() {
    let _alone = alone();
    refused(
        uncounted(zip(&TORCH)),
        "its zip lists 4 members, but its end record says 3",
    );
    refused(
        uncounted(zip(&ARRAYS)),
        "its zip lists 2 members, but its end record says 1",
    );
    let model = ["config.json", "model.weights.h5", "more"];
    refused(
        uncounted(zip(&model)),
        "its zip lists 3 members, but its end record says 2",
    );
}

#[test]
fn an_archive_with_a_wrong_list_is_refused_or_skipped() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("zoo.zip");
    let options = CatalogOptions::default();
    let members = ["a.safetensors", "b.safetensors"];
    let twice = renamed(zip(&members), members[1], members[0]);
    for (bytes, expected) in [
        (twice, "lists member a.safetensors twice"),
        (uncounted(zip(&members)), "its end record says 1"),
    ] {
        std::fs::write(&path, bytes).unwrap();
        let named = [path.to_string_lossy().into_owned()];
        let text = bounded(|| scan(&named, &options).unwrap_err().full_message());
        assert!(
            text.contains("zoo.zip") && text.contains(expected),
            "{text}"
        );
        let below = [folder.path().to_string_lossy().into_owned()];
        let (catalog, skipped) = scan(&below, &options).unwrap();
        assert_eq!(catalog.entries().len(), 0);
        assert!(skipped[0].reason.contains(expected), "{skipped:?}");
    }
}

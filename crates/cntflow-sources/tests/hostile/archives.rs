//! Hostile archives: each is an error or a reason that names it, and nothing is written.

use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use cntflow_catalog::{CatalogOptions, SkippedFile};
use cntflow_formats::OpenCheckpoint;
use cntflow_sources::scan;
use cntflow_storage::{FullMessage, Limits, Location};
use flate2::Compression;
use flate2::write::GzEncoder;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::bounded::{alone, bounded};

/// A tar header as an attacker writes it: no check of the name or the size.
fn header(name: &str, size: u64, kind: tar::EntryType) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_size(size);
    header.set_entry_type(kind);
    header.set_cksum();
    header
}

fn tar_of(members: &[(&str, u64, &[u8])]) -> Vec<u8> {
    let mut file = Vec::new();
    for (name, size, bytes) in members {
        file.extend(header(name, *size, tar::EntryType::Regular).as_bytes());
        file.extend(*bytes);
        file.resize(file.len().next_multiple_of(512), 0);
    }
    file.resize(file.len() + 1024, 0);
    file
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut file = GzEncoder::new(Vec::new(), Compression::default());
    file.write_all(bytes).unwrap();
    file.finish().unwrap()
}

/// As many zeros, packed, without holding them.
fn packed_zeros(megabytes: usize) -> Vec<u8> {
    let mut file = GzEncoder::new(Vec::new(), Compression::fast());
    let tar = header(
        "a.safetensors",
        (megabytes as u64) << 20,
        tar::EntryType::Regular,
    );
    file.write_all(tar.as_bytes()).unwrap();
    let zeros = vec![0; 1 << 20];
    for _ in 0..megabytes {
        file.write_all(&zeros).unwrap();
    }
    file.write_all(&zeros[..1024]).unwrap();
    file.finish().unwrap()
}

fn zip_of(members: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let options = SimpleFileOptions::default().compression_method(method);
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        archive.start_file(*name, options).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

/// Scans an archive and opens all that is found in it: every error and reason.
#[track_caller]
fn errors(path: &Path, limits: &Limits) -> Vec<String> {
    bounded(|| {
        let sources = [path.to_string_lossy().into_owned()];
        let (catalog, skipped) = match scan(&sources, &CatalogOptions::default()) {
            Ok(scanned) => scanned,
            Err(error) => return vec![error.full_message()],
        };
        let opened = catalog
            .entries()
            .map(|entry| OpenCheckpoint::open_at(&entry.location, limits));
        let failed = opened.filter_map(|opened| Some(opened.err()?.to_string()));
        let shown = |file: &SkippedFile| format!("{}: {}", file.path.display(), file.reason);
        skipped.iter().map(shown).chain(failed).collect()
    })
}

#[track_caller]
fn refused(path: &Path, expected: &str) {
    let errors = errors(path, &Limits::default());
    let name = path.file_name().unwrap().to_string_lossy();
    let says_so = |error: &String| error.contains(&*name) && error.contains(expected);
    assert!(errors.iter().any(says_so), "{expected}: {errors:?}");
}

#[test]
fn impossible_sizes_are_refused() {
    let _alone = alone();
    let folder = Folder::new();
    for (at, size) in [1 << 20, 1 << 40, (1 << 63) - 1, 1 << 63, u64::MAX]
        .into_iter()
        .enumerate()
    {
        let tar = tar_of(&[("a.safetensors", size, b"content")]);
        refused(&folder.write(&format!("{at}.tar"), &tar), "");
        refused(&folder.write(&format!("{at}.tgz"), &gzip(&tar)), "");
    }
}

#[test]
fn names_of_members_are_never_paths() {
    let _alone = alone();
    let folder = Folder::new();
    let inner = folder.0.path().join("inner");
    std::fs::create_dir(&inner).unwrap();
    let names = [
        "../up.safetensors",
        "/tmp/absolute.safetensors",
        "a/../../up.safetensors",
        "a\\..\\up.safetensors",
        "..\\up.safetensors",
    ];
    let members = names.map(|name| (name, 7, &b"content"[..]));
    let tar = tar_of(&members);
    let zip = zip_of(
        &names.map(|name| (name, &b"content"[..])),
        CompressionMethod::Stored,
    );
    for (name, bytes) in [
        ("a.tar", tar.clone()),
        ("a.tgz", gzip(&tar)),
        ("a.zip", zip),
    ] {
        let path = folder.write(&format!("inner/{name}"), &bytes);
        assert_eq!(
            errors(&path, &Limits::default()).len(),
            names.len(),
            "{name}"
        );
    }
    assert_eq!(std::fs::read_dir(&inner).unwrap().count(), 3);
    assert_eq!(std::fs::read_dir(folder.0.path()).unwrap().count(), 1);
}

#[test]
fn links_are_not_followed() {
    let _alone = alone();
    let folder = Folder::new();
    for kind in [tar::EntryType::Symlink, tar::EntryType::Link] {
        let mut link = header("a.safetensors", 0, kind);
        link.set_link_name("/etc/passwd").unwrap();
        link.set_cksum();
        let tar = [&link.as_bytes()[..], &[0; 1024]].concat();
        refused(&folder.write("a.tar", &tar), "it is not a regular file");
    }
}

#[test]
fn bombs_are_refused() {
    let _alone = alone();
    let folder = Folder::new();
    let few = Limits {
        decoded_bytes: 1 << 20,
        archive_bytes: 1 << 20,
        ..Limits::default()
    };
    let bomb = packed_zeros(64);
    assert!(bomb.len() < 1 << 20);
    let path = folder.write("bomb.tgz", &bomb);
    let at = Location::of_member(&path, "a.safetensors");
    let text = bounded(|| {
        OpenCheckpoint::open_at(&at, &few)
            .unwrap_err()
            .full_message()
    });
    assert!(
        text.contains("bomb.tgz") && text.contains("archive_bytes allows 1048576"),
        "{text}"
    );
    // Decoded into a temporary file within the default limits, and no checkpoint.
    refused(&path, "a.safetensors");

    let zeros = vec![0; 8 << 20];
    let members: [(&str, &[u8]); 2] = [("a.safetensors", &zeros), ("b.safetensors", &zeros)];
    let bomb = zip_of(&members, CompressionMethod::Deflated);
    let path = folder.write("bomb.zip", &bomb);
    let at = Location::of_member(&path, "a.safetensors");
    let text = bounded(|| {
        OpenCheckpoint::open_at(&at, &few)
            .unwrap_err()
            .full_message()
    });
    assert!(text.contains("decoded_bytes allows 1048576"), "{text}");
    refused(&path, "a.safetensors");
    // An archive in an archive is a member like any other.
    let nested = zip_of(&[("a.safetensors", &bomb)], CompressionMethod::Stored);
    refused(&folder.write("nested.zip", &nested), "a.safetensors");
}

#[test]
fn members_that_share_bytes_are_refused() {
    let _alone = alone();
    let folder = Folder::new();
    let members: [(&str, &[u8]); 2] =
        [("a.safetensors", b"content"), ("b.safetensors", b"content")];
    let mut zip = zip_of(&members, CompressionMethod::Stored);
    // The second entry of the list leads to the first member.
    let entries: Vec<usize> = (0..zip.len() - 4)
        .filter(|&at| zip[at..].starts_with(b"PK\x01\x02"))
        .collect();
    zip[entries[1] + 42..entries[1] + 46].fill(0);
    refused(&folder.write("a.zip", &zip), "overlap");
}

#[test]
fn no_changed_byte_makes_it_panic() {
    let _alone = alone();
    let folder = Folder::new();
    let tar = tar_of(&[("a.safetensors", 7, b"content")]);
    let zip = zip_of(
        &[("a.safetensors", b"content")],
        CompressionMethod::Deflated,
    );
    for (name, whole) in [("a.tar", &tar), ("a.tgz", &gzip(&tar)), ("a.zip", &zip)] {
        for at in 0..whole.len().min(600) {
            let mut changed = whole.clone();
            changed[at] ^= 0xFF;
            errors(&folder.write(name, &changed), &Limits::default());
        }
    }
}

#[test]
fn an_archive_of_many_members_is_listed_once() {
    let _alone = alone();
    let folder = Folder::new();
    let names: Vec<String> = (0..20_000).map(|at| format!("{at}.safetensors")).collect();
    let members: Vec<_> = names.iter().map(|name| (&**name, 0, &b""[..])).collect();
    let tar = tar_of(&members);
    for (name, bytes) in [("a.tar", tar.clone()), ("a.tgz", gzip(&tar))] {
        let sources = [folder.write(name, &bytes).to_string_lossy().into_owned()];
        let (catalog, skipped) = bounded(|| scan(&sources, &CatalogOptions::default()).unwrap());
        assert_eq!(catalog.entries().len(), names.len(), "{name}");
        assert_eq!(skipped, [], "{name}");
    }
}

//! Sources that are no folder: archives, and a catalog with a table of metadata.

use std::io::{Cursor, Write};
use std::path::Path;

use cntflow_catalog::{CatalogOptions, Label};
use cntflow_formats::OpenCheckpoint;
use cntflow_sources::scan;
use cntflow_storage::{FullMessage, Limits, Location};
use safetensors::Dtype;
use safetensors::tensor::TensorView;

fn checkpoint(value: f32) -> Vec<u8> {
    let bytes = value.to_le_bytes().repeat(4);
    let view = TensorView::new(Dtype::F32, vec![2, 2], &bytes).unwrap();
    safetensors::serialize([("fc.weight", view)], None).unwrap()
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut file = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    file.write_all(bytes).unwrap();
    file.finish().unwrap()
}

#[test]
fn a_table_of_metadata_is_joined_and_unmatched_rows_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a", "b", "c"] {
        let path = folder.path().join(format!("zoo/{name}.safetensors"));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, checkpoint(1.0)).unwrap();
    }
    let metadata = folder.path().join("runs.csv");
    std::fs::write(
        &metadata,
        "file,model,epoch,accuracy\na,m1,4,0.9\nzoo/b.safetensors,m1,5,0.8\nlost,m2,0,0.1\n",
    )
    .unwrap();
    let sources = [text(&folder.path().join("zoo"))];
    let options = CatalogOptions {
        metadata: Some(metadata.clone()),
        ..CatalogOptions::default()
    };
    let (catalog, skipped) = scan(&sources, &options).unwrap();
    let entries = catalog.into_entries();
    assert_eq!(entries[0].labels["accuracy"], Label::Real(0.9));
    assert_eq!(entries[1].labels["epoch"], 5.into());
    assert!(entries[2].labels.is_empty());
    let reasons: Vec<&str> = skipped.iter().map(|over| &*over.reason).collect();
    assert_eq!(
        reasons[0],
        "line 4: 'lost' in column 'file' matches no checkpoint"
    );
    assert!(
        reasons[1].starts_with("no row for 1 checkpoint (") && reasons[1].contains("c.safetensors")
    );
    assert_eq!(reasons.len(), 2);

    let columns = CatalogOptions {
        run: Some("model".to_owned()),
        step: Some("epoch".to_owned()),
        ..options
    };
    let refused = scan(&sources, &columns).unwrap_err().full_message();
    assert!(
        refused.contains("c.safetensors") && refused.contains("it has no label 'model'"),
        "{refused}"
    );
    std::fs::remove_file(folder.path().join("zoo/c.safetensors")).unwrap();
    let (catalog, _) = scan(&sources, &columns).unwrap();
    let rows: Vec<_> = catalog
        .entries()
        .map(|entry| (entry.run.to_string(), entry.step))
        .collect();
    assert_eq!(rows, [("m1".to_owned(), 4), ("m1".to_owned(), 5)]);
}

fn tar_of(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, bytes) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        // As an attacker writes it: no check of the name.
        header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        archive.append(&header, *bytes).unwrap();
    }
    archive.into_inner().unwrap()
}

fn zip_of(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let stored =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, bytes) in members {
        archive.start_file(*name, stored).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

#[test]
fn members_of_archives_are_checkpoints_in_place() {
    let (a, b) = (checkpoint(1.0), checkpoint(2.0));
    let members: [(&str, &[u8]); 4] = [
        ("./zoo/a.safetensors", &a),
        ("zoo/b.safetensors", &b),
        ("../../up.safetensors", &b),
        ("zoo/readme.md", b"text"),
    ];
    let folder = tempfile::tempdir().unwrap();
    let tar = tar_of(&members);
    let archives = [
        ("z.tar", tar.clone()),
        ("z.tar.gz", gzip(&tar)),
        ("z.tgz", gzip(&tar)),
        ("z.zip", zip_of(&members)),
        ("no-ending", zip_of(&members)),
    ];
    for (name, bytes) in archives {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let (catalog, skipped) = scan(&[text(&path)], &CatalogOptions::default()).unwrap();
        let found: Vec<_> = catalog
            .entries()
            .map(|entry| entry.location.member.clone().unwrap())
            .collect();
        assert_eq!(found.len(), 3, "{name}: {found:?}");
        assert!(
            found.contains(&"../../up.safetensors".to_owned()),
            "{found:?}"
        );
        assert_eq!(skipped.len(), 1, "{name}: {skipped:?}");
        let at = Location::of_member(&path, "zoo/b.safetensors");
        let opened = OpenCheckpoint::open_at(&at, &Limits::default()).unwrap();
        assert_eq!(*opened.values("fc.weight").unwrap(), [2.0; 4]);
        let missing =
            OpenCheckpoint::open_at(&Location::of_member(&path, "zoo/c"), &Limits::default());
        let text = missing.unwrap_err().full_message();
        assert!(text.contains(&format!("{name}: zoo/c: ")), "{text}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 5);
}

#[test]
fn archives_that_are_cut_short_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let a = checkpoint(1.0);
    let whole = tar_of(&[("a.safetensors", &a), ("b.safetensors", &a)]);
    let path = folder.path().join("z.tar");
    std::fs::write(&path, &whole[..1024 + 512 + 20]).unwrap();
    let (catalog, skipped) = scan(&[text(&path)], &CatalogOptions::default()).unwrap();
    assert_eq!(catalog.entries().len(), 2);
    assert!(skipped[0].reason.contains("no end mark"), "{skipped:?}");
    let cut = OpenCheckpoint::open_at(
        &Location::of_member(&path, "b.safetensors"),
        &Limits::default(),
    );
    let text = cut.unwrap_err().full_message();
    assert!(
        text.contains("z.tar: b.safetensors") && text.contains("cut short"),
        "{text}"
    );
}

#[test]
fn every_truncation_of_an_archive_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("z");
    let a = checkpoint(1.0);
    let members: [(&str, &[u8]); 1] = [("a.safetensors", &a)];
    let tar = tar_of(&members);
    // One of the two blocks of zeros that end a tar archive is enough.
    let ends = tar.len() - 512;
    let [packed, zip] = [gzip(&tar), zip_of(&members)];
    let archives = [(&tar, ends), (&packed, packed.len()), (&zip, zip.len())];
    for (whole, end) in archives {
        for length in 0..end {
            std::fs::write(&path, &whole[..length]).unwrap();
            let found = scan(
                &[path.to_string_lossy().into_owned()],
                &CatalogOptions::default(),
            );
            let Ok((catalog, skipped)) = found else {
                continue;
            };
            let mut entries = catalog.entries();
            let fails = entries
                .any(|entry| OpenCheckpoint::open_at(&entry.location, &Limits::default()).is_err());
            assert!(fails || !skipped.is_empty(), "{length} of {}", whole.len());
        }
    }
}

#[test]
fn checkpoints_in_the_form_of_a_zip_are_no_archives() {
    let folder = tempfile::tempdir().unwrap();
    let torch = zip_of(&[
        ("m/data.pkl", b"x"),
        ("m/version", b"3"),
        ("m/data/0", b"0000"),
    ]);
    let arrays = zip_of(&[("arr_0.npy", b"x")]);
    for (name, bytes) in [("a.pt", torch), ("b.npz", arrays)] {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    let (catalog, _) = scan(&[text(folder.path())], &CatalogOptions::default()).unwrap();
    let members = catalog
        .entries()
        .filter(|entry| entry.location.member.is_some());
    assert_eq!((catalog.entries().len(), members.count()), (2, 0));
}

//! Sources that are no folder: catalogs, tables of metadata, archives.

use cntflow_storage::FullMessage;
use std::io::{Cursor, Write};
use std::path::Path;

use cntflow_catalog::{CatalogOptions, Label, read_catalog, write_catalog};
use cntflow_formats::OpenCheckpoint;
use cntflow_sources::scan;
use cntflow_storage::{Limits, Location, StorageError};
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
fn catalogs_of_every_form_are_read_alike() {
    let folder = tempfile::tempdir().unwrap();
    let csv = "path,run,step,seed,rate,name\nx/a.pt,007,3,1,0.5,relu\n/abs/b.pt,8,4,2,,true\ns3://b//c.pt,9,0,,,\n";
    let lines = concat!(
        r#"{"path": "x/a.pt", "run": "007", "step": 3, "seed": 1, "rate": 0.5, "name": "relu"}"#,
        "\n\n",
        r#"{"path": "/abs/b.pt", "run": 8, "step": 4, "seed": 2, "name": true}"#,
        "\n",
        r#"{"path": "s3://b//c.pt", "run": 9, "rate": null}"#,
    );
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        read_catalog(&path).unwrap()
    };
    let entries = write("a.csv", csv.as_bytes());
    assert_eq!(entries[0].location.path, folder.path().join("x/a.pt"));
    assert_eq!(entries[1].location.path, Path::new("/abs/b.pt"));
    assert_eq!(entries[2].location.url(), Some("s3://b//c.pt"));
    assert_eq!((entries[0].run.as_str(), entries[0].step), ("007", 3));
    assert_eq!(entries[0].labels["rate"], Label::Real(0.5));
    assert_eq!(entries[1].labels.len(), 2);
    assert_eq!(write("a.csv.gz", &gzip(csv.as_bytes())), entries);
    assert_eq!(write("a.jsonl", lines.as_bytes()), entries);
    assert_eq!(write("a.jsonl.gz", &gzip(lines.as_bytes())), entries);
    let catalog = cntflow_catalog::Catalog::new(entries.clone()).unwrap();
    let path = folder.path().join("a.parquet");
    write_catalog(&path, &catalog).unwrap();
    let mut read = read_catalog(&path).unwrap();
    for entry in &mut read {
        // A column has one type.
        entry.labels.remove("name");
    }
    let mut expected = catalog.into_entries();
    for entry in &mut expected {
        entry.labels.remove("name");
    }
    assert_eq!(read, expected);
}

#[test]
fn broken_rows_name_file_line_and_column() {
    let folder = tempfile::tempdir().unwrap();
    let check = |name: &str, content: &str, expected: &[&str]| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        let text = read_catalog(&path).unwrap_err().full_message();
        for part in expected.iter().chain([&name]) {
            assert!(text.contains(part), "{text}");
        }
    };
    check(
        "a.csv",
        "path,step\na,1\nb,x\n",
        &["line 3", "'step' is 'x'"],
    );
    check(
        "a.csv",
        "run,step\na,1\n",
        &["line 2", "'path' is empty or missing"],
    );
    check("a.csv", "path,step\na,1,2\n", &["line: 2"]);
    check(
        "a.csv",
        "path,step,step\na,1,2\n",
        &["column 'step' is there twice"],
    );
    check(
        "a.csv",
        "path,row\na,-1\n",
        &["line 2", "'row' is negative"],
    );
    check(
        "a.jsonl",
        "{\"path\": \"a\"}\n{\"path\": \n",
        &["line 2", "no JSON"],
    );
    check("a.jsonl", "[1]\n", &["line 1", "no JSON object"]);
    check("a.parquet", "PAR1", &[]);
}

#[test]
fn a_table_of_metadata_is_joined_and_what_is_left_is_told() {
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
    let entries = catalog.entries();
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
        refused.contains("c.safetensors") && refused.contains("no column 'model'"),
        "{refused}"
    );
    std::fs::remove_file(folder.path().join("zoo/c.safetensors")).unwrap();
    let (catalog, _) = scan(&sources, &columns).unwrap();
    let told: Vec<_> = catalog
        .entries()
        .iter()
        .map(|entry| (&*entry.run, entry.step))
        .collect();
    assert_eq!(told, [("m1", 4), ("m1", 5)]);
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

/// A zip archive of one deflated member, by hand: `claimed` is the length that it gives.
fn deflated_zip(name: &str, bytes: &[u8], claimed: u32) -> Vec<u8> {
    let mut packer = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(bytes).unwrap();
    let packed = packer.finish().unwrap();
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    let common = |file: &mut Vec<u8>| {
        file.extend([20, 0, 0, 0, 8, 0, 0, 0, 0x21, 0]);
        file.extend(crc.sum().to_le_bytes());
        file.extend((packed.len() as u32).to_le_bytes());
        file.extend(claimed.to_le_bytes());
        file.extend((name.len() as u16).to_le_bytes());
        file.extend([0, 0]);
    };
    let mut file = b"PK\x03\x04".to_vec();
    common(&mut file);
    file.extend(name.as_bytes());
    file.extend(&packed);
    let directory = file.len() as u32;
    file.extend(b"PK\x01\x02\x14\x00");
    common(&mut file);
    file.extend([0; 14]);
    file.extend(name.as_bytes());
    let length = file.len() as u32 - directory;
    file.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    file.extend(length.to_le_bytes());
    file.extend(directory.to_le_bytes());
    file.extend([0, 0]);
    file
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
            .iter()
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
    assert!(
        skipped[0].reason.contains("no mark of its end"),
        "{skipped:?}"
    );
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
fn every_truncation_of_an_archive_is_told() {
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
            let mut entries = catalog.entries().iter();
            let fails = entries
                .any(|entry| OpenCheckpoint::open_at(&entry.location, &Limits::default()).is_err());
            assert!(fails || !skipped.is_empty(), "{length} of {}", whole.len());
        }
    }
}

#[test]
fn bombs_are_refused_before_they_are_held() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("z.zip");
    let open = |bytes: &[u8], limits: &Limits| -> Result<_, StorageError> {
        std::fs::write(&path, bytes).unwrap();
        Location::of_member(&path, "a")
            .content(limits)
            .map(|content| content.len())
    };
    let zeros = vec![0; 1 << 20];
    let few = Limits {
        decoded_bytes: 1 << 16,
        ..Limits::default()
    };
    let good = deflated_zip("a", &zeros, 1 << 20);
    assert_eq!(open(&good, &Limits::default()).unwrap(), 1 << 20);
    let text = open(&good, &few).unwrap_err().full_message();
    assert!(text.contains("decoded_bytes is 65536"), "{text}");
    let lies = deflated_zip("a", &zeros, 100);
    let text = open(&lies, &Limits::default()).unwrap_err().full_message();
    assert!(text.contains("longer than the 100 bytes"), "{text}");
    let text = open(&deflated_zip("a", b"abc", u32::MAX - 1), &Limits::default());
    let text = text.unwrap_err().full_message();
    assert!(text.contains("expansion"), "{text}");
    let spool = Limits {
        archive_bytes: 1 << 16,
        ..Limits::default()
    };
    let tar = gzip(&tar_of(&[("a", &zeros)]));
    let text = open(&tar, &spool).unwrap_err().full_message();
    assert!(text.contains("archive_bytes is 65536"), "{text}");
}

#[test]
fn checkpoints_that_are_zip_archives_are_no_archives() {
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
        .iter()
        .filter(|entry| entry.location.member.is_some());
    assert_eq!((catalog.entries().len(), members.count()), (2, 0));
}

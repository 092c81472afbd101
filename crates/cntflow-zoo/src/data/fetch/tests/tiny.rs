//! A tiny data set in every form.

use std::collections::BTreeMap;
use std::io::Write;

use sha2::{Digest, Sha256};

use crate::data::Split;
use crate::data::builtin::DatasetInfo;
use crate::data::fetch::cifar_binary;
use crate::data::hex::hex;
use crate::data::idx::Idx;
use crate::data::published::{PublishedDataset, PublishedFile};

/// Ten training and two test images of 3 channels, 2 rows and 2 columns.
pub(super) const N_TRAIN: usize = 10;
pub(super) const N_TEST: usize = 2;
pub(super) const SHAPE: [usize; 3] = [3, 2, 2];

pub(super) type Files = BTreeMap<String, Vec<u8>>;

pub(super) fn pixels(split: Split) -> Vec<u8> {
    let (n, start) = match split {
        Split::Train => (N_TRAIN, 0),
        Split::Test => (N_TEST, 100),
    };
    (0..n * 12).map(|value| (value + start) as u8).collect()
}

pub(super) fn labels(split: Split) -> Vec<u8> {
    let n = pixels(split).len() / 12;
    (0..n).map(|image| (image % 3) as u8).collect()
}

/// The four files as the cache has them.
pub(super) fn idx_files() -> Files {
    let mut files = Files::new();
    for split in [Split::Train, Split::Test] {
        let (pixels, labels) = (pixels(split), labels(split));
        let [images, labels] = cifar_binary::images_and_labels(SHAPE, pixels, labels);
        let prefix = split.file_prefix();
        let mut add = |name: String, idx: &Idx| {
            files.insert(name, [&idx.header()[..], &idx.values].concat());
        };
        add(format!("{prefix}-images-idx4-ubyte"), &images);
        add(format!("{prefix}-labels-idx1-ubyte"), &labels);
    }
    files
}

/// The batches of two images each, by their names without extension.
pub(super) fn batches() -> Vec<(String, Vec<[u8; 12]>, Vec<u8>)> {
    let mut batches = Vec::new();
    for split in [Split::Train, Split::Test] {
        let names = cifar_binary::batch_names(split, "");
        let (pixels, labels) = (pixels(split), labels(split));
        let images: Vec<[u8; 12]> = pixels
            .chunks(12)
            .map(|image| image.try_into().unwrap())
            .collect();
        for (index, name) in names.iter().enumerate() {
            let range = 2 * index..2 * index + 2;
            let name = name.trim_end_matches('.').to_owned();
            batches.push((name, images[range.clone()].to_vec(), labels[range].to_vec()));
        }
    }
    batches
}

pub(super) fn binary_files() -> Files {
    let files = batches().into_iter().map(|(name, images, labels)| {
        let records = images.iter().zip(&labels);
        let content = records.flat_map(|(image, label)| [&[*label][..], image].concat());
        (
            format!("cifar-10-batches-bin/{name}.bin"),
            content.collect(),
        )
    });
    files.collect()
}

/// Sheets with `width` pixels in a row; the images have four.
pub(super) fn sheet_files(width: usize) -> Files {
    let mut files = Files::new();
    for (name, images, _) in batches() {
        let mut content = Vec::new();
        let mut encoder = png::Encoder::new(&mut content, width as u32, images.len() as u32);
        encoder.set_color(png::ColorType::Rgb);
        let rows = images.iter().flat_map(|image| {
            let pixel = |p: usize| [image[p % 4], image[4 + p % 4], image[8 + p % 4]];
            (0..width).flat_map(pixel)
        });
        let rows: Vec<u8> = rows.collect();
        encoder
            .write_header()
            .unwrap()
            .write_image_data(&rows)
            .unwrap();
        files.insert(format!("package/{name}.png"), content);
    }
    for (name, split) in [("train", Split::Train), ("test", Split::Test)] {
        let labels = serde_json::to_vec(&labels(split)).unwrap();
        files.insert(format!("package/{name}_lables.json"), labels);
    }
    files
}

/// The data set, to be downloaded as `downloads` from `mirrors`.
pub(super) fn tiny(
    downloads: &'static [&'static str],
    mirrors: &'static [&'static str],
) -> PublishedDataset {
    let sha256: BTreeMap<String, &'static str> = idx_files()
        .into_iter()
        .map(|(name, content)| (name, &*hex(&Sha256::digest(content)).leak()))
        .collect();
    let file = |name: &'static str| PublishedFile {
        name,
        sha256: sha256[name],
    };
    PublishedDataset {
        info: DatasetInfo {
            name: "tiny",
            description: "",
            licence: "",
            n_train: N_TRAIN,
            n_test: N_TEST,
            n_classes: 3,
            shape: SHAPE,
            bytes: 0,
        },
        files: [
            file("train-images-idx4-ubyte"),
            file("train-labels-idx1-ubyte"),
            file("t10k-images-idx4-ubyte"),
            file("t10k-labels-idx1-ubyte"),
        ],
        mirrors,
        downloads,
    }
}

pub(super) fn tar(files: &Files) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        archive
            .append_data(&mut header, name, &content[..])
            .unwrap();
    }
    archive.into_inner().unwrap()
}

pub(super) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn deb(files: &Files) -> Vec<u8> {
    let member = |name: &str, content: &[u8]| {
        let padding: &[u8] = if content.len() % 2 == 1 { b"\n" } else { b"" };
        let header = format!("{name:<48}{:<10}`\n", content.len());
        [header.as_bytes(), content, padding].concat()
    };
    let version = member("debian-binary", b"2.0\n");
    let data = member("data.tar.gz", &gzip(&tar(files)));
    [b"!<arch>\n".to_vec(), version, data].concat()
}

//! Files that PyTorch and NumPy wrote (`tests/formats/make_torch_numpy.py`) are read exactly; damaged and hostile ones are errors.

mod common;

use cntflow_storage::FullMessage;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cntflow_architecture::resolve_architecture;
use cntflow_formats::OpenCheckpoint;
use cntflow_storage::{Content, Limits};
use common::bounded;
use serde::Deserialize;

#[derive(Deserialize)]
struct Expected {
    shape: Vec<usize>,
    values: Vec<f32>,
}

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/torch_numpy")
}

fn read(bytes: &[u8]) -> Result<OpenCheckpoint, String> {
    OpenCheckpoint::read(Path::new("file"), Content::held(bytes), &Limits::default())
        .map_err(|error| error.full_message())
}

/// Opens the bytes and touches every tensor, within a second and 100 MiB.
fn touch(bytes: &[u8]) -> Result<(), String> {
    bounded(|| {
        let checkpoint = read(bytes)?;
        for tensor in checkpoint.tensors() {
            let _ = checkpoint.values(&tensor.name);
        }
        Ok(())
    })
}

#[test]
fn every_tensor_is_as_the_framework_has_it() {
    let text = std::fs::read_to_string(data().join("expected.json")).unwrap();
    let expected: BTreeMap<String, BTreeMap<String, Expected>> =
        serde_json::from_str(&text).unwrap();
    for (file, tensors) in expected {
        let checkpoint = OpenCheckpoint::open(&data().join(&file)).unwrap();
        for (name, expected) in &tensors {
            let entry = checkpoint.tensor(name);
            let entry = entry.unwrap_or_else(|| panic!("{file} has no {name}"));
            assert_eq!(entry.shape, expected.shape, "{file} {name}");
            let values = checkpoint.values(name).unwrap();
            assert_eq!(*values, expected.values, "{file} {name}");
        }
        let weights = checkpoint.tensors().iter();
        let weights =
            weights.filter(|entry| entry.excluded_because.is_none() && entry.element.is_real());
        assert_eq!(weights.count(), tensors.len(), "{file}");
    }
}

#[test]
fn what_lies_beside_the_weights_is_told() {
    let checkpoint = OpenCheckpoint::open(&data().join("training.pt")).unwrap();
    assert_eq!(checkpoint.metadata()["epoch"], "3");
    assert_eq!(checkpoint.metadata()["test_acc"], "0.9");
    let excluded_because = checkpoint.tensors().iter();
    let excluded_because = excluded_because
        .filter(|entry| entry.excluded_because.as_deref() == Some("optimizer state"));
    assert!(excluded_because.count() >= 8);
    let module = OpenCheckpoint::open(&data().join("module.pt")).unwrap();
    let embedded = resolve_architecture(&module, None).0.unwrap().architecture;
    assert_eq!(embedded.input, [4]);
    assert_eq!(embedded.layers.len(), 3);
}

#[test]
fn nothing_in_a_pickle_is_passed_over_without_a_word() {
    for file in ["beside.pt", "beside_legacy.pt"] {
        let checkpoint = OpenCheckpoint::open(&data().join(file)).unwrap();
        let metadata = checkpoint.metadata();
        assert_eq!((&*metadata["best"], &*metadata["epoch"]), ("0.93", "-7"));
        assert_eq!(*checkpoint.values("losses").unwrap(), [0.5, 0.25], "{file}");
        let excluded_because = |name| checkpoint.tensor(name).unwrap().excluded_because.clone();
        let beside = Some("a NumPy array beside the tensors".to_owned());
        assert_eq!(excluded_because("losses"), beside, "{file}");
        let (_, coverage) = resolve_architecture(&checkpoint, None);
        let device = coverage.iter().find(|row| row.tensor.name == "on.0");
        let reason = device.and_then(|row| row.reason.as_deref());
        assert_eq!(
            reason,
            Some("an object of torch.device: not read"),
            "{file}"
        );
        assert!(checkpoint.values("on.0").is_err());
    }
}

#[test]
fn every_truncation_is_an_error() {
    for file in [
        "state.pt",
        "legacy.pt",
        "beside_legacy.pt",
        "arrays2.pt",
        "c.npy",
        "objects.npy",
        "stored.npz",
        "deflated.npz",
        "plain2.pickle",
    ] {
        let whole = std::fs::read(data().join(file)).unwrap();
        for length in 0..whole.len() {
            assert!(touch(&whole[..length]).is_err(), "{file}, {length} bytes");
        }
    }
}

#[test]
fn hostile_pickles_run_nothing_and_end() {
    let text = touch(b"\x80\x02cos\nsystem\nX\x04\0\0\0true\x85R.");
    assert!(text.unwrap_err().contains("holds no arrays"));
    assert!(touch(b"\x80\x02]q\0h\0a.").unwrap_err().contains("levels"));
    let deep = [
        b"\x80\x02",
        &b"]".repeat(1_000_000)[..],
        &b"a".repeat(999_999),
        b".",
    ]
    .concat();
    assert!(touch(&deep).unwrap_err().contains("levels"));
    let laughs = [b"\x80\x02K\x01", &b"2\x86".repeat(40)[..], b"."].concat();
    assert!(touch(&laughs).unwrap_err().contains("shares"));
}

#[test]
fn shapes_that_cannot_be_are_refused() {
    let whole = std::fs::read(data().join("c.npy")).unwrap();
    let text = String::from_utf8_lossy(&whole[10..128]).into_owned();
    for shape in [
        "(9223372036854775808, 3)",
        "(-2, 3)",
        "(4611686018427387904, 4)",
        "(3, 3)",
    ] {
        let header = text.replacen("(2, 3)", shape, 1);
        let header = &header[..118];
        let changed = [&whole[..10], header.as_bytes(), &whole[128..]].concat();
        assert!(touch(&changed).is_err(), "{shape}");
    }
}

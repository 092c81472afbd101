//! Keras and HDF5 files that are cut short, changed or hostile: each is an error that names the
//! file, or is read as what it says. The hostile files are made by `tests/formats/make_keras.py`.

use std::path::{Path, PathBuf};

use cntflow_architecture::resolve_architecture;
use cntflow_formats::{CheckpointError, OpenCheckpoint};
use cntflow_storage::{Content, FullMessage, Limits};

use crate::bounded::{alone, bounded};

fn folder() -> PathBuf {
    PathBuf::from("tests/data/keras")
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(name)).unwrap()
}

/// Opens bytes and reads every tensor and the architecture; the number of tensors, or what is
/// wrong.
fn read(content: Vec<u8>) -> Result<usize, String> {
    let path = Path::new("hostile.h5");
    let result = bounded(|| -> Result<usize, CheckpointError> {
        let checkpoint =
            OpenCheckpoint::read(path, Content::in_memory(content), &Limits::default())?;
        for tensor in checkpoint.tensors() {
            if tensor.element.is_real() {
                checkpoint.values(&tensor.name)?;
            }
        }
        if let Ok(resolved) = resolve_architecture(&checkpoint, None).0 {
            drop(resolved.network(&checkpoint));
        }
        Ok(checkpoint.tensors().len())
    });
    let result = result.map_err(|error| error.full_message());
    if let Err(text) = &result {
        assert!(text.contains("hostile.h5"), "{text}");
    }
    result
}

#[test]
fn every_truncation_is_an_error_that_names_the_file() {
    let _alone = alone();
    for (name, step) in [
        ("lstm.keras", 1),
        ("keras2.h5", 7),
        ("any_latest.h5", 7),
        ("mlp.keras", 97),
    ] {
        let whole = bytes(name);
        assert!(read(whole.clone()).is_ok(), "{name}");
        for length in (0..whole.len()).step_by(step) {
            assert!(
                read(whole[..length].to_vec()).is_err(),
                "{name}: {length} bytes"
            );
        }
    }
}

#[test]
fn no_changed_byte_makes_it_panic() {
    let _alone = alone();
    for (name, step) in [
        ("lstm.keras", 2),
        ("keras2.h5", 7),
        ("any_latest.h5", 11),
        ("any.h5", 13),
        ("mlp.keras", 53),
    ] {
        let whole = bytes(name);
        for at in (0..whole.len()).step_by(step) {
            for change in [1, 0x80, 0xFF] {
                let mut changed = whole.clone();
                changed[at] ^= change;
                // Whether a changed weight is an error, nobody can tell.
                let _ = read(changed);
            }
        }
    }
}

fn attack(name: &str) -> Result<usize, String> {
    read(bytes(&format!("attacks/{name}")))
}

#[test]
fn cycles_of_groups_are_entered_once() {
    let _alone = alone();
    assert_eq!(attack("loops.h5"), Ok(1));
}

#[test]
fn sizes_beyond_the_file_are_refused_with_both_numbers() {
    let _alone = alone();
    for (name, expected) in [
        ("unwritten.h5", "more elements than a file can hold"),
        (
            "sparse.h5",
            "tensor kernel takes 4000000000 bytes uncompressed, but the file has only 1400",
        ),
        ("bomb.h5", "tensor kernel"),
        (
            "deep.h5",
            "levels of groups: 65, but the limit depth allows 64",
        ),
        (
            "texts.h5",
            "attribute layer_names of \"\" has more bytes of text than the whole file",
        ),
    ] {
        let text = attack(name).unwrap_err();
        assert!(text.contains(expected), "{name}: {text}");
    }
}

/// The place of a dataset's shape in its header: its sizes, one after the other.
fn shape_at(content: &[u8], sizes: &[u64]) -> usize {
    let shape: Vec<u8> = sizes.iter().flat_map(|size| size.to_le_bytes()).collect();
    let at = content
        .windows(shape.len())
        .position(|window| window == shape);
    at.unwrap()
}

#[test]
fn shapes_that_overflow_are_refused() {
    let _alone = alone();
    let whole = bytes("keras2.h5");
    let at = shape_at(&whole, &[4, 5]);
    for sizes in [
        [1 << 63, 5],
        [1 << 63, 1 << 63],
        [1 << 40, 1],
        [0, u64::MAX],
    ] {
        let mut changed = whole.clone();
        for (place, size) in sizes.iter().enumerate() {
            changed[at + 8 * place..][..8].copy_from_slice(&u64::to_le_bytes(*size));
        }
        let text = read(changed).unwrap_err();
        assert!(
            text.contains("dense") || text.contains("second/kernel"),
            "{sizes:?}: {text}"
        );
    }
}

#[test]
fn limits_are_options() {
    let _alone = alone();
    let strict = |limits: Limits| {
        let content = Content::in_memory(bytes("lstm.keras"));
        let opened = OpenCheckpoint::read(Path::new("a.keras"), content, &limits);
        opened.unwrap_err().full_message()
    };
    let limits = Limits::default();
    let text = strict(Limits {
        decoded_bytes: 1000,
        ..limits
    });
    assert!(text.contains("decoded_bytes allows 1000"), "{text}");
    let text = strict(Limits {
        expansion: 2,
        ..limits
    });
    assert!(text.contains("expansion"), "{text}");
    let text = strict(Limits {
        tensors: 3,
        ..limits
    });
    assert!(
        text.contains("tensors: 4, but the limit tensors allows 3"),
        "{text}"
    );
    let text = strict(Limits {
        header_bytes: 10,
        ..limits
    });
    assert!(text.contains("header_bytes allows 10"), "{text}");
    let text = strict(Limits { depth: 1, ..limits });
    assert!(text.contains("levels of groups: 2"), "{text}");
}

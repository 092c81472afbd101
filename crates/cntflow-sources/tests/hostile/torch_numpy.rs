//! Files of PyTorch's and NumPy's (`tests/formats/make_torch_numpy.py`) that are cut short or
//! hostile.

use std::path::{Path, PathBuf};

use cntflow_formats::OpenCheckpoint;
use cntflow_storage::{Content, FullMessage, Limits};

use crate::bounded::{alone, bounded};

fn data() -> PathBuf {
    PathBuf::from("tests/data/torch_numpy")
}

fn read(bytes: &[u8]) -> Result<OpenCheckpoint, String> {
    OpenCheckpoint::read(
        Path::new("file"),
        Content::in_memory(bytes),
        &Limits::default(),
    )
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
fn every_truncation_is_an_error() {
    let _alone = alone();
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
fn hostile_pickles_run_nothing_and_reading_them_ends() {
    let _alone = alone();
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
fn impossible_shapes_are_refused() {
    let _alone = alone();
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

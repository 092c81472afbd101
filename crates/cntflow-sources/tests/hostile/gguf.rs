//! GGUF files that are cut short or hostile: each is an error that names the file and what is
//! wrong.

use std::path::{Path, PathBuf};

use cntflow_architecture::resolve_architecture;
use cntflow_formats::{CheckpointError, OpenCheckpoint};
use cntflow_storage::{Content, FullMessage, Limits};

use crate::bounded::{alone, bounded};

const F32: u32 = 0;
const Q4_K: u32 = 12;
const U8_VALUE: u32 = 0;
const TEXT_VALUE: u32 = 8;
const ARRAY_VALUE: u32 = 9;

fn touch(bytes: &[u8]) -> Result<(), String> {
    let content = Content::in_memory(bytes);
    let touched = bounded(|| {
        let checkpoint =
            OpenCheckpoint::read(Path::new("hostile.gguf"), content, &Limits::default())?;
        drop(resolve_architecture(&checkpoint, None));
        for tensor in checkpoint.tensors() {
            if let Ok(values) = checkpoint.values(&tensor.name) {
                assert_eq!(values.len(), tensor.n_values());
            }
        }
        Ok(())
    });
    touched.map_err(|error: CheckpointError| error.full_message())
}

#[track_caller]
fn refused(bytes: &[u8], expected: &str) {
    let text = touch(bytes).unwrap_err();
    assert!(
        text.contains("hostile.gguf") && text.contains(expected),
        "{text}"
    );
}

fn text(text: &str) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat()
}

/// Magic number, version and counts.
fn beginning(version: u32, n_tensors: u64, n_keys: u64) -> Vec<u8> {
    let counts = [n_tensors, n_keys].map(u64::to_le_bytes).concat();
    [&b"GGUF"[..], &version.to_le_bytes()[..], &counts].concat()
}

/// A tensor in the list, the dimension of neighbours first.
fn listed(name: &str, sizes: &[u64], kind: u32, offset: u64) -> Vec<u8> {
    let mut bytes = text(name);
    bytes.extend((sizes.len() as u32).to_le_bytes());
    sizes
        .iter()
        .for_each(|size| bytes.extend(size.to_le_bytes()));
    bytes.extend(kind.to_le_bytes());
    bytes.extend(offset.to_le_bytes());
    bytes
}

/// A file of these tensors with `n_bytes` of data.
fn file(tensors: &[Vec<u8>], n_bytes: usize) -> Vec<u8> {
    let mut bytes = beginning(3, tensors.len() as u64, 0);
    tensors.iter().for_each(|tensor| bytes.extend(tensor));
    bytes.resize(bytes.len().next_multiple_of(32) + n_bytes, 0x40);
    bytes
}

#[test]
fn every_truncation_is_an_error() {
    let _alone = alone();
    let whole = std::fs::read(PathBuf::from("tests/data/gguf/mlp.gguf")).unwrap();
    assert_eq!(touch(&whole), Ok(()));
    // Behind the last tensor's data there are zeros up to the alignment.
    for length in 0..whole.len() - 32 {
        assert!(touch(&whole[..length]).is_err(), "{length} bytes");
    }
}

#[test]
fn counts_and_lengths_beyond_the_file_are_refused() {
    let _alone = alone();
    refused(
        &beginning(3, u64::MAX, 0),
        "the limit tensors allows 200000",
    );
    refused(
        &beginning(3, 0, u64::MAX),
        "the limit tensors allows 200000",
    );
    refused(
        &beginning(3, 1000, 0),
        "announces 1000 tensors, but only 0 bytes follow",
    );
    let key = |kind: u32, value: &[u8]| {
        [
            &beginning(3, 0, 1)[..],
            &text("key"),
            &kind.to_le_bytes(),
            value,
        ]
        .concat()
    };
    refused(&key(TEXT_VALUE, &u64::MAX.to_le_bytes()), "cut short");
    let huge = |kind: u32| [&kind.to_le_bytes()[..], &u64::MAX.to_le_bytes()].concat();
    refused(&key(ARRAY_VALUE, &huge(U8_VALUE)), "cut short");
    refused(&key(ARRAY_VALUE, &huge(TEXT_VALUE)), "cut short");
    refused(&key(ARRAY_VALUE, &huge(13)), "type 13");
    refused(&key(13, &[]), "a value of type 13, which is not known");
    let one_array = [&ARRAY_VALUE.to_le_bytes()[..], &1_u64.to_le_bytes()].concat();
    refused(&key(ARRAY_VALUE, &one_array.repeat(100_000)), "nest arrays");
}

#[test]
fn tensors_beyond_the_file_are_refused() {
    let _alone = alone();
    assert_eq!(touch(&file(&[listed("a", &[4], F32, 0)], 16)), Ok(()));
    refused(
        &file(&[listed("a", &[4], F32, 0)], 15),
        "takes 16 bytes from byte 0",
    );
    refused(
        &file(&[listed("a", &[4], F32, 1)], 16),
        "takes 16 bytes from byte 1",
    );
    refused(
        &file(&[listed("a", &[4], F32, u64::MAX)], 16),
        "tensor a takes 16 bytes",
    );
    let huge = 1 << 62;
    refused(
        &file(&[listed("a", &[huge, huge], F32, 0)], 16),
        "more elements than a file can hold",
    );
    refused(
        &file(&[listed("a", &[0, huge, huge], F32, 0)], 16),
        "more elements",
    );
    refused(
        &file(&[listed("a", &[1; 5], F32, 0)], 16),
        "has 5 dimensions; up to 4 are read",
    );
    let row = "rows of 255 elements, which is no multiple of the 256 of a block";
    refused(&file(&[listed("a", &[255], Q4_K, 0)], 144), row);
    refused(
        &file(&[listed("a", &[256, 1 << 40], Q4_K, 0)], 144),
        "the limit decoded_bytes",
    );
    let twice = [listed("a", &[256], Q4_K, 0), listed("b", &[4], F32, 140)];
    refused(&file(&twice, 160), "tensor b begins at byte");
    let same_name = [listed("a", &[4], F32, 0), listed("a", &[4], F32, 32)];
    refused(&file(&same_name, 48), "lists tensor a twice");
}

#[test]
fn other_versions_are_refused() {
    let _alone = alone();
    refused(
        &beginning(1, 0, 0),
        "version 1 of GGUF; versions 2 and 3 are read",
    );
    refused(&beginning(3_u32.swap_bytes(), 0, 0), "it is big-endian");
    assert_eq!(touch(&beginning(2, 0, 0)), Ok(()));
}

#[test]
fn alignments_are_bounded() {
    let _alone = alone();
    let with = |alignment: u32| {
        let mut bytes = beginning(3, 1, 1);
        bytes.extend(text("general.alignment"));
        bytes.extend(4_u32.to_le_bytes());
        bytes.extend(alignment.to_le_bytes());
        bytes.extend(listed("a", &[4], F32, 0));
        bytes.resize(bytes.len() + 64, 0);
        bytes
    };
    assert_eq!(touch(&with(8)), Ok(()));
    refused(&with(0), "its alignment is 0 bytes");
    refused(&with(u32::MAX), "tensor a takes 16 bytes");
}

#[test]
fn no_changed_byte_makes_it_panic() {
    let _alone = alone();
    let whole = std::fs::read(PathBuf::from("tests/data/gguf/types.gguf")).unwrap();
    for at in 0..4096.min(whole.len()) {
        for change in [1, 0x80, 0xff] {
            let mut changed = whole.clone();
            changed[at] ^= change;
            let _ = touch(&changed);
        }
    }
}

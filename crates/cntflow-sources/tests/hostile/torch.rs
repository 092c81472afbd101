//! Hostile files in PyTorch's form: each is an error that says what is wrong.

use std::io::{Cursor, Write};
use std::path::Path;

use cntflow_architecture::resolve_architecture;
use cntflow_formats::{CheckpointError, OpenCheckpoint};
use cntflow_storage::{Content, FullMessage, Limits};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::bounded::{alone, bounded};

/// Opens bytes and reads every tensor; what is wrong, or nothing.
fn touch(bytes: Vec<u8>) -> Result<(), String> {
    let path = Path::new("hostile.pt");
    let touched = bounded(|| {
        let checkpoint = OpenCheckpoint::read(path, Content::in_memory(bytes), &Limits::default())?;
        drop(resolve_architecture(&checkpoint, None));
        let mut tensors = checkpoint.tensors().iter();
        tensors.try_for_each(|tensor| checkpoint.values(&tensor.name).map(drop))
    });
    touched.map_err(|error: CheckpointError| error.full_message())
}

#[track_caller]
fn refused(bytes: Vec<u8>, expected: &str) {
    let text = touch(bytes).unwrap_err();
    assert!(
        text.contains("hostile.pt") && text.contains(expected),
        "{text}"
    );
}

/// A zip of stored members.
fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    zip_by(members, CompressionMethod::Stored)
}

fn zip_by(members: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        let options = SimpleFileOptions::default().compression_method(method);
        zip.start_file(*name, options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// The pickle of a tensor of floats in storage `0`: the opcodes of its offset, shape and strides.
fn tensor(offset: &[u8], shape: &[u8], strides: &[u8]) -> Vec<u8> {
    let storage = b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x04tQ";
    [storage, offset, shape, strides, b"\x89}tR."].concat()
}

fn file(offset: &[u8], shape: &[u8], strides: &[u8]) -> Vec<u8> {
    zip(&[
        ("a/data.pkl", &tensor(offset, shape, strides)),
        ("a/data/0", &[0; 16]),
    ])
}

#[test]
fn views_that_leave_their_storage_are_refused() {
    let _alone = alone();
    assert_eq!(touch(file(b"K\x00", b"K\x04\x85", b"K\x01\x85")), Ok(()));
    let beyond = "ends beyond its storage of 16 bytes";
    refused(file(b"K\x01", b"K\x04\x85", b"K\x01\x85"), beyond);
    refused(file(b"K\x00", b"K\x05\x85", b"K\x01\x85"), beyond);
    refused(file(b"K\x00", b"K\x02\x85", b"K\x04\x85"), beyond);
    refused(
        file(b"J\xff\xff\xff\xff", b"K\x04\x85", b"K\x01\x85"),
        "begins before its storage",
    );
    refused(
        file(b"K\x00", b"J\xff\xff\xff\xff\x85", b"K\x01\x85"),
        "its shape",
    );
    refused(
        file(b"K\x00", b"K\x04\x85", b"J\xff\xff\xff\xff\x85"),
        "its strides",
    );
    refused(
        file(b"K\x00", b"K\x04\x85", b"K\x01K\x01\x86"),
        "1 dimensions and 2 strides",
    );
}

#[test]
fn impossible_and_spread_shapes_are_refused() {
    let _alone = alone();
    let two_to_62 = b"\x8a\x08\0\0\0\0\0\0\0\x40\x85";
    let two_to_63 = b"\x8a\x09\0\0\0\0\0\0\0\x80\0\x85";
    refused(
        file(b"K\x00", two_to_62, b"K\x01\x85"),
        "more elements than a file can hold",
    );
    refused(file(b"K\x00", two_to_63, b"K\x01\x85"), "its shape");
    // One value seen a billion times.
    refused(
        file(b"K\x00", b"J\0\0\0\x40\x85", b"K\x00\x85"),
        "made of a storage of 16 bytes: 4294967296, but the limit expansion allows 17600",
    );
}

#[test]
fn parameters_of_old_versions_are_their_data() {
    let _alone = alone();
    let tensor = tensor(b"K\x00", b"K\x04\x85", b"K\x01\x85");
    // Without the protocol and the end.
    let tensor = &tensor[2..tensor.len() - 1];
    let parameter = b"\x80\x02ctorch.nn.parameter\nParameter\n";
    let called = [&parameter[..], tensor, b"\x85R."].concat();
    let with_state = [&parameter[..], b")R(", tensor, b"NN\x88\x89tb."].concat();
    let of = |pickle: &[u8]| zip(&[("a/data.pkl", pickle), ("a/data/0", &[0; 16])]);
    for pickle in [called, with_state] {
        let content = Content::in_memory(of(&pickle));
        let path = Path::new("old.pt");
        let checkpoint = OpenCheckpoint::read(path, content, &Limits::default()).unwrap();
        assert_eq!(checkpoint.tensors()[0].shape, [4]);
        assert_eq!(*checkpoint.values("tensor").unwrap(), [0.0; 4]);
    }
    let empty = [&parameter[..], b")R."].concat();
    refused(of(&empty), "has no data");
}

#[test]
fn zips_with_wrong_sizes_are_refused() {
    let _alone = alone();
    let pickle = tensor(b"K\x00", b"K\x04\x85", b"K\x01\x85");
    refused(zip(&[("a/data.pkl", &pickle)]), "no storage 0");
    let zeros = vec![0; 64 << 20];
    let bomb = zip_by(
        &[("a/data.pkl", &pickle), ("a/data/0", &zeros)],
        CompressionMethod::Deflated,
    );
    drop(zeros);
    assert!(bomb.len() < 100_000);
    // As many bytes as it says are decoded once at most; a size beyond what deflate can give is a
    // lie.
    let mut lie = bomb.clone();
    let size = (64_u32 << 20).to_le_bytes();
    let places: Vec<usize> = (0..lie.len() - 4)
        .filter(|&at| lie[at..at + 4] == size)
        .collect();
    for at in places {
        lie[at..at + 4].copy_from_slice(&(4_000_000_000_u32).to_le_bytes());
    }
    assert!(touch(lie).is_err());
}

#[test]
fn visits_of_shared_values_are_bounded() {
    let _alone = alone();
    // Lists that hold the one before ten times, by the memo.
    let mut pickle = b"\x80\x02]q\0".to_vec();
    for level in 0..40_u8 {
        pickle.extend([b']', b'q', level + 1, b'(']);
        pickle.extend([b'h', level].repeat(10));
        pickle.push(b'e');
    }
    pickle.push(b'.');
    refused(zip(&[("a/data.pkl", &pickle)]), "shares");
}

#[test]
fn no_changed_byte_makes_it_panic() {
    let _alone = alone();
    let whole = file(b"K\x00", b"K\x02K\x02\x86", b"K\x01K\x02\x86");
    assert_eq!(touch(whole.clone()), Ok(()));
    for at in 0..whole.len() {
        for change in [1, 0x10, 0x80, 0xff] {
            let mut changed = whole.clone();
            changed[at] ^= change;
            let _ = touch(changed);
        }
        let _ = touch(whole[..at].to_vec());
    }
}

//! msgpack files in flax' form that are cut short or hostile: each is an error that names the file.

use std::path::{Path, PathBuf};

use cntflow_architecture::resolve_architecture;
use cntflow_formats::{CheckpointError, OpenCheckpoint};
use cntflow_storage::{Content, FullMessage, Limits};

use crate::bounded::{alone, bounded};

/// An array of two floats.
const PAIR: &[u8] = b"\xc7\x15\x01\x93\x91\x02\xa7float32\xc4\x08\0\0\x80\x3f\0\0\0\xc0";

fn touch(bytes: &[u8]) -> Result<(), String> {
    let content = Content::in_memory(bytes);
    let touched = bounded(|| {
        let path = Path::new("hostile.msgpack");
        let checkpoint = OpenCheckpoint::read(path, content, &Limits::default())?;
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
        text.contains("hostile.msgpack") && text.contains(expected),
        "{text}"
    );
}

/// `{"a": array, "b": ...}`
fn with(more: &[u8]) -> Vec<u8> {
    [&b"\x82\xa1a"[..], PAIR, b"\xa1b", more].concat()
}

#[test]
fn every_truncation_is_an_error() {
    let _alone = alone();
    for file in ["mlp.msgpack", "chunked.msgpack", "kinds.msgpack"] {
        let whole = std::fs::read(PathBuf::from("tests/data/flax").join(file)).unwrap();
        assert_eq!(touch(&whole), Ok(()));
        for length in 0..whole.len() {
            assert!(touch(&whole[..length]).is_err(), "{file}, {length} bytes");
        }
    }
}

#[test]
fn lengths_beyond_the_file_are_refused() {
    let _alone = alone();
    assert_eq!(touch(&with(PAIR)), Ok(()));
    refused(&with(b"\xdf\xff\xff\xff\xff"), "cut short");
    refused(&with(b"\xdd\xff\xff\xff\xff"), "cut short");
    refused(&with(b"\xdb\xff\xff\xff\xff"), "4294967295 bytes from byte");
    refused(&with(b"\xc6\xff\xff\xff\xff"), "4294967295 bytes from byte");
    refused(
        &with(b"\xc9\xff\xff\xff\xff\x01"),
        "4294967295 bytes from byte",
    );
    refused(&with(b"\xc1"), "begins no value");
    refused(&[&with(PAIR)[..], b"\xc0"].concat(), "header describes");
}

#[test]
fn arrays_that_contradict_themselves_are_refused() {
    let _alone = alone();
    let array = |packed: &[u8]| [&b"\xc7"[..], &[packed.len() as u8], b"\x01", packed].concat();
    let two_to_62 = b"\xcf\x40\0\0\0\0\0\0\0";
    let shaped = |shape: &[u8]| {
        with(&array(
            &[&b"\x93"[..], shape, b"\xa7float32\xc4\x04\0\0\0\0"].concat(),
        ))
    };
    assert_eq!(touch(&shaped(b"\x91\x01")), Ok(()));
    refused(&shaped(b"\x91\x02"), "takes 8 bytes, its array has 4");
    let huge = [&b"\x92"[..], two_to_62, two_to_62].concat();
    refused(&shaped(&huge), "more elements than a file can hold");
    refused(
        &shaped(b"\x91\xff"),
        "b is no array of shape, type and elements",
    );
    refused(&shaped(b"\xdd\xff\xff\xff\xff"), "at most 64 are read");
    refused(&with(&array(b"\x92\x90\xa1f")), "b is no array");
    let unknown = array(b"\x93\x91\x01\xa3odd\xc4\x01\0");
    assert_eq!(touch(&with(&unknown)), Ok(()));
}

#[test]
fn arrays_in_pieces_that_contradict_themselves_are_refused() {
    let _alone = alone();
    let marker = b"\x83\xb9__msgpack_chunked_array__\xc3";
    let chunked = |shape: &[u8], chunks: &[u8]| {
        with(&[&marker[..], b"\xa5shape", shape, b"\xa6chunks", chunks].concat())
    };
    let one = [&b"\x81\xa10"[..], PAIR].concat();
    assert_eq!(touch(&chunked(b"\x81\xa10\x02", &one)), Ok(()));
    refused(
        &chunked(b"\x81\xa10\x03", &one),
        "takes 12 bytes, its pieces have 8",
    );
    refused(&chunked(b"\x81\xa10\x02", b"\x80"), "of no pieces");
    refused(&chunked(b"\x81\xa11\x02", &one), "keys are not 0, 1, ...");
    let twice = [&b"\x82\xa10"[..], PAIR, b"\xa10", PAIR].concat();
    refused(&chunked(b"\x81\xa10\x02", &twice), "keys are not 0, 1, ...");
    refused(
        &chunked(b"\x81\xa10\x02", b"\x81\xa10\x01"),
        "of which one is no array",
    );
    let more = [&b"\xdf\xff\xff\xff\xff\xa10"[..], PAIR].concat();
    refused(&chunked(b"\x81\xa10\x02", &more), "cut short");
}

#[test]
fn depth_and_long_names_are_bounded() {
    let _alone = alone();
    refused(&with(&b"\x91".repeat(100_000)), "the limit depth allows 64");
    let long = [&b"\xda\x10\x00"[..], &b"k".repeat(4096)].concat();
    refused(
        &with(&[&b"\x81"[..], &long, PAIR].concat()),
        "up to 4096 are read",
    );
    // A long key that very many tensors share.
    let shared = [
        &b"\x81\xda\x0f\x00"[..],
        &b"k".repeat(3840),
        b"\xdd\0\x01\0\0",
    ]
    .concat();
    let many = with(&[&shared[..], &b"\x01".repeat(1 << 16)].concat());
    refused(&many, "bytes of the names of its tensors");
    let twice = [&b"\x82\xa1a"[..], PAIR, b"\xa1a", PAIR].concat();
    refused(&twice, "lists tensor a twice");
}

#[test]
fn no_changed_byte_makes_it_panic() {
    let _alone = alone();
    for file in ["kinds.msgpack", "chunked.msgpack"] {
        let whole = std::fs::read(PathBuf::from("tests/data/flax").join(file)).unwrap();
        for at in 0..whole.len() {
            for change in [1, 0x10, 0x80, 0xff] {
                let mut changed = whole.clone();
                changed[at] ^= change;
                let _ = touch(&changed);
            }
        }
    }
}

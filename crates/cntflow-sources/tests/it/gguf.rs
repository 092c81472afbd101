//! GGUF files that the package `gguf` has written (`tests/formats/make_gguf.py`), compared with
//! what it makes of their elements.

use std::path::PathBuf;

use cntflow_architecture::resolve_architecture;
use cntflow_formats::{Element, OpenCheckpoint};
use cntflow_storage::FullMessage;

fn open(file: &str) -> OpenCheckpoint {
    OpenCheckpoint::open(&PathBuf::from("tests/data/gguf").join(file)).unwrap()
}

/// Compares all tensors of an `.npz` with those of a GGUF file, bit by bit.
fn compare(file: &str, expected: &str) {
    let (found, expected) = (open(file), open(expected));
    for entry in expected.tensors() {
        let name = &entry.name;
        assert_eq!(found.tensor(name).unwrap().shape, entry.shape, "{name}");
        let (found, expected) = (found.values(name), expected.values(name));
        for (index, (a, b)) in found.unwrap().iter().zip(&*expected.unwrap()).enumerate() {
            assert_eq!(
                a.to_bits(),
                b.to_bits(),
                "{name} {index}: {a} instead of {b}"
            );
        }
    }
}

#[test]
fn elements_of_every_type_are_those_of_the_package_gguf() {
    compare("types.gguf", "types.npz");
    compare("mlp.gguf", "mlp.npz");
    let expected = open("types.npz").tensors().len();
    assert_eq!(expected, 16);
}

#[test]
fn types_that_are_not_read_are_listed_with_the_reason() {
    let checkpoint = open("types.gguf");
    for (name, kind) in [("tq2_0", "TQ2_0"), ("iq4_nl", "IQ4_NL")] {
        let entry = checkpoint.tensor(name).unwrap();
        assert_eq!(entry.shape, [3, 256]);
        let reason = format!("elements of type {kind}: not read");
        assert_eq!(entry.excluded_because, Some(reason));
        assert!(checkpoint.values(name).is_err());
    }
    assert_eq!(checkpoint.tensor("i16").unwrap().element, Element::I16);
    assert_eq!(checkpoint.tensor("q4_k").unwrap().element.as_str(), "Q4_K");
}

#[test]
fn numbers_texts_and_short_arrays_are_metadata() {
    let metadata = open("types.gguf").metadata();
    for (key, value) in [
        ("general.architecture", "types"),
        ("general.description", "numbers and texts"),
        ("of.u32", "7"),
        ("of.i8", "-7"),
        ("of.f32", "0.25"),
        ("of.f64", "-0.001"),
        ("of.bool", "true"),
        ("of.u64", "1099511627776"),
        ("of.sizes", "3, 5, 8"),
    ] {
        assert_eq!(metadata[key], value, "{key}");
    }
    assert!(!metadata.keys().any(|key| key.starts_with("tokenizer")));
}

#[test]
fn a_quantised_network_is_a_graph() {
    let checkpoint = open("mlp.gguf");
    let (resolved, coverage) = resolve_architecture(&checkpoint, None);
    let network = resolved.unwrap().network(&checkpoint).unwrap();
    assert_eq!(network.parameters().count(), 4);
    let kernel = coverage
        .iter()
        .find(|row| row.tensor.name == "fc1.weight")
        .unwrap();
    assert_eq!(kernel.used_as.as_deref(), Some("kernel of fc1"));
    assert_eq!(kernel.reason.as_deref(), Some("Q8_0 read as F32"));
}

#[test]
fn big_endian_files_are_refused() {
    let path = PathBuf::from("tests/data/gguf/big_endian.gguf");
    let text = OpenCheckpoint::open(&path).unwrap_err().full_message();
    assert!(
        text.contains("big_endian.gguf") && text.contains("it is big-endian"),
        "{text}"
    );
}

//! Files that PyTorch and NumPy wrote (`tests/formats/make_torch_numpy.py`) are read exactly.

use std::collections::BTreeMap;
use std::path::PathBuf;

use cntflow_architecture::resolve_architecture;
use cntflow_formats::OpenCheckpoint;
use serde::Deserialize;

#[derive(Deserialize)]
struct Expected {
    shape: Vec<usize>,
    values: Vec<f32>,
}

fn data() -> PathBuf {
    PathBuf::from("tests/data/torch_numpy")
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
fn values_beside_the_weights_are_metadata() {
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
fn everything_in_a_pickle_is_read_or_listed_with_a_reason() {
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

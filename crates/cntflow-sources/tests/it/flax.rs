//! Files that flax has written (`tests/formats/make_flax.py`), compared with the arrays that it
//! wrote.

use std::path::PathBuf;

use cntflow_architecture::resolve_architecture;
use cntflow_formats::OpenCheckpoint;

fn open(file: &str) -> OpenCheckpoint {
    OpenCheckpoint::open(&PathBuf::from("tests/data/flax").join(file)).unwrap()
}

fn reason_of(checkpoint: &OpenCheckpoint, tensor: &str) -> Option<String> {
    checkpoint.tensor(tensor).unwrap().excluded_because.clone()
}

#[test]
fn every_array_is_as_flax_has_it() {
    for name in ["mlp", "cnn", "train_state", "kinds", "chunked"] {
        let found = open(&format!("{name}.msgpack"));
        let expected = open(&format!("{name}.npz"));
        assert_eq!(found.format(), "Flax");
        for entry in expected.tensors() {
            let tensor = &entry.name;
            assert_eq!(
                found.tensor(tensor).unwrap().shape,
                entry.shape,
                "{name} {tensor}"
            );
            let values = found.values(tensor).unwrap();
            assert_eq!(
                *values,
                *expected.values(tensor).unwrap(),
                "{name} {tensor}"
            );
        }
        let real = found.tensors().iter();
        let real = real.filter(|entry| entry.element.is_real() && entry.n_values() > 0);
        assert_eq!(real.count(), expected.tensors().len(), "{name}");
    }
}

#[test]
fn scalars_are_metadata_and_optimizer_state_is_no_weight() {
    let kinds = open("kinds.msgpack");
    let metadata = kinds.metadata();
    for (key, value) in [
        ("scalar", "0.25"),
        ("step", "7"),
        ("half", "-0.5"),
        ("name", "kinds"),
        ("yes", "true"),
    ] {
        assert_eq!(metadata[key], value, "{key}");
    }
    let complex = reason_of(&kinds, "complex");
    assert_eq!(complex.as_deref(), Some("msgpack's extension 2: not read"));
    let state = open("train_state.msgpack");
    assert_eq!(state.metadata()["step"], "1");
    let reason = reason_of(&state, "opt_state/0/mu/Dense_0/kernel");
    assert_eq!(reason.as_deref(), Some("optimizer state"));
    assert_eq!(reason_of(&state, "params/Dense_0/kernel"), None);
}

#[test]
fn kernels_have_their_inputs_first() {
    for (file, layer) in [
        ("mlp.msgpack", "params.Dense_0"),
        ("train_state.msgpack", "params.Dense_0"),
    ] {
        let checkpoint = open(file);
        let (resolved, coverage) = resolve_architecture(&checkpoint, None);
        let network = resolved.unwrap().network(&checkpoint).unwrap();
        let (spec, values) = network.parameters().next().unwrap();
        assert_eq!(
            (&*spec.name, &spec.shape[..]),
            (&*format!("{layer}.weight"), &[8, 6][..])
        );
        let kernel = checkpoint.values("params/Dense_0/kernel").unwrap();
        // The second output's weight of the first input.
        assert_eq!(values[6], kernel[1], "{file}");
        let used = coverage.iter().filter(|row| row.used_as.is_some()).count();
        assert_eq!(used, 4, "{file}");
    }
}

#[test]
fn running_statistics_belong_to_the_norms_of_the_parameters() {
    let checkpoint = open("cnn.msgpack");
    let (resolved, coverage) = resolve_architecture(&checkpoint, None);
    let network = resolved.unwrap().network(&checkpoint).unwrap();
    let names: Vec<&str> = network.parameters().map(|(spec, _)| &*spec.name).collect();
    assert!(names.contains(&"BatchNorm_0.running_var"), "{names:?}");
    assert_eq!(names.len(), 10);
    assert!(
        coverage.iter().all(|row| row.used_as.is_some()),
        "{coverage:?}"
    );
}

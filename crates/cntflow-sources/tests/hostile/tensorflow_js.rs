//! Models of TensorFlow.js that are hostile: each is an error that names the model or the file of
//! weights, and no file in another folder is opened.

use std::path::PathBuf;

use cntflow_architecture::resolve_architecture;
use cntflow_catalog::CatalogOptions;
use cntflow_formats::{CheckpointError, OpenCheckpoint};
use cntflow_sources::scan;
use cntflow_storage::FullMessage;

use crate::bounded::{alone, bounded};

/// A folder with a model, and 16 bytes of weights.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        std::fs::write(folder.0.path().join("w.bin"), [0, 0, 128, 63].repeat(4)).unwrap();
        folder
    }

    fn model(&self) -> PathBuf {
        self.0.path().join("model.json")
    }

    #[track_caller]
    fn open(&self, model: &str) -> Result<usize, String> {
        std::fs::write(self.model(), model).unwrap();
        let opened = bounded(|| {
            let checkpoint = OpenCheckpoint::open(&self.model())?;
            drop(resolve_architecture(&checkpoint, None));
            for tensor in checkpoint.tensors() {
                if let Ok(values) = checkpoint.values(&tensor.name) {
                    assert_eq!(values.len(), tensor.n_values());
                }
            }
            Ok(checkpoint.tensors().len())
        });
        let sources = [self.0.path().to_string_lossy().into_owned()];
        bounded(|| drop(scan(&sources, &CatalogOptions::default())));
        opened.map_err(|error: CheckpointError| error.full_message())
    }

    #[track_caller]
    fn refused(&self, model: &str, expected: &str) {
        let text = self.open(model).unwrap_err();
        assert!(text.contains(expected), "{text}");
    }
}

/// A model with these files and weights.
fn model(paths: &str, weights: &str) -> String {
    format!(
        r#"{{"modelTopology": {{"class_name": "Sequential", "config": {{"layers": []}}}},
            "weightsManifest": [{{"paths": [{paths}], "weights": [{weights}]}}]}}"#
    )
}

fn weight(shape: &str, more: &str) -> String {
    model(
        r#""w.bin""#,
        &format!(r#"{{"name": "a", "shape": {shape}, {more}}}"#),
    )
}

#[test]
fn files_elsewhere_are_refused() {
    let _alone = alone();
    let folder = Folder::new();
    let floats = r#"{"name": "a", "shape": [4], "dtype": "float32"}"#;
    assert_eq!(folder.open(&model(r#""w.bin""#, floats)), Ok(1));
    for elsewhere in [
        "../w.bin",
        "/etc/passwd",
        "",
        ".",
        "..",
        "http://127.0.0.1:9/a",
        "a\\\\b",
    ] {
        let model = model(&format!(r#""{elsewhere}""#), floats);
        folder.refused(&model, "which is no name of a file beside the index");
    }
    folder.refused(
        &model(r#""w.bin", "w.bin""#, floats),
        "lists file w.bin twice",
    );
    folder.refused(&model("", floats), "lists 16 bytes of weights in no file");
    folder.refused(&model(r#""x.bin""#, floats), "x.bin");
    let two = r#"{"name": "a", "shape": [2], "dtype": "float32"}"#;
    let twice = model(r#""w.bin""#, &format!("{two}, {two}"));
    folder.refused(&twice, "lists tensor a twice");
}

#[test]
fn weights_that_do_not_fit_their_file_are_refused() {
    let _alone = alone();
    let folder = Folder::new();
    let float = r#""dtype": "float32""#;
    folder.refused(
        &weight("[5]", float),
        "header describes 20 bytes, file has 16",
    );
    folder.refused(
        &weight("[3]", float),
        "header describes 12 bytes, file has 16",
    );
    let huge = "[9223372036854775807, 9223372036854775807]";
    folder.refused(&weight(huge, float), "more elements than a file can hold");
    folder.refused(
        &weight("[9223372036854775807]", r#""dtype": "bool""#),
        "file has 16",
    );
    folder.refused(&weight("[-1]", float), "no model of TensorFlow.js");
    folder.refused(&weight("[4]", r#""dtype": "odd""#), "elements of type odd");
    let texts = r#""dtype": "string""#;
    folder.refused(
        &weight("[1]", texts),
        "end beyond the 16 bytes of its group",
    );
    folder.refused(
        &weight("[9223372036854775807]", texts),
        "end beyond the 16 bytes",
    );
    let scaled = |scale: &str| {
        let quantization = format!(r#""quantization": {{"dtype": "uint8", {scale}}}"#);
        weight("[16]", &format!(r#"{float}, {quantization}"#))
    };
    assert_eq!(
        folder.open(&scaled(r#""scale": 1e300, "min": -1e300"#)),
        Ok(1)
    );
    folder.refused(&scaled(r#""min": 1"#), "elements of type float32");
}

#[test]
fn every_truncation_and_nonsense_is_an_error() {
    let _alone = alone();
    let folder = Folder::new();
    let whole = weight("[4]", r#""dtype": "float32""#);
    for length in 0..whole.len() {
        assert!(folder.open(&whole[..length]).is_err(), "{length} bytes");
    }
    let deep = format!(r#"{{"weightsManifest": {}"#, "[".repeat(1_000_000));
    let groups: Vec<String> = (0..200_001)
        .map(|i| format!(r#"{{"name": "{i}", "shape": [0], "dtype": "bool"}}"#))
        .collect();
    let many = model("", &groups.join(","));
    for nonsense in ["{}", "[]", r#"{"weightsManifest": 1}"#, &deep, &many] {
        assert!(folder.open(nonsense).is_err());
    }
    folder.refused(&many, "the limit tensors allows 200000");
}

#[test]
fn no_changed_byte_makes_it_panic() {
    let _alone = alone();
    let folder = Folder::new();
    let text = std::fs::read_to_string("tests/data/tensorflow_js/lstm/model.json").unwrap();
    let shard = "tests/data/tensorflow_js/lstm/group1-shard1of1.bin";
    std::fs::copy(shard, folder.0.path().join("group1-shard1of1.bin")).unwrap();
    assert_eq!(folder.open(&text), Ok(5));
    for at in 0..text.len() {
        for change in ['0', '"', '}', 'x'] {
            let changed = format!("{}{change}{}", &text[..at], &text[at + 1..]);
            let _ = folder.open(&changed);
        }
    }
}

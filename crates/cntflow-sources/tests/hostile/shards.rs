//! Indices of shards that are wrong: each is an error that names the index or the shard, and no
//! file in another folder is opened.

use std::path::{Path, PathBuf};

use ::safetensors::Dtype;
use ::safetensors::tensor::TensorView;
use cntflow_catalog::CatalogOptions;
use cntflow_formats::OpenCheckpoint;
use cntflow_sources::scan;
use cntflow_storage::FullMessage;

use crate::bounded::{alone, bounded};

const INDEX: &str = "model.safetensors.index.json";

/// A folder with the shards `1.safetensors` of tensor `a` and `2.safetensors` of `b`, in a folder
/// with a shard beside.
struct Folder {
    outer: tempfile::TempDir,
}

impl Folder {
    fn new() -> Self {
        let folder = Self {
            outer: tempfile::tempdir().unwrap(),
        };
        std::fs::create_dir(folder.path()).unwrap();
        shard(&folder.path().join("1.safetensors"), "a");
        shard(&folder.path().join("2.safetensors"), "b");
        shard(&folder.outer.path().join("outer.safetensors"), "a");
        folder
    }

    fn path(&self) -> PathBuf {
        self.outer.path().join("model")
    }

    fn outer(&self) -> String {
        let outer = self.outer.path().join("outer.safetensors");
        outer.to_string_lossy().into_owned()
    }

    /// Opens the checkpoint of an index and reads every tensor.
    #[track_caller]
    fn open(&self, index: &str) -> Result<usize, String> {
        let path = self.path().join(INDEX);
        std::fs::write(&path, index).unwrap();
        let opened = bounded(|| {
            let checkpoint = OpenCheckpoint::open(&path)?;
            let names = checkpoint.tensors().iter().map(|tensor| &tensor.name);
            for name in names {
                checkpoint.values(name)?;
            }
            Ok(checkpoint.tensors().len())
        });
        let sources = [self.path().to_string_lossy().into_owned()];
        bounded(|| drop(scan(&sources, &CatalogOptions::default())));
        opened.map_err(|error: cntflow_formats::CheckpointError| error.full_message())
    }

    /// The error of an index of tensors and their shards.
    #[track_caller]
    fn refused(&self, shards: &[(&str, &str)], expected: &str) {
        let text = self.open(&index(shards)).unwrap_err();
        assert!(text.contains("model") && text.contains(expected), "{text}");
    }
}

fn index(shards: &[(&str, &str)]) -> String {
    let map: serde_json::Map<String, serde_json::Value> = shards
        .iter()
        .map(|&(tensor, shard)| (tensor.to_owned(), shard.into()))
        .collect();
    serde_json::json!({"metadata": {}, "weight_map": map}).to_string()
}

fn shard(path: &Path, tensor: &str) {
    let bytes = 1.5_f32.to_le_bytes().repeat(4);
    let view = TensorView::new(Dtype::F32, vec![2, 2], &bytes).unwrap();
    std::fs::write(
        path,
        ::safetensors::serialize([(tensor, view)], None).unwrap(),
    )
    .unwrap();
}

#[test]
fn shards_elsewhere_are_refused() {
    let _alone = alone();
    let folder = Folder::new();
    assert_eq!(
        folder.open(&index(&[("a", "1.safetensors"), ("b", "2.safetensors")])),
        Ok(2)
    );
    let outer = folder.outer();
    for elsewhere in [
        "../outer.safetensors",
        "..\\outer.safetensors",
        &outer,
        "/etc/passwd",
        "",
        ".",
        "..",
        "file:///etc/passwd",
        "http://127.0.0.1:9/a",
        "1.safetensors\0",
    ] {
        let shards = [("a", elsewhere), ("b", "2.safetensors")];
        folder.refused(&shards, "which is no name of a file beside the index");
    }
}

#[test]
fn index_and_shards_that_disagree_are_refused() {
    let _alone = alone();
    let folder = Folder::new();
    let (one, two) = ("1.safetensors", "2.safetensors");
    folder.refused(&[("a", one), ("b", "3.safetensors")], "3.safetensors");
    folder.refused(
        &[("a", one), ("b", two), ("c", two)],
        "the index lists 3 tensors, the shards hold 2: c is not in 2.safetensors",
    );
    folder.refused(
        &[("a", one), ("c", two)],
        "2.safetensors holds tensor b, which the index does not list",
    );
    folder.refused(&[("a", two), ("b", two)], "a is not in 2.safetensors");
    folder.refused(
        &[("a", two), ("b", one)],
        "1.safetensors holds tensor a, which the index says is in 2.safetensors",
    );
    // The index itself, and one that names no tensor.
    folder.refused(&[("a", INDEX), ("b", two)], INDEX);
    folder.refused(&[], "names no tensor");
    let twice = format!(r#"{{"weight_map": {{"a": "{one}", "b": "{two}", "a": "{two}"}}}}"#);
    let text = folder.open(&twice).unwrap_err();
    assert!(text.contains("a is there twice"), "{text}");
}

#[test]
fn every_truncation_and_nonsense_is_an_error() {
    let _alone = alone();
    let folder = Folder::new();
    let whole = index(&[("a", "1.safetensors"), ("b", "2.safetensors")]);
    for length in 0..whole.len() {
        let text = folder.open(&whole[..length]).unwrap_err();
        assert!(text.contains(INDEX), "{length} bytes: {text}");
    }
    let deep = format!(r#"{{"weight_map": {}"#, "[".repeat(1_000_000));
    let many: Vec<String> = (0..200_001)
        .map(|place| format!(r#""{place}": "1.safetensors""#))
        .collect();
    let many = format!(r#"{{"weight_map": {{{}}}}}"#, many.join(","));
    for nonsense in [
        r#"{"weight_map": {"a": 1}}"#,
        r#"{"weight_map": {"a": null}}"#,
        r#"{"weight_map": ["1.safetensors"]}"#,
        &deep,
        &many,
    ] {
        let text = folder.open(nonsense).unwrap_err();
        assert!(text.contains(INDEX), "{text}");
    }
}

//! Published layouts, which the tests write as their publishers do: the entries, with run, step and
//! labels.

use std::path::Path;
use std::sync::Arc;

use cntflow_architecture::resolve_architecture;
use cntflow_catalog::{Absence, Catalog, CatalogEntry, CatalogOptions, Label, SkippedFile};
use cntflow_formats::OpenCheckpoint;
use cntflow_sources::scan;
use cntflow_storage::{FullMessage, Limits};

use crate::populations::{
    gzip, safetensors_of, write, write_ray_tune_tree, write_shards, write_small_cnn_zoo,
};

fn found(source: &Path) -> (Catalog, Vec<SkippedFile>) {
    let sources = [source.to_string_lossy().into_owned()];
    scan(&sources, &CatalogOptions::default()).unwrap()
}

fn reasons(skipped: &[SkippedFile]) -> String {
    let lines = skipped
        .iter()
        .map(|file| format!("{}: {}\n", file.path.display(), file.reason));
    lines.collect()
}

fn at(catalog: &Catalog, ending: &str) -> Arc<CatalogEntry> {
    let mut entries = catalog.entries();
    entries
        .find(|entry| entry.checkpoint.ends_with(ending))
        .unwrap_or_else(|| panic!("no {ending}"))
}

#[test]
fn rows_of_a_small_cnn_zoo_are_checkpoints() {
    let folder = tempfile::tempdir().unwrap();
    write_small_cnn_zoo(folder.path(), 300);
    let (catalog, skipped) = found(folder.path());
    assert_eq!(catalog.entries().len(), 300);
    assert_eq!(reasons(&skipped), "");
    let entry = at(&catalog, "weights.npy row 21");
    assert_eq!((entry.run.as_str(), entry.step), ("/zoo/run_2", 3));
    assert_eq!(entry.labels["test_accuracy"], Label::Real(0.21));
    assert_eq!(entry.labels["config.activation"], "relu".into());

    let opened = OpenCheckpoint::open_at(&entry.location, &Limits::default()).unwrap();
    assert_eq!((opened.tensors().len(), opened.bytes()), (8, 4 * 4970));
    let bias = opened.values("sequential/dense/bias:0").unwrap();
    assert_eq!(bias[0], 21.0 + 4.8);
    let (resolved, coverage) = resolve_architecture(&opened, entry.architecture.as_deref());
    let resolved = resolved.unwrap();
    assert!(
        coverage.iter().all(|row| row.used_as.is_some()),
        "{coverage:?}"
    );
    let architecture = serde_json::to_value(&resolved.architecture).unwrap();
    assert_eq!(architecture["input"], serde_json::json!([1, 28, 28]));
    assert_eq!(architecture["layers"][2]["activation"], "relu");
    let network = resolved.network(&opened).unwrap();
    assert_eq!(network.n_parameters(), 4970);

    let other = OpenCheckpoint::open_at(
        &at(&catalog, "weights.npy row 9").location,
        &Limits::default(),
    );
    assert_ne!(other.unwrap().digest(), opened.digest());
    let without_hints = resolve_architecture(&opened, None).0.unwrap();
    assert!(
        without_hints
            .assumptions
            .iter()
            .any(|doubt| doubt.contains("28 x 28"))
    );
    let beyond = OpenCheckpoint::open_at(&entry.location.at_row(300), &Limits::default());
    let text = beyond.unwrap_err().full_message();
    assert!(
        text.ends_with("weights.npy row 300: it has 300 rows, but no row 300"),
        "{text}"
    );
    let (named, _) = found(&folder.path().join("weights.npy"));
    assert_eq!(named, catalog);
}

#[test]
fn a_small_cnn_zoo_that_does_not_fit_says_why() {
    let folder = tempfile::tempdir().unwrap();
    write_small_cnn_zoo(folder.path(), 18);
    let weights = folder.path().join("weights.npy");
    let whole = std::fs::read(&weights).unwrap();
    write(&weights, &whole[..whole.len() - 4]);
    let (catalog, skipped) = found(folder.path());
    assert_eq!(catalog.entries().len(), 1);
    assert!(reasons(&skipped).contains("cut short"));
    let opened = OpenCheckpoint::open_at(
        &catalog.entries().next().unwrap().location,
        &Limits::default(),
    );
    assert!(opened.unwrap_err().full_message().contains("cut short"));

    write(&weights, &whole);
    write(
        &folder.path().join("metrics.csv.gz"),
        gzip("modeldir,step\na,0\na,x\n"),
    );
    let (_, skipped) = found(folder.path());
    let text = reasons(&skipped);
    assert!(
        text.contains("line 3: column 'step' must hold a whole number, but holds 'x'"),
        "{text}"
    );
}

#[test]
fn a_ray_tune_tree_has_runs_steps_holes_and_ends() {
    let folder = tempfile::tempdir().unwrap();
    write_ray_tune_tree(&folder.path().join("zoo"));
    let (catalog, skipped) = found(folder.path());
    assert_eq!(catalog.entries().len(), 12 * 5 - 1 - 2 + 1);
    let runs: std::collections::BTreeSet<_> =
        catalog.entries().map(|entry| entry.run.clone()).collect();
    assert_eq!(runs.len(), 12);

    let entry = at(&catalog, "00003_seed=3_abc/checkpoint_000003/checkpoints");
    assert_eq!(
        (entry.run.as_str(), entry.step),
        ("NN_tune_trainable_00003_seed=3_abc", 3)
    );
    assert_eq!(entry.labels["test_acc"], Label::Real(0.3));
    assert_eq!(entry.labels["model::nlin"], "tanh".into());
    assert_eq!(entry.labels["seed"], 3.into());
    assert!(!entry.labels.contains_key("training_iteration"));
    assert!(OpenCheckpoint::open_at(&entry.location, &Limits::default()).is_ok());

    let first = at(&catalog, "seed=4_abc/checkpoint_0/checkpoints");
    assert!(!first.labels.contains_key("test_acc") && first.step == 0);
    let cut = at(&catalog, "seed=5_abc/checkpoint_000004/checkpoints");
    let text = OpenCheckpoint::open_at(&cut.location, &Limits::default())
        .unwrap_err()
        .full_message();
    assert!(
        text.contains("checkpoint_000004") && text.contains("cut short"),
        "{text}"
    );
    let diverged = at(&catalog, "seed=7_abc/checkpoint_3");
    let reason = Absence::Diverged("train_loss is NaN at training_iteration 3".to_owned());
    assert_eq!(diverged.absent, Some(reason));

    let text = reasons(&skipped);
    assert!(
        text.contains(
            "seed=3_abc: 1 of 4 lines of result.json have no checkpoint: training_iteration 2"
        ),
        "{text}"
    );
    assert!(text.contains("dataset.pt: the data set of a zoo"), "{text}");
    assert!(
        text.contains("readme.md: not a known checkpoint format"),
        "{text}"
    );
}

#[test]
fn names_of_cnt_dnns_and_of_the_transformer_zoo_are_labels() {
    let folder = tempfile::tempdir().unwrap();
    let stem = "MNIST_small_fc_nlayers-3_init-normal_support-0.1_seed-7";
    for accuracy in ["0.913_binaccuracy-0.9", "0.5_binaccuracy-0.5"] {
        let name = format!("{stem}_realaccuracy-{accuracy}.npy");
        write(&folder.path().join("cnt").join(name), [0; 16]);
    }
    write(&folder.path().join("vit/small_3_12_8731.pt"), [0; 16]);
    let (catalog, skipped) = found(folder.path());
    assert_eq!((catalog.entries().len(), skipped.len()), (3, 0));
    let entry = at(&catalog, "realaccuracy-0.913_binaccuracy-0.9.npy");
    assert_eq!(entry.run, stem);
    assert_eq!(entry.labels["realaccuracy"], Label::Real(0.913));
    assert_eq!(entry.labels["nlayers"], 3.into());
    assert_eq!(entry.labels["dataset"], "MNIST".into());
    let entry = at(&catalog, "small_3_12_8731.pt");
    assert_eq!((entry.run.as_str(), entry.step), ("small_3", 12));
    assert_eq!(entry.labels["accuracy"], Label::Real(87.31));
}

#[test]
fn shards_of_a_hugging_face_folder_are_one_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model");
    write_shards(&model);
    let (catalog, skipped) = found(folder.path());
    assert_eq!((catalog.entries().len(), skipped.len()), (1, 0));
    let entry = &catalog.entries().next().unwrap();
    assert_eq!(entry.run, model.to_string_lossy());
    assert_eq!(entry.labels["hidden_size"], 3.into());
    assert_eq!(entry.labels["tied"], false.into());
    let opened = OpenCheckpoint::open_at(&entry.location, &Limits::default()).unwrap();
    let names: Vec<_> = opened
        .tensors()
        .iter()
        .map(|tensor| &*tensor.name)
        .collect();
    assert_eq!(names, ["fc1.bias", "fc1.weight", "fc2.weight"]);
    assert_eq!(*opened.values("fc2.weight").unwrap(), [3.0; 3]);
    let sizes = [
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
        "model.safetensors.index.json",
    ];
    let bytes = sizes.map(|name| model.join(name).metadata().unwrap().len());
    assert_eq!(opened.bytes(), bytes.iter().sum::<u64>());
    let (resolved, _) = resolve_architecture(&opened, None);
    assert_eq!(
        resolved.unwrap().network(&opened).unwrap().n_parameters(),
        12
    );
}

#[test]
fn index_and_shards_are_compared_both_ways() {
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("model.safetensors.index.json");
    write_shards(folder.path());
    let good = std::fs::read_to_string(&index).unwrap();
    let check = |from: &str, to: &str, expected: &str| {
        write(&index, good.replace(from, to));
        let text = OpenCheckpoint::open(&index).unwrap_err().full_message();
        assert!(
            text.contains("index.json") && text.contains(expected),
            "{text}"
        );
    };
    let second = "\"fc2.weight\": \"model-00002-of-00002.safetensors\"";
    check(
        second,
        &format!("{second}, \"fc3.weight\": \"model-00002-of-00002.safetensors\""),
        "lists 4 tensors, the shards hold 3: fc3.weight is not in model-00002",
    );
    check(
        "\"fc1.bias\": \"model-00001-of-00002.safetensors\",",
        "",
        "holds tensor fc1.bias, which the index does not list",
    );
    check(
        "\"fc1.bias\": \"model-00001",
        "\"fc1.bias\": \"model-00002",
        "model-00001-of-00002.safetensors holds tensor fc1.bias, which the index says is in model-00002",
    );
    check(
        "model-00002-of-00002",
        "../elsewhere",
        "no name of a file beside the index",
    );
    write(&index, &good);
    std::fs::remove_file(folder.path().join("model-00002-of-00002.safetensors")).unwrap();
    let text = OpenCheckpoint::open(&index).unwrap_err().full_message();
    assert!(text.contains("model-00002-of-00002.safetensors"), "{text}");
}

#[test]
fn models_of_pgdl_have_their_configuration_as_labels() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("task4/model_17");
    write(&model.join("weights.hdf5"), b"\x89HDF\r\n\x1a\n");
    write(
        &model.join("config.json"),
        r#"{"hparams": {"depth": 2}, "train_acc": 1.0, "layers": [1]}"#,
    );
    let (catalog, skipped) = found(folder.path());
    assert_eq!((catalog.entries().len(), skipped.len()), (1, 0));
    let entry = &catalog.entries().next().unwrap();
    assert_eq!(entry.run, "task4/model_17");
    assert_eq!(entry.labels["hparams.depth"], 2.into());
    assert_eq!(entry.labels["task"], "task4".into());
}

#[test]
fn a_network_of_mlp_cn_that_cannot_be_opened_is_an_entry_that_says_why() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("network3.pickle"), [0; 16]);
    write(&folder.path().join("network3.h5"), [0; 16]);
    let (catalog, _) = found(folder.path());
    assert_eq!(catalog.entries().len(), 2);
    assert_eq!(at(&catalog, "network3.pickle").run, "network3");
}

#[test]
fn snapshots_of_a_stack_are_checkpoints_of_one_run() {
    let folder = tempfile::tempdir().unwrap();
    let stack = [
        ("w12", &[3, 4, 2][..], 0.5),
        ("w23", &[3, 2, 1], 0.25),
        ("x", &[2, 3], 0.75),
    ];
    write(
        &folder.path().join("network1.pickle"),
        safetensors_of(&stack),
    );
    let (catalog, _) = found(folder.path());
    assert_eq!(catalog.entries().len(), 3);
    let entry = at(&catalog, "network1.pickle row 2");
    assert_eq!((entry.run.as_str(), entry.step), ("network1", 2));
    assert_eq!(entry.labels["test_loss"], Label::Real(0.75));
    let opened = OpenCheckpoint::open_at(&entry.location, &Limits::default()).unwrap();
    assert_eq!(opened.tensor("w12").unwrap().shape, [4, 2]);
    let (resolved, coverage) = resolve_architecture(&opened, None);
    assert_eq!(
        resolved.unwrap().network(&opened).unwrap().n_parameters(),
        10
    );
    assert_eq!(
        coverage[2].reason.as_deref(),
        Some("a record of the training")
    );
    let other = OpenCheckpoint::open_at(
        &at(&catalog, "network1.pickle row 0").location,
        &Limits::default(),
    );
    assert_ne!(other.unwrap().digest(), opened.digest());
    assert!(OpenCheckpoint::open_at(&entry.location.at_row(3), &Limits::default()).is_err());
}

#[test]
fn fine_tuned_models_of_hugging_face_have_their_base_as_parent() {
    let folder = tempfile::tempdir().unwrap();
    let hub = folder.path().join("hub");
    let model = |name: &str, file: &str, text: &str| {
        write(
            &hub.join(name).join("model.safetensors"),
            safetensors_of(&[]),
        );
        write(&hub.join(name).join(file), text);
    };
    model(
        "org/base",
        "config.json",
        r#"{"_name_or_path": "org/base"}"#,
    );
    model("tuned", "config.json", r#"{"_name_or_path": "org/base"}"#);
    model(
        "beside",
        "README.md",
        "---\nbase_model: ../org/base\n---\ntext",
    );
    model(
        "outside",
        "adapter_config.json",
        r#"{"base_model_name_or_path": "org/other"}"#,
    );
    model(
        "far",
        "config.json",
        r#"{"_name_or_path": "https://example.org/x", "depth": 1}"#,
    );
    let (catalog, skipped) = found(&hub);
    let parent = |name: &str| {
        at(&catalog, &format!("{name}/model.safetensors"))
            .parent
            .clone()
    };
    let base = at(&catalog, "org/base/model.safetensors");
    assert_eq!(parent("org/base"), None);
    let tuned = parent("tuned").unwrap();
    assert_eq!(
        (tuned.name.as_str(), &tuned.location),
        ("org/base", &base.location)
    );
    let beside = parent("beside").unwrap();
    assert_eq!(
        (beside.name.as_str(), &beside.location),
        (&*base.checkpoint, &base.location)
    );
    let outside = parent("outside").unwrap();
    assert_eq!(outside.name, "org/other");
    assert!(
        outside
            .location
            .to_string()
            .ends_with("hub/outside/org/other")
    );
    assert_eq!(parent("far"), None);
    // Files that gave a parent are read, not skipped.
    let skipped = reasons(&skipped);
    assert!(
        !skipped.contains("README") && !skipped.contains("adapter_config"),
        "{skipped}"
    );
}

#[test]
fn a_name_of_a_hub_that_two_folders_end_with_is_no_checkpoint_of_the_catalog() {
    let folder = tempfile::tempdir().unwrap();
    for mirror in ["one/org/base", "two/org/base", "tuned"] {
        let weights = folder.path().join(mirror).join("model.safetensors");
        write(&weights, safetensors_of(&[]));
    }
    let config = folder.path().join("tuned/config.json");
    write(&config, r#"{"_name_or_path": "org/base"}"#);
    let (catalog, _) = found(folder.path());
    let parent = at(&catalog, "tuned/model.safetensors")
        .parent
        .clone()
        .unwrap();
    assert!(parent.location.to_string().ends_with("tuned/org/base"));
}

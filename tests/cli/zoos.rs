//! Layouts of published zoos: `cntflow measure` finds labels, runs and steps, and a broken file is
//! a row with the reason. The checkpoints are those of `tests/formats`, written by PyTorch and
//! Keras.

use std::io::Write;
use std::path::{Path, PathBuf};

use polars::prelude::DataFrame;

use crate::support::{expect, table};

fn fixture(name: &str) -> PathBuf {
    PathBuf::from("../../tests/formats/data/mlp").join(name)
}

fn write(path: &Path, bytes: impl AsRef<[u8]>) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// A column of `networks` as texts, in the order of the checkpoints' names.
fn texts(networks: &DataFrame, column: &str) -> Vec<String> {
    let column = networks.column(column).unwrap();
    let text = |value: polars::prelude::AnyValue<'_>| match value.get_str() {
        Some(text) => text.to_owned(),
        None => value.to_string(),
    };
    (0..column.len())
        .map(|row| text(column.get(row).unwrap()))
        .collect()
}

#[test]
fn a_small_cnn_zoo_of_three_hundred_rows() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (300, 4970), }";
    let header = format!("{header:<117}\n");
    let mut matrix = [
        b"\x93NUMPY\x01\x00".as_slice(),
        &[118, 0],
        header.as_bytes(),
    ]
    .concat();
    for index in 0..300 * 4970_u32 {
        let weight = f64::from(index.wrapping_mul(2_654_435_761) >> 8) / f64::from(1 << 24) - 0.5;
        matrix.extend((weight as f32 * 0.2).to_le_bytes());
    }
    write(&here.join("zoo/weights.npy"), matrix);
    let layout = "varname,start_idx,end_idx,shape\n\
        sequential/conv2d/bias:0,0,16,\"(16,)\"\nsequential/conv2d/kernel:0,16,160,\"(3, 3, 1, 16)\"\n\
        sequential/conv2d_1/bias:0,160,176,\"(16,)\"\nsequential/conv2d_1/kernel:0,176,2480,\"(3, 3, 16, 16)\"\n\
        sequential/conv2d_2/bias:0,2480,2496,\"(16,)\"\nsequential/conv2d_2/kernel:0,2496,4800,\"(3, 3, 16, 16)\"\n\
        sequential/dense/bias:0,4800,4810,\"(10,)\"\nsequential/dense/kernel:0,4810,4970,\"(16, 10)\"\n";
    write(&here.join("zoo/layout.csv"), layout);
    let mut metrics = "config.activation,config.dataset,modeldir,step,test_accuracy\n".to_owned();
    for row in 0..300 {
        let step = [0, 1, 2, 3, 20, 40, 60, 80, 86][row % 9];
        let accuracy = row as f64 / 300.0;
        metrics += &format!("relu,mnist,/zoo/run_{:03},{step},{accuracy}\n", row / 9);
    }
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(metrics.as_bytes()).unwrap();
    write(&here.join("zoo/metrics.csv.gz"), gzip.finish().unwrap());

    expect(
        0,
        here,
        &["measure", "zoo", "--out", "out", "--neurons", "none"],
    );
    let networks = table(&here.join("out"), "networks");
    assert_eq!(networks.height(), 300);
    assert!(
        texts(&networks, "status")
            .iter()
            .all(|status| status == "ok")
    );
    let [mut runs, steps] = ["run", "step"].map(|name| texts(&networks, name));
    runs.sort();
    runs.dedup();
    assert_eq!((runs.len(), &*runs[0]), (34, "/zoo/run_000"));
    assert_eq!(steps.iter().filter(|step| *step == "86").count(), 33);
    assert!(
        texts(&networks, "config.activation")
            .iter()
            .all(|label| label == "relu")
    );
    let layers = table(&here.join("out"), "layers");
    let strengths = texts(&layers, "metric");
    // Inputs, three convolutions, the global average, and the dense layer.
    let strengths = strengths
        .iter()
        .filter(|metric| *metric == "nodes_strength");
    assert_eq!(strengths.count(), 300 * 6);
}

#[test]
fn a_ray_tune_tree_with_a_missing_a_truncated_and_a_diverged_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let state = std::fs::read(fixture("state_dict.pt")).unwrap();
    for run in 0..12 {
        let path = here.join(format!("zoo/NN_tune_trainable_{run:05}_seed={run}_abc"));
        let parameters = format!(r#"{{"model::nlin": "relu", "optim::lr": 0.001, "seed": {run}}}"#);
        write(&path.join("params.json"), parameters);
        let mut lines = String::new();
        for epoch in [2, 1, 3] {
            let loss = if run == 7 && epoch == 3 { "NaN" } else { "0.5" };
            lines += &format!(
                "{{\"train_loss\": {loss}, \"test_acc\": 0.{epoch}, \"training_iteration\": {epoch}}}\n"
            );
        }
        write(&path.join("result.json"), lines);
        for epoch in 0..4 {
            let is_complete = (run, epoch) != (5, 3);
            let bytes = if is_complete {
                &state[..]
            } else {
                &state[..state.len() / 2]
            };
            if (run, epoch) != (3, 2) && (run, epoch) != (7, 3) {
                write(&path.join(format!("checkpoint_{epoch}/checkpoints")), bytes);
            }
        }
    }
    let output = expect(3, here, &["measure", "zoo", "--out", "out", "--json"]).json();
    assert_eq!(output["checkpoints"]["failed"], 1, "{output}");
    let networks = table(&here.join("out"), "networks");
    assert_eq!(networks.height(), 12 * 4 - 1);
    let [status, reasons, checkpoints] =
        ["status", "reason", "checkpoint"].map(|name| texts(&networks, name));
    let row = |name: &str| {
        checkpoints
            .iter()
            .position(|found| found.contains(name))
            .unwrap()
    };
    let cut = row("seed=5_abc/checkpoint_3");
    assert_eq!(status[cut], "failed");
    assert!(
        reasons[cut].contains("checkpoint_3/checkpoints"),
        "{}",
        reasons[cut]
    );
    let diverged = row("seed=7_abc/checkpoint_3");
    assert_eq!(status[diverged], "skipped");
    assert!(
        reasons[diverged].contains("train_loss is NaN"),
        "{}",
        reasons[diverged]
    );
    let measured = row("seed=4_abc/checkpoint_2");
    assert_eq!(
        texts(&networks, "run")[measured],
        "NN_tune_trainable_00004_seed=4_abc"
    );
    assert_eq!(texts(&networks, "step")[measured], "2");
    assert_eq!(texts(&networks, "test_acc")[measured], "0.2");
    assert_eq!(texts(&networks, "n_parameters")[measured], "186");
}

#[test]
fn a_folder_of_cnt_dnns_and_one_of_hugging_face() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let layers = std::fs::read(fixture("layers.npy")).unwrap();
    for seed in 0..3 {
        let name = format!(
            "mnist_small_fc_nlayers-3_init-normal_support-0.5_seed-{seed}_realaccuracy-0.9{seed}_binaccuracy-0.9.npy"
        );
        write(&here.join("dnns").join(name), &layers);
    }
    for entry in std::fs::read_dir(fixture("sharded")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap();
        write(
            &here.join("model").join(name),
            std::fs::read(&path).unwrap(),
        );
    }
    write(
        &here.join("model/config.json"),
        r#"{"model_type": "mlp", "hidden_size": 8}"#,
    );

    expect(
        0,
        here,
        &[
            "measure",
            "dnns",
            "model",
            "--out",
            "out",
            "--neurons",
            "none",
        ],
    );
    let networks = table(&here.join("out"), "networks");
    assert_eq!(networks.height(), 4);
    assert!(texts(&networks, "n_parameters").iter().all(|n| n == "186"));
    assert_eq!(texts(&networks, "seed")[..3], ["0", "1", "2"]);
    assert_eq!(
        texts(&networks, "realaccuracy")[..3],
        ["0.9", "0.91", "0.92"]
    );
    assert_eq!(texts(&networks, "hidden_size")[3], "8");
    // The same weights, in Keras' layout and in PyTorch's, have the same strengths.
    let layers = table(&here.join("out"), "layers");
    let [metrics, means] = ["metric", "mean"].map(|name| texts(&layers, name));
    let strengths: Vec<&String> = (0..metrics.len())
        .filter(|&row| metrics[row] == "nodes_strength")
        .map(|row| &means[row])
        .collect();
    assert_eq!(strengths.len(), 16);
    for network in strengths.chunks(4) {
        assert_eq!(network, &strengths[..4]);
    }
}

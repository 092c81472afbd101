//! Published layouts, written as their publishers have them.

use std::io::Write;
use std::path::Path;

use safetensors::Dtype;
use safetensors::tensor::TensorView;

pub(crate) fn write(path: &Path, bytes: impl AsRef<[u8]>) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

pub(crate) fn gzip(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let mut file = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    file.write_all(bytes.as_ref()).unwrap();
    file.finish().unwrap()
}

pub(crate) fn safetensors_of(tensors: &[(&str, &[usize], f32)]) -> Vec<u8> {
    let bytes: Vec<Vec<u8>> = tensors
        .iter()
        .map(|(_, shape, value)| value.to_le_bytes().repeat(shape.iter().product()))
        .collect();
    let views = tensors.iter().zip(&bytes).map(|((name, shape, _), bytes)| {
        let view = TensorView::new(Dtype::F32, shape.to_vec(), bytes).unwrap();
        (*name, view)
    });
    safetensors::serialize(views, None).unwrap()
}

const LAYOUT: &str = "varname,start_idx,end_idx,shape
sequential/conv2d/bias:0,0,16,\"(16,)\"
sequential/conv2d/kernel:0,16,160,\"(3, 3, 1, 16)\"
sequential/conv2d_1/bias:0,160,176,\"(16,)\"
sequential/conv2d_1/kernel:0,176,2480,\"(3, 3, 16, 16)\"
sequential/conv2d_2/bias:0,2480,2496,\"(16,)\"
sequential/conv2d_2/kernel:0,2496,4800,\"(3, 3, 16, 16)\"
sequential/dense/bias:0,4800,4810,\"(10,)\"
sequential/dense/kernel:0,4810,4970,\"(16, 10)\"
";

/// Every value of the matrix is its row plus a thousandth of its column.
pub(crate) fn write_small_cnn_zoo(folder: &Path, rows: usize) {
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, 4970), }}");
    let header = format!("{header:<117}\n");
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header.as_bytes());
    for row in 0..rows {
        for column in 0..4970 {
            file.extend((row as f32 + column as f32 / 1000.0).to_le_bytes());
        }
    }
    write(&folder.join("weights.npy"), file);
    write(&folder.join("layout.csv"), LAYOUT);
    let mut metrics =
        "config.activation,config.dataset,config.learning_rate,modeldir,step,test_accuracy\n"
            .to_owned();
    let steps = [0, 1, 2, 3, 20, 40, 60, 80, 86];
    for row in 0..rows {
        let activation = ["relu", "tanh"][row / 9 % 2];
        metrics.push_str(&format!(
            "{activation},mnist,0.0{},/zoo/run_{},{},0.{row}\n",
            row % 7,
            row / 9,
            steps[row % 9]
        ));
    }
    write(&folder.join("metrics.csv.gz"), gzip(&metrics));
}

/// Twelve runs of five checkpoints: one with a hole, one with a file that is cut short, one that
/// diverged; and what lies beside.
pub(crate) fn write_ray_tune_tree(zoo: &Path) {
    write(&zoo.join("config.json"), "{}");
    write(&zoo.join("readme.md"), "a zoo");
    write(&zoo.join("dataset.pt"), [1, 2, 3]);
    let state = safetensors_of(&[("module_list.0.weight", &[2, 3], 0.5)]);
    for run in 0..12 {
        let path = zoo.join(format!("NN_tune_trainable_{run:05}_seed={run}_abc"));
        write(
            &path.join("params.json"),
            format!(
                r#"{{"model::nlin": "tanh", "optim::lr": 0.0003, "seed": {run}, "list": [1]}}"#
            ),
        );
        let mut lines = String::new();
        // Written out of order, one line twice: a line's number says nothing.
        for epoch in [2, 1, 3, 4] {
            let loss = if run == 7 && epoch > 2 { "NaN" } else { "0.5" };
            lines.push_str(&format!(
                "{{\"train_loss\": {loss}, \"test_acc\": 0.{epoch}, \"training_iteration\": {epoch}, \"config\": {{\"a\": 1}}}}\n"
            ));
        }
        write(&path.join("result.json"), lines);
        for epoch in 0..5 {
            let (hole, diverged) = (run == 3 && epoch == 2, run == 7 && epoch > 2);
            let length = if run == 5 && epoch == 4 {
                state.len() - 3
            } else {
                state.len()
            };
            let name = if run % 2 == 0 {
                format!("checkpoint_{epoch}")
            } else {
                format!("checkpoint_{epoch:06}")
            };
            if !hole && !diverged {
                write(&path.join(name).join("checkpoints"), &state[..length]);
            }
        }
    }
}

pub(crate) fn write_shards(folder: &Path) {
    let first = safetensors_of(&[("fc1.weight", &[3, 2], 1.0), ("fc1.bias", &[3], 2.0)]);
    let second = safetensors_of(&[("fc2.weight", &[1, 3], 3.0)]);
    write(&folder.join("model-00001-of-00002.safetensors"), first);
    write(&folder.join("model-00002-of-00002.safetensors"), second);
    write(
        &folder.join("model.safetensors.index.json"),
        r#"{"metadata": {"total_size": 48}, "weight_map": {
            "fc1.weight": "model-00001-of-00002.safetensors",
            "fc1.bias": "model-00001-of-00002.safetensors",
            "fc2.weight": "model-00002-of-00002.safetensors"}}"#,
    );
    let config = r#"{"model_type": "mlp", "hidden_size": 3, "dropout": 0.1, "tied": false, "architectures": ["Mlp"]}"#;
    write(&folder.join("config.json"), config);
}

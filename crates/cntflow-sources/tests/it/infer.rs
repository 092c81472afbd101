//! Architectures inferred from files or read from sidecars, and the coverage of every tensor.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use cntflow_architecture::{Coverage, ResolvedArchitecture, resolve_architecture};
use cntflow_formats::OpenCheckpoint;
use safetensors::Dtype;
use safetensors::tensor::TensorView;

/// Writes a file of tensors that hold 0, 1, 2, ... each.
fn write(folder: &Path, list: &[(&str, &[usize])], metadata: &[(&str, &str)]) -> PathBuf {
    let bytes: Vec<Vec<u8>> = list
        .iter()
        .map(|(_, shape)| {
            let n: usize = shape.iter().product();
            (0..n).flat_map(|i| (i as f32).to_le_bytes()).collect()
        })
        .collect();
    let views = list.iter().zip(&bytes).map(|((name, shape), bytes)| {
        let view = TensorView::new(Dtype::F32, shape.to_vec(), bytes).unwrap();
        (*name, view)
    });
    let texts = metadata
        .iter()
        .map(|(key, text)| ((*key).to_owned(), (*text).to_owned()));
    let texts: HashMap<String, String> = texts.collect();
    let path = folder.join("checkpoint");
    let whole = safetensors::serialize(views, Some(texts)).unwrap();
    std::fs::write(&path, whole).unwrap();
    path
}

fn resolved(checkpoint: &OpenCheckpoint) -> (ResolvedArchitecture, Vec<Coverage>) {
    let (resolved, coverage) = resolve_architecture(checkpoint, None);
    (resolved.unwrap(), coverage)
}

const CHAIN: [(&str, &[usize]); 4] = [
    ("module.fc10.weight", &[2, 3]),
    ("module.fc2.bias", &[3]),
    ("module.fc2.weight", &[3, 4]),
    ("module.bn.num_batches_tracked", &[]),
];

#[test]
fn a_wrapped_chain_is_a_network_with_the_files_weights() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = OpenCheckpoint::open(&write(folder.path(), &CHAIN, &[])).unwrap();
    let (resolved, coverage) = resolved(&checkpoint);
    assert_eq!(resolved.source, "names and shapes");
    let said: Vec<String> = coverage
        .iter()
        .map(|row| {
            let used = row.used_as.as_deref().unwrap_or("-");
            format!("{}: {used}", row.tensor.name)
        })
        .collect();
    assert!(
        said.contains(&"module.fc2.weight: kernel of fc2".to_owned()),
        "{said:?}"
    );
    let counter = coverage.iter().find(|row| row.used_as.is_none()).unwrap();
    assert_eq!(counter.reason.as_deref(), Some("counter"));
    let network = resolved.network(&checkpoint).unwrap();
    assert_eq!(network.n_parameters(), 6 + 3 + 12);
    let sums: Vec<f32> = network
        .parameters()
        .map(|(_, values)| values.iter().sum())
        .collect();
    assert_eq!(sums, [66.0, 3.0, 15.0]);
}

#[test]
fn a_block_of_a_transformer_takes_kernels_the_other_way_round() {
    let folder = tempfile::tempdir().unwrap();
    let list: [(&str, &[usize]); 9] = [
        ("h.0.ln_1.weight", &[2]),
        ("h.0.attn.c_attn.weight", &[2, 6]),
        ("h.0.attn.c_proj.weight", &[2, 2]),
        ("h.0.ln_2.weight", &[2]),
        ("h.0.mlp.c_fc.weight", &[2, 8]),
        ("h.0.mlp.c_proj.weight", &[8, 2]),
        ("wte.weight", &[5, 2]),
        ("wpe.weight", &[3, 2]),
        ("ln_f.weight", &[2]),
    ];
    let path = write(folder.path(), &list, &[("n_head", "2")]);
    let checkpoint = OpenCheckpoint::open(&path).unwrap();
    let (resolved, coverage) = resolved(&checkpoint);
    assert!(
        coverage.iter().all(|row| row.used_as.is_some()),
        "{coverage:?}"
    );
    let network = resolved.network(&checkpoint).unwrap();
    let named = |name: &str| {
        let mut parameters = network.parameters();
        parameters.find(|(spec, _)| spec.name == name).unwrap().1
    };
    let fused = named("h.0.self_attn.in_proj_weight");
    assert_eq!(fused[..4], [0.0, 6.0, 1.0, 7.0]);
    assert_eq!(named("h.0.linear2.weight")[..3], [0.0, 2.0, 4.0]);
}

#[test]
fn contradictory_tensors_are_parts_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let list: [(&str, &[usize]); 2] = [("a.weight", &[3, 4]), ("b.weight", &[2, 5])];
    let checkpoint = OpenCheckpoint::open(&write(folder.path(), &list, &[])).unwrap();
    let (resolved, coverage) = resolve_architecture(&checkpoint, None);
    let text = resolved.unwrap().in_parts.unwrap();
    assert!(
        text.contains("b.weight [2, 5] takes 5 inputs, a gives 3"),
        "{text}"
    );
    assert_eq!(coverage.len(), 2);
    assert!(coverage.iter().all(|row| row.reason.is_some()));
}

#[test]
fn an_architecture_may_lie_beside_the_file() {
    let json = r#"{"input": [4], "layers": [{"kind": "dense", "name": "fc2", "units": 3, "activation": "relu"},
        {"kind": "dense", "name": "fc10", "units": 2, "bias": false}]}"#;
    let wrapped = format!(r#"{{"author": "someone", "architecture": {json}}}"#);
    for (name, text, source) in [
        ("checkpoint.json", json, "sidecar"),
        ("architecture.json", &*wrapped, "sidecar"),
        ("architecture.json", r#"{"layers": 3}"#, "names and shapes"),
        ("architecture.json", "no JSON", "names and shapes"),
        ("other.json", json, "names and shapes"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = write(folder.path(), &CHAIN, &[("architecture", "mlp")]);
        std::fs::write(folder.path().join(name), text).unwrap();
        let checkpoint = OpenCheckpoint::open(&path).unwrap();
        let (resolved, _) = resolved(&checkpoint);
        assert_eq!(resolved.source, source, "{name}: {text}");
        assert_eq!(resolved.network(&checkpoint).unwrap().n_parameters(), 21);
    }
}

#[test]
fn hostile_shapes_make_no_panic() {
    let folder = tempfile::tempdir().unwrap();
    let shapes: [&[usize]; 6] = [&[], &[1], &[0, 1 << 40], &[3, 1], &[2, 1, 1], &[1, 2, 1, 3]];
    let names = [
        "fc.weight",
        "fc.bias",
        "rnn.weight_ih_l0",
        "rnn.weight_hh_l0",
        "bn.running_mean",
        "conv.weight",
        "0.self_attn.in_proj_weight",
        ".weight",
        "a",
    ];
    for (i, first) in names.iter().enumerate() {
        for second in &names[i + 1..] {
            for (a, b) in shapes
                .iter()
                .flat_map(|a| shapes.iter().map(move |b| (a, b)))
            {
                let path = write(folder.path(), &[(first, a), (second, b)], &[]);
                let checkpoint = OpenCheckpoint::open(&path).unwrap();
                let (resolved, coverage) = resolve_architecture(&checkpoint, None);
                assert_eq!(coverage.len(), 2);
                if let Ok(resolved) = resolved {
                    resolved.network(&checkpoint).unwrap();
                }
            }
        }
    }
}

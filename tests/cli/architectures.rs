//! Checkpoints of other programs without an architecture: it is inferred, or the weights alone are
//! measured.

use crate::support::{expect, table, write_checkpoint};

#[test]
fn weights_alone_are_measured_without_an_architecture() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let tensors: [(&str, &[usize], Vec<f32>); 3] = [
        ("a.weight", &[3, 2], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]),
        ("a.bias", &[3], vec![0.5, 0.5, 2.0]),
        ("b.weight", &[1, 2], vec![0.0, -1.0]),
    ];
    write_checkpoint(&here.join("a.safetensors"), &tensors, &[]);
    let output = expect(0, here, &["measure", ".", "--out", "out", "--json"]).json();
    assert_eq!(output["checkpoints"]["ok"], 1);
    let networks = table(&here.join("out"), "networks");
    let text = |column: &str| {
        networks
            .column(column)
            .unwrap()
            .str()
            .unwrap()
            .get(0)
            .unwrap()
            .to_owned()
    };
    assert_eq!(text("status"), "ok");
    let reason = text("reason");
    assert!(
        reason.contains("the architecture is unknown")
            && reason.contains("b.weight [1, 2] takes 2 inputs"),
        "{reason}"
    );
    assert_eq!(networks.column("n_layers").unwrap().null_count(), 1);
    assert_eq!(
        networks
            .column("n_parameters")
            .unwrap()
            .u64()
            .unwrap()
            .get(0),
        Some(11)
    );
    let layers = table(&here.join("out"), "layers");
    let metrics: Vec<_> = layers
        .column("metric")
        .unwrap()
        .str()
        .unwrap()
        .iter()
        .flatten()
        .collect();
    assert_eq!(
        metrics
            .iter()
            .filter(|&&metric| metric == "kernel_weights")
            .count(),
        2
    );
    assert_eq!(
        metrics.iter().filter(|&&metric| metric == "biases").count(),
        1
    );
    assert!(!metrics.contains(&"nodes_strength"));
    let inspected = expect(0, here, &["inspect", "a.safetensors", "--json"]).json();
    assert!(inspected["network"]["graph"].is_null());
    let coverage = inspected["coverage"].as_array().unwrap();
    assert!(coverage.iter().any(|row| row["used_as"] == "kernel"));
}

#[test]
fn inspect_shows_the_inferred_graph_and_its_assumptions() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let tensors: [(&str, &[usize], Vec<f32>); 2] = [
        ("module.conv1.weight", &[4, 1, 3, 3], vec![0.5; 36]),
        ("module.fc.weight", &[2, 16], vec![1.0; 32]),
    ];
    write_checkpoint(&here.join("a.safetensors"), &tensors, &[]);
    let text = expect(0, here, &["inspect", "a.safetensors"]).stdout;
    for expected in [
        "assumed: the size of images",
        "4 channels",
        "conv1",
        "[4, 1, 3, 3]",
        "kernel of fc",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let output = expect(0, here, &["inspect", "a.safetensors", "--json"]).json();
    let network = &output["network"];
    // A link for each pair of channels, its kernel summed.
    assert_eq!(network["graph"][1]["links"][0]["n_links"], 4);
    assert_eq!(
        (&network["n_layers"], &network["n_neurons"]),
        (&3.into(), &7.into())
    );
    let reason = network["left_out"].as_str().unwrap();
    assert!(reason.contains("graph of channels"), "{reason}");
}

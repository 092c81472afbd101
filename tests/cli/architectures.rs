//! Checkpoints of other programs without an architecture: it is inferred as a whole or in parts, or
//! the weights alone are measured.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::{expect, table, write_checkpoint};

/// The only value of a column of the table `networks`, as JSON.
fn of_network(out: &Path, column: &str) -> Value {
    let row = expect(
        0,
        out,
        &[
            "query",
            ".",
            &format!("SELECT {column} FROM networks"),
            "--format",
            "json",
        ],
    );
    row.json()[0][column].clone()
}

#[test]
fn weights_alone_are_measured_where_nothing_is_a_kernel() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let tensors: [(&str, &[usize], Vec<f32>); 2] = [
        ("scores", &[3], vec![0.5, 0.5, 2.0]),
        ("shifts", &[2], vec![0.0, -1.0]),
    ];
    write_checkpoint(&here.join("a.safetensors"), &tensors, &[]);
    let output = expect(0, here, &["measure", ".", "--out", "out", "--json"]).json();
    assert_eq!(output["checkpoints"]["ok"], 1);
    let out = here.join("out");
    assert_eq!(of_network(&out, "status"), "ok");
    let reason = of_network(&out, "reason").to_string();
    assert!(reason.contains("the architecture is unknown"), "{reason}");
    assert_eq!(of_network(&out, "graph"), "none");
    assert_eq!(of_network(&out, "n_layers"), Value::Null);
    assert_eq!(of_network(&out, "n_parameters"), 5);
    assert_eq!(of_network(&out, "placed_parameters"), 0);
    let layers = table(&out, "layers");
    let metrics = layers.column("metric").unwrap().str().unwrap();
    assert!(
        metrics
            .iter()
            .flatten()
            .all(|metric| ["biases", "link_weights"].contains(&metric))
    );
    let inspected = expect(0, here, &["inspect", "a.safetensors", "--json"]).json();
    assert!(inspected["network"]["graph"].is_null());
    assert_eq!(inspected["network"]["known_graph"], "none");
}

#[test]
fn a_network_with_an_unknown_tensor_is_known_in_parts() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let tensors: [(&str, &[usize], Vec<f32>); 5] = [
        ("a.weight", &[3, 2], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]),
        ("a.bias", &[3], vec![0.5, 0.5, 2.0]),
        ("b.weight", &[1, 2], vec![0.0, -1.0]),
        ("best_acc1", &[], vec![71.5]),
        ("scores", &[3], vec![f32::NAN, 1.0, 2.0]),
    ];
    write_checkpoint(&here.join("a.safetensors"), &tensors, &[]);
    expect(
        0,
        here,
        &["measure", ".", "--out", "out", "--neurons", "full"],
    );
    let out = here.join("out");
    assert_eq!(of_network(&out, "status"), "ok");
    assert_eq!(of_network(&out, "graph"), "parts");
    assert_eq!(of_network(&out, "n_layers"), 4);
    assert_eq!(of_network(&out, "n_parameters"), 14);
    assert_eq!(of_network(&out, "placed_parameters"), 11);
    let reason = of_network(&out, "reason").to_string();
    assert!(
        reason.contains("known in parts") && reason.contains("scores [3]"),
        "{reason}"
    );
    let rows = |sql: &str| expect(0, &out, &["query", ".", sql, "--format", "json"]).json();
    let open = rows(
        "SELECT name, open_in, open_out FROM layers WHERE metric = 'nodes_strength' ORDER BY layer",
    );
    let open: Vec<String> = open
        .as_array()
        .unwrap()
        .iter()
        .map(|row| format!("{} {} {}", row["name"], row["open_in"], row["open_out"]))
        .collect();
    assert_eq!(
        open,
        [
            "\"a.in\" true false",
            "\"a\" false true",
            "\"b.in\" true false",
            "\"b\" false true"
        ]
    );
    let neurons =
        rows("SELECT s_in, s_out, strength FROM neurons WHERE layer = 0.0 ORDER BY neuron");
    assert_eq!(
        neurons,
        json!([
            {"s_in": null, "s_out": 9.0, "strength": 9.0},
            {"s_in": null, "s_out": 12.0, "strength": 12.0},
        ])
    );
    let left = rows("SELECT tensor, reason FROM coverage WHERE used_as IS NULL ORDER BY tensor");
    assert_eq!(
        left,
        json!([
            {"tensor": "best_acc1", "reason": "a single number, of no known layer"},
            {"tensor": "scores", "reason": "belongs to no known layer"},
        ])
    );
    let text = expect(0, here, &["inspect", "a.safetensors"]).stdout;
    assert!(
        text.contains("14 parameters, 11 of them in the graph"),
        "{text}"
    );
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

/// A safetensors file of two kernels whose weights are a hole of 64 GiB.
fn write_hole(path: &Path) {
    let side = 1_usize << 17;
    let n_bytes = 4 * side * side;
    let header = json!({
        "encoder.fc1.weight": {"dtype": "F32", "shape": [side, side], "data_offsets": [0, n_bytes]},
        "scores": {"dtype": "F32", "shape": [7], "data_offsets": [n_bytes, n_bytes + 28]},
        "tail.weight": {"dtype": "F32", "shape": [3, 2], "data_offsets": [n_bytes + 28, n_bytes + 52]},
    });
    let header = header.to_string();
    let start = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes()].concat();
    fs_err::write(path, &start).unwrap();
    let file = fs_err::OpenOptions::new().write(true).open(path).unwrap();
    file.set_len((start.len() + n_bytes + 52) as u64).unwrap();
}

#[test]
fn the_structure_is_shown_without_reading_weights() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_hole(&here.join("hole.safetensors"));
    let shown = expect(
        0,
        here,
        &["inspect", "hole.safetensors", "--structure", "--json"],
    )
    .json();
    let network = &shown["network"];
    assert_eq!(network["known_graph"], "parts");
    assert_eq!(network["placed_parameters"], (1_u64 << 34) + 6);
    assert_eq!(network["n_parameters"], (1_u64 << 34) + 13);
    let text = expect(0, here, &["inspect", "hole.safetensors", "--structure"]).stdout;
    for expected in [
        "kernel of tail",
        "belongs to no known layer",
        "[131072, 131072]",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
}

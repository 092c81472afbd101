//! `cntflow diff`: what of one checkpoint is other than in another one.

use serde_json::Value;

use crate::support::{expect, write_chain, write_checkpoint};

type Tensors<'t> = [(&'t str, &'t [usize], Vec<f32>)];

/// Two dense layers, 2-2-1.
fn chain<'t>(first: [f32; 4], last: [f32; 2]) -> Vec<(&'t str, &'t [usize], Vec<f32>)> {
    vec![
        ("fc1.weight", &[2, 2], first.to_vec()),
        ("fc1.bias", &[2], vec![0.0, 1.0]),
        ("fc2.weight", &[1, 2], last.to_vec()),
    ]
}

/// The document of `cntflow diff` of two files.
fn diff_of(a: &Tensors<'_>, b: &Tensors<'_>) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_checkpoint(&here.join("a.safetensors"), a, &[]);
    write_checkpoint(&here.join("b.safetensors"), b, &[]);
    let document = expect(
        0,
        here,
        &["diff", "a.safetensors", "b.safetensors", "--json"],
    )
    .json();
    // The text has the same, and no plot or number may stop it.
    let text = expect(0, here, &["diff", "a.safetensors", "b.safetensors"]).stdout;
    for tensor in document["tensors"].as_array().unwrap() {
        for key in ["tensor", "status"] {
            assert!(text.contains(tensor[key].as_str().unwrap()), "{text}");
        }
    }
    document
}

#[track_caller]
fn tensor<'d>(document: &'d Value, name: &str) -> &'d Value {
    let mut tensors = document["tensors"].as_array().unwrap().iter();
    let found = tensors.find(|tensor| tensor["tensor"] == name);
    found.unwrap_or_else(|| panic!("no tensor {name}: {document:#}"))
}

#[test]
fn equal_checkpoints_are_the_same_in_every_tensor() {
    let tensors = chain([1.0, 2.0, 2.0, 4.0], [1.0, 1.0]);
    let document = diff_of(&tensors, &tensors);
    assert_eq!(document["counts"]["same"], 3);
    assert_eq!(document["counts"]["changed"], 0);
    assert_eq!(document["whole"]["relative_change"], 0.0);
    assert_eq!(document["layers"][1]["strength_correlation"], 1.0);
    assert_eq!(document["layers"][1]["strength_change_std"], 0.0);
}

#[test]
fn what_has_changed_and_where_is_told_with_numbers_worked_by_hand() {
    let a = chain([1.0, 2.0, 2.0, 4.0], [1.0, 1.0]);
    let b = chain([1.0, 2.0, 2.0, 9.0], [1.0, 1.0]);
    let document = diff_of(&a, &b);
    assert_eq!(document["matched_by"], "layer");
    let kernel = tensor(&document, "fc1.weight");
    assert_eq!(kernel["status"], "changed");
    assert_eq!(kernel["used_as"], "kernel of fc1");
    let change = &kernel["change"];
    for (key, expected) in [
        ("l2_a", 5.0),
        ("l2_b", 90.0_f64.sqrt()),
        ("l2_difference", 5.0),
        ("relative_change", 1.0),
        ("largest", 5.0),
        ("cosine", 45.0 / (5.0 * 90.0_f64.sqrt())),
        ("share", 1.0),
        ("wasserstein", 1.25),
    ] {
        let value = change[key].as_f64().unwrap();
        assert!((value - expected).abs() < 1e-12, "{key}: {value}");
    }
    assert_eq!(change["largest_at"], serde_json::json!([1, 1]));
    assert_eq!(
        (&change["changed"], &change["count"]),
        (&1.into(), &4.into())
    );
    let divergence = change["jensen_shannon"].as_f64().unwrap();
    assert!(divergence > 0.0 && divergence < 1.0, "{divergence}");
    assert_eq!(tensor(&document, "fc2.weight")["status"], "same");
    // The second neuron of fc1 has 5 more, and so has the second input.
    let hidden = &document["layers"][1];
    assert_eq!(
        (&hidden["name"], &hidden["neurons"]),
        (&"fc1".into(), &2.into())
    );
    assert_eq!(hidden["strength_change_mean"], 2.5);
    assert_eq!(hidden["strength_change_std"], 2.5);
    // Strengths 4 and 8, then 4 and 13.
    assert_eq!(hidden["layers_fluctuation_a"], 2.0);
    assert_eq!(hidden["layers_fluctuation_b"], 4.5);
}

#[test]
fn tensors_of_one_side_and_of_other_shapes_are_listed() {
    let a = chain([1.0; 4], [1.0, 1.0]);
    let mut b = chain([1.0; 4], [1.0, 1.0]);
    b[2] = ("fc2.weight", &[3, 2], vec![1.0; 6]);
    b.push(("fc3.weight", &[1, 3], vec![1.0; 3]));
    let document = diff_of(&a, &b);
    let last = tensor(&document, "fc2.weight");
    assert_eq!(last["status"], "other shape");
    assert_eq!(last["shape_a"], serde_json::json!([1, 2]));
    assert_eq!(last["shape_b"], serde_json::json!([3, 2]));
    assert_eq!(tensor(&document, "fc3.weight")["status"], "only in B");
    assert_eq!(document["counts"]["only_in_b"], 1);
    assert_eq!(
        document["layers_not_compared"]["b"],
        serde_json::json!(["fc2", "fc3"])
    );
    let names = document["layers"].as_array().unwrap().iter();
    let names: Vec<&str> = names.map(|layer| layer["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["input", "fc1"]);
}

#[test]
fn values_that_are_not_finite_are_counted_and_poison_nothing() {
    let a = chain([3.0, f32::NAN, 4.0, 1.0], [1.0, 1.0]);
    let b = chain([3.0, 1.0, 9.0, f32::INFINITY], [1.0, 1.0]);
    let document = diff_of(&a, &b);
    let change = &tensor(&document, "fc1.weight")["change"];
    assert_eq!(
        (&change["nan_a"], &change["infinite_b"]),
        (&1.into(), &1.into())
    );
    assert_eq!(
        (&change["finite"], &change["relative_change"]),
        (&2.into(), &1.0.into())
    );
    assert_eq!(document["layers"][1]["not_finite"], 2);
    assert_eq!(document["layers"][2]["not_finite"], 0);
}

#[test]
fn wrappers_are_no_part_of_names_and_networks_without_a_graph_are_compared_by_name() {
    let plain: [(&str, &[usize], Vec<f32>); 2] = [
        ("a.scores", &[6], vec![1.0; 6]),
        ("b.scores", &[2], vec![0.0, -1.0]),
    ];
    let wrapped: [(&str, &[usize], Vec<f32>); 2] = [
        ("module.a.scores", &[6], vec![1.0; 6]),
        ("module.b.scores", &[2], vec![0.0, 1.0]),
    ];
    let document = diff_of(&plain, &wrapped);
    assert_eq!(document["matched_by"], "name");
    assert_eq!(tensor(&document, "a.scores")["status"], "same");
    assert_eq!(tensor(&document, "b.scores")["change"]["cosine"], -1.0);
    assert!(document["layers"].is_null());
    let reason = document["layers_reason"].as_str().unwrap();
    assert!(reason.contains("the architecture is unknown"), "{reason}");
}

#[test]
fn networks_of_equal_shapes_and_other_names_are_matched_by_place() {
    let a = chain([1.0, 2.0, 3.0, 4.0], [1.0, 1.0]);
    let mut b = chain([1.0, 2.0, 3.0, 5.0], [1.0, 1.0]);
    for (tensor, name) in b.iter_mut().zip(["x1.weight", "x1.bias", "x2.weight"]) {
        tensor.0 = name;
    }
    let document = diff_of(&a, &b);
    assert_eq!(document["matched_by"], "place");
    assert_eq!(tensor(&document, "fc1.weight")["change"]["largest"], 1.0);
    assert_eq!(document["counts"]["same"], 2);
    assert_eq!(document["layers"].as_array().unwrap().len(), 3);
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_chain(&here.join("a.safetensors"), 1.0);
    std::fs::write(here.join("broken.safetensors"), b"{}").unwrap();
    for arguments in [
        ["diff", "a.safetensors", "broken.safetensors"],
        ["diff", "broken.safetensors", "a.safetensors"],
    ] {
        let output = expect(1, here, &arguments);
        assert!(output.stderr.contains("broken.safetensors"), "{output:?}");
        assert!(output.stdout.is_empty(), "{output:?}");
    }
    let output = expect(2, here, &["diff", "a.safetensors", "nothing.pt"]);
    assert!(
        output.stderr.contains("nothing.pt: no such file"),
        "{output:?}"
    );
}

#[test]
fn folders_of_hugging_face_and_members_of_archives_are_checkpoints() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    std::fs::create_dir(here.join("model")).unwrap();
    write_chain(&here.join("model/model.safetensors"), 1.0);
    let made = std::process::Command::new("tar")
        .args(["cf", "zoo.tar", "model/model.safetensors"])
        .current_dir(here)
        .status();
    assert!(made.unwrap().success());
    let member = "zoo.tar: model/model.safetensors";
    let document = expect(0, here, &["diff", "model", member, "--json"]).json();
    assert_eq!(document["counts"]["same"], 4);
    assert_eq!(document["b"]["file"], member);
    expect(0, here, &["inspect", member]);
    let output = expect(2, here, &["inspect", "."]);
    assert!(
        output.stderr.contains("a folder without weights"),
        "{output:?}"
    );
}

//! Chains of layers in the order of their names.

use cntflow_network::Architecture;

use super::*;
use crate::TensorSlice;
use crate::infer::prefixed_recipes;

#[test]
fn a_chain_is_read_in_natural_order() {
    let found = check(
        &[
            ("fc10.weight", &[2, 3]),
            ("fc2.bias", &[3]),
            ("fc2.weight", &[3, 4]),
        ],
        &["dense fc2 3", "dense fc10 2"],
    );
    assert_eq!(found.architecture.input, [4]);
    assert_eq!(found.assumptions, Vec::<String>::new());
}

#[test]
fn wrappers_and_words_for_both_ends_are_known() {
    check(
        &[
            ("model.module.input_layer.weight", &[8, 4]),
            ("model.module.hidden.0.weight", &[6, 8]),
            ("model.module.hidden.2.weight", &[4, 6]),
            ("model.module.output_layer.weight", &[8, 4]),
        ],
        &[
            "dense input_layer 8",
            "dense hidden.0 6",
            "dense hidden.2 4",
            "dense output_layer 8",
        ],
    );
    check(
        &[
            ("decoder.0.weight", &[5, 2]),
            ("decoder.2.weight", &[9, 5]),
            ("encoder.0.weight", &[5, 9]),
            ("encoder.2.weight", &[2, 5]),
        ],
        &[
            "dense encoder.0 5",
            "dense encoder.2 2",
            "dense decoder.0 5",
            "dense decoder.2 9",
        ],
    );
}

#[test]
fn layers_whose_names_make_no_chain_are_taken_in_the_order_of_the_file() {
    let list: [(&str, &[usize]); 2] = [("zeta.weight", &[3, 4]), ("alpha.weight", &[2, 3])];
    let found = inferred(&list);
    assert_eq!(layers(&found), ["dense zeta 3", "dense alpha 2"]);
    assert_eq!(
        found.assumptions[0],
        "the layers make no chain in the order of their names: they are taken in the order of the file"
    );
}

#[test]
fn a_convolutional_network_with_norms() {
    let found = check(
        &[
            ("features.0.weight", &[8, 1, 3, 3]),
            ("features.0.bias", &[8]),
            ("features.1.weight", &[8]),
            ("features.1.bias", &[8]),
            ("features.1.running_mean", &[8]),
            ("features.1.running_var", &[8]),
            ("features.1.num_batches_tracked", &[]),
            ("features.4.weight", &[16, 8, 5, 5]),
            ("classifier.1.weight", &[10, 16 * 49]),
            ("classifier.1.bias", &[10]),
        ],
        &[
            "conv2d features.0 8 [3,3]",
            "batch_norm features.1",
            "conv2d features.4 16 [5,5]",
            "flatten",
            "dense classifier.1 10",
        ],
    );
    // 7 + 2 + 4: no common size, so that only channels are known.
    assert_eq!(found.architecture.input, [1, 13, 13]);
    assert!(found.image_size_unknown);
    let named = check(
        &[
            ("bn1.running_mean", &[4]),
            ("bn1.running_var", &[4]),
            ("bn2.running_mean", &[4]),
            ("bn2.running_var", &[4]),
            ("conv1.weight", &[4, 2, 3]),
            ("conv2.weight", &[4, 4, 3]),
        ],
        &[
            "conv1d conv1 4 3",
            "batch_norm bn1",
            "conv1d conv2 4 3",
            "batch_norm bn2",
        ],
    );
    assert_eq!(named.architecture.input, [2, 5]);
}

#[test]
fn image_sizes_are_known_where_exactly_one_assumption_gives_a_common_one() {
    let sized = |places: usize| {
        inferred(&[
            ("conv1.weight", &[8, 3, 3, 3]),
            ("conv2.weight", &[4, 8, 3, 3]),
            ("fc.weight", &[10, 4 * places]),
        ])
    };
    let without = sized(28 * 28);
    // 28 with padding or 32 without: both are common.
    assert!(without.image_size_unknown);
    let without = sized(60 * 60);
    assert_eq!(without.architecture.input, [3, 64, 64]);
    assert!(!without.image_size_unknown && without.assumptions[0].contains("64 x 64"));
    let padded = sized(32 * 32);
    assert_eq!(padded.architecture.input, [3, 32, 32]);
    let graph = padded.architecture.plan().unwrap();
    assert_eq!(graph.neurons[2].shape.n_neurons(), 4 * 32 * 32);
    let odd = sized(6);
    assert!(
        odd.assumptions
            .iter()
            .any(|assumption| assumption.contains("2 x 3")),
        "{:?}",
        odd.assumptions
    );
}

#[test]
fn depthwise_and_transposed_convolutions() {
    let found = check(
        &[
            ("encoder.0.weight", &[6, 3, 3, 3]),
            ("encoder.2.weight", &[6, 1, 3, 3]),
            ("encoder.4.weight", &[12, 6, 1, 1]),
            ("decoder.0.weight", &[12, 5, 3, 3]),
            ("decoder.2.weight", &[5, 3, 3, 3]),
        ],
        &[
            "conv2d encoder.0 6 [3,3]",
            "conv2d encoder.2 6 [3,3]",
            "conv2d encoder.4 12 [1,1]",
            "conv_transpose2d decoder.0 5 [3,3]",
            "conv_transpose2d decoder.2 3 [3,3]",
        ],
    );
    assert!(
        matches!(&found.architecture.layers[1], cntflow_network::Layer::Conv2d(layer) if layer.groups == 6)
    );
}

#[test]
fn lists_without_names_and_kernels_of_keras() {
    let found = inferred(&[
        ("arr_0", &[3, 3, 1, 4]),
        ("arr_1", &[4]),
        ("arr_2", &[16, 5]),
        ("arr_3", &[5]),
    ]);
    assert_eq!(
        layers(&found),
        ["conv2d arr_0 4 [3,3]", "flatten", "dense arr_2 5"]
    );
    // Columns of the dense kernel: row, column, channel in the file; channel, row, column here.
    let expected = TensorSlice::permuted("arr_2", &[3, 2, 0, 1])
        .read_as(&[2, 2, 4, 5])
        .shaped(&[5, 16]);
    assert_eq!(
        found.recipes.get("arr_2.weight"),
        Some(&TensorRecipe::Slice(expected))
    );
    let small = inferred(&[("0", &[3]), ("1", &[4, 3]), ("2", &[2]), ("10", &[3, 2])]);
    assert_eq!(layers(&small), ["dense 1 3", "dense 10 2"]);
    let keras = inferred(&[
        ("dense/kernel:0", &[4, 3]),
        ("dense/bias:0", &[3]),
        ("dense_1/kernel:0", &[3, 2]),
    ]);
    assert_eq!(layers(&keras), ["dense dense 3", "dense dense_1 2"]);
}

#[test]
fn an_activation_in_the_metadata_is_that_of_hidden_layers() {
    let list: [(&str, &[usize]); 3] = [
        ("a1.weight", &[3, 4]),
        ("a1_norm.weight", &[3]),
        ("b2.weight", &[2, 3]),
    ];
    let found = inferred_with(&list, "activation", "relu");
    let json = serde_json::to_string(&found.architecture.layers).unwrap();
    assert_eq!(json.matches("relu").count(), 1);
    assert!(matches!(&found.architecture.layers[1],
        cntflow_network::Layer::LayerNorm(norm) if norm.activation.is_some()));
}

#[test]
fn errors_say_which_numbers_differ() {
    check_error(
        &[("a.weight", &[3, 4]), ("b.weight", &[2, 5])],
        "b.weight [2, 5] takes 5 inputs, a gives 3",
    );
    check_error(
        &[("a.weight", &[3, 4]), ("a.bias", &[2])],
        "a.bias has shape [2], a.weight [3, 4] gives 3 units",
    );
    check_error(
        &[("a.weight", &[3, 4, 1, 1, 1])],
        "a.weight [3, 4, 1, 1, 1] is no kernel",
    );
    check_error(
        &[("a.weight", &[3, 4]), ("position", &[3])],
        "position [3] belongs to no known layer",
    );
    check_error(
        &[("a.weight", &[3, 4]), ("b.running_mean", &[7])],
        "the norm b.running_mean [7] follows no layer",
    );
    check_error(&[("a.weight", &[0, 1 << 40])], "no tensor <name>.weight");
    check_error(
        &[("conv.weight", &[3, 1, 3, 3]), ("fc.weight", &[2, 7])],
        "fc.weight [2, 7] takes 7 inputs, conv gives 3",
    );
    check_error(&[], "no tensor <name>.weight");
}

#[test]
fn tensors_of_a_given_architecture_are_found_behind_a_prefix() {
    let json = r#"{"input": [2], "layers": [{"kind": "dense", "name": "fc", "units": 1}]}"#;
    let architecture: Architecture = serde_json::from_str(json).unwrap();
    let list: [(&str, &[usize]); 2] = [("net.m.fc.weight", &[1, 2]), ("net.m.fc.bias", &[1])];
    let (recipes, assumptions) = prefixed_recipes(&architecture, &tensors(&list));
    let expected = TensorRecipe::Slice(TensorSlice::whole("net.m.fc.bias"));
    assert_eq!(recipes.get("fc.bias"), Some(&expected));
    assert!(assumptions.is_empty());
    let incomplete: [(&str, &[usize]); 1] = [("net.m.fc.weight", &[1, 2])];
    assert!(
        prefixed_recipes(&architecture, &tensors(&incomplete))
            .0
            .is_empty()
    );
}

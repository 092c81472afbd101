//! Configurations without files: what they become, and why some cannot be expressed.

#![allow(
    clippy::needless_pass_by_value,
    reason = "JSON written in place reads better without a reference"
)]

use cntflow_storage::FullMessage;
use serde_json::{Value, json};

use super::{Layers, configured};
use crate::error::Translated;
use crate::{ResolvedArchitecture, TensorRecipe, TensorSlice};

/// A layer of a class with some settings; its tensors are `NAME/0`, `NAME/1`, ....
fn layer(class: &str, name: &str, tensors: usize, settings: Value) -> (Value, (String, usize)) {
    let mut config = settings;
    config["name"] = json!(name);
    let layer = json!({"class_name": class, "config": config});
    (layer, (name.to_owned(), tensors))
}

fn sequential(
    input: Value,
    layers: &[(Value, (String, usize))],
    backend: Option<&str>,
) -> Translated<ResolvedArchitecture> {
    let mut list =
        vec![json!({"class_name": "InputLayer", "config": {"name": "x", "batch_shape": input}})];
    list.extend(layers.iter().map(|(layer, _)| layer.clone()));
    let config = json!({"class_name": "Sequential", "config": {"layers": list}}).to_string();
    let named = layers.iter().map(|(_, (name, n))| {
        let tensors = (0..*n).map(|i| format!("{name}/{i}")).collect();
        (name.clone(), tensors)
    });
    let layers = Layers {
        named: named.collect(),
        ..Layers::default()
    };
    configured(&config, &[], &layers, backend)
}

fn check_error(input: Value, layers: &[(Value, (String, usize))], expected: &str) {
    let error = sequential(input, layers, None).unwrap_err().full_message();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn a_kernel_behind_a_flattened_image_is_put_in_the_order_of_channels() {
    let layers = [
        layer("Flatten", "flat", 0, json!({})),
        layer("Dropout", "drop", 0, json!({"rate": 0.5})),
        layer("Dense", "out", 2, json!({"units": 5, "activation": "relu"})),
    ];
    let resolved = sequential(json!([null, 2, 3, 4]), &layers, None).unwrap();
    let architecture = resolved.architecture;
    assert_eq!(architecture.input, [4, 2, 3]);
    let kernel = TensorSlice::permuted("out/0", &[3, 2, 0, 1])
        .read_as(&[2, 3, 4, 5])
        .shaped(&[5, 24]);
    assert_eq!(resolved.recipes["out.weight"], TensorRecipe::Slice(kernel));
    assert_eq!(
        resolved.recipes["out.bias"],
        TensorRecipe::Slice(TensorSlice::whole("out/1"))
    );
}

#[test]
fn gates_of_a_gru_are_put_in_pytorchs_order() {
    let layers = [layer(
        "GRU",
        "gru",
        3,
        json!({"units": 2, "reset_after": true}),
    )];
    let resolved = sequential(json!([null, 3, 4]), &layers, None).unwrap();
    let gate = |first| TensorSlice::permuted("gru/0", &[1, 0]).keep(1, first, first + 2);
    let kernel = TensorRecipe::Concat(vec![gate(2), gate(0), gate(4)]);
    assert_eq!(resolved.recipes["gru.weight_ih_l0"], kernel);
    let bias = |first| {
        TensorSlice::whole("gru/2")
            .keep(0, 1, 2)
            .keep(1, first, first + 2)
            .shaped(&[2])
    };
    let bias = TensorRecipe::Concat(vec![bias(2), bias(0), bias(4)]);
    assert_eq!(resolved.recipes["gru.bias_hh_l0"], bias);
}

#[test]
fn constants_stand_for_what_a_norm_goes_without() {
    let norm = |scale: bool, center: bool| {
        let tensors = 2 + usize::from(scale) + usize::from(center);
        let settings = json!({"epsilon": 1e-3, "axis": [1], "scale": scale, "center": center});
        let layers = [
            layer("Dense", "d", 2, json!({"units": 2})),
            layer("BatchNormalization", "bn", tensors, settings),
        ];
        let resolved = sequential(json!([null, 3]), &layers, None).unwrap();
        ["weight", "bias"].map(|tensor| resolved.recipes.get(&format!("bn.{tensor}")).cloned())
    };
    let tensor = |name: &str| Some(TensorRecipe::Slice(TensorSlice::whole(name)));
    assert_eq!(norm(true, true), [tensor("bn/0"), tensor("bn/1")]);
    assert_eq!(
        norm(false, true),
        [Some(TensorRecipe::Ones), tensor("bn/0")]
    );
    assert_eq!(
        norm(true, false),
        [tensor("bn/0"), Some(TensorRecipe::Zeros)]
    );
    assert_eq!(norm(false, false), [None, None]);
}

#[test]
fn an_open_number_of_steps_is_an_assumption() {
    let layers = [layer("LSTM", "lstm", 3, json!({"units": 2}))];
    let resolved = sequential(json!([null, null, 4]), &layers, None).unwrap();
    assert_eq!(resolved.architecture.input, [1, 4]);
    assert!(
        resolved.assumptions[0].contains("taken as 1"),
        "{:?}",
        resolved.assumptions
    );
}

#[test]
fn transposes_are_cut_as_the_backend_does() {
    let settings =
        json!({"filters": 1, "kernel_size": [3, 3], "strides": [2, 2], "padding": "same"});
    let layers = [layer("Conv2DTranspose", "up", 2, settings)];
    let torch = sequential(json!([null, 4, 4, 1]), &layers, Some("torch")).unwrap();
    assert_eq!(torch.assumptions, [""; 0]);
    let other = sequential(json!([null, 4, 4, 1]), &layers, Some("jax")).unwrap();
    assert_eq!(
        other.assumptions,
        [
            "layer up (Conv2DTranspose): the two sides of its padding differ; it is assumed that the \
             larger half of the surplus is cut at the end, as in TensorFlow and JAX"
        ]
    );
}

#[test]
fn zeros_around_go_into_the_next_padding_or_are_an_error() {
    let zeros = |padding| layer("ZeroPadding2D", "zeros", 0, json!({"padding": padding}));
    let image = || json!([null, 6, 6, 2]);
    let conv = json!({"filters": 1, "kernel_size": 3, "padding": "same", "strides": 2});
    let layers = [
        zeros(json!(1)),
        zeros(json!([[0, 2], [1, 0]])),
        layer("Conv2D", "conv", 2, conv),
    ];
    let architecture = sequential(image(), &layers, None).unwrap().architecture;
    let text = serde_json::to_value(&architecture).unwrap();
    // Of 10 rows and 9 columns, Keras pads one row below and a column on both sides more.
    assert_eq!(text["layers"][0]["padding"], json!([[1, 4], [3, 2]]));

    let flat = [zeros(json!(1)), layer("Flatten", "flat", 0, json!({}))];
    check_error(image(), &flat, "layer flat (Flatten): zeros around");
    let pool = layer("MaxPooling2D", "pool", 0, json!({"pool_size": 2}));
    check_error(image(), &[zeros(json!(1)), pool], "zeros around its input");
    let mean = json!({"pool_size": 2, "padding": "same"});
    let mean = layer("AveragePooling2D", "mean", 0, mean);
    check_error(image(), &[zeros(json!(1)), mean], "zeros around its input");
    let many = [zeros(json!(u64::MAX)), zeros(json!(1))];
    check_error(image(), &many, "too many zeros");
}

/// Attention as a graph has it, by its calls.
fn attention(calls: Value) -> Translated<ResolvedArchitecture> {
    let config = json!({"class_name": "Functional", "config": {
        "input_layers": ["x", 0, 0],
        "output_layers": ["a", 0, 0],
        "layers": [
            {"class_name": "InputLayer", "name": "x", "config": {"batch_shape": [null, 5, 4]}},
            {
                "class_name": "Activation", "name": "y", "config": {"activation": "relu"},
                "inbound_nodes": [[["x", 0, 0, {}]]],
            },
            {
                "class_name": "MultiHeadAttention", "name": "a", "config": {"num_heads": 2, "key_dim": 2},
                "inbound_nodes": calls,
            },
        ],
    }});
    let tensors = (0..8).map(|i| format!("a/{i}")).collect();
    let layers = Layers {
        named: [("a".to_owned(), tensors)].into(),
        ..Layers::default()
    };
    configured(&config.to_string(), &[], &layers, None)
}

/// A tensor as Keras 3 has it in a call.
fn tensor(layer: &str) -> Value {
    json!({"class_name": "__keras_tensor__", "config": {"keras_history": [layer, 0, 0]}})
}

/// Attention of the input to itself, called with such settings.
fn self_attention(kwargs: Value) -> Translated<ResolvedArchitecture> {
    attention(json!([{"args": [tensor("x"), tensor("x")], "kwargs": kwargs}]))
}

#[test]
fn queries_keys_and_values_are_put_together_as_in_pytorch() {
    let resolved = self_attention(json!({"training": null, "use_causal_mask": false})).unwrap();
    let kernel = |i| TensorSlice::permuted(format!("a/{i}"), &[1, 0]).read_as(&[4, 4]);
    let joined = TensorRecipe::Concat([0, 2, 4].map(kernel).to_vec());
    assert_eq!(resolved.recipes["a.in_proj_weight"], joined);
    assert_eq!(
        resolved.recipes["a.out_proj.weight"],
        TensorRecipe::Slice(kernel(6))
    );
    let bias = |i| TensorSlice::whole(format!("a/{i}")).shaped(&[4]);
    let joined = TensorRecipe::Concat([1, 3, 5].map(bias).to_vec());
    assert_eq!(resolved.recipes["a.in_proj_bias"], joined);
}

#[test]
fn inputs_of_attention_may_be_named_arguments() {
    let named = json!({"query": tensor("x"), "value": tensor("x"), "key": tensor("x")});
    for calls in [
        json!([{"args": [tensor("x")], "kwargs": {"value": tensor("x")}}]),
        json!([{"args": [], "kwargs": named}]),
        // Keras 2.
        json!([[["x", 0, 0, {"value": ["x", 0, 0]}]]]),
    ] {
        attention(calls).unwrap();
    }
    for calls in [
        json!([{"args": [tensor("x")], "kwargs": {"value": tensor("y")}}]),
        json!([[["x", 0, 0, {"value": ["y", 0, 0]}]]]),
    ] {
        let reason = attention(calls).unwrap_err().full_message();
        assert!(reason.contains("outputs of 2 layers"), "{reason}");
    }
    let masked = json!({"value": tensor("x"), "attention_mask": tensor("x")});
    let reason = self_attention(masked).unwrap_err().full_message();
    assert!(
        reason.contains("attention_mask cannot be expressed"),
        "{reason}"
    );
}

#[test]
fn attention_to_some_steps_alone_is_an_error() {
    for asked in ["use_causal_mask", "return_attention_scores"] {
        let reason = self_attention(json!({asked: true}))
            .unwrap_err()
            .full_message();
        let expected = format!("layer a (MultiHeadAttention): {asked} cannot be expressed");
        assert!(reason.contains(&expected), "{reason}");
    }
}

#[test]
fn errors_name_the_layer_and_its_class() {
    let vector = || json!([null, 4]);
    let image = || json!([null, 6, 6, 2]);
    let steps = || json!([null, 5, 3]);
    let one = |class: &str, tensors, settings| [layer(class, "a", tensors, settings)];
    check_error(
        vector(),
        &one("Mine", 0, json!({})),
        "layer a (Mine): layers of this class",
    );
    check_error(
        vector(),
        &one("Dense", 1, json!({"units": 2})),
        "layer a (Dense): by its settings it needs 2 tensors, the file has 1",
    );
    check_error(
        vector(),
        &one("Dense", 2, json!({})),
        "missing field `units`",
    );
    check_error(
        vector(),
        &one("Dense", 2, json!({"units": 2, "activation": "mish"})),
        "activation mish",
    );
    check_error(
        image(),
        &one("Dense", 2, json!({"units": 2})),
        "every place of [6, 6, 2]",
    );
    check_error(
        vector(),
        &one("LeakyReLU", 0, json!({"alpha": 0.3})),
        "a slope of 0.3",
    );
    check_error(
        steps(),
        &one("GRU", 3, json!({"units": 2})),
        "layer a (GRU): reset_after=false",
    );
    check_error(
        steps(),
        &one(
            "LSTM",
            3,
            json!({"units": 2, "recurrent_activation": "hard_sigmoid"}),
        ),
        "hard_sigmoid",
    );
    check_error(
        steps(),
        &one("LSTM", 3, json!({"units": 2, "go_backwards": true})),
        "from the last to the first",
    );
    check_error(
        steps(),
        &one(
            "MultiHeadAttention",
            8,
            json!({"num_heads": 2, "key_dim": 2}),
        ),
        "2 heads of 2",
    );
    check_error(
        steps(),
        &one(
            "MultiHeadAttention",
            8,
            json!({"num_heads": 1, "key_dim": 3, "sliding_window": 2}),
        ),
        "sliding_window cannot be expressed",
    );
    check_error(
        image(),
        &one("Conv2D", 2, json!({"filters": 1, "kernel_size": [7, 7]})),
        "covers 7 places of 6",
    );
    check_error(
        image(),
        &one(
            "Conv2D",
            2,
            json!({"filters": 1, "kernel_size": [1, 1], "data_format": "channels_first"}),
        ),
        "channels first",
    );
    check_error(
        image(),
        &one("Reshape", 0, json!({"target_shape": [3, -1]})),
        "[6, 6, 2] to [3, 24] cannot be expressed",
    );
    check_error(
        image(),
        &one("Permute", 0, json!({"dims": [2, 1, 3]})),
        "the order [2, 1, 3]",
    );
    check_error(
        json!([null, null, null, null, 3]),
        &one("Conv2D", 2, json!({"filters": 1, "kernel_size": 1})),
        "an input of shape [None, None, None, Some(3)]",
    );
    let huge = json!({"filters": 1, "kernel_size": [1, 1], "strides": [0, 1]});
    check_error(image(), &one("Conv2D", 2, huge), "stride is zero");
    let units = json!({"units": u64::MAX, "activation": "relu"});
    check_error(
        vector(),
        &one("Dense", 2, units),
        "cannot be expressed as a network",
    );
}

/// A layer of a graph, with the names of those it takes.
type Called<'a> = ((Value, (String, usize)), &'a [&'a str]);

/// A model of a graph.
fn functional(layers: &[Called<'_>], outputs: &[&str]) -> Translated<ResolvedArchitecture> {
    let list = layers.iter().map(|((layer, _), inputs)| {
        let call: Vec<Value> = inputs.iter().map(|name| json!([name, 0, 0, {}])).collect();
        let mut layer = layer.clone();
        layer["name"] = layer["config"]["name"].clone();
        layer["inbound_nodes"] = if call.is_empty() {
            json!([])
        } else {
            json!([call])
        };
        layer
    });
    let outputs: Vec<Value> = outputs.iter().map(|name| json!([name, 0, 0])).collect();
    let config = json!({"class_name": "Functional", "config": {
        "layers": list.collect::<Vec<_>>(), "input_layers": [], "output_layers": outputs}});
    let named = layers.iter().map(|((_, (name, n)), _)| {
        let tensors = (0..*n).map(|i| format!("{name}/{i}")).collect();
        (name.clone(), tensors)
    });
    let layers = Layers {
        named: named.collect(),
        ..Layers::default()
    };
    configured(&config.to_string(), &[], &layers, None)
}

fn input(name: &str, shape: Value) -> (Value, (String, usize)) {
    layer("InputLayer", name, 0, json!({"batch_shape": shape}))
}

fn dense(name: &str, units: usize) -> (Value, (String, usize)) {
    layer(
        "Dense",
        name,
        2,
        json!({"units": units, "activation": "relu"}),
    )
}

/// Name, role and sources of every layer of neurons.
fn neurons(resolved: &ResolvedArchitecture) -> Vec<String> {
    let graph = resolved.architecture.plan().unwrap();
    let shown = graph.neurons.iter().map(|layer| {
        let from = graph
            .links_into(layer.index)
            .map(|(_, links)| links.from.to_string());
        let from: Vec<String> = from.collect();
        format!("{} {} [{}]", layer.name, layer.role, from.join(" "))
    });
    shown.collect()
}

#[test]
fn a_model_has_several_inputs_and_outputs() {
    let model = [
        (input("a", json!([null, 4])), &[][..]),
        (input("b", json!([null, 3])), &[]),
        (dense("left", 2), &["a"]),
        (dense("right", 5), &["b"]),
        (
            layer("Concatenate", "both", 0, json!({"axis": -1})),
            &["left", "right"],
        ),
        (dense("first", 1), &["both"]),
        (dense("second", 6), &["both"]),
    ];
    let resolved = functional(&model, &["first", "second"]).unwrap();
    assert_eq!(
        neurons(&resolved),
        [
            "input input []",
            "left hidden [0]",
            "b input []",
            "right hidden [2]",
            "both hidden [1 3]",
            "first output [4]",
            "second output [4]",
        ]
    );
    let specs = resolved.architecture.tensors().unwrap();
    let kernel = specs
        .iter()
        .find(|spec| spec.name == "first.weight")
        .unwrap();
    assert_eq!(kernel.shape, [1, 7]);
    assert_eq!(resolved.in_parts, None);
}

#[test]
fn layers_beside_each_other_must_agree() {
    let model = |axis: i64, other: Value| {
        [
            (input("a", json!([null, 4, 4, 2])), &[][..]),
            (layer("MaxPooling2D", "pool", 0, other), &["a"]),
            (
                layer("Concatenate", "both", 0, json!({"axis": axis})),
                &["a", "pool"],
            ),
            (
                layer("GlobalAveragePooling2D", "mean", 0, json!({})),
                &["both"],
            ),
            (dense("out", 1), &["mean"]),
        ]
    };
    let error = |axis: i64, size: usize| {
        let other = json!({"pool_size": [size, size], "strides": [1, 1], "padding": "same"});
        let result = functional(&model(axis, other), &["out"]);
        result
            .map(|resolved| neurons(&resolved)[2].clone())
            .map_err(|e| e.full_message())
    };
    assert_eq!(error(-1, 2).unwrap(), "both hidden [0 1]");
    assert_eq!(error(3, 2).unwrap(), "both hidden [0 1]");
    assert!(
        error(1, 2)
            .unwrap_err()
            .contains("its axis 1 is not that of the channels")
    );
    let smaller = json!({"pool_size": [2, 2]});
    let error = functional(&model(-1, smaller), &["out"])
        .unwrap_err()
        .full_message();
    assert!(
        error.contains("[2, 2, 2] cannot stand beside [4, 4, 2]"),
        "{error}"
    );
}

#[test]
fn sizes_of_images_that_are_left_open_give_a_graph_of_channels() {
    let layers = [
        layer(
            "Conv2D",
            "conv",
            2,
            json!({"filters": 3, "kernel_size": [3, 3], "strides": [2, 2]}),
        ),
        layer("GlobalAveragePooling2D", "mean", 0, json!({})),
        layer("Dense", "out", 2, json!({"units": 5})),
    ];
    let resolved = sequential(json!([null, 40, null, 1]), &layers, None).unwrap();
    assert!(resolved.image_size_unknown);
    assert_eq!(resolved.architecture.input, [1, 40, 256]);
    assert!(
        resolved
            .assumptions
            .iter()
            .any(|text| text.contains("left open") || text.contains("leaves open"))
    );
    let known = sequential(json!([null, 40, 12, 1]), &layers, None).unwrap();
    assert!(!known.image_size_unknown);
}

#[test]
fn separable_convolutions_are_two_layers() {
    let settings = json!({"filters": 5, "kernel_size": [3, 3], "depth_multiplier": 2,
        "strides": [2, 2], "padding": "same", "activation": "relu6"});
    let layers = [layer("SeparableConv2D", "sep", 3, settings)];
    let resolved = sequential(json!([null, 8, 8, 4]), &layers, None).unwrap();
    assert_eq!(
        neurons(&resolved),
        [
            "input input []",
            "sep.depthwise hidden [0]",
            "sep output [1]"
        ]
    );
    let graph = resolved.architecture.plan().unwrap();
    assert_eq!(graph.neurons[2].shape.dimensions(), [5, 4, 4]);
    let depthwise = TensorSlice::permuted("sep/0", &[2, 3, 0, 1]).shaped(&[8, 1, 3, 3]);
    assert_eq!(
        resolved.recipes["sep.depthwise.weight"],
        TensorRecipe::Slice(depthwise)
    );
    assert_eq!(
        resolved.recipes["sep.weight"],
        TensorRecipe::Slice(TensorSlice::permuted("sep/1", &[3, 2, 0, 1]))
    );
    assert_eq!(
        graph.neurons[2].activation,
        Some(cntflow_network::Activation::Relu6)
    );
}

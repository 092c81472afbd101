//! Architectures that make no graph, with their messages, and hostile ones, which must not overflow
//! or allocate.

use cntflow_network::{Architecture, LayerKind, Role, Shape};

fn architecture(json: &str) -> Architecture {
    serde_json::from_str(json).unwrap()
}

fn check(json: &str, expected: &str) {
    let error = architecture(json).plan().unwrap_err().to_string();
    assert_eq!(error, expected, "{json}");
}

#[test]
fn mismatches_are_reported_with_both_numbers() {
    check(
        r#"{"input": [1, 10, 5], "layers": [{"kind": "conv2d", "filters": 8, "kernel": [3, 3]}, {"kind": "conv2d", "filters": 8,
            "kernel": [1, 1]}, {"kind": "conv2d", "filters": 4, "kernel": [5, 5]}]}"#,
        "layer2: kernel [5, 5] does not fit its input [8, 8, 3] with padding [0, 0]",
    );
    check(
        r#"{"input": [1, 5, 5], "layers": [{"kind": "conv2d", "name": "c", "filters": 8, "kernel": [3, 3], "dilation": [1, 3]}]}"#,
        "c: kernel [3, 3] with dilation [1, 3] does not fit its input [1, 5, 5] with padding [0, 0]",
    );
    check(
        r#"{"input": [4, 5, 5], "layers": [{"kind": "conv2d", "filters": 8, "kernel": [3, 3], "groups": 3}]}"#,
        "layer0: 3 groups do not divide both 4 input channels and 8 filters",
    );
    check(
        r#"{"input": [4, 5, 5], "layers": [{"kind": "flatten"}, {"kind": "max_pool2d", "window": [2, 2]}]}"#,
        "layer1: max_pool2d needs an input [channels, rows, columns], not [100]",
    );
    check(
        r#"{"input": [4, 5, 5], "layers": [{"kind": "max_pool2d", "window": [2, 2], "padding": [2, 0]}]}"#,
        "layer0: padding [2, 0] must be smaller than the window [2, 2]",
    );
    check(
        r#"{"input": [4, 5, 5], "layers": [{"kind": "average_pool2d", "window": [2, 2], "stride": [0, 1]}]}"#,
        "layer0: stride [0, 1] must be at least 1",
    );
    check(
        r#"{"input": [4], "layers": [{"kind": "dense", "units": 0}]}"#,
        "layer0: units [0] must be at least 1",
    );
    check(
        r#"{"input": [4], "layers": [{"kind": "dense", "units": 1, "name": "layer1"}, {"kind": "dense", "units": 1}]}"#,
        "layers 0 and 1 are both named layer1",
    );
    check(
        r#"{"input": [1, 5, 5], "layers": [{"kind": "conv2d", "filters": 8, "kernel": [3, 3], "activation": "softmax"}]}"#,
        "layer0: softmax is defined over the units of a dense layer, not for conv2d",
    );
    check(
        r#"{"input": [1, 5, 5], "layers": [{"kind": "conv2d", "filters": 8, "kernel": [3, 3]}, {"kind": "activation", "activation": "softmax"}]}"#,
        "layer1: softmax is defined over the units of a dense layer, not for conv2d",
    );
    check(
        r#"{"input": [5, 0], "layers": []}"#,
        "input [5, 0] must be [units], [steps] (token numbers), [steps, units], [channels, columns] or [channels, rows, columns], every size at least 1",
    );
    check(
        r#"{"input": [5], "layers": [{"kind": "flatten"}]}"#,
        "the architecture has no layer with neurons of its own",
    );
}

#[test]
fn hostile_sizes_are_errors() {
    let most = usize::MAX;
    let half = most / 2;
    for layer in [
        format!(r#"{{"kind": "dense", "units": {most}}}"#),
        format!(r#"{{"kind": "dense", "units": {half}, "bias": false}}"#),
        format!(r#"{{"kind": "conv2d", "filters": {most}, "kernel": [1, 1]}}"#),
        format!(
            r#"{{"kind": "conv2d", "filters": 1, "kernel": [{most}, 1], "padding": [{half}, 0]}}"#
        ),
        format!(
            r#"{{"kind": "conv2d", "filters": 1, "kernel": [2, 2], "dilation": [{most}, {most}], "padding": [9, 9]}}"#
        ),
        format!(
            r#"{{"kind": "conv2d", "filters": 1, "kernel": [1, 1], "padding": [{half}, {half}]}}"#
        ),
        format!(r#"{{"kind": "conv2d", "filters": 1, "kernel": [1, 1], "padding": [{most}, 0]}}"#),
        r#"{"kind": "conv2d", "filters": 1, "kernel": [65536, 65536], "padding": [65536, 65536]}"#
            .to_owned(),
        format!(
            r#"{{"kind": "max_pool2d", "window": [{half}, 1], "padding": [{}, 0]}}"#,
            half / 2
        ),
    ] {
        let json = format!(r#"{{"input": [2, 3, 3], "layers": [{layer}]}}"#);
        assert!(architecture(&json).plan().is_err(), "{json}");
    }
    for layer in [
        format!(r#"{{"kind": "lstm", "units": 1, "layers": {most}}}"#),
        format!(r#"{{"kind": "gru", "units": {half}}}"#),
        format!(r#"{{"kind": "elman", "units": {most}, "bidirectional": true}}"#),
        format!(r#"{{"kind": "attention", "heads": {most}}}"#),
        format!(r#"{{"kind": "transformer_encoder", "heads": 1, "feed_forward": {most}}}"#),
        format!(r#"{{"kind": "group_norm", "groups": {most}}}"#),
    ] {
        let json = format!(r#"{{"input": [3, 4], "layers": [{layer}]}}"#);
        assert!(architecture(&json).plan().is_err(), "{json}");
    }
    for layer in [
        format!(r#"{{"kind": "adaptive_max_pool2d", "output": [{most}, 1]}}"#),
        format!(
            r#"{{"kind": "conv_transpose2d", "filters": 1, "kernel": [2, 2], "stride": [{most}, 1]}}"#
        ),
        format!(
            r#"{{"kind": "conv_transpose2d", "filters": 1, "kernel": [2, 2], "output_padding": [{half}, 0]}}"#
        ),
    ] {
        let json = format!(r#"{{"input": [2, 3, 3], "layers": [{layer}]}}"#);
        assert!(architecture(&json).plan().is_err(), "{json}");
    }
    check(
        r#"{"input": [3, 4], "layers": [{"kind": "lstm", "units": 1, "layers": 1025}]}"#,
        "layer0: more than 1024 stacked layers",
    );
    let json = format!(r#"{{"input": [{half}, 4, 4], "layers": []}}"#);
    check(&json, "input: more than 8388608 neurons");
}

#[test]
fn unsupported_inputs_of_layers_are_reported() {
    check(
        r#"{"input": [3, 6], "layers": [{"kind": "attention", "name": "a", "heads": 4}]}"#,
        "a: 4 heads do not divide 6 units",
    );
    check(
        r#"{"input": [6], "layers": [{"kind": "lstm", "units": 2}]}"#,
        "layer0: lstm cannot take an input of shape [6]",
    );
    check(
        r#"{"input": [6], "layers": [{"kind": "dense", "units": 5}, {"kind": "add", "name": "sum", "from": "input"}]}"#,
        "sum: cannot add [6] to [5]: the shapes differ",
    );
    check(
        r#"{"input": [6], "layers": [{"kind": "take_step", "which": "last"}]}"#,
        "layer0: cannot reshape its input [6]: it has the wrong number of dimensions, or is reshaped already",
    );
    check(
        r#"{"input": [6], "layers": [{"kind": "dense", "units": 5, "activation": "relu"}, {"kind": "activation", "activation": "tanh"}]}"#,
        "layer1: the activation cannot be applied to layer0: that layer already has one, another layer refers to it by name, or its output is reshaped, cut or mixed here",
    );
    check(
        r#"{"input": [6], "layers": [{"kind": "add", "from": "later"}, {"kind": "dense", "name": "later", "units": 6}]}"#,
        "layer0: there is no layer later before it",
    );
    check(
        r#"{"input": [6, 4, 4], "layers": [{"kind": "group_norm", "groups": 4}]}"#,
        "layer0: 4 groups do not divide 6 channels",
    );
}

#[test]
fn layers_have_names_kinds_and_roles() {
    let graph = architecture(
        r#"{"input": [1, 28, 28], "layers": [
            {"kind": "conv2d", "name": "first", "filters": 8, "kernel": [3, 3], "stride": [2, 2], "activation": "relu"},
            {"kind": "max_pool2d", "window": [2, 2]}, {"kind": "flatten"}, {"kind": "dense", "units": 10}]}"#,
    )
    .plan()
    .unwrap();
    let layers: Vec<_> = graph
        .neurons
        .iter()
        .map(|layer| {
            (
                layer.name.as_str(),
                layer.kind,
                layer.role,
                layer.shape.n_neurons(),
            )
        })
        .collect();
    let expected = [
        ("input", LayerKind::Input, Role::Input, 784),
        ("first", LayerKind::Conv2d, Role::Hidden, 8 * 13 * 13),
        ("layer1", LayerKind::MaxPool2d, Role::Hidden, 8 * 6 * 6),
        ("layer3", LayerKind::Dense, Role::Output, 10),
    ];
    assert_eq!(layers, expected);
    assert_eq!(graph.neurons[3].shape, Shape::Units(10));
    assert_eq!(graph.n_neurons(), 784 + 1352 + 288 + 10);
}

/// Name, role, open sides and sources of every layer of neurons.
fn ends(json: &str) -> Vec<String> {
    let graph = architecture(json).plan().unwrap();
    let shown = graph.neurons.iter().map(|layer| {
        let from = graph
            .links_into(layer.index)
            .map(|(_, links)| links.from.to_string());
        let from: Vec<String> = from.collect();
        let [open_in, open_out] = [layer.open.into, layer.open.from].map(u8::from);
        format!(
            "{} {} {open_in}{open_out} [{}]",
            layer.name,
            layer.role,
            from.join(" ")
        )
    });
    shown.collect()
}

#[test]
fn a_network_has_several_inputs_and_outputs() {
    let found = ends(
        r#"{"input": [4], "layers": [
            {"kind": "dense", "name": "trunk", "units": 3, "activation": "relu"},
            {"kind": "dense", "name": "first", "units": 2}, {"kind": "output"},
            {"kind": "branch", "from": "trunk"}, {"kind": "dense", "name": "second", "units": 5}, {"kind": "output"},
            {"kind": "input", "name": "state", "shape": [3]},
            {"kind": "add", "name": "sum", "from": "trunk"}, {"kind": "dense", "name": "third", "units": 1}]}"#,
    );
    assert_eq!(
        found,
        [
            "input input 00 []",
            "trunk hidden 00 [0]",
            "first output 00 [1]",
            "second output 00 [1]",
            "state input 00 []",
            "sum hidden 00 [4 1]",
            "third output 00 [5]",
        ]
    );
}

#[test]
fn a_network_in_parts_is_open_at_their_ends() {
    let found = ends(
        r#"{"input": [], "layers": [
            {"kind": "input", "name": "a", "shape": [4], "open": true},
            {"kind": "dense", "name": "b", "units": 3}, {"kind": "dense", "name": "c", "units": 2}, {"kind": "output", "open": true},
            {"kind": "input", "name": "d", "shape": [1], "open": true},
            {"kind": "embedding", "name": "e", "tokens": 9, "units": 5}, {"kind": "output", "open": true}]}"#,
    );
    assert_eq!(
        found,
        [
            "a unknown 10 []",
            "b hidden 00 [0]",
            "c unknown 01 [1]",
            "d unknown 10 []",
            "e unknown 01 [3]",
        ]
    );
}

#[test]
fn inputs_without_layers_are_refused() {
    check(
        r#"{"input": [], "layers": [{"kind": "input", "shape": [4]}]}"#,
        "the architecture has no layer with neurons of its own",
    );
    check(
        r#"{"input": [], "layers": [{"kind": "dense", "units": 2}, {"kind": "input", "shape": [4]}]}"#,
        "input [] must be [units], [steps] (token numbers), [steps, units], [channels, columns] or \
         [channels, rows, columns], every size at least 1",
    );
    check(
        r#"{"input": [3], "layers": [{"kind": "dense", "units": 2}, {"kind": "input", "shape": [0, 4]}]}"#,
        "input [0, 4] must be [units], [steps] (token numbers), [steps, units], [channels, columns] or \
         [channels, rows, columns], every size at least 1",
    );
}

#[test]
fn layers_side_by_side_have_the_same_places() {
    check(
        r#"{"input": [2, 4, 4], "layers": [{"kind": "max_pool2d", "name": "p", "window": [2, 2]},
            {"kind": "concat", "name": "c", "from": ["input", "p"]}]}"#,
        "c: [2, 2, 2] cannot stand beside [2, 4, 4]: places or steps differ",
    );
    check(
        r#"{"input": [2], "layers": [{"kind": "concat", "name": "c", "from": []}]}"#,
        "c: number of layers side by side [0] must be at least 1",
    );
    check(
        r#"{"input": [2], "layers": [{"kind": "concat", "name": "c", "from": ["nobody"]}]}"#,
        "c: there is no layer nobody before it",
    );
}

#[test]
fn a_layer_without_a_name_gives_way_to_one_that_is_called_like_it() {
    let graph = architecture(
        r#"{"input": [1, 2, 2], "layers": [{"kind": "flatten"}, {"kind": "dense", "name": "layer0", "units": 3}]}"#,
    );
    assert_eq!(graph.plan().unwrap().neurons[1].name, "layer0");
}

#[test]
fn json_round_trips() {
    for layer in [
        r#"{"kind":"dense","units":3,"bias":true}"#,
        r#"{"kind":"max_pool2d","window":[2,2],"padding":[0,0]}"#,
        r#"{"kind":"input","name":"a","shape":[4],"open":true}"#,
        r#"{"kind":"output"}"#,
        r#"{"kind":"flatten"}"#,
    ] {
        let json = format!(r#"{{"input":[4],"layers":[{layer}]}}"#);
        assert_eq!(serde_json::to_string(&architecture(&json)).unwrap(), json);
    }
}

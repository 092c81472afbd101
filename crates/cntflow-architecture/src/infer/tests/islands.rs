//! Networks that are known in parts.

use cntflow_network::{LayerKind, Role};

use super::*;

/// Name, kind, neurons and open sides of every layer of neurons, with those that lead to it.
fn neurons(resolved: &ResolvedArchitecture) -> Vec<String> {
    let graph = resolved.architecture.plan().unwrap();
    let shown = graph.neurons.iter().map(|layer| {
        let from: Vec<&str> = graph
            .links_into(layer.index)
            .map(|(_, links)| graph.neurons[links.from].name.as_str())
            .collect();
        let open = [(layer.open.into, "<"), (layer.open.from, ">")];
        let open: String = open
            .iter()
            .filter(|(is, _)| *is)
            .map(|(_, sign)| *sign)
            .collect();
        let role = match layer.role {
            Role::Output => " output",
            _ => "",
        };
        format!(
            "{} {}{open} {}{role}",
            layer.name,
            layer.shape.channels(),
            from.join("+")
        )
    });
    shown.map(|text| text.trim_end().to_owned()).collect()
}

#[test]
fn numbers_beside_the_weights_do_not_stand_in_the_way() {
    let found = inferred(&[
        ("best_acc1", &[]),
        ("state_dict.module.fc1.weight", &[3, 4]),
        ("state_dict.module.fc2.weight", &[2, 3]),
        ("state_dict.module.mask", &[0]),
    ]);
    assert_eq!(layers(&found), ["dense fc1 3", "dense fc2 2"]);
    assert_eq!(found.in_parts, None);
}

#[test]
fn a_vector_of_no_layer_leaves_the_rest_whole() {
    let found = parted(&[
        ("fc1.weight", &[3, 4]),
        ("fc2.weight", &[2, 3]),
        ("class_weights", &[2]),
    ]);
    assert_eq!(
        neurons(&found),
        ["input 4", "fc1 3 input", "fc2 2 fc1 output"]
    );
    assert!(
        found
            .in_parts
            .unwrap()
            .contains("class_weights [2] belongs to no known layer")
    );
}

#[test]
fn heads_take_the_same_layer_and_the_network_is_whole() {
    let found = parted(&[
        ("dense5.weight", &[64, 128]),
        ("dense6_1.weight", &[3, 64]),
        ("dense6_2.weight", &[2, 64]),
        ("dense6_3.weight", &[5, 64]),
    ]);
    assert_eq!(
        neurons(&found),
        [
            "input 128",
            "dense5 64 input",
            "dense6_1 3 dense5 output",
            "dense6_2 2 dense5 output",
            "dense6_3 5 dense5 output",
        ]
    );
    assert_eq!(found.in_parts, None);
}

#[test]
fn parts_are_open_where_nothing_tells_what_they_join() {
    let found = parted(&[
        ("codebook", &[16, 3]),
        ("encoder.fc1.bias", &[8]),
        ("encoder.fc1.weight", &[8, 10]),
        ("encoder.fc2.weight", &[4, 8]),
        ("lstm_cell.bias_hh", &[20]),
        ("lstm_cell.bias_ih", &[20]),
        ("lstm_cell.weight_hh", &[20, 5]),
        ("lstm_cell.weight_ih", &[20, 7]),
    ]);
    let gates = ["lstm_cell.in", "lstm_cell"].map(|from| [from; 4].join("+"));
    let expected = [
        "encoder.fc1.in 10<".to_owned(),
        "encoder.fc1 8 encoder.fc1.in".to_owned(),
        "encoder.fc2 4> encoder.fc1".to_owned(),
        "codebook.in 16<".to_owned(),
        "codebook 3> codebook.in".to_owned(),
        "lstm_cell.in 7<".to_owned(),
        format!("lstm_cell 5> {}", gates.join("+")),
    ];
    assert_eq!(neurons(&found), expected);
    assert_eq!(
        found.architecture.plan().unwrap().neurons[3].kind,
        LayerKind::Input
    );
}

#[test]
fn projections_of_an_attention_make_no_chain() {
    let names = [
        "attn.query.weight",
        "attn.key.weight",
        "attn.value.weight",
        "attn.gate.weight",
    ];
    let list: Vec<(&str, &[usize])> = names
        .iter()
        .map(|name| (*name, &[6_usize, 6][..]))
        .collect();
    let reason = crate::error::unsupported("names that make a chain tell nothing here");
    let described = infer_parts(&tensors(&list), &BTreeMap::new(), true, reason).unwrap();
    assert_eq!(neurons(&described).len(), 8);
    let unknown = ("attn.scale.table", &[9_usize, 9][..]);
    let found = parted(&[&list[..], &[unknown]].concat());
    let n_joined = neurons(&found)
        .iter()
        .filter(|layer| !layer.contains(['<', '>']))
        .count();
    assert_eq!(n_joined, 0, "{:?}", neurons(&found));
}

#[test]
fn norms_without_a_kernel_are_parts_and_slopes_are_left_over() {
    let found = parted(&[
        ("down.conv.weight", &[4, 2, 3, 3]),
        ("down.conv.bias", &[4]),
        ("act.weight", &[4]),
        ("final_norm.weight", &[9]),
        ("final_norm.bias", &[9]),
        ("up.conv.weight", &[9, 5, 2, 2]),
        ("up.conv.bias", &[5]),
    ]);
    assert_eq!(
        neurons(&found),
        [
            "down.conv.in 2<",
            "down.conv 4> down.conv.in",
            "up.conv.in 9<",
            "up.conv 5> up.conv.in",
            "final_norm.in 9<",
            "final_norm 9> final_norm.in",
        ]
    );
    let kinds = found.architecture.plan().unwrap();
    assert_eq!(kinds.neurons[3].kind, LayerKind::ConvTranspose2d);
    assert!(!found.used_tensors().contains_key("act.weight"));
}

#[test]
fn layers_of_keras_are_known_by_their_names() {
    let found = inferred(&[
        ("lstm_1/kernel:0", &[21, 256]),
        ("lstm_1/recurrent_kernel:0", &[64, 256]),
        ("lstm_1/bias:0", &[256]),
        ("dense_1/kernel:0", &[64, 7]),
    ]);
    assert_eq!(
        layers(&found),
        ["lstm lstm_1 64", "take_step", "dense dense_1 7"]
    );
    let found = inferred(&[
        ("gru/kernel:0", &[5, 9]),
        ("gru/recurrent_kernel:0", &[3, 9]),
        ("gru/bias:0", &[2, 9]),
    ]);
    assert_eq!(layers(&found), ["gru gru 3"]);
    let both = inferred(&[
        ("bidirectional/forward_lstm/lstm_cell/kernel", &[5, 12]),
        (
            "bidirectional/forward_lstm/lstm_cell/recurrent_kernel",
            &[3, 12],
        ),
        ("bidirectional/backward_lstm/lstm_cell/kernel", &[5, 12]),
        (
            "bidirectional/backward_lstm/lstm_cell/recurrent_kernel",
            &[3, 12],
        ),
    ]);
    assert_eq!(layers(&both), ["lstm bidirectional 3"]);
    assert_eq!(
        both.architecture.plan().unwrap().neurons[1]
            .shape
            .channels(),
        6
    );
    let cudnn = inferred(&[
        ("rnn_1/kernel:0", &[10, 8]),
        ("rnn_1/recurrent_kernel:0", &[2, 8]),
        ("rnn_1/bias:0", &[16]),
    ]);
    assert_eq!(layers(&cudnn), ["lstm rnn_1 2"]);
}

#[test]
fn variables_of_keras_3_are_layers_by_their_numbers() {
    let reason = crate::error::unsupported("its configuration cannot be expressed");
    let list: [(&str, &[usize]); 9] = [
        ("layers/batch_normalization/vars/0", &[7]),
        ("layers/batch_normalization/vars/1", &[7]),
        ("layers/batch_normalization/vars/2", &[7]),
        ("layers/batch_normalization/vars/3", &[7]),
        ("layers/dense/vars/0", &[3, 7]),
        ("layers/dense/vars/1", &[7]),
        ("layers/lstm/cell/vars/0", &[5, 8]),
        ("layers/lstm/cell/vars/1", &[2, 8]),
        ("layers/lstm/cell/vars/2", &[8]),
    ];
    let found = infer_parts(&tensors(&list), &BTreeMap::new(), true, reason).unwrap();
    let channels: Vec<String> = neurons(&found);
    assert_eq!(channels[0], "layers.lstm.cell.in 5<");
    assert!(
        channels[1].starts_with("layers.lstm.cell 2> "),
        "{channels:?}"
    );
    assert_eq!(channels[2], "layers.dense.in 3<");
    assert_eq!(channels[3], "layers.dense 7> layers.dense.in");
    assert_eq!(
        channels[5],
        "layers.batch_normalization 7> layers.batch_normalization.in"
    );
}

#[test]
fn separable_convolutions_are_two_layers() {
    let found = inferred(&[
        ("separable_conv2d/depthwise_kernel:0", &[3, 3, 4, 2]),
        ("separable_conv2d/pointwise_kernel:0", &[1, 1, 8, 5]),
        ("separable_conv2d/bias:0", &[5]),
    ]);
    let graph = found.architecture.plan().unwrap();
    let channels: Vec<usize> = graph.neurons.iter().map(|l| l.shape.channels()).collect();
    assert_eq!(channels, [4, 8, 5]);
    let alone = inferred(&[
        ("depthwise_conv2d/depthwise_kernel:0", &[3, 3, 4, 1]),
        ("depthwise_conv2d/bias:0", &[4]),
    ]);
    assert_eq!(layers(&alone), ["conv2d depthwise_conv2d 4 [3,3]"]);
}

#[test]
fn lists_of_arrays_have_norms_and_recurrent_layers() {
    let found = inferred(&[
        ("0", &[4, 6]),
        ("1", &[6]),
        ("2", &[6]),
        ("3", &[6]),
        ("4", &[6]),
        ("5", &[6]),
        ("6", &[6, 2]),
        ("7", &[2]),
    ]);
    assert_eq!(layers(&found), ["dense 0 6", "batch_norm 2", "dense 6 2"]);
    let gru = inferred(&[
        ("0", &[5, 9]),
        ("1", &[3, 9]),
        ("2", &[2, 9]),
        ("3", &[3, 2]),
        ("4", &[2]),
    ]);
    assert_eq!(layers(&gru), ["gru 0 3", "take_step", "dense 3 2"]);
}

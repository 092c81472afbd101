use super::*;
use crate::Element;

pub(super) fn tensors(list: &[(&str, &[usize])]) -> Vec<TensorEntry> {
    let entry = |(name, shape): &(&str, &[usize])| TensorEntry {
        name: (*name).to_owned(),
        shape: shape.to_vec(),
        element: Element::F32,
        aside: None,
    };
    list.iter().map(entry).collect()
}

pub(super) fn told(list: &[(&str, &[usize])]) -> Inferred {
    let inferred = infer(&tensors(list), &BTreeMap::new());
    inferred.unwrap_or_else(|reason| panic!("{reason}: {list:?}"))
}

pub(super) fn told_with(list: &[(&str, &[usize])], key: &str, value: &str) -> Inferred {
    let metadata = BTreeMap::from([(key.to_owned(), value.to_owned())]);
    infer(&tensors(list), &metadata).unwrap()
}

/// The layers as JSON, without what is by default.
pub(super) fn layers(inferred: &Inferred) -> Vec<String> {
    let layers = serde_json::to_value(&inferred.architecture.layers).unwrap();
    let shown = |layer: &serde_json::Value| {
        let text = |key: &str| layer.get(key).map(ToString::to_string);
        let keys = ["kind", "name", "units", "filters", "kernel"];
        let shown: Vec<String> = keys.into_iter().filter_map(text).collect();
        shown.join(" ").replace('"', "")
    };
    layers.as_array().unwrap().iter().map(shown).collect()
}

/// Every tensor that the architecture wants is filled by one of the file that has as many values.
pub(super) fn check_fills(list: &[(&str, &[usize])], inferred: &Inferred) {
    let values = |name: &str| {
        let found = list.iter().find(|(own, _)| *own == name);
        found.map(|(_, shape)| shape.iter().product::<usize>())
    };
    for spec in inferred.architecture.tensors().unwrap() {
        let found = match inferred.fills.get(&spec.name) {
            None => values(&spec.name),
            Some(Fill::Tensor(excerpt)) => values(&excerpt.tensor),
            Some(Fill::Zeros | Fill::Ones) => continue,
            Some(Fill::Joined(_)) => None,
        };
        assert_eq!(found, Some(spec.n_values()), "{}", spec.name);
    }
}

/// The layers of a list are these, whatever the order it is listed in.
pub(super) fn check(list: &[(&str, &[usize])], expected: &[&str]) -> Inferred {
    let inferred = told(list);
    assert_eq!(layers(&inferred), expected);
    check_fills(list, &inferred);
    let mut other = list.to_vec();
    for turn in 0..list.len() {
        other.rotate_left(1);
        if turn % 2 == 0 {
            other.reverse();
        }
        let again = told(&other);
        assert_eq!(again.architecture, inferred.architecture, "{other:?}");
        assert_eq!(again.fills, inferred.fills, "{other:?}");
    }
    inferred
}

pub(super) fn refused(list: &[(&str, &[usize])], expected: &str) {
    let reason = infer(&tensors(list), &BTreeMap::new()).unwrap_err();
    assert!(reason.contains(expected), "{reason}");
}

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
    assert_eq!(found.doubts, Vec::<String>::new());
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
fn where_names_tell_no_order_the_file_does() {
    let list: [(&str, &[usize]); 2] = [("zeta.weight", &[3, 4]), ("alpha.weight", &[2, 3])];
    let found = told(&list);
    assert_eq!(layers(&found), ["dense zeta 3", "dense alpha 2"]);
    assert!(found.doubts[0].contains("stand in the file's"));
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
    // 7 + 2 + 4: no common size, so nothing but channels is told.
    assert_eq!(found.architecture.input, [1, 13, 13]);
    assert!(found.sizes_assumed);
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
fn the_size_of_images_is_told_where_one_assumption_alone_makes_a_common_one() {
    let sized = |places: usize| {
        told(&[
            ("conv1.weight", &[8, 3, 3, 3]),
            ("conv2.weight", &[4, 8, 3, 3]),
            ("fc.weight", &[10, 4 * places]),
        ])
    };
    let without = sized(28 * 28);
    // 28 with padding or 32 without: both are common.
    assert!(without.sizes_assumed);
    let without = sized(60 * 60);
    assert_eq!(without.architecture.input, [3, 64, 64]);
    assert!(!without.sizes_assumed && without.doubts[0].contains("64 x 64"));
    let padded = sized(32 * 32);
    assert_eq!(padded.architecture.input, [3, 32, 32]);
    let graph = padded.architecture.plan().unwrap();
    assert_eq!(graph.neurons[2].shape.n_neurons(), 4 * 32 * 32);
    let odd = sized(6);
    assert!(
        odd.doubts.iter().any(|doubt| doubt.contains("2 x 3")),
        "{:?}",
        odd.doubts
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
fn recurrent_layers_by_their_gates() {
    let list = |rows: usize| -> Vec<(&'static str, Vec<usize>)> {
        vec![
            ("rnn.weight_ih_l0", vec![rows, 7]),
            ("rnn.weight_hh_l0", vec![rows, 5]),
            ("rnn.bias_ih_l0", vec![rows]),
            ("rnn.bias_hh_l0", vec![rows]),
            ("fc.weight", vec![2, 5]),
        ]
    };
    for (rows, kind) in [(20, "lstm"), (15, "gru"), (5, "elman")] {
        let list = list(rows);
        let list: Vec<(&str, &[usize])> =
            list.iter().map(|(name, shape)| (*name, &**shape)).collect();
        check(
            &list,
            &[&format!("{kind} rnn 5"), "take_step", "dense fc 2"],
        );
    }
    let wrong = list(10);
    let wrong: Vec<(&str, &[usize])> = wrong
        .iter()
        .map(|(name, shape)| (*name, &**shape))
        .collect();
    refused(&wrong, "10 rows for 5 hidden units");
    let found = check(
        &[
            ("embedding.weight", &[100, 4]),
            ("lstm.weight_ih_l0", &[12, 4]),
            ("lstm.weight_hh_l0", &[12, 3]),
            ("lstm.weight_ih_l0_reverse", &[12, 4]),
            ("lstm.weight_hh_l0_reverse", &[12, 3]),
            ("lstm.weight_ih_l1", &[12, 6]),
            ("lstm.weight_hh_l1", &[12, 3]),
            ("lstm.weight_ih_l1_reverse", &[12, 6]),
            ("lstm.weight_hh_l1_reverse", &[12, 3]),
            ("fc.weight", &[2, 6]),
        ],
        &[
            "embedding embedding 4",
            "lstm lstm 3",
            "take_step",
            "dense fc 2",
        ],
    );
    assert_eq!(found.architecture.input, [1]);
}

const TORCH_BLOCK: [(&str, &[usize]); 12] = [
    ("self_attn.in_proj_weight", &[24, 8]),
    ("self_attn.in_proj_bias", &[24]),
    ("self_attn.out_proj.weight", &[8, 8]),
    ("self_attn.out_proj.bias", &[8]),
    ("linear1.weight", &[16, 8]),
    ("linear1.bias", &[16]),
    ("linear2.weight", &[8, 16]),
    ("linear2.bias", &[8]),
    ("norm1.weight", &[8]),
    ("norm1.bias", &[8]),
    ("norm2.weight", &[8]),
    ("norm2.bias", &[8]),
];

/// Tensors of a number of blocks, and others.
fn with_blocks(
    n: usize,
    prefix: &str,
    block: &[(&'static str, &'static [usize])],
    others: &[(&'static str, &'static [usize])],
) -> Vec<(String, &'static [usize])> {
    let named = |place: usize| {
        let own = block.iter();
        own.map(move |(name, shape)| (format!("{prefix}{place}.{name}"), *shape))
    };
    let others = others
        .iter()
        .map(|(name, shape)| ((*name).to_owned(), *shape));
    (0..n).flat_map(named).chain(others).collect()
}

fn check_blocks(list: &[(String, &'static [usize])], expected: &[&str]) -> Inferred {
    let list: Vec<(&str, &[usize])> = list.iter().map(|(name, shape)| (&**name, *shape)).collect();
    check(&list, expected)
}

#[test]
fn transformer_encoders_of_torch() {
    let list = with_blocks(
        11,
        "encoder.layers.",
        &TORCH_BLOCK,
        &[
            ("embed.weight", &[8, 3]),
            ("embed.bias", &[8]),
            ("head.weight", &[5, 8]),
            ("head.bias", &[5]),
        ],
    );
    let blocks: Vec<String> = (0..11)
        .map(|block| format!("transformer_encoder encoder.layers.{block}"))
        .collect();
    let mut expected = vec!["dense embed 8"];
    expected.extend(blocks.iter().map(String::as_str));
    expected.extend(["take_step", "dense head 5"]);
    let found = check_blocks(&list, &expected);
    assert!(
        found
            .doubts
            .iter()
            .any(|doubt| doubt.starts_with("heads are not in the weights"))
    );
    let list: Vec<(&str, &[usize])> = list.iter().map(|(name, shape)| (&**name, *shape)).collect();
    let found = told_with(&list, "nhead", "4");
    assert!(matches!(&found.architecture.layers[1],
        cntflow_network::Layer::TransformerEncoder(block) if block.heads == 4 && block.feed_forward == 16));
}

#[test]
fn vision_transformers_of_timm_and_hugging_face() {
    let timm: [(&str, &[usize]); 12] = [
        ("norm1.weight", &[8]),
        ("norm1.bias", &[8]),
        ("attn.qkv.weight", &[24, 8]),
        ("attn.qkv.bias", &[24]),
        ("attn.proj.weight", &[8, 8]),
        ("attn.proj.bias", &[8]),
        ("norm2.weight", &[8]),
        ("norm2.bias", &[8]),
        ("mlp.fc1.weight", &[16, 8]),
        ("mlp.fc1.bias", &[16]),
        ("mlp.fc2.weight", &[8, 16]),
        ("mlp.fc2.bias", &[8]),
    ];
    let list = with_blocks(
        2,
        "blocks.",
        &timm,
        &[
            ("cls_token", &[1, 1, 8]),
            ("pos_embed", &[1, 17, 8]),
            ("patch_embed.proj.weight", &[8, 3, 4, 4]),
            ("patch_embed.proj.bias", &[8]),
            ("norm.weight", &[8]),
            ("norm.bias", &[8]),
            ("head.weight", &[10, 8]),
            ("head.bias", &[10]),
        ],
    );
    let found = check_blocks(
        &list,
        &[
            "conv2d patch_embed.proj 8 [4,4]",
            "steps",
            "class_token cls_token",
            "position_embedding pos_embed",
            "transformer_encoder blocks.0",
            "transformer_encoder blocks.1",
            "layer_norm norm",
            "take_step",
            "dense head 10",
        ],
    );
    assert_eq!(found.architecture.input, [3, 16, 16]);
    assert!(!found.sizes_assumed);
    let hugging_face: [(&str, &[usize]); 12] = [
        ("attention.attention.query.weight", &[8, 8]),
        ("attention.attention.query.bias", &[8]),
        ("attention.attention.key.weight", &[8, 8]),
        ("attention.attention.value.weight", &[8, 8]),
        ("attention.attention.value.bias", &[8]),
        ("attention.output.dense.weight", &[8, 8]),
        ("attention.output.dense.bias", &[8]),
        ("intermediate.dense.weight", &[16, 8]),
        ("intermediate.dense.bias", &[16]),
        ("output.dense.weight", &[8, 16]),
        ("layernorm_before.weight", &[8]),
        ("layernorm_after.weight", &[8]),
    ];
    let list = with_blocks(
        1,
        "vit.encoder.layer.",
        &hugging_face,
        &[
            ("vit.embeddings.cls_token", &[1, 1, 8]),
            ("vit.embeddings.mask_token", &[1, 1, 8]),
            ("vit.embeddings.position_embeddings", &[1, 5, 8]),
            (
                "vit.embeddings.patch_embeddings.projection.weight",
                &[8, 1, 7, 7],
            ),
            ("vit.layernorm.weight", &[8]),
            ("classifier.weight", &[2, 8]),
        ],
    );
    let found = check_blocks(
        &list,
        &[
            "conv2d vit.embeddings.patch_embeddings.projection 8 [7,7]",
            "steps",
            "class_token vit.embeddings.cls_token",
            "position_embedding vit.embeddings.position_embeddings",
            "transformer_encoder vit.encoder.layer.0",
            "layer_norm vit.layernorm",
            "take_step",
            "dense classifier 2",
        ],
    );
    assert_eq!(found.architecture.input, [1, 14, 14]);
    let zeros = found.fills.get("vit.encoder.layer.0.self_attn.key.bias");
    assert_eq!(zeros, Some(&Fill::Zeros));
    assert!(
        found
            .doubts
            .iter()
            .any(|doubt| doubt.contains("mask_token"))
    );
}

#[test]
fn language_models() {
    let gpt: [(&str, &[usize]); 13] = [
        ("ln_1.weight", &[8]),
        ("ln_1.bias", &[8]),
        ("attn.c_attn.weight", &[8, 24]),
        ("attn.c_attn.bias", &[24]),
        ("attn.bias", &[1, 1, 6, 6]),
        ("attn.c_proj.weight", &[8, 8]),
        ("attn.c_proj.bias", &[8]),
        ("ln_2.weight", &[8]),
        ("ln_2.bias", &[8]),
        ("mlp.c_fc.weight", &[8, 32]),
        ("mlp.c_fc.bias", &[32]),
        ("mlp.c_proj.weight", &[32, 8]),
        ("mlp.c_proj.bias", &[8]),
    ];
    let list = with_blocks(
        2,
        "transformer.h.",
        &gpt,
        &[
            ("transformer.wte.weight", &[50, 8]),
            ("transformer.wpe.weight", &[6, 8]),
            ("transformer.ln_f.weight", &[8]),
            ("transformer.ln_f.bias", &[8]),
            ("lm_head.weight", &[50, 8]),
        ],
    );
    let found = check_blocks(
        &list,
        &[
            "embedding transformer.wte 8",
            "position_embedding transformer.wpe.weight",
            "transformer_encoder transformer.h.0",
            "transformer_encoder transformer.h.1",
            "layer_norm transformer.ln_f",
            "take_step",
            "dense lm_head 50",
        ],
    );
    let kernel = found.fills.get("transformer.h.0.self_attn.in_proj_weight");
    let expected = Excerpt::reordered("transformer.h.0.attn.c_attn.weight", &[1, 0]);
    assert_eq!(kernel, Some(&Fill::Tensor(expected)));
    assert!(
        found
            .doubts
            .iter()
            .any(|doubt| doubt.contains("transformer.h.0.attn"))
    );
    let bert: [(&str, &[usize]); 12] = [
        ("attention.self.query.weight", &[8, 8]),
        ("attention.self.key.weight", &[8, 8]),
        ("attention.self.value.weight", &[8, 8]),
        ("attention.output.dense.weight", &[8, 8]),
        ("attention.output.LayerNorm.gamma", &[8]),
        ("attention.output.LayerNorm.beta", &[8]),
        ("intermediate.dense.weight", &[16, 8]),
        ("intermediate.dense.bias", &[16]),
        ("output.dense.weight", &[8, 16]),
        ("output.dense.bias", &[8]),
        ("output.LayerNorm.weight", &[8]),
        ("output.LayerNorm.bias", &[8]),
    ];
    let list = with_blocks(
        1,
        "bert.encoder.layer.",
        &bert,
        &[
            ("bert.embeddings.word_embeddings.weight", &[30, 8]),
            ("bert.embeddings.position_embeddings.weight", &[12, 8]),
            ("bert.embeddings.token_type_embeddings.weight", &[2, 8]),
            ("bert.embeddings.LayerNorm.weight", &[8]),
            ("bert.pooler.dense.weight", &[8, 8]),
            ("classifier.weight", &[2, 8]),
        ],
    );
    let found = check_blocks(
        &list,
        &[
            "embedding bert.embeddings.word_embeddings 8",
            "position_embedding bert.embeddings.position_embeddings.weight",
            "layer_norm bert.embeddings.LayerNorm",
            "transformer_encoder bert.encoder.layer.0",
            "take_step",
            "dense bert.pooler.dense 8",
            "dense classifier 2",
        ],
    );
    assert!(
        found
            .doubts
            .iter()
            .any(|doubt| doubt.contains("token_type_embeddings"))
    );
}

#[test]
fn lists_without_names_and_kernels_of_keras() {
    let found = told(&[
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
    let expected = Excerpt::reordered("arr_2", &[3, 2, 0, 1])
        .read_as(&[2, 2, 4, 5])
        .shaped(&[5, 16]);
    assert_eq!(
        found.fills.get("arr_2.weight"),
        Some(&Fill::Tensor(expected))
    );
    let small = told(&[("0", &[3]), ("1", &[4, 3]), ("2", &[2]), ("10", &[3, 2])]);
    assert_eq!(layers(&small), ["dense 1 3", "dense 10 2"]);
    let keras = told(&[
        ("dense/kernel:0", &[4, 3]),
        ("dense/bias:0", &[3]),
        ("dense_1/kernel:0", &[3, 2]),
    ]);
    assert_eq!(layers(&keras), ["dense dense 3", "dense dense_1 2"]);
}

#[test]
fn an_activation_told_beside_the_weights_is_that_of_hidden_layers() {
    let list: [(&str, &[usize]); 3] = [
        ("a1.weight", &[3, 4]),
        ("a1_norm.weight", &[3]),
        ("b2.weight", &[2, 3]),
    ];
    let found = told_with(&list, "activation", "relu");
    let json = serde_json::to_string(&found.architecture.layers).unwrap();
    assert_eq!(json.matches("relu").count(), 1);
    assert!(matches!(&found.architecture.layers[1],
        cntflow_network::Layer::LayerNorm(norm) if norm.activation.is_some()));
}

#[test]
fn what_makes_no_chain_says_which_numbers_differ() {
    refused(
        &[("a.weight", &[3, 4]), ("b.weight", &[2, 5])],
        "b.weight [2, 5] takes 5 inputs, a gives 3",
    );
    refused(
        &[("a.weight", &[3, 4]), ("a.bias", &[2])],
        "a.bias has shape [2], a.weight [3, 4] gives 3 units",
    );
    refused(
        &[("a.weight", &[3, 4, 1, 1, 1])],
        "a.weight [3, 4, 1, 1, 1] is no kernel",
    );
    refused(
        &[("a.weight", &[3, 4]), ("position", &[3])],
        "position [3] belongs to no layer",
    );
    refused(
        &[("a.weight", &[3, 4]), ("b.running_mean", &[7])],
        "the norm b.running_mean [7] follows no layer",
    );
    refused(&[("a.weight", &[0, 1 << 40])], "holds no values");
    refused(
        &[("conv.weight", &[3, 1, 3, 3]), ("fc.weight", &[2, 7])],
        "fc.weight [2, 7] takes 7 inputs, conv gives 3",
    );
    refused(&[], "no tensor <name>.weight");
}

#[test]
fn a_told_architecture_is_filled_behind_a_prefix() {
    let json = r#"{"input": [2], "layers": [{"kind": "dense", "name": "fc", "units": 1}]}"#;
    let architecture: Architecture = serde_json::from_str(json).unwrap();
    let list: [(&str, &[usize]); 2] = [("net.m.fc.weight", &[1, 2]), ("net.m.fc.bias", &[1])];
    let (fills, doubts) = fills_by_suffix(&architecture, &tensors(&list));
    let expected = Fill::Tensor(Excerpt::whole("net.m.fc.bias"));
    assert_eq!(fills.get("fc.bias"), Some(&expected));
    assert!(doubts.is_empty());
    let incomplete: [(&str, &[usize]); 1] = [("net.m.fc.weight", &[1, 2])];
    assert!(
        fills_by_suffix(&architecture, &tensors(&incomplete))
            .0
            .is_empty()
    );
}

//! Transformers of known families.

use super::*;
use crate::TensorSlice;

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

fn check_blocks(list: &[(String, &'static [usize])], expected: &[&str]) -> ResolvedArchitecture {
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
            .assumptions
            .iter()
            .any(|assumption| assumption.starts_with("heads are not in the weights"))
    );
    let list: Vec<(&str, &[usize])> = list.iter().map(|(name, shape)| (&**name, *shape)).collect();
    let found = inferred_with(&list, "nhead", "4");
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
    assert!(!found.image_size_unknown);
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
    let zeros = found.recipes.get("vit.encoder.layer.0.self_attn.key.bias");
    assert_eq!(zeros, Some(&TensorRecipe::Zeros));
    assert!(
        found
            .assumptions
            .iter()
            .any(|assumption| assumption.contains("mask_token"))
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
    let kernel = found
        .recipes
        .get("transformer.h.0.self_attn.in_proj_weight");
    let expected = TensorSlice::permuted("transformer.h.0.attn.c_attn.weight", &[1, 0]);
    assert_eq!(kernel, Some(&TensorRecipe::Slice(expected)));
    assert!(
        found
            .assumptions
            .iter()
            .any(|assumption| assumption.contains("transformer.h.0.attn"))
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
            .assumptions
            .iter()
            .any(|assumption| assumption.contains("token_type_embeddings"))
    );
}

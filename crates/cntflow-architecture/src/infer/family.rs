//! Families of transformers' encoder blocks, by the names that their modules have.

use cntflow_network::Activation;

/// How a family names the modules of an encoder block, and what its blocks are like.
#[derive(Debug)]
pub(super) struct Family {
    /// Its common name.
    pub(super) name: &'static str,
    /// The projections to queries, keys and values.
    pub(super) attention: QkvLayout,
    /// The attention's output projection.
    pub(super) output: &'static str,
    /// The two dense layers.
    pub(super) feed_forward: [&'static str; 2],
    /// The two norms, that of the attention first.
    pub(super) norms: [&'static str; 2],
    /// Whether norms come first; `None` where the family has both.
    pub(super) norm_first: Option<bool>,
    /// Activation between the dense layers; `None` where the family has several.
    pub(super) activation: Option<Activation>,
    /// Whether kernels have their inputs as the first dimension.
    pub(super) inputs_first: bool,
}

/// Queries, keys and values in one tensor or in three.
#[derive(Debug)]
pub(super) enum QkvLayout {
    /// One module; its name, and those of its kernel and bias.
    Fused(&'static str, [&'static str; 2]),
    /// The modules of queries, of keys and of values.
    Separate([&'static str; 3]),
}

const WEIGHT_AND_BIAS: [&str; 2] = ["weight", "bias"];

/// The known families.
pub(super) const FAMILIES: [Family; 7] = [
    Family {
        name: "torch.nn.TransformerEncoder",
        attention: QkvLayout::Fused("self_attn", ["in_proj_weight", "in_proj_bias"]),
        output: "self_attn.out_proj",
        feed_forward: ["linear1", "linear2"],
        norms: ["norm1", "norm2"],
        norm_first: None,
        activation: None,
        inputs_first: false,
    },
    Family {
        name: "Hugging Face BERT",
        attention: QkvLayout::Separate([
            "attention.self.query",
            "attention.self.key",
            "attention.self.value",
        ]),
        output: "attention.output.dense",
        feed_forward: ["intermediate.dense", "output.dense"],
        norms: ["attention.output.LayerNorm", "output.LayerNorm"],
        norm_first: Some(false),
        activation: Some(Activation::Gelu),
        inputs_first: false,
    },
    Family {
        name: "Hugging Face ViT",
        attention: QkvLayout::Separate([
            "attention.attention.query",
            "attention.attention.key",
            "attention.attention.value",
        ]),
        output: "attention.output.dense",
        feed_forward: ["intermediate.dense", "output.dense"],
        norms: ["layernorm_before", "layernorm_after"],
        norm_first: Some(true),
        activation: Some(Activation::Gelu),
        inputs_first: false,
    },
    Family {
        name: "Hugging Face DistilBERT",
        attention: QkvLayout::Separate(["attention.q_lin", "attention.k_lin", "attention.v_lin"]),
        output: "attention.out_lin",
        feed_forward: ["ffn.lin1", "ffn.lin2"],
        norms: ["sa_layer_norm", "output_layer_norm"],
        norm_first: Some(false),
        activation: Some(Activation::Gelu),
        inputs_first: false,
    },
    Family {
        name: "GPT-2",
        attention: QkvLayout::Fused("attn.c_attn", WEIGHT_AND_BIAS),
        output: "attn.c_proj",
        feed_forward: ["mlp.c_fc", "mlp.c_proj"],
        norms: ["ln_1", "ln_2"],
        norm_first: Some(true),
        activation: Some(Activation::GeluTanh),
        inputs_first: true,
    },
    Family {
        name: "timm ViT",
        attention: QkvLayout::Fused("attn.qkv", WEIGHT_AND_BIAS),
        output: "attn.proj",
        feed_forward: ["mlp.fc1", "mlp.fc2"],
        norms: ["norm1", "norm2"],
        norm_first: Some(true),
        activation: Some(Activation::Gelu),
        inputs_first: false,
    },
    Family {
        name: "torchvision ViT",
        attention: QkvLayout::Fused("self_attention", ["in_proj_weight", "in_proj_bias"]),
        output: "self_attention.out_proj",
        feed_forward: ["mlp.0", "mlp.3"],
        norms: ["ln_1", "ln_2"],
        norm_first: Some(true),
        activation: Some(Activation::Gelu),
        inputs_first: false,
    },
];

impl Family {
    /// Every module of a block.
    pub(super) fn modules(&self) -> impl Iterator<Item = &'static str> {
        let attention = match &self.attention {
            QkvLayout::Fused(module, _) => vec![*module],
            QkvLayout::Separate(modules) => modules.to_vec(),
        };
        let others = [self.output]
            .into_iter()
            .chain(self.feed_forward)
            .chain(self.norms);
        attention.into_iter().chain(others)
    }
}

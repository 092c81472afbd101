//! What a checkpoint's metadata says of an architecture that no weight shows.

use std::collections::BTreeMap;

use cntflow_network::Activation;

/// Keys under which metadata has the number of an attention's heads.
const HEADS_KEYS: [&str; 6] = [
    "num_attention_heads",
    "n_head",
    "nhead",
    "heads",
    "num_heads",
    "n_heads",
];

/// Settings that the metadata tells.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Hints {
    /// Heads of every attention.
    pub(super) heads: Option<usize>,
    /// Activation of the hidden layers.
    pub(super) activation: Option<Activation>,
}

impl Hints {
    /// Reads the metadata; a softmax is not taken, since it is no hidden activation.
    pub(super) fn new(metadata: &BTreeMap<String, String>) -> Self {
        let heads = HEADS_KEYS
            .iter()
            .find_map(|&key| metadata.get(key)?.trim().parse().ok());
        let activation = metadata.get("activation");
        let activation = activation.and_then(|text| {
            let name = serde_json::Value::String(text.trim().trim_matches('"').to_lowercase());
            serde_json::from_value(name).ok()
        });
        Self {
            heads: heads.filter(|&heads| heads > 0),
            activation: activation.filter(|&activation| activation != Activation::Softmax),
        }
    }
}

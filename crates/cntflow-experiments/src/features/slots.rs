//! Slots: what the layers of networks of other depth, width and kind have in common. Lines of one
//! metric and one slot become one feature, or one per summary over layers.

use crate::spec::Representation;

const RECURRENT: [&str; 3] = ["elman", "lstm", "gru"];

/// Where a line stands in its network.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) layer: u32,
    /// Layers of neurons of the network, inputs included.
    pub(super) n_layers: u32,
    pub(super) role: &'a str,
    pub(super) kind: &'a str,
    /// Whether a convolution or a recurrent layer comes before.
    pub(super) is_behind_others: bool,
    /// `.ih.<gate>`, `.hh.<gate>`, `.<gate>` or nothing.
    pub(super) gate: &'a str,
}

/// A slot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Slot {
    base: String,
    gate: String,
    /// Whether several layers of a network may share it.
    pub(super) is_shared: bool,
}

impl Slot {
    fn new(base: String, place: Place<'_>, is_shared: bool) -> Self {
        Self {
            base,
            gate: place.gate.to_owned(),
            is_shared,
        }
    }

    /// The slot of a CNT metric. `None` for a role that no layer has.
    pub(super) fn of_cnt(place: Place<'_>, representation: Representation) -> Option<Self> {
        if place.role == "network" {
            return None;
        }
        if representation == Representation::Position {
            return Some(Self::new(position(place), place, false));
        }
        let base = match place.role {
            "input" | "output" => return Some(Self::new(place.role.to_owned(), place, false)),
            "hidden" => hidden_role(place),
            _ => "unknown",
        };
        Some(Self::new(base.to_owned(), place, true))
    }

    /// The slot of a baseline's tensor: by position in every representation. In the representation
    /// `role` the output layer's slot is that of CNT metrics, because the numbers are the same.
    pub(super) fn of_tensor(place: Place<'_>, representation: Representation) -> Self {
        let base = if representation == Representation::Role && place.role == "output" {
            "output".to_owned()
        } else {
            position(place)
        };
        Self::new(base, place, false)
    }

    /// The slot of a metric that a network has once.
    pub(super) fn once(base: &str) -> Self {
        Self {
            base: base.to_owned(),
            gate: String::new(),
            is_shared: false,
        }
    }

    /// The slot's part of a column's name; `summary` is `_mean` or `_std` of shared slots.
    pub(super) fn name(&self, summary: &str) -> String {
        format!("{}{summary}{}", self.base, self.gate)
    }
}

/// `start<l>` for the first half of the layers, rounded up, and `end<k>` for the others, k counted
/// back from the output, which is `end0`. Each layer has one name. Networks of one depth share all
/// names; networks of other depth share those of the shallower one.
///
/// | layers | names |
/// |---|---|
/// | 2 | `start0 end0` |
/// | 3 | `start0 start1 end0` |
/// | 4 | `start0 start1 end1 end0` |
/// | 5 | `start0 start1 start2 end1 end0` |
fn position(place: Place<'_>) -> String {
    let (layer, n_layers) = (u64::from(place.layer), u64::from(place.n_layers));
    if 2 * layer < n_layers {
        format!("start{layer}")
    } else {
        format!("end{}", n_layers.saturating_sub(layer + 1))
    }
}

/// The role of a hidden layer by its kind. `hidden` are the layers that a network of its kind
/// mainly has: dense, convolutional or recurrent. A dense layer behind one of the others is `tail`.
fn hidden_role(place: Place<'_>) -> &'static str {
    let kind = place.kind;
    if kind.contains("pool") {
        "pool"
    } else if kind.ends_with("norm") {
        "norm"
    } else if kind.contains("embedding") || kind == "class_token" {
        "embedding"
    } else if kind == "attention" {
        "attention"
    } else if kind == "add" {
        "add"
    } else if kind == "dense" && place.is_behind_others {
        "tail"
    } else {
        "hidden"
    }
}

/// Whether dense layers behind a layer of this kind are tails.
pub(super) fn has_tail(kind: &str) -> bool {
    kind.starts_with("conv") || RECURRENT.contains(&kind)
}

/// Whether a gate's links are the recurrent ones, from the layer to itself.
pub(super) fn is_recurrent_gate(gate: &str) -> bool {
    gate.starts_with(".hh")
}

/// The part of a row's name that tells the gate: `.ih.i` of `lstm.ih.i`, `.hh` of `elman.hh`, and
/// `.i` of `lstm.i`, which rows of neurons over inputs have. Empty for all other layers.
pub(super) fn gate<'a>(name: &'a str, kind: &str, metric: &str) -> &'a str {
    let is_side = |text: &str| matches!(text, "ih" | "hh" | "ih_reverse" | "hh_reverse");
    if !RECURRENT.contains(&kind) {
        return "";
    }
    let Some((before, last)) = name.rsplit_once('.') else {
        return "";
    };
    let second_last = before.rsplit_once('.').map_or("", |(_, text)| text);
    let length = if is_side(last) {
        last.len() + 1
    } else if is_side(second_last) {
        second_last.len() + last.len() + 2
    } else if kind != "elman" && metric.starts_with("neurons_strength") {
        last.len() + 1
    } else {
        0
    };
    &name[name.len() - length..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(layer: u32, n_layers: u32) -> Place<'static> {
        Place {
            layer,
            n_layers,
            role: "hidden",
            kind: "dense",
            is_behind_others: false,
            gate: "",
        }
    }

    #[test]
    fn positions_name_each_layer_once_and_share_the_ends() {
        let names = |n| -> Vec<String> { (0..n).map(|l| position(place(l, n))).collect() };
        assert_eq!(names(2), ["start0", "end0"]);
        assert_eq!(names(3), ["start0", "start1", "end0"]);
        assert_eq!(names(4), ["start0", "start1", "end1", "end0"]);
        assert_eq!(names(5), ["start0", "start1", "start2", "end1", "end0"]);
        for n in 2..9 {
            let deeper = names(n + 1);
            assert!(names(n).iter().all(|name| deeper.contains(name)));
        }
    }

    #[test]
    fn gates_are_told_from_names() {
        assert_eq!(gate("rnn.lstm.ih.i", "lstm", "link_weights"), ".ih.i");
        assert_eq!(gate("rnn.hh_reverse.z", "gru", "biases"), ".hh_reverse.z");
        assert_eq!(gate("rnn.hh", "elman", "link_weights"), ".hh");
        assert_eq!(gate("rnn.l0.f", "lstm", "neurons_strength_std"), ".f");
        assert_eq!(gate("rnn.l0", "lstm", "nodes_strength"), "");
        assert_eq!(gate("rnn.l0", "elman", "neurons_strength"), "");
        assert_eq!(gate("block.ih.1", "dense", "link_weights"), "");
    }

    #[test]
    fn hidden_layers_are_told_apart_by_kind() {
        let role = |kind, is_behind_others| {
            hidden_role(Place {
                kind,
                is_behind_others,
                ..place(1, 3)
            })
        };
        assert_eq!(role("dense", false), "hidden");
        assert_eq!(role("dense", true), "tail");
        assert_eq!(role("conv2d", true), "hidden");
        assert_eq!(role("global_average_pool", false), "pool");
        assert_eq!(role("layer_norm", false), "norm");
        assert_eq!(role("position_embedding", false), "embedding");
    }
}

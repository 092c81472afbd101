//! Recurrent layers.

use serde::Deserialize;
use serde_json::{Value, json};

use super::settings::{activation, yes};
use super::shape::Shape;
use super::{Chain, Node, object};
use crate::{TensorRecipe, TensorSlice};

#[derive(Deserialize)]
struct RecurrentSettings {
    units: usize,
    #[serde(default = "tanh")]
    activation: Value,
    #[serde(default = "sigmoid")]
    recurrent_activation: Value,
    #[serde(default = "yes")]
    use_bias: bool,
    #[serde(default)]
    return_sequences: bool,
    #[serde(default)]
    return_state: bool,
    #[serde(default)]
    go_backwards: bool,
    /// Without it, a GRU resets the state before the product, as PyTorch's never does. It is left out by versions that always did so.
    #[serde(default)]
    reset_after: bool,
}

fn tanh() -> Value {
    json!("tanh")
}

fn sigmoid() -> Value {
    json!("sigmoid")
}

/// The recurrent layers of architectures, and where Keras has each gate of PyTorch's order.
#[derive(Clone, Copy)]
enum Cell {
    Elman,
    Lstm,
    Gru,
}

impl Cell {
    fn of(class: &str) -> Option<Self> {
        match class {
            "SimpleRNN" => Some(Self::Elman),
            "LSTM" => Some(Self::Lstm),
            "GRU" => Some(Self::Gru),
            _ => None,
        }
    }

    fn kind(self) -> &'static str {
        match self {
            Self::Elman => "elman",
            Self::Lstm => "lstm",
            Self::Gru => "gru",
        }
    }

    /// Keras has z, r, h of a GRU where PyTorch has r, z, n; i, f, c, o of an LSTM are in PyTorch's order.
    fn gates(self) -> &'static [usize] {
        match self {
            Self::Elman => &[0],
            Self::Lstm => &[0, 1, 2, 3],
            Self::Gru => &[1, 0, 2],
        }
    }

    /// A kernel `[n_in, gates units]` as `[gates units, n_in]`.
    fn kernel(self, tensor: &str, units: usize) -> TensorRecipe {
        let whole = || TensorSlice::reordered(tensor, &[1, 0]);
        match self {
            Self::Gru => self.joined(|gate| whole().cut(1, gate * units, (gate + 1) * units)),
            _ => TensorRecipe::Tensor(whole()),
        }
    }

    /// Biases of the inputs and of the state. A GRU has both, others have one of the inputs.
    fn biases(self, tensor: &str, units: usize) -> [TensorRecipe; 2] {
        match self {
            Self::Gru => [0, 1].map(|row| {
                self.joined(|gate| {
                    TensorSlice::whole(tensor)
                        .cut(0, row, row + 1)
                        .cut(1, gate * units, (gate + 1) * units)
                        .shaped(&[units])
                })
            }),
            _ => [
                TensorRecipe::Tensor(TensorSlice::whole(tensor)),
                TensorRecipe::Zeros,
            ],
        }
    }

    fn joined(self, gate: impl Fn(usize) -> TensorSlice) -> TensorRecipe {
        TensorRecipe::Joined(self.gates().iter().map(|&at| gate(at)).collect())
    }
}

impl Chain<'_> {
    pub(super) fn recurrent(&mut self, node: &Node) -> Result<(), String> {
        let (cell, settings) = self.cell(node)?;
        if settings.go_backwards {
            return Err(node.says("steps from the last to the first cannot be expressed"));
        }
        let tensors = self.weights_of(node).to_vec();
        self.direction(node, cell, &settings, &tensors, "")?;
        self.push_recurrent(node, cell, &settings, false)
    }

    /// Both directions of a layer, their outputs side by side.
    pub(super) fn bidirectional(&mut self, node: &Node) -> Result<(), String> {
        if node
            .config
            .get("merge_mode")
            .is_some_and(|mode| mode != "concat")
        {
            return Err(node.says("directions that are not put side by side cannot be expressed"));
        }
        let wrapped = |key: &str| {
            let layer = node.config.get(key)?;
            Some(Node {
                class: layer.get("class_name")?.as_str()?.to_owned(),
                config: object(layer.get("config")?.clone()),
                ..node.clone()
            })
        };
        let forward = wrapped("layer").ok_or_else(|| node.says("it wraps no layer"))?;
        let (cell, settings) = self.cell(&forward)?;
        if settings.go_backwards {
            return Err(node.says("its first direction goes backwards"));
        }
        if let Some(backward) = wrapped("backward_layer") {
            let (_, other) = self.cell(&backward)?;
            if (&*backward.class, other.units) != (&*forward.class, settings.units) {
                return Err(node.says("its directions differ"));
            }
        }
        let tensors = self.weights_of(node).to_vec();
        let (first, second) = tensors.split_at(tensors.len() / 2);
        self.direction(node, cell, &settings, first, "")?;
        self.direction(node, cell, &settings, second, "_reverse")?;
        self.push_recurrent(node, cell, &settings, true)
    }

    /// The cell of a layer and its settings, checked for what architectures do not have.
    fn cell(&self, node: &Node) -> Result<(Cell, RecurrentSettings), String> {
        let cell = Cell::of(&node.class);
        let cell = cell.ok_or_else(|| node.says("it is no recurrent layer that is known"))?;
        let settings: RecurrentSettings = node.settings()?;
        let named = |value| activation(value).map_err(|text| node.says(text));
        let gated = !matches!(cell, Cell::Elman);
        let usual = named(&settings.activation)? == "tanh"
            && named(&settings.recurrent_activation)? == "sigmoid";
        if gated && !usual {
            return Err(node.says("its activations are not tanh and sigmoid"));
        }
        if matches!(cell, Cell::Gru) && !settings.reset_after {
            return Err(node.says("reset_after=false cannot be expressed"));
        }
        if settings.return_state {
            return Err(node.says("it gives its state beside its output"));
        }
        Ok((cell, settings))
    }

    /// The tensors of one direction.
    fn direction(
        &mut self,
        node: &Node,
        cell: Cell,
        settings: &RecurrentSettings,
        tensors: &[String],
        suffix: &str,
    ) -> Result<(), String> {
        let (kernel, state, bias) = match (tensors, settings.use_bias) {
            ([kernel, state, bias], true) => (kernel, state, Some(bias)),
            ([kernel, state], false) => (kernel, state, None),
            _ => {
                let found = tensors.len();
                let expected = 2 + usize::from(settings.use_bias);
                return Err(node.says(format!(
                    "by its settings a direction has {expected} tensors, the file has {found} of it"
                )));
            }
        };
        let units = settings.units;
        if units.checked_mul(4).is_none() {
            return Err(node.says(format!("{units} units are too many")));
        }
        self.fill(
            node,
            &format!("weight_ih_l0{suffix}"),
            cell.kernel(kernel, units),
        );
        self.fill(
            node,
            &format!("weight_hh_l0{suffix}"),
            cell.kernel(state, units),
        );
        if let Some(bias) = bias {
            let [input, state] = cell.biases(bias, units);
            self.fill(node, &format!("bias_ih_l0{suffix}"), input);
            self.fill(node, &format!("bias_hh_l0{suffix}"), state);
        }
        Ok(())
    }

    fn push_recurrent(
        &mut self,
        node: &Node,
        cell: Cell,
        settings: &RecurrentSettings,
        bidirectional: bool,
    ) -> Result<(), String> {
        let mut steps = self.at.shape;
        if let Shape::Line(places) = steps {
            // Channels of a one-dimensional convolution become the units of steps.
            steps = Shape::Steps {
                steps: places.sizes[1],
                units: places.channels,
            };
            self.push_unnamed(json!({"kind": "steps", "of": "places"}), steps);
        }
        let Shape::Steps { steps, .. } = steps else {
            return Err(node.says("it does not stand behind a sequence"));
        };
        let mut layer = json!({
            "kind": cell.kind(),
            "units": settings.units,
            "bidirectional": bidirectional,
            "bias": settings.use_bias,
        });
        if let Cell::Elman = cell {
            let told = activation(&settings.activation).map_err(|text| node.says(text))?;
            layer["activation"] = json!(told);
        }
        let units = settings
            .units
            .saturating_mul(1 + usize::from(bidirectional));
        self.push(node, layer, Shape::Steps { steps, units });
        if !settings.return_sequences {
            let which = if bidirectional { "final" } else { "last" };
            let layer = json!({"kind": "take_step", "which": which});
            self.push_unnamed(layer, Shape::Units(units, None));
        }
        Ok(())
    }
}

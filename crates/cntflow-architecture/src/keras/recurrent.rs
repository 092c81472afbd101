//! Recurrent layers.

use cntflow_network::{Activation, Layer, Recurrent, Steps, StepsOf, TakeStep, TakenStep};
use serde::Deserialize;
use serde_json::Value;

use super::config::KerasLayer;
use super::settings::{activation, yes};
use super::shape::Shape;
use super::translator::Translator;
use crate::error::{Translated, unsupported};
use crate::keras_cell::Cell;

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
    /// Whether a GRU resets the state after the product, as PyTorch's does. Old versions of Keras
    /// never do, and have no such setting.
    #[serde(default)]
    reset_after: bool,
}

fn tanh() -> Value {
    Value::from("tanh")
}

fn sigmoid() -> Value {
    Value::from("sigmoid")
}

impl Translator<'_> {
    pub(super) fn recurrent(&mut self, layer: &KerasLayer) -> Translated<()> {
        let (cell, settings) = cell_and_settings(layer)?;
        if settings.go_backwards {
            return Err(unsupported(
                "steps from the last to the first cannot be expressed",
            ));
        }
        let tensors = self.tensors_of(layer);
        self.set_direction(layer, cell, &settings, tensors, "")?;
        self.push_recurrent(layer, cell, &settings, false)
    }

    /// Two directions, their outputs side by side.
    pub(super) fn bidirectional(&mut self, layer: &KerasLayer) -> Translated<()> {
        let merge_mode = layer.settings.get("merge_mode");
        if merge_mode.is_some_and(|mode| mode != "concat") {
            return Err(unsupported(
                "directions that are not put side by side cannot be expressed",
            ));
        }
        let wrapped = |key: &str| {
            let wrapped = layer.settings.get(key)?;
            Some(KerasLayer {
                class: wrapped.get("class_name")?.as_str()?.to_owned(),
                settings: wrapped
                    .get("config")?
                    .as_object()
                    .cloned()
                    .unwrap_or_default(),
                ..layer.clone()
            })
        };
        let forward = wrapped("layer").ok_or_else(|| unsupported("it wraps no layer"))?;
        let (cell, settings) = cell_and_settings(&forward)?;
        if settings.go_backwards {
            return Err(unsupported("its first direction goes backwards"));
        }
        if let Some(backward) = wrapped("backward_layer") {
            let (_, backward_settings) = cell_and_settings(&backward)?;
            if backward.class != forward.class || backward_settings.units != settings.units {
                return Err(unsupported("its directions differ"));
            }
        }
        let tensors = self.tensors_of(layer);
        let (first, second) = tensors.split_at(tensors.len() / 2);
        self.set_direction(layer, cell, &settings, first, "")?;
        self.set_direction(layer, cell, &settings, second, "_reverse")?;
        self.push_recurrent(layer, cell, &settings, true)
    }

    /// Sets the recipes of one direction's tensors.
    fn set_direction(
        &mut self,
        layer: &KerasLayer,
        cell: Cell,
        settings: &RecurrentSettings,
        tensors: &[String],
        suffix: &str,
    ) -> Translated<()> {
        let (input, state, bias) = match (tensors, settings.use_bias) {
            ([input, state, bias], true) => (input, state, Some(bias)),
            ([input, state], false) => (input, state, None),
            _ => {
                let found = tensors.len();
                let expected = 2 + usize::from(settings.use_bias);
                return Err(unsupported(format!(
                    "by its settings each direction needs {expected} tensors, the file has {found}"
                )));
            }
        };
        let units = settings.units;
        if units.checked_mul(4).is_none() {
            return Err(unsupported(format!("{units} units are too many")));
        }
        let mut set = |tensor: &str, recipe| {
            self.set_recipe(layer, &format!("{tensor}_l0{suffix}"), recipe);
        };
        set("weight_ih", cell.kernel(input, units));
        set("weight_hh", cell.kernel(state, units));
        if let Some(bias) = bias {
            let [input, state] = cell.biases(bias, units);
            set("bias_ih", input);
            set("bias_hh", state);
        }
        Ok(())
    }

    fn push_recurrent(
        &mut self,
        layer: &KerasLayer,
        cell: Cell,
        settings: &RecurrentSettings,
        bidirectional: bool,
    ) -> Translated<()> {
        if let Shape::Line(spatial) = self.current.shape {
            // Channels of a one-dimensional convolution become the units of steps.
            let sequence = Shape::Steps {
                steps: spatial.sizes[1],
                units: spatial.channels,
            };
            let of = StepsOf::Places;
            self.push(Layer::Steps(Steps { of }), sequence);
        }
        let Shape::Steps { steps, .. } = self.current.shape else {
            return Err(unsupported("its input is no sequence"));
        };
        let mut recurrent = Recurrent {
            name: layer.name.clone(),
            units: settings.units,
            layers: 1,
            bidirectional,
            bias: settings.use_bias,
            activation: None,
        };
        let recurrent = match cell {
            Cell::Elman => {
                recurrent.activation = Some(activation(&settings.activation)?);
                Layer::Elman(recurrent)
            }
            Cell::Lstm => Layer::Lstm(recurrent),
            Cell::Gru => Layer::Gru(recurrent),
        };
        let directions = 1 + usize::from(bidirectional);
        let units = settings.units.saturating_mul(directions);
        self.push(recurrent, Shape::Steps { steps, units });
        if !settings.return_sequences {
            let which = if bidirectional {
                TakenStep::Final
            } else {
                TakenStep::Last
            };
            let taken = Layer::TakeStep(TakeStep { which });
            self.push(taken, Shape::Units(units, None));
        }
        Ok(())
    }
}

/// The cell of a layer and its settings, checked for what architectures do not have.
fn cell_and_settings(layer: &KerasLayer) -> Translated<(Cell, RecurrentSettings)> {
    let check = || {
        let cell = Cell::of_class(&layer.class)
            .ok_or_else(|| unsupported("it is no recurrent layer that is known"))?;
        let settings: RecurrentSettings = layer.settings()?;
        let is_usual = activation(&settings.activation)? == Activation::Tanh
            && activation(&settings.recurrent_activation)? == Activation::Sigmoid;
        if cell != Cell::Elman && !is_usual {
            return Err(unsupported("its activations are not tanh and sigmoid"));
        }
        if cell == Cell::Gru && !settings.reset_after {
            return Err(unsupported("reset_after=false cannot be expressed"));
        }
        if settings.return_state {
            return Err(unsupported(
                "it gives its state besides its output, which cannot be expressed",
            ));
        }
        Ok((cell, settings))
    };
    // Errors name the wrapped layer's class, not `Bidirectional`.
    check().map_err(|error: crate::error::TranslationError| error.at_layer(|| layer.shown()))
}

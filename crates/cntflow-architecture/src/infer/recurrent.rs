//! Recurrent layers by PyTorch's names for their tensors.

use cntflow_network::{Layer, Recurrent};

use super::chain::{ChainBuilder, ONE_STEP_ASSUMED, Output};
use super::module::Module;
use crate::error::{Translated, unsupported};

impl ChainBuilder {
    /// Adds a recurrent layer, which may be stacked or bidirectional, or a cell.
    ///
    /// # Errors
    /// Its tensors are not those of an Elman layer, an LSTM or a GRU, or do not take what comes
    /// before.
    pub(super) fn recurrent(&mut self, module: &Module<'_>) -> Translated<()> {
        if module.has("recurrent_kernel") {
            return self.keras_recurrent(module);
        }
        let module = &as_layer(module);
        let input_kernel = module.shape("weight_ih_l0");
        let state_kernel = module.shape("weight_hh_l0");
        let (&[rows, n_in], &[_, units]) = (&input_kernel[..], &state_kernel[..]) else {
            return Err(unsupported(format!(
                "{} has no weight_hh_l0 [gates * units, units] beside it",
                module.shown()
            )));
        };
        let projection = module
            .parameters
            .keys()
            .find(|name| name.starts_with("weight_hr"));
        if let Some(projection) = projection {
            return Err(unsupported(format!(
                "{}.{projection} projects the hidden units, which cannot be expressed",
                module.path
            )));
        }
        let layer = Recurrent {
            name: module.path.clone(),
            units,
            layers: n_layers(module),
            bidirectional: module.has("weight_ih_l0_reverse"),
            bias: module.has("bias_ih_l0"),
            activation: None,
        };
        self.take_sequence(module, n_in)?;
        self.output = Output::Steps(units * if layer.bidirectional { 2 } else { 1 });
        let n_gates = rows
            .checked_div(units)
            .filter(|n_gates| n_gates * units == rows);
        let layer = match n_gates {
            Some(4) => Layer::Lstm(layer),
            Some(3) => Layer::Gru(layer),
            Some(1) => {
                self.assume(format!(
                    "{} is taken to be of tanh units, which no weight shows",
                    module.path
                ));
                Layer::Elman(layer)
            }
            _ => {
                return Err(unsupported(format!(
                    "{}: the number of rows, {rows}, is not 1, 3 or 4 x {units} hidden units",
                    module.shown()
                )));
            }
        };
        self.add_module(module, layer);
        Ok(())
    }

    /// Checks that a recurrent module takes what comes before it, and makes the input a sequence
    /// where it is open.
    pub(super) fn take_sequence(&mut self, module: &Module<'_>, n_in: usize) -> Translated<()> {
        match self.output {
            Output::Undecided => self.input = vec![1, n_in],
            Output::Steps(given) if given == n_in => return Ok(()),
            // So far there are only dense layers and norms, which act on every step alike: the
            // input may be a sequence.
            Output::Units(given) if given == n_in && self.input.len() == 1 => {
                self.input.insert(0, 1);
            }
            Output::Units(given)
            | Output::Steps(given)
            | Output::Channels {
                channels: given, ..
            } => return Err(self.does_not_fit(module, n_in, given)),
        }
        self.assume(ONE_STEP_ASSUMED);
        Ok(())
    }
}

/// Number of layers that are stacked in a module.
fn n_layers(module: &Module<'_>) -> usize {
    let has = |layer: &usize| module.has(&format!("weight_ih_l{layer}"));
    (0..).take_while(has).count()
}

/// A cell's tensors under the names that a layer has for them.
fn as_layer<'t>(module: &Module<'t>) -> Module<'t> {
    let mut layer = module.clone();
    if module.has("weight_ih") {
        let parameters = module.parameters.iter();
        let renamed = parameters.map(|(name, tensor)| (format!("{name}_l0"), *tensor));
        layer.parameters = renamed.collect();
    }
    layer
}

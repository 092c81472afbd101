//! Dense layers and embeddings of a chain, and how a dense layer takes channels or steps.

use cntflow_network::{Dense, Embedding, Layer, TakeStep, TakenStep};

use super::chain::{ChainBuilder, ONE_STEP_ASSUMED, Output};
use super::module::{Layout, Module};
use crate::error::Translated;
use crate::recipe::{TensorRecipe, TensorSlice};

impl ChainBuilder {
    /// Adds an embedding, which takes the network's input.
    pub(super) fn embedding(&mut self, module: &Module<'_>) -> Translated<()> {
        self.embedding_of(module, &module.shape("weight"));
        Ok(())
    }

    /// Adds an embedding of this shape, which takes the input.
    pub(super) fn embedding_of(&mut self, module: &Module<'_>, shape: &[usize]) {
        self.input = vec![1];
        self.assume(ONE_STEP_ASSUMED);
        self.output = Output::Steps(shape[1]);
        let layer = Embedding {
            name: module.path.clone(),
            tokens: shape[0],
            units: shape[1],
        };
        self.add_module(module, Layer::Embedding(layer));
    }

    /// Adds a dense layer. Channels before it are flattened. Of a sequence it takes the final step
    /// or, if its kernel is several steps wide, all steps flattened.
    ///
    /// # Errors
    /// It takes another number of inputs than the layer before gives.
    pub(super) fn dense(&mut self, module: &Module<'_>) -> Translated<()> {
        let shape = module.shape("weight");
        let [units, n_in] = [shape[0], shape[1]];
        let bias = self.has_bias(module, units)?;
        let mut kernel = None;
        match self.output {
            Output::Undecided => self.input = vec![n_in],
            Output::Units(given) if given == n_in => {}
            Output::Channels {
                channels,
                dimensions,
            } if n_in > 0 && n_in.is_multiple_of(channels) => {
                kernel = self.flatten(module, channels, dimensions, n_in / channels);
            }
            Output::Steps(given) if given == n_in => self.take_step(),
            // The length of the sequence is still open: the kernel may take several steps,
            // flattened, and then shows how many.
            Output::Steps(given) if self.input.len() == 2 && n_in.is_multiple_of(given) => {
                self.input[0] = n_in / given;
                self.add_layer(Layer::Flatten);
            }
            Output::Units(given)
            | Output::Channels {
                channels: given, ..
            }
            | Output::Steps(given) => return Err(self.does_not_fit(module, n_in, given)),
        }
        self.output = Output::Units(units);
        let layer = Dense {
            name: module.path.clone(),
            units,
            bias,
            activation: self.hints.activation,
        };
        self.add_module(module, Layer::Dense(layer));
        if let Some(kernel) = kernel {
            let name = format!("{}.weight", module.path);
            self.architecture
                .set_recipe(name, TensorRecipe::Slice(kernel));
        }
        Ok(())
    }

    /// Flattens channels of `places` places each. Returns a slice only for a kernel of Keras, which
    /// flattens in the order row, column, channel: the slice puts the kernel's columns in the order
    /// channel, row, column.
    fn flatten(
        &mut self,
        module: &Module<'_>,
        channels: usize,
        dimensions: usize,
        places: usize,
    ) -> Option<TensorSlice> {
        let [rows, columns] = self.extent.set_end(dimensions, places);
        self.add_layer(Layer::Flatten);
        if places > 1 && rows != columns && dimensions == 2 {
            self.assume(format!(
                "{} takes {places} places of each channel, no square: {rows} x {columns} are assumed",
                module.path
            ));
        }
        let tensor = module.parameters.get("weight")?;
        let units = module.shape("weight")[0];
        let slice = TensorSlice::permuted(&*tensor.name, &[3, 2, 0, 1])
            .read_as(&[rows, columns, channels, units])
            .shaped(&[units, channels * places]);
        (module.layout == Layout::InputsFirst && places > 1).then_some(slice)
    }

    /// Takes the final step of a sequence.
    fn take_step(&mut self) {
        let is_recurrent =
            |layer: &Layer| matches!(layer, Layer::Elman(_) | Layer::Lstm(_) | Layer::Gru(_));
        if self.architecture.layers().iter().any(is_recurrent) {
            self.assume("a dense layer after a recurrent one is taken to see the last step only; no weight metric depends on it");
        }
        let which = TakenStep::Final;
        self.add_layer(Layer::TakeStep(TakeStep { which }));
    }
}

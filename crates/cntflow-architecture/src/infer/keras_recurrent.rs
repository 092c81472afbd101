//! Recurrent layers by Keras' names for their tensors: `kernel` `[n_in, gates * units]`,
//! `recurrent_kernel` `[units, gates * units]` and `bias`.

use cntflow_formats::TensorEntry;
use cntflow_network::{Layer, Recurrent};

use super::chain::{ChainBuilder, Output};
use super::keras_modules::REVERSE;
use super::module::Module;
use crate::error::{Translated, unsupported};
use crate::keras_cell::Cell;
use crate::recipe::TensorRecipe;

impl ChainBuilder {
    /// Adds a recurrent layer of one or two directions.
    ///
    /// # Errors
    /// Its tensors are not those of a simple recurrent layer, an LSTM or a GRU, or do not take what
    /// comes before.
    pub(super) fn keras_recurrent(&mut self, module: &Module<'_>) -> Translated<()> {
        let (cell, n_in, units) = cell_and_sizes(module)?;
        let bidirectional = module.has(&format!("recurrent_kernel{REVERSE}"));
        let layer = Recurrent {
            name: module.path.clone(),
            units,
            layers: 1,
            bidirectional,
            bias: module.has("bias"),
            activation: None,
        };
        let suffixes = if bidirectional {
            &["", REVERSE][..]
        } else {
            &[""]
        };
        let recipes = suffixes
            .iter()
            .map(|suffix| direction_recipes(module, cell, units, suffix))
            .collect::<Translated<Vec<_>>>()?;
        self.take_sequence(module, n_in)?;
        self.output = Output::Steps(units.saturating_mul(suffixes.len()));
        for (tensor, recipe) in recipes.into_iter().flatten() {
            let tensor = format!("{}.{tensor}", module.path);
            self.architecture.set_recipe(tensor, recipe);
        }
        self.previous.clone_from(&module.path);
        let layer = match cell {
            Cell::Elman => {
                self.assume(format!(
                    "{} is taken to be of tanh units, which no weight shows",
                    module.path
                ));
                Layer::Elman(layer)
            }
            Cell::Lstm => Layer::Lstm(layer),
            Cell::Gru => Layer::Gru(layer),
        };
        self.add_layer(layer);
        Ok(())
    }
}

/// The kind of the units, the number of inputs and that of units.
fn cell_and_sizes(module: &Module<'_>) -> Translated<(Cell, usize, usize)> {
    let shape = |parameter: &str| {
        let tensor = module.parameters.get(parameter);
        tensor.map_or(&[][..], |tensor| &tensor.shape)
    };
    let (&[n_in, columns], &[units, state_columns]) = (shape("weight"), shape("recurrent_kernel"))
    else {
        return Err(unsupported(format!(
            "{} has no kernel [n_in, gates * units] beside it",
            module.shown()
        )));
    };
    let n_gates = columns.checked_div(units).unwrap_or(0);
    let cell = Cell::of_gates(n_gates).filter(|_| n_gates * units == columns);
    match cell {
        Some(cell) if state_columns == columns => Ok((cell, n_in, units)),
        _ => Err(unsupported(format!(
            "{}: the numbers of columns, {columns} and {state_columns}, are not 1, 3 or 4 x {units} hidden units",
            module.shown()
        ))),
    }
}

/// Recipes of the tensors of one direction, by PyTorch's names.
///
/// # Errors
/// A tensor is missing, or its shape is not that of the other direction.
fn direction_recipes(
    module: &Module<'_>,
    cell: Cell,
    units: usize,
    suffix: &str,
) -> Translated<Vec<(String, TensorRecipe)>> {
    let tensor = |parameter: &str| {
        let found = module.parameters.get(&format!("{parameter}{suffix}"));
        let forward = module.parameters.get(parameter);
        let found = found.filter(|found| forward.is_some_and(|f| f.shape == found.shape));
        found.ok_or_else(|| {
            unsupported(format!(
                "{} has no fitting {parameter}{suffix}",
                module.path
            ))
        })
    };
    let name = |what: &str| format!("{what}_l0{suffix}");
    let [kernel, state] = [tensor("weight")?, tensor("recurrent_kernel")?];
    let mut recipes = vec![
        (name("weight_ih"), cell.kernel(&kernel.name, units)),
        (name("weight_hh"), cell.kernel(&state.name, units)),
    ];
    if module.has("bias") {
        let [input, state] = biases(module, tensor("bias")?, cell, units, kernel.shape[1])?;
        recipes.push((name("bias_ih"), input));
        recipes.push((name("bias_hh"), state));
    }
    Ok(recipes)
}

/// Recipes of the biases of the inputs and of the state; kernels have `n_columns`.
fn biases(
    module: &Module<'_>,
    bias: &TensorEntry,
    cell: Cell,
    units: usize,
    n_columns: usize,
) -> Translated<[TensorRecipe; 2]> {
    let part = |first: usize| cell.bias_from(&bias.name, first, units);
    match (cell, &bias.shape[..]) {
        // Layers for cuDNN have the biases of the inputs, then those of the state.
        (_, &[n]) if n == 2 * n_columns => Ok([part(0), part(n_columns)]),
        // A GRU that resets the state before the product has no biases of the state.
        (Cell::Gru, &[n]) if n == n_columns => Ok([part(0), TensorRecipe::Zeros]),
        (Cell::Gru, &[2, n]) if n == n_columns => Ok(cell.biases(&bias.name, units)),
        (Cell::Elman | Cell::Lstm, &[n]) if n == n_columns => Ok(cell.biases(&bias.name, units)),
        (_, shape) => Err(unsupported(format!(
            "{}: {} has shape {shape:?}, its kernels have {n_columns} columns",
            module.path, bias.name
        ))),
    }
}

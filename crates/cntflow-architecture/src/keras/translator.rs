//! The architecture of a Keras model in the making: the outputs of its layers so far, and their
//! tensors in the file.

use std::collections::HashMap;

use cntflow_formats::TensorEntry;
use cntflow_formats::keras::Layers;
use cntflow_network::{Add, Branch, Concat, Layer};

use super::config::KerasLayer;
use super::shape::Shape;
use super::window::Sides;
use crate::builder::ArchitectureBuilder;
use crate::error::{Translated, unsupported};
use crate::recipe::{TensorRecipe, TensorSlice};

/// What a layer of Keras gives.
#[derive(Clone, Debug, Default)]
pub(super) struct Output {
    pub(super) shape: Shape,
    /// Its name in the architecture; `None` for layers that have none there.
    name: Option<String>,
    /// Number of layers that the architecture had when the output was made.
    pub(super) n_layers: usize,
    /// Zeros around its places that the next layer has to take into its padding.
    pub(super) pending_zeros: Sides,
}

/// A model being translated.
pub(super) struct Translator<'a> {
    pub(super) builder: ArchitectureBuilder,
    /// Output of the last layer.
    pub(super) current: Output,
    /// Whether PyTorch ran the model: its transposed convolutions are padded in another way.
    pub(super) is_torch: bool,
    /// The size that rows and columns of images get where the file leaves them open; `None` if that
    /// is an error.
    open_size: Option<usize>,
    /// Whether a size was left open.
    pub(super) has_open_size: bool,
    /// Outputs of the layers so far, by Keras' names.
    outputs: HashMap<String, Output>,
    /// Shapes of the file's tensors.
    shapes: HashMap<&'a str, &'a [usize]>,
    weights: &'a Layers,
}

impl<'a> Translator<'a> {
    pub(super) fn new(
        tensors: &'a [TensorEntry],
        weights: &'a Layers,
        backend: Option<&str>,
        open_size: Option<usize>,
    ) -> Self {
        let shapes = tensors.iter().map(|tensor| (&*tensor.name, &*tensor.shape));
        Self {
            builder: ArchitectureBuilder::default(),
            current: Output::default(),
            is_torch: backend == Some("torch"),
            open_size,
            has_open_size: false,
            outputs: HashMap::new(),
            shapes: shapes.collect(),
            weights,
        }
    }

    /// Begins with the model's input.
    pub(super) fn start(&mut self, input: &KerasLayer, shape: Shape) {
        self.current = Output {
            shape,
            name: Some("input".to_owned()),
            ..Output::default()
        };
        self.keep_output(input);
    }

    /// The shape of an input before a layer of class `next`. Records what it assumes.
    ///
    /// # Errors
    /// No architecture has such an input.
    pub(super) fn input_shape(&mut self, sizes: &[Option<usize>], next: &str) -> Translated<Shape> {
        let (shape, assumption) = match Shape::of_input(sizes, next) {
            Ok(known) => known,
            Err(error) => {
                let size = self.open_size.filter(|_| sizes.len() > 1).ok_or(error)?;
                self.has_open_size = true;
                let filled = sizes.iter().map(|known| Some(known.unwrap_or(size)));
                let filled: Vec<Option<usize>> = filled.collect();
                let assumption = format!(
                    "sizes of images that the file leaves open are taken as {size}: only the graph of channels, not of pixels, is meaningful"
                );
                (Shape::of_input(&filled, next)?.0, Some(assumption))
            }
        };
        if let Some(assumption) = assumption {
            self.builder.assume(assumption);
        }
        Ok(shape)
    }

    /// Checks that kernels have the sizes that the architecture asks for, where these follow from a
    /// size that was left open.
    ///
    /// # Errors
    /// A tensor has another number of values.
    pub(super) fn check_sizes_of_tensors(&self) -> Translated<()> {
        for layer in self.builder.layers() {
            let Layer::Dense(dense) = layer else { continue };
            let recipe = self.builder.recipe(&format!("{}.weight", dense.name));
            let Some(TensorRecipe::Slice(slice)) = recipe else {
                continue;
            };
            let n_values = |shape: &[usize]| shape.iter().product::<usize>();
            let found = self.shapes.get(&*slice.tensor).map(|shape| n_values(shape));
            let asked = slice.final_shape.as_deref().map(n_values);
            if let (Some(found), Some(asked)) = (found, asked)
                && found != asked
            {
                return Err(unsupported(format!(
                    "{} has {found} values, the sizes that are assumed ask for {asked}",
                    slice.tensor
                )));
            }
        }
        Ok(())
    }

    /// Puts the outputs of layers side by side, along their channels or units.
    pub(super) fn concat(&mut self, layer: &KerasLayer, inputs: &[String]) -> Translated<()> {
        let outputs = inputs.iter().map(|name| self.output(name).cloned());
        let outputs: Vec<Output> = outputs.collect::<Translated<_>>()?;
        if outputs
            .iter()
            .any(|output| output.pending_zeros != Sides::default())
        {
            return Err(unsupported("it takes zeros around the places of a layer"));
        }
        let axis = layer
            .settings
            .get("axis")
            .and_then(serde_json::Value::as_i64);
        let rank = outputs[0].shape.channels_first().len() as i64;
        if ![None, Some(-1), Some(rank)].contains(&axis) {
            return Err(unsupported(format!(
                "its axis {} is not that of the channels or units",
                axis.unwrap_or(-1)
            )));
        }
        let shapes: Vec<Shape> = outputs.iter().map(|output| output.shape).collect();
        let shape = Shape::beside(&shapes)?;
        let from = outputs
            .iter()
            .zip(inputs)
            .map(|(output, name)| reference(output, name));
        let concat = Concat {
            name: layer.name.clone(),
            from: from.collect::<Translated<_>>()?,
        };
        self.push(Layer::Concat(concat), shape);
        Ok(())
    }

    /// Keeps the last output as that of a layer, for layers that take it later.
    pub(super) fn keep_output(&mut self, layer: &KerasLayer) {
        self.outputs
            .insert(layer.name.clone(), self.current.clone());
    }

    fn output(&self, name: &str) -> Translated<&Output> {
        let output = self.outputs.get(name);
        output.ok_or_else(|| {
            unsupported(format!(
                "layer {name} is no part of the chain from the input"
            ))
        })
    }

    /// Makes the output of a layer the one that the next layer takes.
    pub(super) fn continue_from(&mut self, name: &str) -> Translated<()> {
        let output = self.output(name)?.clone();
        // No layer has been added since, but `pending_zeros` may differ: `ZeroPadding` adds no
        // layer.
        if output.n_layers == self.current.n_layers {
            self.current = output;
            return Ok(());
        }
        let from = reference(&output, name)?;
        self.builder.add_layer(Layer::Branch(Branch { from }));
        self.current = Output {
            n_layers: self.builder.n_layers(),
            ..output
        };
        Ok(())
    }

    /// Adds the outputs of two layers, the last one and an earlier one.
    pub(super) fn add(&mut self, layer: &KerasLayer, first: &str, second: &str) -> Translated<()> {
        let first_is_last = self.output(first)?.n_layers == self.current.n_layers;
        let (last, earlier) = if first_is_last {
            (first, second)
        } else {
            (second, first)
        };
        self.continue_from(last)?;
        self.refuse_pending_zeros(layer)?;
        let earlier_output = self.output(earlier)?;
        if earlier_output.pending_zeros != self.current.pending_zeros
            || earlier_output.shape != self.current.shape
        {
            return Err(unsupported("its summands have different shapes"));
        }
        let sum = Add {
            name: layer.name.clone(),
            from: reference(earlier_output, earlier)?,
            activation: None,
        };
        self.push(Layer::Add(sum), self.current.shape);
        Ok(())
    }

    /// Appends a layer of the architecture that gives this shape.
    pub(super) fn push(&mut self, layer: Layer, shape: Shape) {
        // Flattening and picking steps have no name to refer to.
        let has_name = !matches!(
            layer,
            Layer::Flatten | Layer::Steps(_) | Layer::TakeStep(_) | Layer::Branch(_)
        );
        let name = has_name.then(|| layer.name().to_owned());
        self.builder.add_layer(layer);
        self.current = Output {
            shape,
            name,
            n_layers: self.builder.n_layers(),
            pending_zeros: Sides::default(),
        };
    }

    /// The shape of an input that no setting gives: the kernel of a dense layer shows its size.
    pub(super) fn input_size_by_kernel(&self, layer: &KerasLayer) -> Option<Vec<Option<usize>>> {
        let kernel = self.tensors_of(layer).first()?;
        match (&*layer.class, *self.shapes.get(kernel.as_str())?) {
            ("Dense", [n_in, _]) => Some(vec![Some(*n_in)]),
            _ => None,
        }
    }

    /// Names of a layer's tensors, in Keras' order.
    pub(super) fn tensors_of(&self, layer: &KerasLayer) -> &'a [String] {
        let by_class = || {
            let group = match layer.class_index {
                0 => snake_case(&layer.class),
                n => format!("{}_{n}", snake_case(&layer.class)),
            };
            self.weights.counted.get(&group)
        };
        let tensors = self.weights.named.get(&layer.name).or_else(by_class);
        tensors.map_or(&[], Vec::as_slice)
    }

    /// The tensors of a layer, as many as it has by its settings.
    pub(super) fn expect_tensors<const N: usize>(
        &self,
        layer: &KerasLayer,
    ) -> Translated<[String; N]> {
        let tensors = self.tensors_of(layer);
        tensors
            .to_vec()
            .try_into()
            .map_err(|_| wrong_number_of_tensors(N, tensors.len()))
    }

    /// Sets the recipes of a layer's bias, if it has one, and of its weight, which is made of the
    /// kernel.
    pub(super) fn set_kernel_and_bias(
        &mut self,
        layer: &KerasLayer,
        has_bias: bool,
        weight: impl FnOnce(&str) -> TensorSlice,
    ) -> Translated<()> {
        let kernel = if has_bias {
            let [kernel, bias] = self.expect_tensors(layer)?;
            self.set_slice(layer, "bias", TensorSlice::whole(bias));
            kernel
        } else {
            let [kernel] = self.expect_tensors(layer)?;
            kernel
        };
        self.set_slice(layer, "weight", weight(&kernel));
        Ok(())
    }

    /// Sets the recipe of one of a layer's tensors.
    pub(super) fn set_recipe(&mut self, layer: &KerasLayer, tensor: &str, recipe: TensorRecipe) {
        self.builder
            .set_recipe(format!("{}.{tensor}", layer.name), recipe);
    }

    /// Makes one of a layer's tensors a slice of one of the file's.
    pub(super) fn set_slice(&mut self, layer: &KerasLayer, tensor: &str, slice: TensorSlice) {
        self.set_recipe(layer, tensor, TensorRecipe::Slice(slice));
    }
}

/// The error of a layer that has more or fewer tensors than its settings say.
pub(super) fn wrong_number_of_tensors(
    expected: usize,
    found: usize,
) -> crate::error::TranslationError {
    unsupported(format!(
        "by its settings it needs {expected} tensors, the file has {found}"
    ))
}

/// The name by which later layers refer to an output.
fn reference(output: &Output, layer: &str) -> Translated<String> {
    let name = output.name.clone();
    name.ok_or_else(|| {
        unsupported(format!(
            "the output of layer {layer} cannot be referred to later"
        ))
    })
}

/// How Keras names groups after classes: `LeakyReLU` is `leaky_re_lu`.
fn snake_case(class: &str) -> String {
    let letters: Vec<char> = class.chars().collect();
    let mut snake = String::with_capacity(class.len() + 4);
    for (index, letter) in letters.iter().enumerate() {
        let previous = index.checked_sub(1).map(|previous| letters[previous]);
        let next_is_small = letters.get(index + 1).is_some_and(char::is_ascii_lowercase);
        let begins_word =
            previous.is_some_and(|previous| previous.is_ascii_lowercase() || next_is_small);
        if letter.is_ascii_uppercase() && begins_word {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_named_as_keras_does() {
        for (class, group) in [
            ("Dense", "dense"),
            ("Conv2D", "conv2d"),
            ("Conv2DTranspose", "conv2d_transpose"),
            ("LSTM", "lstm"),
            ("SimpleRNN", "simple_rnn"),
            ("LeakyReLU", "leaky_re_lu"),
            ("MultiHeadAttention", "multi_head_attention"),
            ("GlobalAveragePooling1D", "global_average_pooling1d"),
        ] {
            assert_eq!(snake_case(class), group);
        }
    }
}

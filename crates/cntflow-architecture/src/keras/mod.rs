//! The architecture of a Keras model, translated from its configuration layer by layer; kernels
//! come in PyTorch's layout.
//!
//! Keras has channels last, architectures have them first: shapes are followed through the model
//! channels last, and the tensors of layers after a flattening are permuted to channels first.

mod activation;
mod attention;
mod config;
mod convolution;
mod dense;
mod norm;
mod pooling;
mod recurrent;
mod reshape;
mod settings;
mod shape;
mod translator;
mod weights_only;
mod window;
mod zero_padding;

use cntflow_formats::TensorEntry;
use cntflow_formats::keras::{Layers, Model};
use cntflow_network::{Input, Layer, Output as End};

use crate::error::{Translated, TranslationError, unsupported};
use crate::resolved::ResolvedArchitecture;
use config::KerasLayer;
use translator::Translator;

/// Classes of layers that change nothing at inference.
const NO_OPERATION: [&str; 9] = [
    "Dropout",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "GaussianNoise",
    "GaussianDropout",
    "AlphaDropout",
    "ActivityRegularization",
    "Identity",
    "InputLayer",
];

/// The architecture that a model's configuration describes. Without a configuration: the chain that
/// its kernels make, or `None`.
pub(crate) fn translate(
    model: &Model<'_>,
    tensors: &[TensorEntry],
) -> Option<Translated<ResolvedArchitecture>> {
    match model.config {
        Some(config) => Some(configured(config, tensors, model.layers, model.backend)),
        None => weights_only::translate(model.layers, tensors).map(Ok),
    }
}

/// The architecture of a configuration.
fn configured(
    config: &str,
    tensors: &[TensorEntry],
    weights: &Layers,
    backend: Option<&str>,
) -> Translated<ResolvedArchitecture> {
    let translated = |open_size: Option<usize>| {
        let translator = Translator::new(tensors, weights, backend, open_size);
        translate_config(translator, config)
    };
    let strict = translated(None);
    // Sizes of images that the file leaves open are tried, so that convolutions have a graph of
    // channels.
    let open_sizes = strict.is_err().then_some(&OPEN_SIZES[..]);
    let guessed = open_sizes.into_iter().flatten();
    let guessed = guessed
        .filter_map(|&size| translated(Some(size)).ok())
        .next();
    strict
        .or_else(|error| guessed.ok_or(error))
        .map_err(|error| TranslationError::KerasConfiguration(Box::new(error)))
}

/// Sizes that are tried for rows and columns of images that a file leaves open: some that most
/// networks take, whatever their strides and poolings.
const OPEN_SIZES: [usize; 4] = [256, 224, 128, 512];

fn translate_config(
    mut translator: Translator<'_>,
    config: &str,
) -> Translated<ResolvedArchitecture> {
    let config::Model { layers, outputs } = config::parse(config)?;
    let input = translate_input(&mut translator, &layers)?;
    for index in 1..layers.len() {
        let layer = &layers[index];
        let call = match &*layer.class {
            "InputLayer" => translate_other_input(&mut translator, &layers, index),
            _ => translate_call(&mut translator, layer),
        };
        call.map_err(|error| error.at_layer(|| layer.shown()))?;
        translator.keep_output(layer);
        if outputs.contains(&layer.name) {
            translator
                .builder
                .add_layer(Layer::Output(End { open: false }));
        }
    }
    let is_size_open = translator.has_open_size;
    if is_size_open {
        translator.check_sizes_of_tensors()?;
    }
    let mut resolved = translator.builder.finish(input, "Keras").checked()?;
    resolved.image_size_unknown = is_size_open;
    Ok(resolved)
}

/// Another input of a model, after the first: a layer of inputs of its own.
fn translate_other_input(
    translator: &mut Translator<'_>,
    layers: &[KerasLayer],
    index: usize,
) -> Translated<()> {
    let input = &layers[index];
    let takes_it = |layer: &&KerasLayer| layer.inputs.contains(&input.name);
    let next = layers[index + 1..].iter().find(takes_it);
    let class = next.map_or("", |layer| &*layer.class);
    let sizes = input.input_shape();
    let sizes = sizes.ok_or_else(|| unsupported("the shape of the input is not known"))?;
    let shape = translator.input_shape(&sizes, class)?;
    let layer = Layer::Input(Input {
        name: input.name.clone(),
        shape: shape.channels_first(),
        open: false,
    });
    translator.push(layer, shape);
    Ok(())
}

/// The shape of the input as the architecture has it.
fn translate_input(
    translator: &mut Translator<'_>,
    layers: &[KerasLayer],
) -> Translated<Vec<usize>> {
    let (input, others) = layers
        .split_first()
        .ok_or_else(|| unsupported("it has no layers"))?;
    if input.class != "InputLayer" {
        let error = unsupported("the model does not begin with an input layer");
        return Err(error.at_layer(|| input.shown()));
    }
    let next = others
        .iter()
        .find(|layer| !NO_OPERATION.contains(&&*layer.class));
    let next = next.ok_or_else(|| unsupported("it has no layers after its input"))?;
    let sizes = input
        .input_shape()
        .or_else(|| translator.input_size_by_kernel(next))
        .ok_or_else(|| unsupported("the shape of the input is not known"));
    let shape = sizes
        .and_then(|sizes| translator.input_shape(&sizes, &next.class))
        .map_err(|error| error.at_layer(|| input.shown()))?;
    translator.start(input, shape);
    Ok(shape.channels_first())
}

/// Continues from the layers whose outputs a layer takes, and appends what it is in the
/// architecture.
fn translate_call(translator: &mut Translator<'_>, layer: &KerasLayer) -> Translated<()> {
    let mut inputs = layer.inputs.clone();
    // Self-attention takes one output as query, value and key.
    inputs.dedup();
    match (&*layer.class, inputs.as_slice()) {
        ("Add", [first, second]) => translator.add(layer, first, second),
        ("Concatenate", [_, _, ..]) => translator.concat(layer, &inputs),
        (_, [input]) => {
            translator.continue_from(input)?;
            translate_layer(translator, layer)
        }
        (_, inputs) => Err(unsupported(format!(
            "it takes the outputs of {} layers",
            inputs.len()
        ))),
    }
}

/// Appends what a layer with one input is in the architecture.
fn translate_layer(translator: &mut Translator<'_>, layer: &KerasLayer) -> Translated<()> {
    let data_format = layer.settings.get("data_format");
    if data_format.is_some_and(|format| format == "channels_first") {
        return Err(unsupported("channels first are not read"));
    }
    if NO_OPERATION.contains(&&*layer.class) {
        return Ok(());
    }
    translator.refuse_pending_zeros(layer)?;
    match &*layer.class {
        "Dense" => translator.dense(layer),
        "Embedding" => translator.embedding(layer),
        "BatchNormalization" | "BatchNormalizationV1" => translator.batch_norm(layer),
        "LayerNormalization" => translator.layer_norm(layer),
        "Activation" | "ReLU" | "LeakyReLU" | "ELU" | "Softmax" => translator.activation(layer),
        "Conv1D" | "Conv2D" => translator.convolution(layer),
        "DepthwiseConv1D" | "DepthwiseConv2D" => translator.depthwise_convolution(layer),
        "SeparableConv1D" | "SeparableConv2D" => translator.separable_convolution(layer),
        "Conv1DTranspose" | "Conv2DTranspose" => translator.transposed_convolution(layer),
        "ZeroPadding1D" | "ZeroPadding2D" => translator.zero_padding(layer),
        "MaxPooling1D" | "MaxPooling2D" => translator.max_pool(layer),
        "AveragePooling1D" | "AveragePooling2D" => translator.average_pool(layer),
        "GlobalMaxPooling1D" | "GlobalMaxPooling2D" => translator.global_max_pool(layer),
        "GlobalAveragePooling1D" | "GlobalAveragePooling2D" => {
            translator.global_average_pool(layer)
        }
        "Flatten" => translator.flatten(),
        "Reshape" => translator.reshape(layer),
        "Permute" => translator.permute(layer),
        "SimpleRNN" | "LSTM" | "GRU" => translator.recurrent(layer),
        "Bidirectional" => translator.bidirectional(layer),
        "MultiHeadAttention" => translator.attention(layer),
        _ => Err(unsupported("layers of this class cannot be expressed")),
    }
}

#[cfg(test)]
mod tests;

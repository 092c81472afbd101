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

use crate::error::{Translated, TranslationError, unsupported};
use crate::resolved::ResolvedArchitecture;
use config::KerasLayer;
use shape::Shape;
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
    let translator = Translator::new(tensors, weights, backend);
    translate_config(translator, config)
        .map_err(|error| TranslationError::KerasConfiguration(Box::new(error)))
}

fn translate_config(
    mut translator: Translator<'_>,
    config: &str,
) -> Translated<ResolvedArchitecture> {
    let layers = config::parse(config)?;
    let input = translate_input(&mut translator, &layers)?;
    for layer in &layers[1..] {
        translate_call(&mut translator, layer).map_err(|error| error.at_layer(|| layer.shown()))?;
        translator.keep_output(layer);
    }
    translator.builder.finish(input, "Keras").checked()
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
    let (shape, assumption) = sizes
        .and_then(|sizes| Shape::of_input(&sizes, &next.class))
        .map_err(|error| error.at_layer(|| input.shown()))?;
    if let Some(assumption) = assumption {
        translator.builder.assume(assumption);
    }
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

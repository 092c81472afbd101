//! What the key `architecture` of a group may be, and which activations go with it.

use cntflow_network::Activation;

use crate::ZooError;
use crate::population::architecture_spec::{
    ArchitectureSpec, AutoencoderSpec, ConvolutionSpec, PoolSpec,
};
use crate::population::spec::{DrawMode, GroupSpec};
use crate::population::value_check::{Allowed, Place};
use crate::train::run_spec::LayerType;

/// Checks one architecture of a group.
pub(crate) fn check_architecture(
    place: &Place,
    spec: &ArchitectureSpec,
    draw: DrawMode,
) -> Result<(), ZooError> {
    check_kinds(place, spec)?;
    for units in &spec.dense {
        place.numbers("architecture.dense", units, draw, Allowed::COUNT)?;
    }
    for convolution in &spec.convolutional {
        check_convolution(place, "architecture.convolutional", convolution, draw)?;
    }
    if let Some(recurrent) = spec.recurrent() {
        let key = |key: &str| format!("architecture.{}.{key}", spec.layer_type().name());
        place.numbers(&key("units"), &recurrent.units, draw, Allowed::COUNT)?;
        place.numbers(&key("layers"), &recurrent.layers, draw, Allowed::LAYERS)?;
    }
    if let Some(autoencoder) = &spec.autoencoder {
        check_autoencoder(place, autoencoder, draw)?;
    }
    match &spec.convolutional_autoencoder {
        Some(encoder) => check_encoder(place, encoder, draw),
        None => Ok(()),
    }
}

/// One kind of layers at most, and nothing after an autoencoder.
fn check_kinds(place: &Place, spec: &ArchitectureSpec) -> Result<(), ZooError> {
    let kinds = spec.kinds();
    let names: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
    let allowed = "must be one kind of layers; give a list of architectures for several";
    place.ensure(
        kinds.len() <= 1,
        "architecture",
        names.join(" and "),
        allowed,
    )?;
    let is_autoencoder = kinds.iter().any(|kind| kind.is_autoencoder());
    place.ensure(
        spec.dense.is_empty() || !is_autoencoder,
        "architecture.dense",
        format!("{} layers", spec.dense.len()),
        "does not go with an autoencoder; its dense layers are autoencoder.hidden and autoencoder.code",
    )
}

fn check_convolution(
    place: &Place,
    key: &str,
    spec: &ConvolutionSpec,
    draw: DrawMode,
) -> Result<(), ZooError> {
    let under = |name: &str| format!("{key}.{name}");
    place.numbers(&under("filters"), &spec.filters, draw, Allowed::COUNT)?;
    place.size(&under("kernel"), spec.kernel.pair())?;
    place.size(&under("stride"), spec.stride.pair())?;
    if let Some(PoolSpec { window, stride, .. }) = &spec.pool {
        place.size(&under("pool.window"), window.pair())?;
        let stride = stride.unwrap_or(*window);
        place.size(&under("pool.stride"), stride.pair())?;
    }
    Ok(())
}

fn check_autoencoder(
    place: &Place,
    spec: &AutoencoderSpec,
    draw: DrawMode,
) -> Result<(), ZooError> {
    for units in &spec.hidden {
        let key = "architecture.autoencoder.hidden";
        place.numbers(key, units, draw, Allowed::COUNT)?;
    }
    let key = "architecture.autoencoder.code";
    place.numbers(key, &spec.code, draw, Allowed::COUNT)
}

fn check_encoder(
    place: &Place,
    encoder: &[ConvolutionSpec],
    draw: DrawMode,
) -> Result<(), ZooError> {
    let key = "architecture.convolutional_autoencoder";
    place.some(key, encoder)?;
    for convolution in encoder {
        check_convolution(place, key, convolution, draw)?;
        place.ensure(
            convolution.pool.is_none(),
            &format!("{key}.pool"),
            "a pooling",
            "no decoder undoes a pooling; give the convolution a stride",
        )?;
    }
    Ok(())
}

/// Checks that the activations of a group go with its recurrent architectures.
pub(crate) fn check_activations(place: &Place, group: &GroupSpec) -> Result<(), ZooError> {
    for spec in &group.architecture.0 {
        let (taken, allowed): (&[Activation], &str) = match spec.layer_type() {
            LayerType::Elman => (
                &[Activation::Tanh, Activation::Relu],
                "an elman layer has tanh or relu; give other activations to a group of their own",
            ),
            LayerType::Lstm | LayerType::Gru if spec.dense.is_empty() => (
                &[Activation::Tanh],
                "lstm and gru layers have activations of their own; with no dense layers after them it must be tanh",
            ),
            _ => continue,
        };
        let strange = group.activation.0.iter().find(|one| !taken.contains(one));
        if let Some(&strange) = strange {
            place.wrong(
                "activation",
                crate::train::run_spec::activation_name(strange),
                allowed,
            )?;
        }
    }
    Ok(())
}

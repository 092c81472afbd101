//! What the key `architecture` of a group may be, and which activations go with it.

use cntflow_network::Activation;

use crate::ZooError;
use crate::population::architecture_spec::{
    ArchitectureSpec, AutoencoderSpec, ConvolutionSpec, PoolSpec, PoolWindow, RecurrentSpec, Size,
};
use crate::population::spec::{DrawMode, GroupSpec};
use crate::population::value_check::{Allowed, ValueCheck};
use crate::train::{LayerType, activation_name};

/// Checks one architecture of a group.
pub(super) fn check_architecture(
    check: &ValueCheck,
    spec: &ArchitectureSpec,
    draw: DrawMode,
) -> Result<(), ZooError> {
    check_layer_types(check, spec)?;
    for units in &spec.dense {
        check.numbers("architecture.dense", units, draw, Allowed::COUNT)?;
    }
    for convolution in &spec.convolutional {
        check_convolution(check, "architecture.convolutional", convolution, draw)?;
    }
    if let Some(recurrent) = spec.recurrent() {
        check_recurrent(check, spec.layer_type(), recurrent, draw)?;
    }
    if let Some(autoencoder) = &spec.autoencoder {
        check_autoencoder(check, autoencoder, draw)?;
    }
    if let Some(encoder) = &spec.convolutional_autoencoder {
        check_encoder(check, encoder, draw)?;
    }
    Ok(())
}

/// At most one kind of layers besides dense ones, and nothing after an autoencoder.
fn check_layer_types(check: &ValueCheck, spec: &ArchitectureSpec) -> Result<(), ZooError> {
    let types = spec.layer_types();
    let names: Vec<&str> = types.iter().map(|layer_type| layer_type.name()).collect();
    check.ensure(
        types.len() <= 1,
        "architecture",
        names.join(" and "),
        "only one kind of layers besides dense may be given; to draw from several kinds, give a list: \
         architecture = [{ ... }, { ... }]",
    )?;
    let is_autoencoder = types.iter().any(|layer_type| layer_type.is_autoencoder());
    check.ensure(
        spec.dense.is_empty() || !is_autoencoder,
        "architecture.dense",
        format!("{} layers", spec.dense.len()),
        "does not go with an autoencoder; its dense layers are autoencoder.hidden and autoencoder.code",
    )
}

fn check_convolution(
    check: &ValueCheck,
    key: &str,
    spec: &ConvolutionSpec,
    draw: DrawMode,
) -> Result<(), ZooError> {
    let key_of = |name: &str| format!("{key}.{name}");
    check.numbers(&key_of("filters"), &spec.filters, draw, Allowed::COUNT)?;
    check.size(&key_of("kernel"), spec.kernel.pair())?;
    check.size(&key_of("stride"), spec.stride.pair())?;
    if let Some(pool) = &spec.pool {
        check_pool(check, &key_of("pool"), pool)?;
    }
    Ok(())
}

fn check_pool(check: &ValueCheck, key: &str, pool: &PoolSpec) -> Result<(), ZooError> {
    if let PoolWindow::Size(window) = pool.window {
        check.size(&format!("{key}.window"), window.pair())?;
    }
    let Some(stride) = pool.stride.map(Size::pair) else {
        return Ok(());
    };
    let key = format!("{key}.stride");
    check.ensure(
        matches!(pool.window, PoolWindow::Size(_)),
        &key,
        format!("{stride:?}"),
        "does not go with window = \"all\", which has one position",
    )?;
    check.size(&key, stride)
}

fn check_recurrent(
    check: &ValueCheck,
    layer_type: LayerType,
    spec: &RecurrentSpec,
    draw: DrawMode,
) -> Result<(), ZooError> {
    let key_of = |name: &str| format!("architecture.{}.{name}", layer_type.name());
    check.numbers(&key_of("units"), &spec.units, draw, Allowed::COUNT)?;
    let allowed = Allowed::RECURRENT_LAYERS;
    check.numbers(&key_of("layers"), &spec.layers, draw, allowed)
}

fn check_autoencoder(
    check: &ValueCheck,
    spec: &AutoencoderSpec,
    draw: DrawMode,
) -> Result<(), ZooError> {
    for units in &spec.hidden {
        let key = "architecture.autoencoder.hidden";
        check.numbers(key, units, draw, Allowed::COUNT)?;
    }
    let key = "architecture.autoencoder.code";
    check.numbers(key, &spec.code, draw, Allowed::COUNT)
}

fn check_encoder(
    check: &ValueCheck,
    encoder: &[ConvolutionSpec],
    draw: DrawMode,
) -> Result<(), ZooError> {
    let key = "architecture.convolutional_autoencoder";
    check.not_empty(key, encoder)?;
    for convolution in encoder {
        check_convolution(check, key, convolution, draw)?;
        check.ensure(
            convolution.pool.is_none(),
            &format!("{key}.pool"),
            "a pooling",
            "a decoder cannot undo a pooling; give the convolution a stride",
        )?;
    }
    Ok(())
}

/// Checks that every activation of a group can be drawn with each of its recurrent architectures.
pub(super) fn check_recurrent_activations(
    check: &ValueCheck,
    group: &GroupSpec,
) -> Result<(), ZooError> {
    for spec in &group.architecture.0 {
        let (supported, allowed): (&[Activation], &str) = match spec.layer_type() {
            LayerType::Elman => (
                &[Activation::Tanh, Activation::Relu],
                "an elman layer has tanh or relu; give other activations to a group of their own",
            ),
            LayerType::Lstm | LayerType::Gru if spec.dense.is_empty() => (
                &[Activation::Tanh],
                "an lstm or gru layer has fixed activations, so without dense layers after it this key has no effect; set it \
                 to tanh",
            ),
            _ => continue,
        };
        let unsupported = group.activation.0.iter().find(|a| !supported.contains(a));
        if let Some(&activation) = unsupported {
            return Err(check.error("activation", activation_name(activation), allowed));
        }
    }
    Ok(())
}

//! What the values of a `[population]` may be. Every value is checked before any run is drawn: a
//! message then names the key that is wrong, rather than the first run that happens to draw it.

use std::collections::HashSet;

use cntflow_network::Activation;
use serde::Serialize;

use crate::ZooError;
use crate::population::architecture_check::{check_architecture, check_recurrent_activations};
use crate::population::spec::{
    DrawMode, GroupSpec, InitialisationName, InitialisationSpec, PopulationSpec,
};
use crate::population::value_check::{Allowed, ValueCheck};
use crate::train::BiasInitialisation;

/// Largest seed: integers of TOML and of the catalog are signed.
const LARGEST_SEED: u64 = i64::MAX as u64;

/// Checks `spec`.
///
/// # Errors
/// [`ZooError::InvalidValue`] for the first value that is not allowed.
pub(super) fn check_population(spec: &PopulationSpec) -> Result<(), ZooError> {
    let check = ValueCheck::of_population();
    check.ensure(
        !spec.groups.is_empty(),
        "group",
        "[]",
        "at least one [[population.group]] is needed",
    )?;
    check.ensure(
        spec.seed <= LARGEST_SEED,
        "seed",
        spec.seed.to_string(),
        "must be at most 9223372036854775807",
    )?;
    check.not_empty("dataset", &spec.dataset.0)?;
    let mut names = HashSet::new();
    for group in &spec.groups {
        check.ensure(
            names.insert(&group.name),
            "group.name",
            &group.name,
            "each group needs a name of its own",
        )?;
        check_group(group)?;
    }
    Ok(())
}

fn check_group(group: &GroupSpec) -> Result<(), ZooError> {
    let check = ValueCheck::of_group(&group.name);
    check_name(&check, &group.name)?;
    check_runs(&check, group)?;
    if let Some(datasets) = &group.dataset {
        check.not_empty("dataset", &datasets.0)?;
    }
    check.not_empty("architecture", &group.architecture.0)?;
    for spec in &group.architecture.0 {
        check_architecture(&check, spec, group.draw)?;
    }
    check_no_softmax(&check, &group.activation.0)?;
    check_recurrent_activations(&check, group)?;
    check.not_empty("initialisation", &group.initialisation.0)?;
    for spec in &group.initialisation.0 {
        check_initialisation(&check, spec, group.draw)?;
    }
    check.not_empty("optimiser", &group.optimiser.0)?;
    for (key, numbers, allowed) in [
        ("momentum", &group.momentum, Allowed::FROM_ZERO_BELOW_ONE),
        ("learning_rate", &group.learning_rate, Allowed::POSITIVE),
        ("batch_size", &group.batch_size, Allowed::COUNT),
        ("epochs", &group.epochs, Allowed::COUNT),
        (
            "training_fraction",
            &group.training_fraction,
            Allowed::SHARE,
        ),
        ("l2", &group.l2, Allowed::FROM_ZERO),
        ("dropout", &group.dropout, Allowed::FROM_ZERO_BELOW_ONE),
        ("label_noise", &group.label_noise, Allowed::FROM_ZERO_TO_ONE),
    ] {
        check.numbers(key, numbers, group.draw, allowed)?;
    }
    check_autoencoder_keys(&check, group)?;
    check_bias_initialisation(&check, group)
}

/// Keys that autoencoders do not have: they learn no classes, and are trained without dropout.
fn check_autoencoder_keys(check: &ValueCheck, group: &GroupSpec) -> Result<(), ZooError> {
    let mut architectures = group.architecture.0.iter();
    if !architectures.any(|spec| spec.layer_type().is_autoencoder()) {
        return Ok(());
    }
    for (key, numbers, allowed) in [
        (
            "dropout",
            &group.dropout,
            "autoencoders are trained without dropout; give other networks a group of their own",
        ),
        (
            "label_noise",
            &group.label_noise,
            "autoencoders learn no labels; give other networks a group of their own",
        ),
    ] {
        let mut values = numbers.values_to_check().into_iter();
        if let Some(value) = values.find(|&value| value != 0.0) {
            return Err(check.error(key, value.to_string(), allowed));
        }
    }
    Ok(())
}

fn check_bias_initialisation(check: &ValueCheck, group: &GroupSpec) -> Result<(), ZooError> {
    let (key, choices) = ("bias_initialisation", &group.bias_initialisation.0);
    check.not_empty(key, choices)?;
    let mut initialisations = group.initialisation.0.iter();
    let is_orthogonal = initialisations.any(|spec| spec.kind == InitialisationName::Orthogonal);
    check.ensure(
        !is_orthogonal || !choices.contains(&BiasInitialisation::LikeKernels),
        key,
        names_in_file(choices),
        "biases are vectors and cannot be drawn like orthogonal kernels; give these a group of their own",
    )
}

/// Names of runs begin with their group's name and are names of folders.
fn check_name(check: &ValueCheck, name: &str) -> Result<(), ZooError> {
    let is_safe = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    check.ensure(
        !name.is_empty() && name.chars().all(is_safe),
        "name",
        name,
        "must be made of letters, digits, `-` and `_`",
    )
}

fn check_runs(check: &ValueCheck, group: &GroupSpec) -> Result<(), ZooError> {
    match (group.draw, group.runs) {
        (DrawMode::Random, None) => {
            let allowed = "a group with draw = \"random\" must say how many runs it has";
            Err(check.error("runs", "nothing", allowed))
        }
        (_, Some(0)) => Err(check.error("runs", "0", "must be at least 1")),
        _ => Ok(()),
    }
}

fn check_no_softmax(check: &ValueCheck, activations: &[Activation]) -> Result<(), ZooError> {
    check.not_empty("activation", activations)?;
    check.ensure(
        !activations.contains(&Activation::Softmax),
        "activation",
        "softmax",
        "softmax is the output layer's; hidden layers take linear, relu, sigmoid, tanh, leaky_relu, gelu, gelu_tanh, \
         elu, selu, silu, softplus or hardswish",
    )
}

fn check_initialisation(
    check: &ValueCheck,
    spec: &InitialisationSpec,
    draw: DrawMode,
) -> Result<(), ZooError> {
    check.numbers("initialisation.scale", &spec.scale, draw, Allowed::POSITIVE)?;
    let is_variance_scaling = spec.kind == InitialisationName::VarianceScaling;
    let allowed = "only kind = \"variance_scaling\" has this key";
    if let Some(modes) = &spec.mode {
        let (key, found) = ("initialisation.mode", names_in_file(&modes.0));
        check.ensure(is_variance_scaling, key, found, allowed)?;
        check.not_empty(key, &modes.0)?;
    }
    if let Some(distributions) = &spec.distribution {
        let found = names_in_file(&distributions.0);
        let key = "initialisation.distribution";
        check.ensure(is_variance_scaling, key, found, allowed)?;
        check.not_empty(key, &distributions.0)?;
    }
    Ok(())
}

/// A list of choices by their names in study files: `[fan_in, fan_out]`.
fn names_in_file<T: Serialize>(choices: &[T]) -> String {
    let name = |choice: &T| {
        let value = serde_json::to_value(choice).unwrap_or_default();
        value.as_str().unwrap_or_default().to_owned()
    };
    let names: Vec<String> = choices.iter().map(name).collect();
    format!("[{}]", names.join(", "))
}

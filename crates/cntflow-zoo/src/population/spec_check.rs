//! What the values of a `[population]` may be. Everything is checked before anything is drawn, so that a wrong value is
//! told with its key and not by the run that happens to draw it.

use std::collections::HashSet;

use cntflow_network::Activation;

use crate::ZooError;
use crate::population::architecture_check::{check_activations, check_architecture};
use crate::population::spec::{
    DrawMode, GroupSpec, InitialisationName, InitialisationSpec, PopulationSpec,
};
use crate::population::value_check::{Allowed, Place};

/// Largest seed: TOML's and the catalog's integers are signed.
const LARGEST_SEED: u64 = i64::MAX as u64;

/// Checks `spec`.
pub(crate) fn check_population(spec: &PopulationSpec) -> Result<(), ZooError> {
    let place = Place::population();
    place.ensure(
        !spec.groups.is_empty(),
        "group",
        "[]",
        "at least one [[population.group]] is needed",
    )?;
    place.ensure(
        spec.seed <= LARGEST_SEED,
        "seed",
        spec.seed,
        "must be at most 9223372036854775807",
    )?;
    let mut names = HashSet::new();
    for group in &spec.groups {
        place.ensure(
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
    let place = Place::group(&group.name);
    let folder_safe = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let is_name = !group.name.is_empty() && group.name.chars().all(folder_safe);
    place.ensure(
        is_name,
        "name",
        &group.name,
        "must be made of letters, digits, `-` and `_`",
    )?;
    check_runs(&place, group)?;
    place.some("architecture", &group.architecture.0)?;
    group
        .architecture
        .0
        .iter()
        .try_for_each(|spec| check_architecture(&place, spec, group.draw))?;
    place.some("activation", &group.activation.0)?;
    let hidden = !group.activation.0.contains(&Activation::Softmax);
    let allowed = "softmax is the output layer's; hidden layers take linear, relu, sigmoid, tanh, leaky_relu, gelu, \
                   gelu_tanh, elu, selu, silu, softplus or hardswish";
    place.ensure(hidden, "activation", "softmax", allowed)?;
    check_activations(&place, group)?;
    place.some("initialisation", &group.initialisation.0)?;
    group
        .initialisation
        .0
        .iter()
        .try_for_each(|spec| check_initialisation(&place, spec, group.draw))?;
    place.some("optimiser", &group.optimiser.0)?;
    let check = |key, numbers, allowed| place.numbers(key, numbers, group.draw, allowed);
    check("momentum", &group.momentum, Allowed::FROM_ZERO_BELOW_ONE)?;
    check("learning_rate", &group.learning_rate, Allowed::POSITIVE)?;
    check("batch_size", &group.batch_size, Allowed::COUNT)?;
    check("epochs", &group.epochs, Allowed::COUNT)?;
    check(
        "training_fraction",
        &group.training_fraction,
        Allowed::SHARE,
    )
}

fn check_runs(place: &Place, group: &GroupSpec) -> Result<(), ZooError> {
    match (group.draw, group.runs) {
        (DrawMode::Random, None) => place.wrong(
            "runs",
            "nothing",
            "a random draw needs the number of its runs",
        ),
        (_, Some(0)) => place.wrong("runs", 0, "must be at least 1"),
        _ => Ok(()),
    }
}

fn check_initialisation(
    place: &Place,
    spec: &InitialisationSpec,
    draw: DrawMode,
) -> Result<(), ZooError> {
    place.numbers("initialisation.scale", &spec.scale, draw, Allowed::POSITIVE)?;
    let scaling = spec.kind == InitialisationName::VarianceScaling;
    let allowed = "is a key of kind = \"variance_scaling\" only";
    if let Some(modes) = &spec.mode {
        place.ensure(
            scaling,
            "initialisation.mode",
            format!("{:?}", modes.0),
            allowed,
        )?;
        place.some("initialisation.mode", &modes.0)?;
    }
    if let Some(distributions) = &spec.distribution {
        place.ensure(
            scaling,
            "initialisation.distribution",
            format!("{:?}", distributions.0),
            allowed,
        )?;
        place.some("initialisation.distribution", &distributions.0)?;
    }
    Ok(())
}

//! What the values of a `[population]` may be. Everything is checked before anything is drawn, so that a wrong value is
//! told with its key and not by the run that happens to draw it.

use std::collections::HashSet;
use std::fmt::Debug;

use cntflow_network::Activation;

use crate::ZooError;
use crate::population::{
    ArchitectureSpec, ConvolutionSpec, DrawMode, GroupSpec, InitialisationName, InitialisationSpec,
    PoolSpec, PopulationSpec,
};
use crate::values::{Numbers, Scale};

/// Largest count (units, filters, epochs, batch size): beyond it, a number is taken for a slip.
const LARGEST_COUNT: f64 = 1e6;

/// Largest seed: TOML's and the catalog's integers are signed.
const LARGEST_SEED: u64 = i64::MAX as u64;

/// Checks `spec`.
pub(crate) fn check_population(spec: &PopulationSpec) -> Result<(), ZooError> {
    let place = Place(String::new());
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
    let place = Place(format!(" group `{}`", group.name));
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

fn check_architecture(
    place: &Place,
    spec: &ArchitectureSpec,
    draw: DrawMode,
) -> Result<(), ZooError> {
    for units in &spec.dense {
        place.numbers("architecture.dense", units, draw, Allowed::COUNT)?;
    }
    for ConvolutionSpec {
        filters,
        kernel,
        stride,
        pool,
        ..
    } in &spec.convolutional
    {
        place.numbers(
            "architecture.convolutional.filters",
            filters,
            draw,
            Allowed::COUNT,
        )?;
        place.size("architecture.convolutional.kernel", kernel.pair())?;
        place.size("architecture.convolutional.stride", stride.pair())?;
        if let Some(PoolSpec { window, stride, .. }) = pool {
            place.size("architecture.convolutional.pool.window", window.pair())?;
            place.size(
                "architecture.convolutional.pool.stride",
                stride.unwrap_or(*window).pair(),
            )?;
        }
    }
    Ok(())
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

/// What a number may be.
#[derive(Clone, Copy)]
struct Allowed {
    is: fn(f64) -> bool,
    text: &'static str,
}

impl Allowed {
    const COUNT: Self = Self {
        is: |value| value.fract() == 0.0 && (1.0..=LARGEST_COUNT).contains(&value),
        text: "must be a whole number from 1 to 1000000",
    };
    const POSITIVE: Self = Self {
        is: |value| value > 0.0 && value.is_finite(),
        text: "must be a number greater than 0",
    };
    const FROM_ZERO_BELOW_ONE: Self = Self {
        is: |value| (0.0..1.0).contains(&value),
        text: "must be at least 0 and less than 1",
    };
    const SHARE: Self = Self {
        is: |value| value > 0.0 && value <= 1.0,
        text: "must be greater than 0 and at most 1",
    };
}

/// Where in the population a value stands, for messages.
struct Place(String);

impl Place {
    fn wrong(&self, key: &str, found: impl ToString, allowed: &str) -> Result<(), ZooError> {
        let (place, key, found) = (self.0.clone(), key.to_owned(), found.to_string());
        Err(ZooError::Value {
            place,
            key,
            found,
            allowed: allowed.to_owned(),
        })
    }

    fn ensure(
        &self,
        holds: bool,
        key: &str,
        found: impl ToString,
        allowed: &str,
    ) -> Result<(), ZooError> {
        if holds {
            Ok(())
        } else {
            self.wrong(key, found, allowed)
        }
    }

    fn some<T: Debug>(&self, key: &str, values: &[T]) -> Result<(), ZooError> {
        self.ensure(!values.is_empty(), key, "[]", "needs at least one value")
    }

    fn size(&self, key: &str, [rows, columns]: [usize; 2]) -> Result<(), ZooError> {
        self.ensure(
            rows > 0 && columns > 0,
            key,
            format!("[{rows}, {columns}]"),
            "must be at least 1",
        )
    }

    fn numbers(
        &self,
        key: &str,
        numbers: &Numbers,
        draw: DrawMode,
        allowed: Allowed,
    ) -> Result<(), ZooError> {
        for value in numbers.extremes() {
            self.ensure((allowed.is)(value), key, value, allowed.text)?;
        }
        match *numbers {
            Numbers::Choices(ref values) => self.some(key, values),
            Numbers::Range { min, max, scale } => {
                let found = format!("{{min = {min}, max = {max}}}");
                let listed = "a grid needs a list of values; ranges are for draw = \"random\"";
                self.ensure(draw == DrawMode::Random, key, &found, listed)?;
                self.ensure(min <= max, key, &found, "min must not be greater than max")?;
                self.ensure(
                    scale == Scale::Linear || min > 0.0,
                    key,
                    &found,
                    "a log scale needs min above 0",
                )
            }
        }
    }
}

//! Checks of single values of a `[population]`, with messages that say where a value stands and what it may be.

use std::fmt::Debug;

use crate::ZooError;
use crate::population::choices::{Numbers, Scale};
use crate::population::spec::DrawMode;

/// Largest count (units, filters, epochs, batch size): beyond it, a number is taken for a slip.
const LARGEST_COUNT: f64 = 1e6;

/// Most recurrent layers on one another.
const LARGEST_DEPTH: f64 = 100.0;

/// What a number may be.
#[derive(Clone, Copy)]
pub(crate) struct Allowed {
    is: fn(f64) -> bool,
    text: &'static str,
}

impl Allowed {
    pub(crate) const COUNT: Self = Self {
        is: |value| value.fract() == 0.0 && (1.0..=LARGEST_COUNT).contains(&value),
        text: "must be a whole number from 1 to 1000000",
    };
    pub(crate) const LAYERS: Self = Self {
        is: |value| value.fract() == 0.0 && (1.0..=LARGEST_DEPTH).contains(&value),
        text: "must be a whole number from 1 to 100",
    };
    pub(crate) const POSITIVE: Self = Self {
        is: |value| value > 0.0 && value.is_finite(),
        text: "must be a number greater than 0",
    };
    pub(crate) const FROM_ZERO_BELOW_ONE: Self = Self {
        is: |value| (0.0..1.0).contains(&value),
        text: "must be at least 0 and less than 1",
    };
    pub(crate) const SHARE: Self = Self {
        is: |value| value > 0.0 && value <= 1.0,
        text: "must be greater than 0 and at most 1",
    };
}

/// Where in the population a value stands, for messages.
pub(crate) struct Place(String);

impl Place {
    /// The population itself.
    pub(crate) fn population() -> Self {
        Self(String::new())
    }

    /// The group of that name.
    pub(crate) fn group(name: &str) -> Self {
        Self(format!(" group `{name}`"))
    }

    pub(crate) fn wrong(
        &self,
        key: &str,
        found: impl ToString,
        allowed: &str,
    ) -> Result<(), ZooError> {
        let (place, key, found) = (self.0.clone(), key.to_owned(), found.to_string());
        Err(ZooError::Value {
            place,
            key,
            found,
            allowed: allowed.to_owned(),
        })
    }

    pub(crate) fn ensure(
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

    pub(crate) fn some<T: Debug>(&self, key: &str, values: &[T]) -> Result<(), ZooError> {
        self.ensure(!values.is_empty(), key, "[]", "needs at least one value")
    }

    pub(crate) fn size(&self, key: &str, [rows, columns]: [usize; 2]) -> Result<(), ZooError> {
        self.ensure(
            rows > 0 && columns > 0,
            key,
            format!("[{rows}, {columns}]"),
            "must be at least 1",
        )
    }

    pub(crate) fn numbers(
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

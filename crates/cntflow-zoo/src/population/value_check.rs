//! Checks of single values of a `[population]`, with messages that name the key and what is
//! allowed.

use crate::ZooError;
use crate::population::choices::{Numbers, Scale};
use crate::population::spec::DrawMode;

/// Largest count (units, filters, epochs, batch size): a larger number is taken for a slip.
const LARGEST_COUNT: f64 = 1e6;

/// Most recurrent layers in a stack.
const MOST_RECURRENT_LAYERS: f64 = 100.0;

/// What a number may be.
#[derive(Clone, Copy)]
pub(super) struct Allowed {
    is_allowed: fn(f64) -> bool,
    /// For messages, e.g. `must be at least 1`.
    rule: &'static str,
}

impl Allowed {
    pub(super) const COUNT: Self = Self {
        is_allowed: |value| value.fract() == 0.0 && (1.0..=LARGEST_COUNT).contains(&value),
        rule: "must be a whole number from 1 to 1000000",
    };
    pub(super) const RECURRENT_LAYERS: Self = Self {
        is_allowed: |value| value.fract() == 0.0 && (1.0..=MOST_RECURRENT_LAYERS).contains(&value),
        rule: "must be a whole number from 1 to 100",
    };
    pub(super) const POSITIVE: Self = Self {
        is_allowed: |value| value > 0.0 && value.is_finite(),
        rule: "must be a number greater than 0",
    };
    pub(super) const FROM_ZERO_BELOW_ONE: Self = Self {
        is_allowed: |value| (0.0..1.0).contains(&value),
        rule: "must be at least 0 and less than 1",
    };
    pub(super) const FROM_ZERO: Self = Self {
        is_allowed: |value| value >= 0.0 && value.is_finite(),
        rule: "must be a number of at least 0",
    };
    pub(super) const FROM_ZERO_TO_ONE: Self = Self {
        is_allowed: |value| (0.0..=1.0).contains(&value),
        rule: "must be at least 0 and at most 1",
    };
    pub(super) const SHARE: Self = Self {
        is_allowed: |value| value > 0.0 && value <= 1.0,
        rule: "must be greater than 0 and at most 1",
    };
}

/// Checks values of the population itself, or of one of its groups, which messages then name.
pub(super) struct ValueCheck {
    group: Option<String>,
}

impl ValueCheck {
    /// A check whose messages name no group: for keys of the population itself.
    pub(super) fn of_population() -> Self {
        Self { group: None }
    }

    /// A check whose messages name the group `name`.
    pub(super) fn of_group(name: &str) -> Self {
        Self {
            group: Some(name.to_owned()),
        }
    }

    /// The error for the value `found` of `key`; `allowed` says what it may be.
    pub(super) fn error(&self, key: &str, found: impl Into<String>, allowed: &str) -> ZooError {
        ZooError::InvalidValue {
            group: self.group.clone(),
            key: key.to_owned(),
            found: found.into(),
            allowed: allowed.to_owned(),
        }
    }

    /// [`ValueCheck::error`] unless `holds`.
    pub(super) fn ensure(
        &self,
        holds: bool,
        key: &str,
        found: impl Into<String>,
        allowed: &str,
    ) -> Result<(), ZooError> {
        if holds {
            Ok(())
        } else {
            Err(self.error(key, found, allowed))
        }
    }

    /// Checks that a list is not empty.
    pub(super) fn not_empty<T>(&self, key: &str, values: &[T]) -> Result<(), ZooError> {
        self.ensure(!values.is_empty(), key, "[]", "needs at least one value")
    }

    /// Checks that neither rows nor columns are 0.
    pub(super) fn size(&self, key: &str, [rows, columns]: [usize; 2]) -> Result<(), ZooError> {
        self.ensure(
            rows > 0 && columns > 0,
            key,
            format!("[{rows}, {columns}]"),
            "must be at least 1",
        )
    }

    /// Checks every number that may be drawn, and that a grid has no range.
    pub(super) fn numbers(
        &self,
        key: &str,
        numbers: &Numbers,
        draw: DrawMode,
        allowed: Allowed,
    ) -> Result<(), ZooError> {
        for value in numbers.values_to_check() {
            self.ensure(
                (allowed.is_allowed)(value),
                key,
                value.to_string(),
                allowed.rule,
            )?;
        }
        match *numbers {
            Numbers::Choices(ref values) => self.not_empty(key, values),
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

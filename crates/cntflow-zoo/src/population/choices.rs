//! The forms of a value in `[population]`: one value, a list of choices, or a range of numbers.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer, StrDeserializer};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// How the numbers drawn from a range are spread over it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// Evenly between `min` and `max`.
    #[default]
    Linear,
    /// The logarithm evenly between the logarithms of `min` and `max`.
    Log,
}

/// One choice or a list of choices: `"relu"` or `["relu", "tanh"]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Choices<T>(pub Vec<T>);

impl<T> Choices<T> {
    /// `value` as the only choice.
    pub fn one(value: T) -> Self {
        Self(vec![value])
    }
}

/// Numbers to draw from: `16`, `[16, 32]` or `{ min = 1e-4, max = 1e-2, scale = "log" }`.
#[derive(Clone, Debug, PartialEq)]
pub enum Numbers {
    /// One of these.
    Choices(Vec<f64>),
    /// Any between these, both included.
    Range {
        /// Smallest.
        min: f64,
        /// Largest.
        max: f64,
        /// How it is drawn from.
        scale: Scale,
    },
}

impl Numbers {
    /// `value` as the only choice.
    pub fn one(value: f64) -> Self {
        Self::Choices(vec![value])
    }

    /// The choices, or both ends of the range: if all of these are allowed, so is every number that
    /// may be drawn.
    pub(super) fn values_to_check(&self) -> Vec<f64> {
        match self {
            Self::Choices(values) => values.clone(),
            Self::Range { min, max, .. } => vec![*min, *max],
        }
    }
}

/// A range as it is written.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct RangeTable {
    min: f64,
    max: f64,
    #[serde(default)]
    scale: Scale,
}

impl<'de> Deserialize<'de> for Numbers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumbersVisitor)
    }
}

struct NumbersVisitor;

impl<'de> Visitor<'de> for NumbersVisitor {
    type Value = Numbers;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(
            "a number, a list of numbers, or a range {min, max, scale = \"linear\" or \"log\"}",
        )
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Numbers, E> {
        Ok(Numbers::one(value as f64))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Numbers, E> {
        Ok(Numbers::one(value as f64))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Numbers, E> {
        Ok(Numbers::one(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Numbers, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(Numbers::Choices)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Numbers, A::Error> {
        let RangeTable { min, max, scale } =
            RangeTable::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Numbers::Range { min, max, scale })
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Choices<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ChoicesVisitor(PhantomData))
    }
}

struct ChoicesVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ChoicesVisitor<T> {
    type Value = Choices<T>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("one value, or a list of values")
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Choices<T>, E> {
        T::deserialize(StrDeserializer::new(value)).map(Choices::one)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Choices<T>, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(Choices)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Choices<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Choices::one)
    }
}

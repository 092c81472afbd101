//! A sample as it lies in memory: runs of f32 or f64 values, each value counting a number of times.

use cntflow_network::Weights;

/// A sample of numbers, in parts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample<'a> {
    pub(crate) parts: Vec<Part<'a>>,
}

/// A run of values. Value `i` counts `times[i % times.len()]` times: `[1]` for each once, the number of places every tap of
/// a kernel is applied at, row-major, for the links of a convolution.
#[derive(Clone, Debug)]
pub(crate) struct Part<'a> {
    pub(crate) values: Values<'a>,
    pub(crate) times: Times<'a>,
}

/// The values of a part.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Values<'a> {
    F32(&'a [f32]),
    F64(&'a [f64]),
}

/// How often each value of a part counts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Times<'a> {
    Once,
    Each(u64),
    Cycle(&'a [u64]),
}

/// Buffers that summaries are made in, to be used again.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    pub(crate) bins: Vec<u64>,
    pub(crate) keys: Vec<(u32, u64)>,
    pub(crate) values: Vec<u64>,
    pub(crate) indices: Vec<u16>,
    pub(crate) pairs: Vec<(f64, u64)>,
}

impl<'a> Sample<'a> {
    /// f64 values, each once.
    pub(crate) fn each(values: &'a [f64]) -> Self {
        Self::default().with(Values::F64(values), Times::Once)
    }

    /// f32 values, each once.
    pub(crate) fn weights(values: &'a [f32]) -> Self {
        Self::default().with(Values::F32(values), Times::Once)
    }

    /// Weights of either precision, each counting as often as `times` says.
    pub(crate) fn of(weights: &'a Weights<'_>, times: Times<'a>) -> Self {
        Self::default().with_weights(weights, times)
    }

    /// The sample with weights as one more part.
    pub(crate) fn with_weights(self, weights: &'a Weights<'_>, times: Times<'a>) -> Self {
        match weights {
            Weights::Single(values) => self.with(Values::F32(values), times),
            Weights::Double(values) => self.with(Values::F64(values), times),
        }
    }

    /// The sample with one more part.
    pub(crate) fn with(mut self, values: Values<'a>, times: Times<'a>) -> Self {
        self.parts.push(Part { values, times });
        self
    }

    /// Values in memory, however often each counts.
    pub(crate) fn n_stored(&self) -> usize {
        self.parts.iter().map(|part| part.values.len()).sum()
    }

    /// Whether every value counts once.
    pub(crate) fn is_each_once(&self) -> bool {
        self.parts
            .iter()
            .all(|part| matches!(part.times, Times::Once))
    }

    /// Every value with how often it counts, those that never count left out.
    pub(crate) fn for_each(&self, mut take: impl FnMut(f64, u64)) {
        for part in &self.parts {
            match part.values {
                Values::F32(values) => part.times.of(values, |x, n| take(f64::from(x), n)),
                Values::F64(values) => part.times.of(values, &mut take),
            }
        }
    }
}

impl Values<'_> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::F64(values) => values.len(),
        }
    }
}

impl Times<'_> {
    /// Every value with how often it counts, those that never count left out.
    pub(crate) fn of<T: Copy>(&self, values: &[T], mut take: impl FnMut(T, u64)) {
        match *self {
            Self::Once => values.iter().for_each(|&value| take(value, 1)),
            Self::Each(0) => {}
            Self::Each(times) => values.iter().for_each(|&value| take(value, times)),
            Self::Cycle(times) => {
                for run in values.chunks(times.len().max(1)) {
                    let counted = run.iter().zip(times).filter(|(_, times)| **times > 0);
                    counted.for_each(|(&value, &times)| take(value, times));
                }
            }
        }
    }
}

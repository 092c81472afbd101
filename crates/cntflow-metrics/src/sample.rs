//! A sample as it is in memory: slices of f32 or f64 values, each value with how often it counts.

use cntflow_network::Weights;

use crate::quantiles::scratch::QuantileScratch;

/// A sample of numbers, in parts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample<'a> {
    pub(crate) parts: Vec<Part<'a>>,
}

/// A slice of values with how often each counts.
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
    /// Each once.
    Once,
    /// Each this often.
    Each(u64),
    /// Value `i` counts `times[i % times.len()]` times. For the kernel of a convolution these are
    /// the positions at which each tap is applied, row-major.
    Cycle(&'a [u64]),
}

/// Buffers for summaries, reused from sample to sample.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    pub(crate) quantiles: QuantileScratch,
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

    /// Number of values in memory, however often each counts.
    pub(crate) fn n_stored(&self) -> usize {
        self.parts.iter().map(|part| part.values.len()).sum()
    }

    /// Whether every value counts once.
    pub(crate) fn is_each_once(&self) -> bool {
        self.parts
            .iter()
            .all(|part| matches!(part.times, Times::Once))
    }

    /// Calls `take` with every value and how often it counts. Values that never count are skipped.
    pub(crate) fn for_each(&self, mut take: impl FnMut(f64, u64)) {
        for part in &self.parts {
            match part.values {
                Values::F32(values) => part.times.for_each(values, |x, n| take(f64::from(x), n)),
                Values::F64(values) => part.times.for_each(values, &mut take),
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
    /// Calls `take` with every value and how often it counts. Values that never count are skipped.
    pub(crate) fn for_each<T: Copy>(&self, values: &[T], mut take: impl FnMut(T, u64)) {
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

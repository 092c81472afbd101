//! Scales: values become places in a drawing.

use crate::number;

/// Distances between ticks, about, where there is space for all of them.
pub(super) const TICKS: usize = 5;

/// Values on a line.
#[derive(Clone, Debug)]
pub(crate) struct Linear {
    low: f64,
    high: f64,
}

impl Linear {
    /// A scale of all finite values, with round ends.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let finite = values.into_iter().filter(|value| value.is_finite());
        let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        if low > high {
            return Self {
                low: 0.0,
                high: 1.0,
            };
        }
        if low == high {
            // A value alone stands in the middle.
            let half = if low == 0.0 { 0.5 } else { low.abs() / 2.0 };
            return Self {
                low: low - half,
                high: high + half,
            }
            .rounded();
        }
        Self { low, high }.rounded()
    }

    /// A scale from `low` to `high`.
    pub(crate) fn between(low: f64, high: f64) -> Self {
        Self { low, high }
    }

    fn rounded(self) -> Self {
        let step = step(self.high - self.low, TICKS);
        Self {
            low: (self.low / step).floor() * step,
            high: (self.high / step).ceil() * step,
        }
    }

    /// The share of the way from the lower end; beyond 0 and 1 for a value outside.
    fn share(&self, value: f64) -> f64 {
        (value - self.low) / (self.high - self.low)
    }

    fn ticks(&self, about: usize) -> Vec<(f64, String)> {
        let step = step(self.high - self.low, about);
        let first = (self.low / step).ceil() as i64;
        let last = (self.high / step + 1e-9).floor() as i64;
        let ticks = (first..=last).map(|index| {
            let value = index as f64 * step;
            (self.share(value), number::tick(value, step))
        });
        ticks.collect()
    }
}

/// A distance of 1, 2 or 5 times a power of ten, of which about this many fit into `span`.
fn step(span: f64, about: usize) -> f64 {
    let rough = span / about as f64;
    let power = 10_f64.powf(rough.log10().floor());
    let times = [1.0, 2.0, 5.0, 10.0];
    let fits = times
        .into_iter()
        .find(|times| times * power >= rough * 0.999);
    fits.unwrap_or(10.0) * power
}

/// Names beside each other.
#[derive(Clone, Debug)]
pub(crate) struct Bands {
    names: Vec<String>,
}

impl Bands {
    /// A band for each name, in their order.
    pub(crate) fn of(names: Vec<String>) -> Self {
        Self { names }
    }

    /// Number of bands.
    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }
}

/// A scale of an axis.
#[derive(Clone, Debug)]
pub(crate) enum Scale {
    /// Of values.
    Linear(Linear),
    /// Of names. The value of a band is its index.
    Bands(Bands),
}

impl Scale {
    /// The share of the way along the axis.
    pub(crate) fn share(&self, value: f64) -> f64 {
        match self {
            Self::Linear(linear) => linear.share(value),
            Self::Bands(bands) => (value + 0.5) / bands.len().max(1) as f64,
        }
    }

    /// Places and texts of the ticks: of values about so many more than one, of names all.
    pub(super) fn ticks(&self, about: usize) -> Vec<(f64, String)> {
        match self {
            Self::Linear(linear) => linear.ticks(about),
            Self::Bands(bands) => {
                let names = bands.names.iter().enumerate();
                names
                    .map(|(index, name)| (self.share(index as f64), name.clone()))
                    .collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(linear: &Linear) -> Vec<String> {
        linear
            .ticks(TICKS)
            .into_iter()
            .map(|(_, text)| text)
            .collect()
    }

    #[test]
    fn ticks_are_round_and_hold_all_values() {
        assert_eq!(
            texts(&Linear::of([0.13, 0.94])),
            ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]
        );
        assert_eq!(
            texts(&Linear::of([-3.0, 12.0])),
            ["-5", "0", "5", "10", "15"]
        );
        let few = Linear::of([0.13, 0.94]).ticks(2);
        let few: Vec<&str> = few.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(few, ["0", "0.5", "1.0"]);
        let ticks = Linear::of([0.0, 1e-6]).ticks(TICKS);
        assert_eq!((ticks.len(), ticks[0].0), (6, 0.0));
    }

    #[test]
    fn no_value_one_value_and_infinite_ones_have_a_scale() {
        for values in [
            vec![],
            vec![7.0],
            vec![0.0, 0.0],
            vec![f64::NAN, f64::INFINITY, 1.0],
        ] {
            let scale = Linear::of(values.iter().copied());
            assert!(scale.low < scale.high, "{values:?}: {scale:?}");
            assert!(scale.ticks(TICKS).len() >= 2, "{values:?}: {scale:?}");
        }
        let share = Linear::of([7.0]).share(7.0);
        assert!((0.3..0.7).contains(&share), "{share}");
    }
}

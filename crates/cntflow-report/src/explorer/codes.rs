//! Numbers as codes of 16 bits whose bounds are exact.

/// The code of a missing value.
pub(super) const MISSING: u16 = u16::MAX;

/// The largest code of a value.
const LARGEST: f64 = 65534.0;

/// Smallest step, as a share of the largest value: with smaller ones, bounds of neighbours could
/// be the same number.
const SMALLEST_STEP: f64 = 1.0 / (1_u64 << 40) as f64;

/// How numbers become codes: code c holds the values from `bound(c)` up to `bound(c + 1)`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Coding {
    pub(super) min: f64,
    pub(super) step: f64,
}

impl Coding {
    /// The coding of finite numbers.
    pub(super) fn of(values: impl Iterator<Item = f64>, is_integer: bool) -> Self {
        let (min, max) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(min, max), value| {
            (min.min(value), max.max(value))
        });
        if min > max {
            return Self {
                min: 0.0,
                step: 1.0,
            };
        }
        let range = max - min;
        let step = if is_integer {
            (range / LARGEST).ceil().max(1.0)
        } else {
            let smallest = SMALLEST_STEP * min.abs().max(max.abs());
            (range / LARGEST).max(smallest)
        };
        Self {
            min,
            step: if step > 0.0 { step } else { 1.0 },
        }
    }

    fn bound(&self, code: f64) -> f64 {
        self.min + (code - 0.5) * self.step
    }

    /// The code of a number.
    pub(super) fn code(&self, value: f64) -> u16 {
        let mut code = ((value - self.min) / self.step).round().clamp(0.0, LARGEST);
        // Rounding may be off by one beside a bound.
        while code > 0.0 && self.bound(code) > value {
            code -= 1.0;
        }
        while code < LARGEST && self.bound(code + 1.0) <= value {
            code += 1.0;
        }
        code as u16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_between_the_bounds_of_its_code() {
        let sets: [Vec<f64>; 5] = [
            (0..100_000)
                .map(|index| (f64::from(index) * 0.7).sin() / 3.0)
                .collect(),
            vec![1e300, -1e300, 0.0, 5e299],
            vec![0.1 + 0.2, 0.3],
            vec![7.0],
            vec![0.0, 0.0],
        ];
        for values in sets {
            let coding = Coding::of(values.iter().copied(), false);
            for value in values {
                let code = f64::from(coding.code(value));
                assert!(coding.bound(code) <= value, "{value} {coding:?}");
                assert!(value < coding.bound(code + 1.0), "{value} {coding:?}");
            }
        }
    }

    #[test]
    fn whole_numbers_of_a_small_range_are_exact() {
        let values = [-3.0, 5.0, 65_531.0];
        let coding = Coding::of(values.into_iter(), true);
        assert_eq!((coding.min, coding.step), (-3.0, 1.0));
        assert_eq!(values.map(|value| coding.code(value)), [0, 8, 65_534]);
    }
}

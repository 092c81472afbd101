//! The change of node strengths, neuron by neuron.

use crate::moments::Moments;
use crate::sample::Sample;

/// How the strengths s of the neurons of a layer differ from those of the same layer of another
/// network. `d[j] = s_b[j] - s_a[j]`, over the neurons of which both strengths are finite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StrengthChange {
    /// Number of these neurons.
    pub count: u64,
    /// Neurons with a strength that is NaN or infinite in one of the networks.
    pub left_out: u64,
    /// Mean of d; NaN without a neuron.
    pub mean: f64,
    /// Population standard deviation of d.
    pub std: f64,
    /// Correlation of s_a with s_b; NaN where one of them is the same for all neurons.
    pub correlation: f64,
    /// Layers fluctuation of a and of b: the population standard deviation of the strengths. Each
    /// is over all neurons whose strength is finite, as
    /// [`Metric::LayersFluctuation`](crate::Metric::LayersFluctuation) is.
    pub fluctuation: [f64; 2],
}

impl StrengthChange {
    /// The change from the strengths `a` to the strengths `b` of the same neurons.
    ///
    /// ```
    /// let change = cntflow_metrics::StrengthChange::between(&[0.0, 2.0], &[1.0, 5.0]);
    /// assert_eq!((change.mean, change.std, change.correlation), (2.0, 1.0, 1.0));
    /// assert_eq!(change.fluctuation, [1.0, 2.0]);
    /// ```
    pub fn between(a: &[f64], b: &[f64]) -> Self {
        let pairs = a.iter().zip(b);
        let (of_a, of_b): (Vec<f64>, Vec<f64>) = pairs
            .map(|(&a, &b)| (a, b))
            .filter(|(a, b)| a.is_finite() && b.is_finite())
            .unzip();
        let difference: Vec<f64> = of_a.iter().zip(&of_b).map(|(a, b)| b - a).collect();
        let moments = |values: &[f64]| Moments::of(&Sample::each(values));
        let of_difference = moments(&difference);
        Self {
            count: difference.len() as u64,
            left_out: (a.len().min(b.len()) - difference.len()) as u64,
            mean: of_difference.mean,
            std: of_difference.std(),
            correlation: correlation([&of_a, &of_b]),
            fluctuation: [a, b].map(|all| moments(all).std()),
        }
    }
}

/// The correlation of values that are all finite.
fn correlation(pair: [&[f64]; 2]) -> f64 {
    let [a, b] = pair.map(|values| Moments::of(&Sample::each(values)));
    let products = pair[0].iter().zip(pair[1]);
    let products = products.map(|(x, y)| (x - a.mean) * (y - b.mean));
    let covariance = products.sum::<f64>() / pair[0].len() as f64;
    (covariance / (a.std() * b.std())).clamp(-1.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strengths_that_are_not_finite_are_counted_and_left_out() {
        let nan = f64::NAN;
        let change = StrengthChange::between(&[1.0, nan, 3.0, 5.0], &[2.0, 9.0, 3.0, nan]);
        assert_eq!((change.count, change.left_out), (2, 2));
        assert_eq!(
            (change.mean, change.std, change.correlation),
            (0.5, 0.5, 1.0)
        );
        assert_eq!(StrengthChange::between(&[nan], &[1.0]).count, 0);
    }

    #[test]
    fn a_constant_layer_has_no_correlation() {
        assert!(
            StrengthChange::between(&[1.0, 1.0], &[1.0, 2.0])
                .correlation
                .is_nan()
        );
        let reversed = StrengthChange::between(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0]);
        assert_eq!((reversed.mean, reversed.correlation), (0.0, -1.0));
    }
}

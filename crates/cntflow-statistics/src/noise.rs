//! Noise of accuracies measured on few images, and the ceiling that it sets to any prediction.

use rand_distr::{Binomial, Distribution};
use serde::Serialize;

use crate::error::{Result, check_parameter, check_values};
use crate::interval::{Confidence, Estimate, Method};
use crate::quantile::{mean, quantile_of_sorted, variance};
use crate::random::{Purpose, random_stream};
use crate::rank_correlation::kendall_tau;
use crate::regression::r_squared;

/// Standard error of an accuracy over n independent test images: `sqrt(a (1 - a) / n)`, in the unit
/// of the accuracy (a share).
///
/// # Errors
/// If the accuracy is outside [0, 1] or there are no images.
///
/// ```
/// let error = cntflow_statistics::noise::accuracy_standard_error(0.9, 10_000)?;
/// assert!((error - 0.003).abs() < 1e-15);
/// # Ok::<(), cntflow_statistics::StatisticsError>(())
/// ```
pub fn accuracy_standard_error(accuracy: f64, n_images: u64) -> Result<f64> {
    let is_share = (0.0..=1.0).contains(&accuracy);
    check_parameter("accuracy", accuracy, "in [0, 1]", is_share)?;
    check_parameter("n_images", n_images as f64, "at least 1", n_images > 0)?;
    Ok((accuracy * (1.0 - accuracy) / n_images as f64).sqrt())
}

/// How well two halves of the test set predict each other. Values are means over draws, intervals
/// are quantiles of draws, and standard errors are standard deviations of draws. NaN where a
/// figure is not defined in every draw.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct NoiseCeiling {
    /// Kendall's tau-b of the accuracies on both halves.
    pub tau: Estimate,
    /// R2 of the accuracy on one half as the prediction of that on the other.
    pub r_squared: Estimate,
}

/// How a noise ceiling is simulated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NoiseSimulation {
    /// Images of the whole test set; each half has half of them.
    pub n_images: u64,
    /// Number of draws.
    pub draws: usize,
    /// Share of draws inside the interval.
    pub confidence: Confidence,
    /// Seed of the draws.
    pub seed: u64,
}

impl NoiseSimulation {
    /// Simulates the noise ceiling of networks with the given accuracies.
    ///
    /// A draw gives every network two independent binomial accuracies, one per half. Two
    /// simplifications count against each other. The accuracies given are taken as true, although
    /// their own noise spreads them: the ceiling is somewhat too high among near equals. Networks
    /// see different images in the simulation, where in truth they share them: networks that err on
    /// the same images are ranked better than this. Halves are noisier than the whole set, so a
    /// prediction of accuracies on the whole set may exceed the ceiling by a little.
    ///
    /// # Errors
    /// If an accuracy is outside [0, 1], or there are fewer than two images or no draws.
    pub fn ceiling(&self, accuracies: &[f64]) -> Result<NoiseCeiling> {
        check_values("accuracies", accuracies, "in [0, 1]", |accuracy| {
            (0.0..=1.0).contains(&accuracy)
        })?;
        let n_images = self.n_images;
        check_parameter("n_images", n_images as f64, "at least 2", n_images >= 2)?;
        check_parameter("draws", self.draws as f64, "at least 1", self.draws > 0)?;
        let (mut taus, mut r2_values) = (Vec::new(), Vec::new());
        for draw in 0..self.draws {
            let mut rng = random_stream(self.seed, Purpose::Noise as u64, &[draw]);
            let mut half = |n_images: u64| -> Vec<f64> {
                let right = accuracies.iter().map(|&accuracy| {
                    // The accuracy was checked above, so the fallback is never used.
                    let right = Binomial::new(n_images, accuracy)
                        .map_or(0, |distribution| distribution.sample(&mut rng));
                    right as f64 / n_images as f64
                });
                right.collect()
            };
            let first = half(n_images / 2);
            let second = half(n_images - n_images / 2);
            taus.push(kendall_tau(&first, &second)?);
            r2_values.push(r_squared(&first, &second)?);
        }
        Ok(NoiseCeiling {
            tau: self.estimate(taus),
            r_squared: self.estimate(r2_values),
        })
    }

    fn estimate(&self, mut drawn: Vec<f64>) -> Estimate {
        let value = mean(&drawn);
        if value.is_nan() {
            return Estimate::without_interval(value, Method::BinomialSimulation);
        }
        drawn.sort_by(f64::total_cmp);
        let tail = self.confidence.tail();
        Estimate {
            value,
            low: quantile_of_sorted(&drawn, tail),
            high: quantile_of_sorted(&drawn, 1.0 - tail),
            standard_error: variance(&drawn).sqrt(),
            method: Method::BinomialSimulation,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ceiling(accuracies: &[f64], n_images: u64) -> NoiseCeiling {
        let simulation = NoiseSimulation {
            n_images,
            draws: 200,
            confidence: Confidence::NINETY_FIVE,
            seed: 3,
        };
        simulation.ceiling(accuracies).unwrap()
    }

    #[test]
    fn r_squared_is_what_the_variances_say() {
        let accuracies: Vec<f64> = (0..500)
            .map(|i| 0.85 + 0.1 * f64::from(i) / 499.0)
            .collect();
        let result = ceiling(&accuracies, 2_000);
        // Variance of the truth .1^2 / 12; of the noise of a half the mean of a (1 - a) / 1000.
        let truth = 0.01 / 12.0 * 501.0 / 499.0;
        let noise = accuracies
            .iter()
            .map(|a| a * (1.0 - a) / 1_000.0)
            .sum::<f64>()
            / 500.0;
        let expected = 1.0 - 2.0 * noise / (truth + noise);
        assert!(
            (result.r_squared.value - expected).abs() < 0.01,
            "{result:?} {expected}"
        );
        assert!(result.r_squared.contains(expected));
    }

    #[test]
    fn more_images_raise_the_ceiling_and_equals_have_none() {
        let accuracies: Vec<f64> = (0..100).map(|i| 0.8 + 0.001 * f64::from(i)).collect();
        assert!(ceiling(&accuracies, 10_000).tau.low > ceiling(&accuracies, 500).tau.high);
        let equals = ceiling(&[0.9; 200], 1_000);
        assert!(
            equals.tau.contains(0.0) && equals.tau.value.abs() < 0.01,
            "{equals:?}"
        );
        assert!(ceiling(&[1.0; 3], 10).tau.value.is_nan());
    }

    #[test]
    fn half_an_image_is_refused() {
        assert!(accuracy_standard_error(0.5, 0).is_err());
        assert!(accuracy_standard_error(1.5, 10).is_err());
    }
}

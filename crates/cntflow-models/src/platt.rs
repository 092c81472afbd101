//! Probabilities from scores.

use serde::{Deserialize, Serialize};

use crate::exact_floats;
use crate::fit_failure::FitFailure;
use crate::scale::mean_and_deviation;

/// Largest number of Newton steps.
const MAX_STEPS: usize = 100;
/// The fit ends where no derivative has a larger magnitude.
const TOLERANCE: f64 = 1e-8;
/// Added to the diagonal of the second derivatives, so that they can be inverted.
const RIDGE: f64 = 1e-12;

/// `P(class 1 | score) = 1 / (1 + exp(slope score + offset))`, fitted to scores of rows that the
/// model has not seen.
///
/// The targets are `(n_1 + 1) / (n_1 + 2)` for class 1 and `1 / (n_0 + 2)` for class 0, with the
/// numbers n of rows, so that probabilities stay off 0 and 1. Sources: Platt, Probabilistic Outputs
/// for Support Vector Machines, 1999; Lin, Lin and Weng, A Note on Platt's Probabilistic Outputs
/// for Support Vector Machines, 2007.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlattCalibration {
    /// The slope, negative if larger scores are likelier of class 1; then the offset; then the
    /// centre and the scale of the scores.
    #[serde(with = "exact_floats")]
    numbers: Vec<f64>,
}

impl PlattCalibration {
    /// Fits the calibration to one score and one class (0 or 1) per row.
    ///
    /// # Errors
    /// If the lengths differ, a score is not finite or there are not two classes.
    pub fn fit(scores: &[f64], classes: &[u32]) -> Result<Self, FitFailure> {
        if scores.len() != classes.len() {
            let (features, targets) = (scores.len(), classes.len());
            return Err(FitFailure::LengthsDiffer {
                features,
                targets,
                groups: features,
            });
        }
        if let Some(&class) = classes.iter().find(|class| **class > 1) {
            return Err(FitFailure::ClassOutOfRange {
                class,
                n_classes: 2,
            });
        }
        if scores.iter().any(|score| !score.is_finite()) {
            return Err(FitFailure::ScoreNotFinite);
        }
        let n_high = classes.iter().filter(|class| **class == 1).count() as f64;
        let n_low = classes.len() as f64 - n_high;
        if n_high == 0.0 || n_low == 0.0 {
            return Err(FitFailure::OneClass);
        }
        // Standard scores: Newton's method then starts well whatever the model's units.
        let largest = scores
            .iter()
            .fold(0.0_f64, |largest, score| largest.max(score.abs()));
        let unit = if largest > 0.0 { largest } else { 1.0 };
        let shares: Vec<f64> = scores.iter().map(|score| score / unit).collect();
        let (mean, deviation) = mean_and_deviation(&shares);
        let scale = if deviation > 0.0 {
            deviation * unit
        } else {
            unit
        };
        let centre = mean * unit;
        let scaled: Vec<f64> = scores
            .iter()
            .map(|score| (score - centre) / scale)
            .collect();
        let target = |class: &u32| {
            if *class == 1 {
                (n_high + 1.0) / (n_high + 2.0)
            } else {
                1.0 / (n_low + 2.0)
            }
        };
        let targets: Vec<f64> = classes.iter().map(target).collect();
        let start = ((n_low + 1.0) / (n_high + 1.0)).ln();
        let (slope, offset) = newton(&scaled, &targets, start);
        if !slope.is_finite() || !offset.is_finite() {
            return Err(FitFailure::CoefficientsNotFinite);
        }
        Ok(Self {
            numbers: vec![slope, offset, centre, scale],
        })
    }

    /// The probability of class 1 for a score.
    pub fn probability(&self, score: f64) -> f64 {
        let [slope, offset, centre, scale] = self.numbers[..] else {
            return f64::NAN;
        };
        1.0 / (1.0 + (slope * ((score - centre) / scale) + offset).exp())
    }

    /// Whether the four numbers are there and finite. They are unless a file was damaged.
    pub fn is_consistent(&self) -> bool {
        self.numbers.len() == 4 && self.numbers.iter().all(|number| number.is_finite())
    }
}

/// Slope and offset with the least cross entropy, by Newton's method with halved steps.
fn newton(scores: &[f64], targets: &[f64], start: f64) -> (f64, f64) {
    let (mut slope, mut offset) = (0.0, start);
    let mut value = cross_entropy(scores, targets, slope, offset);
    for _ in 0..MAX_STEPS {
        // First derivatives g by (slope, offset), second derivatives h.
        let (mut g, mut h) = ((0.0, 0.0), (RIDGE, RIDGE, 0.0));
        for (score, target) in scores.iter().zip(targets) {
            let z = slope * score + offset;
            let small = (-z.abs()).exp();
            let (larger, smaller) = (1.0 / (1.0 + small), small / (1.0 + small));
            let probability = if z >= 0.0 { smaller } else { larger };
            let curvature = larger * smaller;
            h = (
                h.0 + score * score * curvature,
                h.1 + curvature,
                h.2 + score * curvature,
            );
            let difference = target - probability;
            g = (g.0 + score * difference, g.1 + difference);
        }
        if g.0.abs() < TOLERANCE && g.1.abs() < TOLERANCE {
            break;
        }
        let determinant = h.0 * h.1 - h.2 * h.2;
        let step = (
            -(h.1 * g.0 - h.2 * g.1) / determinant,
            -(h.0 * g.1 - h.2 * g.0) / determinant,
        );
        let descent = g.0 * step.0 + g.1 * step.1;
        let accepted = (0..40)
            .map(|halvings| 0.5_f64.powi(halvings))
            .find_map(|length| {
                let trial = (slope + length * step.0, offset + length * step.1);
                let trial_value = cross_entropy(scores, targets, trial.0, trial.1);
                (trial_value < value + 1e-4 * length * descent).then_some((trial, trial_value))
            });
        // Where no step improves, rounding is all that is left.
        let Some((trial, trial_value)) = accepted else {
            break;
        };
        (slope, offset) = trial;
        value = trial_value;
    }
    (slope, offset)
}

fn cross_entropy(scores: &[f64], targets: &[f64], slope: f64, offset: f64) -> f64 {
    let terms = scores.iter().zip(targets).map(|(score, target)| {
        let z = slope * score + offset;
        // -t log p - (1 - t) log(1 - p) with p = 1 / (1 + exp(z)), by exp of negative numbers
        // alone.
        target * z + (-z.abs()).exp().ln_1p() + (-z).max(0.0)
    });
    terms.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_are_those_of_scikit_learn() {
        // sklearn.calibration._SigmoidCalibration().fit(scores, classes).predict([-3, 0, 5])
        let scores: Vec<f64> = (0..40)
            .map(|row| f64::from(row * 17 % 40) / 4.0 - 5.0)
            .collect();
        let classes: Vec<u32> = (0..40)
            .map(|row| u32::from(row * 17 % 40 + row % 7 * 4 > 30))
            .collect();
        let calibration = PlattCalibration::fit(&scores, &classes).unwrap();
        for (score, expected) in [(-3.0, 0.055900670), (0.0, 0.677371128), (5.0, 0.998757024)] {
            let found = calibration.probability(score);
            assert!(
                (found - expected).abs() < 1e-5,
                "{score}: {found} {expected}"
            );
        }
    }

    #[test]
    fn scores_that_say_nothing_give_the_share_of_class_1() {
        let calibration = PlattCalibration::fit(&[2.0; 4], &[0, 1, 1, 1]).unwrap();
        // The mean of the targets 4/5, 4/5, 4/5 and 1/3.
        assert!((calibration.probability(2.0) - 41.0 / 60.0).abs() < 1e-8);
        assert!(matches!(
            PlattCalibration::fit(&[1.0, 2.0], &[1, 1]),
            Err(FitFailure::OneClass)
        ));
    }

    #[test]
    fn separated_scores_of_any_magnitude_have_finite_probabilities() {
        for unit in [1e-200, 1.0, 1e200] {
            let scores = [-3.0 * unit, -unit, unit, 2.0 * unit];
            let calibration = PlattCalibration::fit(&scores, &[0, 0, 1, 1]).unwrap();
            assert!(calibration.probability(-unit) < 0.5 && calibration.probability(unit) > 0.5);
            assert!(calibration.probability(f64::MAX) <= 1.0);
        }
    }
}

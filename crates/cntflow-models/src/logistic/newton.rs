//! Newton's method with conjugate gradients: minimises a smooth convex function.
//!
//! The Newton step `H step = -gradient` is solved by conjugate gradients, more exactly as the
//! gradient shrinks (Nocedal and Wright, Numerical Optimization, 2006, algorithm 7.1). No matrix of
//! second derivatives is made.

use super::objective::Objective;
use crate::fit_failure::FitFailure;

/// Largest number of Newton steps.
const MAX_STEPS: usize = 100;
/// Largest number of conjugate gradients for one step.
const MAX_CONJUGATE: usize = 500;
/// The fit ends where the gradient's norm is this share of its norm at the start.
const TOLERANCE: f64 = 1e-9;
/// The fit ends as well where the gradient's norm is this share of
/// [`Objective::gradient_scale`]. The rest is rounding. Where features say nothing of the classes,
/// the gradient is no more than that from the start.
const NOISE: f64 = 1e-13;
/// A fit that no step improves any more is accepted if the gradient's norm is this share of its
/// norm at the start, or the step promises less than [`NEGLIGIBLE`]: rounding hides the rest.
const ROUNDING_TOLERANCE: f64 = 1e-5;
/// A decrease by this share of the value cannot be told from rounding.
const NEGLIGIBLE: f64 = 1e-10;
/// A step is accepted if the function falls by this share of what its slope promises.
const SUFFICIENT_DECREASE: f64 = 1e-4;
/// Largest number of times that a step is halved.
const MAX_HALVINGS: usize = 40;

/// The parameters at the minimum. The search starts at zeros.
pub(super) fn minimise(objective: &mut impl Objective) -> Result<Vec<f64>, FitFailure> {
    let n = objective.n_parameters();
    let mut parameters = vec![0.0; n];
    let mut gradient = vec![0.0; n];
    let mut value = objective.evaluate(&parameters, &mut gradient);
    let first_norm = dot(&gradient, &gradient).sqrt();
    let tolerance = (TOLERANCE * first_norm).max(NOISE * objective.gradient_scale());
    let mut trial_gradient = vec![0.0; n];
    for _ in 0..MAX_STEPS {
        let norm = dot(&gradient, &gradient).sqrt();
        if !value.is_finite() || !norm.is_finite() {
            return Err(FitFailure::CoefficientsNotFinite);
        }
        if norm <= tolerance {
            return Ok(parameters);
        }
        let step = newton_step(
            objective,
            &gradient,
            (norm / first_norm).sqrt().min(0.1) * norm,
        );
        let slope = dot(&gradient, &step);
        let mut length = 1.0;
        let accepted = (0..MAX_HALVINGS).find_map(|_| {
            let trial: Vec<f64> = parameters
                .iter()
                .zip(&step)
                .map(|(parameter, step)| parameter + length * step)
                .collect();
            let trial_value = objective.evaluate(&trial, &mut trial_gradient);
            // Near the minimum the value changes by less than its rounding; there a smaller
            // gradient decides.
            let is_lower = trial_value <= value + SUFFICIENT_DECREASE * length * slope;
            let is_flatter = dot(&trial_gradient, &trial_gradient).sqrt() < 0.5 * norm
                && trial_value <= value + 1e-12 * value.abs();
            length /= 2.0;
            (is_lower || is_flatter).then_some((trial, trial_value))
        });
        let Some((trial, trial_value)) = accepted else {
            let is_rounding =
                norm <= ROUNDING_TOLERANCE * first_norm || -slope <= NEGLIGIBLE * value;
            return if is_rounding {
                Ok(parameters)
            } else {
                Err(FitFailure::NoConvergence {
                    iterations: MAX_STEPS,
                })
            };
        };
        parameters = trial;
        value = trial_value;
        std::mem::swap(&mut gradient, &mut trial_gradient);
    }
    Err(FitFailure::NoConvergence {
        iterations: MAX_STEPS,
    })
}

/// A step that solves `H step = -gradient` up to a residual of norm `tolerance`.
fn newton_step(objective: &mut impl Objective, gradient: &[f64], tolerance: f64) -> Vec<f64> {
    let n = gradient.len();
    let mut step = vec![0.0; n];
    let mut residual: Vec<f64> = gradient.iter().map(|slope| -slope).collect();
    let mut direction = residual.clone();
    let mut product = vec![0.0; n];
    let mut square = dot(&residual, &residual);
    for _ in 0..MAX_CONJUGATE {
        if square.sqrt() <= tolerance {
            break;
        }
        objective.curvature(&direction, &mut product);
        let curvature = dot(&direction, &product);
        // Not above 0 only where rounding is all that is left.
        if curvature <= 0.0 || !curvature.is_finite() {
            break;
        }
        let length = square / curvature;
        for index in 0..n {
            step[index] += length * direction[index];
            residual[index] -= length * product[index];
        }
        let next = dot(&residual, &residual);
        let ratio = next / square;
        for (direction, residual) in direction.iter_mut().zip(&residual) {
            *direction = residual + ratio * *direction;
        }
        square = next;
    }
    step
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

//! Optimisers, as PyTorch defines them; the constants of RMSprop are Keras' defaults.

use pulp::Arch;
use serde::{Deserialize, Serialize};

/// Adam's decay of the mean of gradients.
const ADAM_BETA_1: f64 = 0.9;
/// Adam's decay of the mean of squared gradients.
const ADAM_BETA_2: f64 = 0.999;
/// Added to Adam's divisor.
const ADAM_EPSILON: f32 = 1e-8;

/// RMSprop's decay of the mean of squared gradients.
const RMSPROP_DECAY: f64 = 0.9;
/// Added to RMSprop's divisor.
const RMSPROP_EPSILON: f32 = 1e-7;

/// The optimisers there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptimiserKind {
    /// Stochastic gradient descent, with momentum where it is not 0.
    Sgd,
    /// Adam with its usual decays (0.9, 0.999).
    Adam,
    /// RMSprop: `w -= learning_rate * g / (sqrt(mean of g^2) + 1e-7)`. The mean starts at 0 and
    /// decays by 0.9; it is not centred, and there is no momentum.
    #[serde(rename = "rmsprop")]
    RmsProp,
}

impl OptimiserKind {
    /// `sgd`, `adam` or `rmsprop`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sgd => "sgd",
            Self::Adam => "adam",
            Self::RmsProp => "rmsprop",
        }
    }
}

/// An optimiser and its state for one kernel, or for the biases of one.
pub(crate) struct Optimiser {
    kind: OptimiserKind,
    learning_rate: f64,
    momentum: f32,
    n_steps: i32,
    /// Adam: the decaying mean of gradients. SGD: the velocity. RMSprop: not used.
    mean: Vec<f32>,
    /// Adam and RMSprop: the decaying mean of squared gradients. SGD: not used.
    mean_of_squares: Vec<f32>,
}

impl Optimiser {
    /// An optimiser of `n_parameters` that has made no step yet.
    pub(crate) fn new(
        kind: OptimiserKind,
        learning_rate: f64,
        momentum: f64,
        n_parameters: usize,
    ) -> Self {
        Self {
            kind,
            learning_rate,
            momentum: momentum as f32,
            n_steps: 0,
            mean: vec![0.0; n_parameters],
            mean_of_squares: vec![0.0; n_parameters],
        }
    }

    /// Moves `parameters` by one step against `gradient`, and clears the gradient.
    pub(crate) fn step(&mut self, parameters: &mut [f32], gradient: &mut [f32]) {
        self.n_steps += 1;
        match self.kind {
            OptimiserKind::Adam => Arch::new().dispatch(
                #[inline(always)]
                || self.adam(parameters, gradient),
            ),
            OptimiserKind::RmsProp => Arch::new().dispatch(
                #[inline(always)]
                || self.rmsprop(parameters, gradient),
            ),
            OptimiserKind::Sgd => self.sgd(parameters, gradient),
        }
        gradient.fill(0.0);
    }

    fn sgd(&mut self, parameters: &mut [f32], gradient: &[f32]) {
        let rate = self.learning_rate as f32;
        for ((w, g), velocity) in parameters.iter_mut().zip(gradient).zip(&mut self.mean) {
            *velocity = self.momentum * *velocity + g;
            *w -= rate * *velocity;
        }
    }

    #[inline(always)]
    fn adam(&mut self, parameters: &mut [f32], gradient: &[f32]) {
        // Both means start at 0 and are too small at first: the two divisions correct that, once
        // for all parameters.
        let rate = (self.learning_rate / (1.0 - ADAM_BETA_1.powi(self.n_steps))) as f32;
        let correction = (1.0 / (1.0 - ADAM_BETA_2.powi(self.n_steps)).sqrt()) as f32;
        let (keep_1, take_1) = (ADAM_BETA_1 as f32, (1.0 - ADAM_BETA_1) as f32);
        let (keep_2, take_2) = (ADAM_BETA_2 as f32, (1.0 - ADAM_BETA_2) as f32);
        let means = self.mean.iter_mut().zip(&mut self.mean_of_squares);
        for ((w, &g), (mean, square)) in parameters.iter_mut().zip(gradient).zip(means) {
            *mean = keep_1 * *mean + take_1 * g;
            *square = keep_2 * *square + take_2 * g * g;
            *w -= rate * *mean / (square.sqrt() * correction + ADAM_EPSILON);
        }
    }

    #[inline(always)]
    fn rmsprop(&mut self, parameters: &mut [f32], gradient: &[f32]) {
        let rate = self.learning_rate as f32;
        let (keep, take) = (RMSPROP_DECAY as f32, (1.0 - RMSPROP_DECAY) as f32);
        let squares = &mut self.mean_of_squares;
        for ((w, &g), square) in parameters.iter_mut().zip(gradient).zip(squares) {
            *square = keep * *square + take * g * g;
            *w -= rate * g / (square.sqrt() + RMSPROP_EPSILON);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers follow from the definition in double precision: learning rate 0.01, decay 0.9,
    /// epsilon 1e-7; they are those of `torch.optim.RMSprop(alpha=0.9, eps=1e-7)`.
    #[test]
    fn rmsprop_divides_by_the_root_of_the_mean_of_squared_gradients() {
        let mut optimiser = Optimiser::new(OptimiserKind::RmsProp, 0.01, 0.0, 2);
        let mut parameters = [1.0, -2.0];
        for mut gradient in [[0.5, -4.0], [0.25, 0.0], [-1.0, 1e-3]] {
            optimiser.step(&mut parameters, &mut gradient);
            assert_eq!(gradient, [0.0, 0.0]);
        }
        let expected = [0.981_818_8, -1.968_386];
        for (found, expected) in parameters.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{parameters:?}");
        }
    }
}

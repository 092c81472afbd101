//! Optimisers, as PyTorch defines them, in place over plain slices.

use std::cell::RefCell;

use candle_core::{CpuStorage, InplaceOp1, Layout, Result, Tensor};
use pulp::Arch;
use serde::{Deserialize, Serialize};

/// Adam's decay of the mean of gradients.
const ADAM_BETA_1: f64 = 0.9;
/// Adam's decay of the mean of squared gradients.
const ADAM_BETA_2: f64 = 0.999;
/// Added to Adam's divisor.
const ADAM_EPSILON: f32 = 1e-8;

/// The optimisers there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptimiserKind {
    /// Stochastic gradient descent, with momentum where it is not 0.
    Sgd,
    /// Adam with its usual decays (0.9, 0.999).
    Adam,
}

impl OptimiserKind {
    /// `sgd` or `adam`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sgd => "sgd",
            Self::Adam => "adam",
        }
    }
}

/// An optimiser's state for one parameter tensor.
pub(crate) struct Optimiser {
    kind: OptimiserKind,
    learning_rate: f64,
    momentum: f32,
    state: RefCell<State>,
}

/// Grows to the parameter's size with the first step.
#[derive(Default)]
struct State {
    n_steps: i32,
    mean: Vec<f32>,
    square: Vec<f32>,
}

impl Optimiser {
    pub(crate) fn new(kind: OptimiserKind, learning_rate: f64, momentum: f64) -> Self {
        Self {
            kind,
            learning_rate,
            momentum: momentum as f32,
            state: RefCell::default(),
        }
    }

    /// Moves `parameter` by one step along `gradient`, and clears the gradient.
    pub(crate) fn step(&self, parameter: &Tensor, gradient: &mut [f32]) -> Result<()> {
        parameter.inplace_op1(&Step {
            optimiser: self,
            gradient,
        })?;
        gradient.fill(0.0);
        Ok(())
    }

    fn update(&self, parameter: &mut [f32], gradient: &[f32]) {
        let mut state = self.state.borrow_mut();
        state.n_steps += 1;
        match self.kind {
            OptimiserKind::Adam => {
                state.mean.resize(gradient.len(), 0.0);
                state.square.resize(gradient.len(), 0.0);
                Arch::new().dispatch(
                    #[inline(always)]
                    || adam(parameter, gradient, &mut state, self.learning_rate),
                );
            }
            OptimiserKind::Sgd => {
                state.mean.resize(gradient.len(), 0.0);
                let rate = self.learning_rate as f32;
                for ((w, g), velocity) in parameter.iter_mut().zip(gradient).zip(&mut state.mean) {
                    *velocity = self.momentum * *velocity + g;
                    *w -= rate * *velocity;
                }
            }
        }
    }
}

/// One step as an operation in place.
struct Step<'a> {
    optimiser: &'a Optimiser,
    gradient: &'a [f32],
}

impl InplaceOp1 for Step<'_> {
    fn name(&self) -> &'static str {
        self.optimiser.kind.name()
    }

    fn cpu_fwd(&self, parameter: &mut CpuStorage, layout: &Layout) -> Result<()> {
        let (CpuStorage::F32(parameter), Some((0, _))) = (parameter, layout.contiguous_offsets())
        else {
            candle_core::bail!("parameters are contiguous f32 tensors");
        };
        self.optimiser.update(parameter, self.gradient);
        Ok(())
    }
}

/// One step of Adam, the state's number of steps already counting it.
#[inline(always)]
fn adam(parameter: &mut [f32], gradient: &[f32], state: &mut State, learning_rate: f64) {
    let rate = (learning_rate / (1.0 - ADAM_BETA_1.powi(state.n_steps))) as f32;
    let correction = (1.0 / (1.0 - ADAM_BETA_2.powi(state.n_steps)).sqrt()) as f32;
    let (keep_1, take_1) = (ADAM_BETA_1 as f32, (1.0 - ADAM_BETA_1) as f32);
    let (keep_2, take_2) = (ADAM_BETA_2 as f32, (1.0 - ADAM_BETA_2) as f32);
    let means = state.mean.iter_mut().zip(&mut state.square);
    for ((w, &g), (mean, square)) in parameter.iter_mut().zip(gradient).zip(means) {
        *mean = keep_1 * *mean + take_1 * g;
        *square = keep_2 * *square + take_2 * g * g;
        *w -= rate * *mean / (square.sqrt() * correction + ADAM_EPSILON);
    }
}

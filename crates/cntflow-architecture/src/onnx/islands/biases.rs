//! Biases that a node behind a kernel adds.

use super::links::{Kind, Link};
use super::reader::Reader;
use super::track::Track;
use super::wiring::{Step, ValueId};
use crate::recipe::TensorRecipe;

/// The most nodes between a kernel and its bias.
const MAX_BETWEEN: usize = 8;

impl<'m> Reader<'_, 'm> {
    /// Adds the bias that a node behind the kernel adds, if it does.
    pub(super) fn add_bias(&self, link: &mut Link<'m>) {
        let has_none = match &link.kind {
            Kind::Dense { bias, .. } => bias.is_none(),
            Kind::Convolution(convolution) => convolution.bias.is_none(),
            _ => false,
        };
        if !has_none {
            return;
        }
        let Some((mut value, mut track)) = link.gives.map(|track| (link.output, track)) else {
            return;
        };
        for _ in 0..MAX_BETWEEN {
            let Some(index) = self.wiring.only_taker(value) else {
                return;
            };
            let step = &self.wiring.steps[index];
            let Some(next) = step.output(0) else {
                return;
            };
            if step.operator() == "Add" {
                let constant = (0..2).find(|&input| step.input(input) != Some(value));
                let bias = constant.and_then(|input| self.bias(step, input, track));
                if let Some((recipe, name)) = bias {
                    set_bias(&mut link.kind, recipe);
                    link.names.push(name);
                    (link.output, link.gives) = (next, Some(track));
                }
                return;
            }
            let Some(moved) = self.between(step, value, track) else {
                return;
            };
            (value, track) = (next, moved);
        }
    }

    /// The bias that an input of an addition is.
    pub(super) fn bias(
        &self,
        step: &Step<'m>,
        input: usize,
        track: Track,
    ) -> Option<(TensorRecipe, &'m str)> {
        let known = self.weights.readable(step, input)?;
        let back = track.back_index()?;
        let rank = known.shape.len();
        let fits_rank = track.rank.is_none_or(|own| rank <= own);
        let is_neurons = |axis: usize| rank - axis == back;
        let sizes = known.shape.iter().enumerate();
        let others = sizes.filter(|(axis, size)| **size != 1 && !is_neurons(*axis));
        let fits = others.count() == 0 && known.n_values() == track.n && fits_rank;
        fits.then(|| self.vector(step, input, track.n))?
    }

    /// Where neurons stand behind a node that may stand between a kernel and its bias.
    pub(super) fn between(&self, step: &Step<'m>, value: ValueId, track: Track) -> Option<Track> {
        match step.operator() {
            // Behind products of whole numbers: the scale that `scale_behind` has found.
            "Mul" => {
                let other = (0..2).find(|&input| step.input(input) != Some(value))?;
                let is_scale = self.wiring.value(step.input(other)?).maker.is_some()
                    || self.weights.input(step, other).is_some();
                let maker = self.wiring.value(value).maker?;
                let is_cast = self.wiring.steps[maker].operator() == "Cast";
                (is_scale && is_cast && self.is_integer_product(maker)).then_some(track)
            }
            "Identity" | "Cast" | "Transpose" | "Squeeze" | "Unsqueeze" | "Slice" => {
                super::passing::layout(self.weights, step, track)
            }
            _ => None,
        }
    }

    /// Whether a step converts the product of whole numbers.
    pub(super) fn is_integer_product(&self, cast: usize) -> bool {
        let product = self.wiring.steps[cast].input(0);
        let maker = product.and_then(|product| self.wiring.value(product).maker);
        maker.is_some_and(|maker| {
            let operator = self.wiring.steps[maker].operator();
            ["MatMulInteger", "ConvInteger"].contains(&operator)
        })
    }
}

fn set_bias(kind: &mut Kind<'_>, recipe: TensorRecipe) {
    match kind {
        Kind::Dense { bias, .. } => *bias = Some(recipe),
        Kind::Convolution(convolution) => convolution.bias = Some(recipe),
        _ => {}
    }
}

//! Scales of quantised kernels, which are inputs of the nodes that take them, or stand behind them.

use super::known::Known;
use super::reader::Reader;
use super::weights::scaling;
use super::wiring::Step;

impl<'m> Reader<'_, 'm> {
    /// Says what the whole numbers of a kernel stand for, by inputs that are scales.
    pub(super) fn scale(
        &mut self,
        step: &Step<'m>,
        kernel: usize,
        scales: &[usize],
        zero_point: Option<usize>,
        axis: usize,
    ) -> Option<()> {
        let known = self.weights.input(step, kernel)?.clone();
        let scales = scales
            .iter()
            .map(|&input| self.weights.input(step, input).cloned());
        let scales: Vec<Known<'m>> = scales.collect::<Option<_>>()?;
        let zero_point = match zero_point {
            Some(input) => self.weights.optional_input(step, input)?,
            None => None,
        };
        let scaling = scaling(&scales, zero_point.as_ref(), axis)?;
        self.weights.set_scaling(&known, &scaling).then_some(())
    }

    /// The same of a kernel `[n_in, units]` with a scale for each unit.
    pub(super) fn scale_columns(
        &mut self,
        step: &Step<'m>,
        kernel: usize,
        scale: usize,
        zero_point: Option<usize>,
    ) -> Option<()> {
        let rank = self.weights.input(step, kernel)?.shape.len();
        self.scale(step, kernel, &[scale], zero_point, rank.saturating_sub(1))
    }

    /// The same of a bias: its scale is the product of two.
    pub(super) fn scale_bias(&mut self, step: &Step<'m>, bias: usize, scales: [usize; 2]) {
        // A bias without known scales stays out.
        let _ = self.scale(step, bias, &scales, None, 0);
    }

    pub(super) fn scale_by(
        &mut self,
        step: &Step<'m>,
        kernel: usize,
        scale: Known<'m>,
        zero_point: Option<usize>,
        axis: usize,
    ) -> Option<()> {
        let known = self.weights.input(step, kernel)?.clone();
        let zero_point = match zero_point {
            Some(input) => self.weights.optional_input(step, input)?,
            None => None,
        };
        let scaling = scaling(&[scale], zero_point.as_ref(), axis)?;
        self.weights.set_scaling(&known, &scaling).then_some(())
    }

    /// The scale of the kernel of a product of whole numbers: the product is converted to floats
    /// and multiplied with it, or with its product with the scale of the data.
    pub(super) fn scale_behind(&self, step: &Step<'m>) -> Option<Known<'m>> {
        let cast = &self.wiring.steps[self.wiring.only_taker(step.output(0)?)?];
        let scaled = cast.output(0).filter(|_| cast.operator() == "Cast")?;
        let product = &self.wiring.steps[self.wiring.only_taker(scaled)?];
        if product.operator() != "Mul" {
            return None;
        }
        let other = (0..2).find(|&input| product.input(input) != Some(scaled))?;
        if let Some(scale) = self.weights.input(product, other) {
            return Some(scale.clone());
        }
        let maker = self.wiring.value(product.input(other)?).maker?;
        let scales = &self.wiring.steps[maker];
        let is_product = scales.operator() == "Mul";
        let known = [0, 1].map(|input| self.weights.input(scales, input));
        match known {
            // Two known scales: nothing tells which is that of the kernel.
            [Some(scale), None] | [None, Some(scale)] if is_product => Some(scale.clone()),
            _ => None,
        }
    }
}

//! Reads the nodes with a kernel: which operators have one, and which file reads them.

use super::known::Known;
use super::links::{Kind, Link};
use super::track::Track;
use super::weights::Weights;
use super::wiring::{Step, Wiring};
use crate::onnx::translator::Translator;
use crate::recipe::TensorRecipe;

/// What a node with a kernel gives, before its bias is looked for.
pub(super) struct Product<'m> {
    /// The number of the input that is the data.
    pub(super) data: usize,
    pub(super) takes: Track,
    pub(super) gives: Option<Track>,
    pub(super) names: Vec<&'m str>,
    pub(super) kind: Kind<'m>,
}

/// Reads nodes with a kernel.
pub(super) struct Reader<'r, 'm> {
    pub(super) translator: &'r Translator<'m, 'm>,
    pub(super) wiring: &'r Wiring<'m>,
    pub(super) weights: &'r mut Weights<'m>,
}

impl<'m> Reader<'_, 'm> {
    /// What a step is as a layer of links; `None` if it has no kernel.
    pub(super) fn link(&mut self, index: usize) -> Option<Link<'m>> {
        let wiring = self.wiring;
        let step = &wiring.steps[index];
        let product = self.product(step)?;
        // Of a recurrent layer the first output may be left out: then all that is known is what
        // leads to it.
        let other_output = || (1..step.outputs.len()).find_map(|output| step.output(output));
        let (output, gives) = match step.output(0) {
            Some(output) => (output, product.gives),
            None => (other_output()?, None),
        };
        let mut link = Link {
            step: index,
            data: step.input(product.data),
            takes: product.takes,
            names: product.names,
            kind: product.kind,
            output,
            gives,
        };
        self.add_bias(&mut link);
        Some(link)
    }

    fn product(&mut self, step: &Step<'m>) -> Option<Product<'m>> {
        match (step.node.domain, step.operator()) {
            (_, "MatMul") => self.matmul(step, [0, 1], 1.0),
            (_, "FusedMatMul") => self.fused_matmul(step),
            (_, "Gemm" | "FusedGemm") => self.gemm(step),
            (_, "Conv" | "FusedConv") => self.convolution(step, 1, Some(2), false),
            (_, "ConvTranspose") => self.convolution(step, 1, Some(2), true),
            (_, "QLinearConv") => {
                self.scale(step, 3, &[4], Some(5), 0)?;
                self.scale_bias(step, 8, [1, 4]);
                self.convolution(step, 3, Some(8), false)
            }
            (_, "QLinearMatMul") => {
                self.scale_columns(step, 3, 4, Some(5))?;
                self.matmul(step, [0, 3], 1.0)
            }
            (_, "ConvInteger") => {
                let scale = self.scale_behind(step)?;
                self.scale_by(step, 1, scale, Some(3), 0)?;
                self.convolution(step, 1, None, false)
            }
            (_, "MatMulInteger") => {
                let scale = self.scale_behind(step)?;
                let axis = self.weights.input(step, 1)?.shape.len().saturating_sub(1);
                self.scale_by(step, 1, scale, Some(3), axis)?;
                self.matmul(step, [0, 1], 1.0)
            }
            ("com.microsoft", "DynamicQuantizeMatMul") => {
                self.scale_columns(step, 1, 2, Some(3))?;
                self.matmul_with_bias(step, 4)
            }
            ("com.microsoft", "MatMulIntegerToFloat") => {
                self.scale_columns(step, 1, 3, Some(5))?;
                self.matmul_with_bias(step, 6)
            }
            (_, "LSTM" | "GRU" | "RNN") => self.recurrent(step),
            (_, "Gather") => self.embedding(step),
            (_, "BatchNormalization") => self.batch_norm(step),
            (_, "LayerNormalization" | "SimplifiedLayerNormalization") => self.layer_norm(step),
            (_, "GroupNormalization" | "InstanceNormalization") => self.group_norm(step),
            (_, "MaxPool" | "AveragePool" | "GlobalMaxPool" | "GlobalAveragePool") => {
                self.pool(step)
            }
            (_, "ReduceMean") => self.mean_over_places(step),
            _ => None,
        }
    }

    /// The recipe of a tensor of this shape.
    pub(super) fn recipe(&self, known: &Known<'m>, shape: &[usize]) -> Option<TensorRecipe> {
        match known.as_weight(shape) {
            Some(weight) => self.translator.weight_recipe(&weight).ok(),
            None => known.slice_recipe(shape),
        }
    }

    /// The recipe of a vector of `n` values, whatever dimensions of size 1 it has.
    pub(super) fn vector(
        &self,
        step: &Step<'m>,
        input: usize,
        n: usize,
    ) -> Option<(TensorRecipe, &'m str)> {
        let known = self.weights.readable(step, input)?;
        let sizes = known.shape.iter().filter(|&&size| size != 1);
        let fits = known.n_values() == n && sizes.count() <= 1;
        let recipe = fits.then(|| self.recipe(known, &[n]))??;
        Some((recipe, known.name()))
    }
}

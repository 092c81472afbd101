//! Products of data and a kernel.

use super::known::Known;
use super::links::Kind;
use super::reader::{Product, Reader};
use super::track::{NeuronAxis, Track};
use super::wiring::Step;
use crate::recipe::{Scaling, TensorRecipe};

impl<'m> Reader<'_, 'm> {
    /// A product of data and a kernel, either of which may be the first.
    pub(super) fn matmul(
        &self,
        step: &Step<'m>,
        [first, second]: [usize; 2],
        factor: f32,
    ) -> Option<Product<'m>> {
        match (
            self.weights.readable(step, first),
            self.weights.readable(step, second),
        ) {
            (None, Some(kernel)) => {
                // The kernel is `[n_in, units]`.
                let [n_in, units] = matrix(kernel)?;
                let turned = kernel_matrix(kernel, [n_in, units])?;
                let product = Matrix {
                    kernel: &turned,
                    is_turned: true,
                    factor,
                };
                let mut product = self.dense(&product, first, NeuronAxis::Back(1))?;
                // A product with a vector has no axis for its one unit.
                if kernel.shape.len() == 1 {
                    product.gives = None;
                }
                Some(product)
            }
            (Some(kernel), None) if kernel.shape.len() > 1 => {
                // `[units, n_in]`, and the data has its neurons on the last axis but one.
                let turned = kernel_matrix(kernel, matrix(kernel)?)?;
                let product = Matrix {
                    kernel: &turned,
                    is_turned: false,
                    factor,
                };
                self.dense(&product, second, NeuronAxis::Back(2))
            }
            _ => None,
        }
    }

    pub(super) fn matmul_with_bias(&self, step: &Step<'m>, bias: usize) -> Option<Product<'m>> {
        let mut product = self.matmul(step, [0, 1], 1.0)?;
        if let Kind::Dense {
            bias: own, units, ..
        } = &mut product.kind
            && let Some((recipe, name)) = self.vector(step, bias, *units)
        {
            *own = Some(recipe);
            product.names.push(name);
        }
        Some(product)
    }

    pub(super) fn fused_matmul(&self, step: &Step<'m>) -> Option<Product<'m>> {
        let flag = |name: &str| step.node.int(name).unwrap_or(0) != 0;
        if ["transA", "transBatchA", "transBatchB"]
            .into_iter()
            .any(flag)
        {
            return None;
        }
        let factor = step.node.float("alpha").unwrap_or(1.0);
        if !flag("transB") {
            return self.matmul(step, [0, 1], factor);
        }
        let kernel = self.weights.readable(step, 1)?;
        let turned = kernel_matrix(kernel, matrix(kernel)?)?;
        let product = Matrix {
            kernel: &turned,
            is_turned: false,
            factor,
        };
        let is_data = self.weights.readable(step, 0).is_none();
        is_data.then(|| self.dense(&product, 0, NeuronAxis::Back(1)))?
    }

    /// `Gemm`: a product of matrices, one of which is the kernel, and the addition of a bias.
    pub(super) fn gemm(&self, step: &Step<'m>) -> Option<Product<'m>> {
        let flag = |name: &str| step.node.int(name).unwrap_or(0) != 0;
        let [alpha, beta] = ["alpha", "beta"].map(|name| step.node.float(name).unwrap_or(1.0));
        let operands = [0, 1].map(|input| self.weights.readable(step, input));
        let (kernel, data, is_turned, axis) = match operands {
            [None, Some(kernel)] => {
                let axis = usize::from(!flag("transA"));
                (kernel, 0, !flag("transB"), axis)
            }
            [Some(kernel), None] => {
                let axis = usize::from(flag("transB"));
                (kernel, 1, flag("transA"), axis)
            }
            _ => return None,
        };
        if kernel.shape.len() != 2 {
            return None;
        }
        let product = Matrix {
            kernel,
            is_turned,
            factor: alpha,
        };
        let mut product = self.dense(&product, data, NeuronAxis::Front(axis))?;
        product.takes.rank = Some(2);
        if let Some(gives) = &mut product.gives {
            gives.rank = Some(2);
            gives.axis = NeuronAxis::Front(usize::from(data == 0));
            gives.is_alone = data == 0;
        }
        if let Kind::Dense { bias, units, .. } = &mut product.kind
            && let Some((mut recipe, name)) = self.vector(step, 2, *units)
        {
            multiply(&mut recipe, beta);
            *bias = Some(recipe);
            product.names.push(name);
        }
        Some(product)
    }

    fn dense(&self, matrix: &Matrix<'_, 'm>, data: usize, axis: NeuronAxis) -> Option<Product<'m>> {
        let &[rows, columns] = &matrix.kernel.shape[..] else {
            return None;
        };
        let (kernel, units, n_in) = if matrix.is_turned {
            (matrix.kernel.turned()?, columns, rows)
        } else {
            (matrix.kernel.clone(), rows, columns)
        };
        let mut weight = self.recipe(&kernel, &[units, n_in])?;
        multiply(&mut weight, matrix.factor);
        let track = |n: usize| Track {
            rank: None,
            axis,
            n,
            is_alone: false,
        };
        Some(Product {
            data,
            takes: track(n_in),
            gives: Some(track(units)),
            names: vec![kernel.name()],
            kind: Kind::Dense {
                weight,
                bias: None,
                units,
            },
        })
    }
}

/// A matrix of a product.
struct Matrix<'k, 'm> {
    kernel: &'k Known<'m>,
    /// Whether it is `[n_in, units]`.
    is_turned: bool,
    factor: f32,
}

/// The sizes of a matrix or a vector, whatever sizes of 1 stand before them.
fn matrix(known: &Known<'_>) -> Option<[usize; 2]> {
    match known.shape[..] {
        [n] => Some([n, 1]),
        [ref batch @ .., rows, columns] if batch.iter().all(|&size| size == 1) => {
            Some([rows, columns])
        }
        _ => None,
    }
}

/// A kernel as a matrix of these sizes.
fn kernel_matrix<'m>(known: &Known<'m>, sizes: [usize; 2]) -> Option<Known<'m>> {
    if known.shape == sizes {
        Some(known.clone())
    } else {
        known.reshaped(sizes.to_vec())
    }
}

fn multiply(recipe: &mut TensorRecipe, factor: f32) {
    if factor != 1.0 {
        for slice in recipe.slices_mut() {
            slice.scaling = Some(Scaling::factor(factor));
        }
    }
}

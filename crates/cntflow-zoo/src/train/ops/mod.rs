//! Operations that automatic differentiation is given: each forward and backward in one pass over plain slices, on the
//! caller's thread. The tensor library's own are slower where training needs them, and some start threads.
//!
//! Every operation takes contiguous `f32` tensors. A product with weights applies its activation too, so that
//! pre-activations are never written: the derivative is taken from the result. Gradients of weights are added to
//! [`WeightGradients`] in place; the tensor library is only given those of what flows between layers.

pub(crate) mod activate;
pub(crate) mod cells;
pub(crate) mod channels;
pub(crate) mod convolution;
pub(crate) mod cross_entropy;
pub(crate) mod linear;
pub(crate) mod patches;
pub(crate) mod pool;
pub(crate) mod recurrent;
pub(crate) mod smooth;
pub(crate) mod squared_error;
pub(crate) mod transposed_convolution;
pub(crate) mod vector_math;

#[cfg(test)]
mod recurrent_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod transposed_tests;

use std::sync::{Arc, Mutex};

use candle_core::{CpuStorage, Device, Layout, Result, Shape, Storage, Tensor};
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

/// Values from which on the tensor library adds two tensors on threads of its own, which it starts for it.
pub(crate) const THREADED_FROM: usize = 64 * 1024;

/// Gradients of one layer's kernel and biases: every backward pass adds to them, the optimiser's step clears them.
#[derive(Debug)]
pub(crate) struct WeightGradients {
    pub(crate) kernel: Vec<f32>,
    pub(crate) biases: Vec<f32>,
}

impl WeightGradients {
    /// Zeros for a kernel of so many weights and biases, shared by a network and its operations.
    pub(crate) fn shared(n_weights: usize, n_biases: usize) -> Arc<Mutex<Self>> {
        let (kernel, biases) = (vec![0.0; n_weights], vec![0.0; n_biases]);
        Arc::new(Mutex::new(Self { kernel, biases }))
    }
}

/// The values of a contiguous tensor's storage.
pub(crate) fn values<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let Some((start, end)) = layout.contiguous_offsets() else {
        candle_core::bail!(
            "a contiguous tensor is needed, this one has strides {:?}",
            layout.stride()
        );
    };
    Ok(&storage.as_slice::<f32>()?[start..end])
}

/// The values of a contiguous tensor on the CPU, from what `Tensor::storage_and_layout` gives.
pub(crate) fn cpu_values<'a>(storage: &'a Storage, layout: &Layout) -> Result<&'a [f32]> {
    match storage {
        Storage::Cpu(storage) => values(storage, layout),
        _ => candle_core::bail!("a tensor on the CPU is needed"),
    }
}

/// What a forward pass returns.
fn output(values: Vec<f32>, shape: impl Into<Shape>) -> Result<(CpuStorage, Shape)> {
    Ok((CpuStorage::F32(values), shape.into()))
}

/// A gradient of the shape of `like`.
fn gradient(values: Vec<f32>, like: &Tensor) -> Result<Option<Tensor>> {
    Tensor::from_vec(values, like.shape(), &Device::Cpu).map(Some)
}

/// A row-major view `[n_rows, n_columns]`.
fn matrix(values: &[f32], n_rows: usize, n_columns: usize) -> MatRef<'_, f32> {
    MatRef::from_row_major_slice(values, n_rows, n_columns)
}

/// `target = left * right`, `target` row-major of their shape.
fn multiply(target: &mut [f32], left: MatRef<'_, f32>, right: MatRef<'_, f32>) {
    product(target, Accum::Replace, left, right);
}

/// `target += left * right`.
fn multiply_add(target: &mut [f32], left: MatRef<'_, f32>, right: MatRef<'_, f32>) {
    product(target, Accum::Add, left, right);
}

fn product(target: &mut [f32], accumulate: Accum, left: MatRef<'_, f32>, right: MatRef<'_, f32>) {
    let target = MatMut::from_row_major_slice_mut(target, left.nrows(), right.ncols());
    matmul(target, accumulate, left, right, 1.0, Par::Seq);
}

/// The sum of `values`, in 16 partial sums so that it runs in vector registers; always in the same order.
#[inline(always)]
fn sum(values: &[f32]) -> f32 {
    let mut partial = [0.0_f32; 16];
    let chunks = values.chunks_exact(16);
    let rest: f32 = chunks.remainder().iter().sum();
    for chunk in chunks {
        partial
            .iter_mut()
            .zip(chunk)
            .for_each(|(sum, &value)| *sum += value);
    }
    partial.iter().sum::<f32>() + rest
}

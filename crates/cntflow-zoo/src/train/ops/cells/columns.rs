//! Where the gates of a layer stand in the columns of its matrix of gates, `[n_images, n_columns]`.
//!
//! Elman and LSTM cells add up what comes from the input and from the hidden state: they have a
//! column for each row of the kernels. A GRU keeps the two parts of its candidate apart, because
//! the reset gate stands between. Its columns are the candidate's part from the input, r, z, and
//! the candidate's part from the hidden state. So the rows r, z, n of the recurrent kernel make
//! adjacent columns, in one product for each step.

use faer::MatRef;

use super::{Cell, RecurrentLayer};
use crate::train::ops::matrix::{matrix, matrix_mut, multiply_add_into};

/// Adjacent columns, and the rows of a kernel that make them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    pub(super) first_column: usize,
    pub(super) first_row: usize,
    pub(super) size: usize,
}

impl Block {
    /// The rows of this block in a `kernel` `[n_out, n_in]`.
    pub(super) fn rows<'a>(&self, kernel: &'a [f32], n_in: usize) -> &'a [f32] {
        &kernel[self.first_row * n_in..][..self.size * n_in]
    }

    /// The columns of this block in one row of gates.
    pub(super) fn columns<'a>(&self, row: &'a [f32]) -> &'a [f32] {
        &row[self.first_column..][..self.size]
    }

    /// The same columns, to be changed.
    pub(super) fn columns_mut<'a>(&self, row: &'a mut [f32]) -> &'a mut [f32] {
        &mut row[self.first_column..][..self.size]
    }

    /// Like [`Block::rows`], to be changed.
    pub(super) fn rows_mut<'a>(&self, kernel: &'a mut [f32], n_in: usize) -> &'a mut [f32] {
        &mut kernel[self.first_row * n_in..][..self.size * n_in]
    }
}

/// The four blocks of `units` columns of one image.
#[inline(always)]
pub(super) fn split_columns(gates: &[f32], units: usize) -> [&[f32]; 4] {
    [0, 1, 2, 3].map(|block| &gates[block * units..][..units])
}

/// The same blocks, to be changed.
#[inline(always)]
pub(super) fn split_columns_mut(gates: &mut [f32], units: usize) -> [&mut [f32]; 4] {
    let (first, rest) = gates.split_at_mut(units);
    let (second, rest) = rest.split_at_mut(units);
    let (third, rest) = rest.split_at_mut(units);
    [first, second, third, &mut rest[..units]]
}

impl RecurrentLayer {
    /// Columns of the matrix of gates.
    pub(super) fn n_columns(&self) -> usize {
        match self.cell {
            Cell::Elman(_) => self.units,
            Cell::Lstm | Cell::Gru => 4 * self.units,
        }
    }

    /// What the input kernel makes.
    pub(super) fn input_blocks(&self) -> Vec<Block> {
        if self.cell != Cell::Gru {
            return vec![self.all_rows(0)];
        }
        let first_gates = Block {
            first_column: self.units,
            first_row: 0,
            size: 2 * self.units,
        };
        let candidate = Block {
            first_column: 0,
            first_row: 2 * self.units,
            size: self.units,
        };
        vec![first_gates, candidate]
    }

    /// What the recurrent kernel makes.
    pub(super) fn recurrent_block(&self) -> Block {
        self.all_rows(if self.cell == Cell::Gru {
            self.units
        } else {
            0
        })
    }

    /// All rows of a kernel, from `first_column` on.
    fn all_rows(&self, first_column: usize) -> Block {
        Block {
            first_column,
            first_row: 0,
            size: self.n_out(),
        }
    }

    /// `gates += x W^T` in the columns of `block`; `gates` are `[n_rows, n_columns]`, `x`
    /// `[n_rows, n_in]`, and `kernel` is W, `[n_out, n_in]`.
    pub(super) fn add_product(&self, gates: &mut [f32], block: Block, x: &[f32], kernel: &[f32]) {
        let n_in = kernel.len() / self.n_out();
        let n_rows = x.len() / n_in;
        let target = matrix_mut(gates, n_rows, self.n_columns());
        let target = target.subcols_mut(block.first_column, block.size);
        let rows = matrix(block.rows(kernel, n_in), block.size, n_in);
        multiply_add_into(target, matrix(x, n_rows, n_in), rows.transpose());
    }

    /// Gates or their gradients in the columns of `block`, of all rows of `gates`.
    pub(super) fn columns<'a>(&self, gates: &'a [f32], block: Block) -> MatRef<'a, f32> {
        let n_rows = gates.len() / self.n_columns();
        matrix(gates, n_rows, self.n_columns()).subcols(block.first_column, block.size)
    }
}

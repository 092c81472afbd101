//! Blocks of quantised elements, and how they become numbers. The layouts are those of ggml
//! (`ggml-common.h`), the arithmetic that of its reference (`dequantize_row_*` of
//! `ggml-quants.c`), step by step in `f32`, so that the values are the same bit by bit.
//!
//! [`simple`] has the types whose block is 32 elements with one scale, [`super_blocks`] those whose
//! block is 256 elements, which are parted further.

mod simple;
mod super_blocks;

use half::f16;

pub(super) use simple::{Q4_0, Q4_1, Q5_0, Q5_1, Q8_0};
pub(super) use super_blocks::{Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, Q8_K};

/// A type of blocks.
#[derive(Debug)]
pub(super) struct Block {
    /// Elements of a block.
    pub(super) n_values: usize,
    /// Bytes of a block.
    pub(super) bytes: usize,
    /// Appends the elements of one block.
    decode: fn(&[u8], &mut Values),
}

impl Block {
    /// The elements of whole blocks as little-endian `f32`.
    pub(super) fn decode(&self, blocks: &[u8]) -> Vec<u8> {
        let n_blocks = blocks.len() / self.bytes;
        let mut values = Values {
            bytes: Vec::with_capacity(n_blocks * self.n_values * size_of::<f32>()),
        };
        for block in blocks.chunks_exact(self.bytes) {
            (self.decode)(block, &mut values);
        }
        values.bytes
    }
}

/// Elements that have been decoded, as bytes.
struct Values {
    bytes: Vec<u8>,
}

impl Values {
    fn extend(&mut self, values: impl Iterator<Item = f32>) {
        values.for_each(|value| self.bytes.extend_from_slice(&value.to_le_bytes()));
    }
}

/// The scale at an offset of a block.
fn scale(block: &[u8], offset: usize) -> f32 {
    f16::from_le_bytes([block[offset], block[offset + 1]]).to_f32()
}

/// A byte as a number with a sign.
fn signed(byte: u8) -> f32 {
    f32::from(byte.cast_signed())
}

#[cfg(test)]
mod tests;

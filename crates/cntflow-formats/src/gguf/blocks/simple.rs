//! Blocks of 32 elements with one scale, and for some types a minimum.

use super::{Block, Values, scale, signed};

/// Elements of a block.
const N: usize = 32;

/// Scale; 16 bytes with two elements of 4 bits each, the second half of the block in the high bits.
pub(crate) static Q4_0: Block = Block {
    n_values: N,
    bytes: 2 + N / 2,
    decode: |block, values| {
        let d = scale(block, 0);
        values.extend(nibbles(&block[2..]).map(|q| (f32::from(q) - 8.0) * d));
    },
};

/// Scale; minimum; elements as in [`Q4_0`].
pub(crate) static Q4_1: Block = Block {
    n_values: N,
    bytes: 4 + N / 2,
    decode: |block, values| {
        let (d, m) = (scale(block, 0), scale(block, 2));
        values.extend(nibbles(&block[4..]).map(|q| f32::from(q) * d + m));
    },
};

/// Scale; 4 bytes with the fifth bit of each element; elements as in [`Q4_0`].
pub(crate) static Q5_0: Block = Block {
    n_values: N,
    bytes: 2 + 4 + N / 2,
    decode: |block, values| {
        let d = scale(block, 0);
        five_bits(&block[2..], values, |q| (f32::from(q) - 16.0) * d);
    },
};

/// Scale; minimum; elements as in [`Q5_0`].
pub(crate) static Q5_1: Block = Block {
    n_values: N,
    bytes: 4 + 4 + N / 2,
    decode: |block, values| {
        let (d, m) = (scale(block, 0), scale(block, 2));
        five_bits(&block[4..], values, |q| f32::from(q) * d + m);
    },
};

/// Scale; 32 elements of 8 bits.
pub(crate) static Q8_0: Block = Block {
    n_values: N,
    bytes: 2 + N,
    decode: |block, values| {
        let d = scale(block, 0);
        values.extend(block[2..].iter().map(|&q| signed(q) * d));
    },
};

/// The low halves of all bytes, then the high ones.
fn nibbles(bytes: &[u8]) -> impl Iterator<Item = u8> {
    let low = bytes.iter().map(|byte| byte & 0xf);
    low.chain(bytes.iter().map(|byte| byte >> 4))
}

/// Elements of 5 bits: 4 bytes with the highest bit of each, and the other 4 bits.
fn five_bits(bytes: &[u8], values: &mut Values, value: impl Fn(u8) -> f32) {
    let (high, low) = bytes.split_at(4);
    let is_set = |index: usize| high[index / 8] >> (index % 8) & 1;
    let elements = nibbles(low).enumerate();
    values.extend(elements.map(|(index, q)| value(q | is_set(index) << 4)));
}

//! Blocks of 256 elements, parted into groups of 16 or 32 with scales of their own, which are
//! quantised as well (`Q2_K` to `Q6_K`).

use super::{Block, Values, scale, signed};

/// Elements of a block.
const N: usize = 256;

/// Elements that share the bytes of their low bits: two halves of a block do so each on their own.
const HALF: usize = 128;

/// Bytes of [`Q4_K`]'s and [`Q5_K`]'s scales and minima: 8 of 6 bits each.
const SCALES: usize = 12;

/// 16 bytes with a scale and a minimum of 4 bits for 16 elements each; elements of 2 bits; scale of
/// the scales; scale of the minima.
pub(crate) static Q2_K: Block = Block {
    n_values: N,
    bytes: 16 + N / 4 + 4,
    decode: |block, values| {
        let (scales, rest) = block.split_at(16);
        let (d, min) = (scale(rest, N / 4), scale(rest, N / 4 + 2));
        for (group, &packed) in scales.iter().enumerate() {
            let (dl, ml) = (d * f32::from(packed & 0xf), min * f32::from(packed >> 4));
            values.extend(two_bits(rest, group).map(|q| dl * f32::from(q) - ml));
        }
    },
};

/// 32 bytes with the third bit of every element; elements of 2 bits; 12 bytes with 16 scales of 6
/// bits; scale of the scales.
pub(crate) static Q3_K: Block = Block {
    n_values: N,
    bytes: 32 + N / 4 + SCALES + 2,
    decode: |block, values| {
        let (high, rest) = block.split_at(32);
        let scales = &rest[N / 4..N / 4 + SCALES];
        let d = scale(rest, N / 4 + SCALES);
        for group in 0..16 {
            let dl = d * (f32::from(scale_of_q3(scales, group)) - 32.0);
            let bit = group / 2;
            let high = &high[group % 2 * 16..][..16];
            let elements = two_bits(rest, group).zip(high);
            // A bit that is not set takes 4 away.
            let value = |(q, high): (u8, &u8)| q | (high >> bit & 1) << 2;
            values.extend(elements.map(|pair| dl * (f32::from(value(pair)) - 4.0)));
        }
    },
};

/// Scale of the scales; scale of the minima; 12 bytes with scales and minima of 32 elements each;
/// elements of 4 bits.
pub(crate) static Q4_K: Block = Block {
    n_values: N,
    bytes: 4 + SCALES + N / 2,
    decode: |block, values| {
        let elements = &block[4 + SCALES..];
        for group in 0..8 {
            let (d, m) = scale_and_minimum(block, group);
            values.extend(four_bits(elements, group).map(|q| d * f32::from(q) - m));
        }
    },
};

/// As [`Q4_K`], with 32 bytes before the elements that have the fifth bit of each.
pub(crate) static Q5_K: Block = Block {
    n_values: N,
    bytes: 4 + SCALES + 32 + N / 2,
    decode: |block, values| {
        let (high, elements) = block[4 + SCALES..].split_at(32);
        for group in 0..8 {
            let (d, m) = scale_and_minimum(block, group);
            let elements = four_bits(elements, group).zip(high);
            let value = |(q, high): (u8, &u8)| q | (high >> group & 1) << 4;
            values.extend(elements.map(|pair| d * f32::from(value(pair)) - m));
        }
    },
};

/// The low 4 bits of the elements; their high 2 bits; 16 scales of 8 bits; scale of the scales.
pub(crate) static Q6_K: Block = Block {
    n_values: N,
    bytes: N / 2 + N / 4 + 16 + 2,
    decode: |block, values| {
        let (low, rest) = block.split_at(N / 2);
        let scales = &rest[N / 4..];
        let d = scale(scales, 16);
        for half in 0..2 {
            for quarter in 0..4 {
                quarter_of_q6(low, rest, scales, d, (half, quarter), values);
            }
        }
    },
};

/// Scale, as `f32`; 256 elements of 8 bits; 16 sums of elements, which are not needed.
pub(crate) static Q8_K: Block = Block {
    n_values: N,
    bytes: 4 + N + 32,
    decode: |block, values| {
        let d = f32::from_le_bytes([block[0], block[1], block[2], block[3]]);
        values.extend(block[4..4 + N].iter().map(|&q| d * signed(q)));
    },
};

/// 16 elements of 2 bits. A half of a block has its elements in 32 bytes, of which each has one
/// element of four groups of 32.
fn two_bits(bytes: &[u8], group: usize) -> impl Iterator<Item = u8> {
    let (half, within) = (group / 8, group % 8);
    let (shift, start) = (within / 2 * 2, half * 32 + within % 2 * 16);
    bytes[start..start + 16]
        .iter()
        .map(move |byte| byte >> shift & 3)
}

/// 32 elements of 4 bits. Two groups share 32 bytes: the first has the low halves.
fn four_bits(bytes: &[u8], group: usize) -> impl Iterator<Item = u8> {
    let (start, shift) = (group / 2 * 32, group % 2 * 4);
    bytes[start..start + 32]
        .iter()
        .map(move |byte| byte >> shift & 0xf)
}

/// The scale of 16 elements of [`Q3_K`], 6 bits: 8 bytes have the low 4 bits of all scales, 4 bytes
/// the high 2.
fn scale_of_q3(scales: &[u8], group: usize) -> u8 {
    let low = scales[group % 8] >> (group / 8 * 4) & 0xf;
    let high = scales[8 + group % 4] >> (group / 4 * 2) & 3;
    low | high << 4
}

/// Scale and minimum of 32 elements of [`Q4_K`] and [`Q5_K`]. Of the first four groups they are the
/// low 6 bits of a byte each. The others have their low 4 bits in a byte that they share, and their
/// high 2 bits in those that the first ones leave.
fn scale_and_minimum(block: &[u8], group: usize) -> (f32, f32) {
    let packed = &block[4..4 + SCALES];
    let (scale_bits, minimum_bits) = if group < 4 {
        (packed[group] & 63, packed[group + 4] & 63)
    } else {
        let shared = packed[group + 4];
        (
            shared & 0xf | packed[group - 4] >> 6 << 4,
            shared >> 4 | packed[group] >> 6 << 4,
        )
    };
    let (d, min) = (scale(block, 0), scale(block, 2));
    (d * f32::from(scale_bits), min * f32::from(minimum_bits))
}

/// 32 elements of [`Q6_K`], a quarter of a half of the block.
fn quarter_of_q6(
    low: &[u8],
    high: &[u8],
    scales: &[u8],
    d: f32,
    (half, quarter): (usize, usize),
    values: &mut Values,
) {
    let low = &low[half * HALF / 2 + quarter % 2 * 32..][..32];
    let high = &high[half * 32..][..32];
    let elements = low.iter().zip(high).enumerate();
    values.extend(elements.map(|(index, (low, high))| {
        let q = low >> (quarter / 2 * 4) & 0xf | (high >> (quarter * 2) & 3) << 4;
        let scale = signed(scales[half * 8 + quarter * 2 + index / 16]);
        d * scale * (f32::from(q) - 32.0)
    }));
}

//! Small blocks with the numbers that ggml makes of them, worked out by hand. Whole files are
//! compared with the package `gguf` in `cntflow-sources`.

use super::*;

/// Half-precision 0.5 and 2.
const HALF: [u8; 2] = [0x00, 0x38];
const TWO: [u8; 2] = [0x00, 0x40];

fn decoded(block: &Block, parts: &[&[u8]]) -> Vec<f32> {
    let bytes = parts.concat();
    assert_eq!(bytes.len(), block.bytes);
    let decoded = block.decode(&bytes);
    let (values, rest) = decoded.as_chunks();
    assert_eq!((values.len(), rest.len()), (block.n_values, 0));
    values
        .iter()
        .map(|&value| f32::from_le_bytes(value))
        .collect()
}

#[test]
fn four_bits_are_low_halves_and_then_high_halves() {
    let elements: Vec<u8> = (0..16).map(|i| i | (15 - i) << 4).collect();
    let values = decoded(&Q4_0, &[&HALF, &elements]);
    assert_eq!((values[0], values[15]), (-4.0, 3.5));
    assert_eq!((values[16], values[31]), (3.5, -4.0));
    let values = decoded(&Q4_1, &[&HALF, &TWO, &elements]);
    assert_eq!((values[0], values[15], values[16]), (2.0, 9.5, 9.5));
}

#[test]
fn the_fifth_bit_lies_apart() {
    // The fifth bit of elements 0 and 31.
    let high = [1, 0, 0, 0x80];
    let elements = [0x21; 16];
    let values = decoded(&Q5_0, &[&HALF, &high, &elements]);
    assert_eq!((values[0], values[1]), (0.5, -7.5));
    assert_eq!((values[30], values[31]), (-7.0, 1.0));
    let values = decoded(&Q5_1, &[&HALF, &TWO, &high, &elements]);
    assert_eq!((values[0], values[1]), (10.5, 2.5));
    assert_eq!((values[30], values[31]), (3.0, 11.0));
}

#[test]
fn eight_bits_have_a_sign() {
    let elements: Vec<u8> = (0..32_i8).map(|i| (i - 16).cast_unsigned()).collect();
    let values = decoded(&Q8_0, &[&HALF, &elements]);
    assert_eq!((values[0], values[16], values[31]), (-8.0, 0.0, 7.5));
    let elements: Vec<u8> = (0..=255).collect();
    let values = decoded(&Q8_K, &[&0.25_f32.to_le_bytes(), &elements, &[9; 32]]);
    assert_eq!((values[1], values[127], values[128]), (0.25, 31.75, -32.0));
}

#[test]
fn groups_of_two_bits_have_scales_and_minima_of_four() {
    // Scale 1 and minimum 2 for the first group, 3 and 0 for the last.
    let scales = [&[0x21][..], &[0; 14], &[0x03]].concat();
    let elements = [0b11_01_00_10; 64];
    let values = decoded(&Q2_K, &[&scales, &elements, &HALF, &TWO]);
    assert_eq!((values[0], values[15], values[16]), (-3.0, -3.0, 0.0));
    assert_eq!((values[239], values[240], values[255]), (0.0, 4.5, 4.5));
}

#[test]
fn scales_of_three_bit_elements_have_six_bits() {
    // Scales: 33 for group 0 (low 1, high 2), 63 for group 15, 32 for all others.
    let scales = [
        &[0x01][..],
        &[0; 6],
        &[0xf0],
        &[0b10_10_10_10; 3],
        &[0b11_10_10_10],
    ]
    .concat();
    // The third bit of each element of group 0 is set.
    let high = [&[1; 16][..], &[0; 16]].concat();
    let elements = [0b11_00_00_10; 64];
    let values = decoded(&Q3_K, &[&high, &elements, &scales, &HALF]);
    // 0.5 x (33 - 32) x (2 + 4 - 4), and 0.5 x (63 - 32) x (3 - 4).
    assert_eq!((values[0], values[15], values[16]), (1.0, 1.0, 0.0));
    assert_eq!((values[239], values[240], values[255]), (0.0, -15.5, -15.5));
}

#[test]
fn later_groups_have_their_high_bits_with_the_first() {
    // Group 0: scale 1, minimum 2. Group 4: scale 0x33 = 51 and minimum 0x21 = 33, of whose 6 bits
    // the high two are in the bytes of group 0.
    let mut packed = [0_u8; 12];
    packed[0] = 0b1100_0001;
    packed[4] = 0b1000_0010;
    packed[8] = 0x13;
    let elements = [0x51; 128];
    let values = decoded(&Q4_K, &[&HALF, &TWO, &packed, &elements]);
    assert_eq!((values[0], values[32]), (0.5 - 4.0, 0.0));
    assert_eq!((values[128], values[160]), (25.5 - 66.0, 0.0));
    // The fifth bit of the groups 0 and 4.
    let high = [0b0001_0001; 32];
    let values = decoded(&Q5_K, &[&HALF, &TWO, &packed, &high, &elements]);
    assert_eq!((values[0], values[128]), (8.5 - 4.0, 25.5 * 17.0 - 66.0));
}

#[test]
fn six_bits_are_four_and_two() {
    let low = [0x4f; 128];
    let high = [0b00_01_10_11; 64];
    // Scale 1 for the first group, -2 for the last.
    let scales = [&[1][..], &[0; 14], &[0xfe]].concat();
    let values = decoded(&Q6_K, &[&low, &high, &scales, &HALF]);
    // 0.5 x (63 - 32), and 0.5 x -2 x (4 - 32).
    assert_eq!((values[0], values[15], values[16]), (15.5, 15.5, 0.0));
    assert_eq!((values[239], values[240], values[255]), (0.0, 28.0, 28.0));
}

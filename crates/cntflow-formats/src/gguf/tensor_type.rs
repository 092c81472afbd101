//! The types of tensors by ggml's numbers (`enum ggml_type` of `ggml.h`).

use super::blocks::{self, Block};
use crate::Element;

/// What is known of a type.
pub(super) enum TensorType {
    /// Elements that are read, and how they are stored.
    Read(Element, Stored),
    /// A type that is not read, by its name.
    NotRead(String),
}

/// How elements are stored.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stored {
    /// One after the other, little-endian.
    AsIs,
    /// Quantised in blocks.
    Blocks(&'static Block),
}

/// Types that are not read: numbers and names.
const NOT_READ: [(u32, &str); 19] = [
    (4, "Q4_2"),
    (5, "Q4_3"),
    (9, "Q8_1"),
    (16, "IQ2_XXS"),
    (17, "IQ2_XS"),
    (18, "IQ3_XXS"),
    (19, "IQ1_S"),
    (20, "IQ4_NL"),
    (21, "IQ3_S"),
    (22, "IQ2_S"),
    (23, "IQ4_XS"),
    (29, "IQ1_M"),
    (31, "Q4_0_4_4"),
    (32, "Q4_0_4_8"),
    (33, "Q4_0_8_8"),
    (34, "TQ1_0"),
    (35, "TQ2_0"),
    (39, "MXFP4"),
    (40, "NVFP4"),
];

impl TensorType {
    /// The type that a number stands for.
    pub(super) fn of_number(number: u32) -> Self {
        let as_is = |element| Self::Read(element, Stored::AsIs);
        let in_blocks = |element, block| Self::Read(element, Stored::Blocks(block));
        match number {
            0 => as_is(Element::F32),
            1 => as_is(Element::F16),
            2 => in_blocks(Element::Q4_0, &blocks::Q4_0),
            3 => in_blocks(Element::Q4_1, &blocks::Q4_1),
            6 => in_blocks(Element::Q5_0, &blocks::Q5_0),
            7 => in_blocks(Element::Q5_1, &blocks::Q5_1),
            8 => in_blocks(Element::Q8_0, &blocks::Q8_0),
            10 => in_blocks(Element::Q2K, &blocks::Q2_K),
            11 => in_blocks(Element::Q3K, &blocks::Q3_K),
            12 => in_blocks(Element::Q4K, &blocks::Q4_K),
            13 => in_blocks(Element::Q5K, &blocks::Q5_K),
            14 => in_blocks(Element::Q6K, &blocks::Q6_K),
            15 => in_blocks(Element::Q8K, &blocks::Q8_K),
            24 => as_is(Element::I8),
            25 => as_is(Element::I16),
            26 => as_is(Element::I32),
            27 => as_is(Element::I64),
            28 => as_is(Element::F64),
            30 => as_is(Element::BF16),
            _ => {
                let name = NOT_READ.iter().find(|(known, _)| *known == number);
                Self::NotRead(name.map_or_else(
                    || format!("number {number}"),
                    |(_, name)| (*name).to_owned(),
                ))
            }
        }
    }
}

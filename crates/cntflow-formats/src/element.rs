//! The types of tensors' elements, and elements as `f32`.

use std::borrow::Cow;
use std::fmt;

use half::{bf16, f16};

macro_rules! elements {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal, $bytes:literal;)+) => {
        /// The type of a tensor's elements, whatever the format calls it (`float32`,
        /// `FloatStorage`, `<f4`, ...).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Element {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Element {
            /// Its name in tables and messages, which is that of safetensors, e.g. `F32`.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// Size of one element in bytes, as readers hand it out.
            pub fn bytes(self) -> usize {
                match self { $(Self::$name => $bytes,)+ }
            }
        }
    };
}

elements! {
    /// 64-bit floats.
    F64 = "F64", 8;
    /// 32-bit floats.
    F32 = "F32", 4;
    /// IEEE's 16-bit floats.
    F16 = "F16", 2;
    /// Brain floats.
    BF16 = "BF16", 2;
    /// 8-bit floats with 4 bits of exponent.
    F8E4M3 = "F8_E4M3", 1;
    /// 8-bit floats with 5 bits of exponent.
    F8E5M2 = "F8_E5M2", 1;
    /// Pairs of 32-bit floats.
    C64 = "C64", 8;
    /// Pairs of 64-bit floats.
    C128 = "C128", 16;
    /// Whole numbers of 64 bits.
    I64 = "I64", 8;
    /// Whole numbers of 32 bits.
    I32 = "I32", 4;
    /// Whole numbers of 16 bits.
    I16 = "I16", 2;
    /// Whole numbers of 8 bits.
    I8 = "I8", 1;
    /// Whole numbers of 64 bits, not negative.
    U64 = "U64", 8;
    /// Whole numbers of 32 bits, not negative.
    U32 = "U32", 4;
    /// Whole numbers of 16 bits, not negative.
    U16 = "U16", 2;
    /// Whole numbers of 8 bits, not negative.
    U8 = "U8", 1;
    /// Flags of one byte.
    Bool = "BOOL", 1;
    /// Blocks of ggml's `Q4_0`, which become 32-bit floats when they are read, as all that follow.
    Q4_0 = "Q4_0", 4;
    /// Blocks of ggml's `Q4_1`.
    Q4_1 = "Q4_1", 4;
    /// Blocks of ggml's `Q5_0`.
    Q5_0 = "Q5_0", 4;
    /// Blocks of ggml's `Q5_1`.
    Q5_1 = "Q5_1", 4;
    /// Blocks of ggml's `Q8_0`.
    Q8_0 = "Q8_0", 4;
    /// Blocks of ggml's `Q2_K`.
    Q2K = "Q2_K", 4;
    /// Blocks of ggml's `Q3_K`.
    Q3K = "Q3_K", 4;
    /// Blocks of ggml's `Q4_K`.
    Q4K = "Q4_K", 4;
    /// Blocks of ggml's `Q5_K`.
    Q5K = "Q5_K", 4;
    /// Blocks of ggml's `Q6_K`.
    Q6K = "Q6_K", 4;
    /// Blocks of ggml's `Q8_K`.
    Q8K = "Q8_K", 4;
    /// Whole numbers of 8 bits, not negative, with the scale and the offset of their tensor.
    ScaledU8 = "U8_SCALED", 4;
    /// Whole numbers of 16 bits, not negative, with the scale and the offset of their tensor.
    ScaledU16 = "U16_SCALED", 4;
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Element {
    /// Whether elements of this type are read as weights: floats of 16 bits and more, and quantised
    /// ones.
    pub fn is_real(self) -> bool {
        matches!(self, Self::F64 | Self::F32 | Self::F16 | Self::BF16) || self.is_quantised()
    }

    /// Whether the file has fewer bits than the `f32` that readers hand out.
    fn is_quantised(self) -> bool {
        matches!(
            self,
            Self::Q4_0
                | Self::Q4_1
                | Self::Q5_0
                | Self::Q5_1
                | Self::Q8_0
                | Self::Q2K
                | Self::Q3K
                | Self::Q4K
                | Self::Q5K
                | Self::Q6K
                | Self::Q8K
                | Self::ScaledU8
                | Self::ScaledU16
        )
    }

    /// The type that NumPy and PyTorch call by this name.
    pub(crate) fn of_dtype(name: &str) -> Option<Self> {
        Some(match name {
            "float64" => Self::F64,
            "float32" => Self::F32,
            "float16" => Self::F16,
            "bfloat16" => Self::BF16,
            "float8_e4m3fn" => Self::F8E4M3,
            "float8_e5m2" => Self::F8E5M2,
            "uint64" => Self::U64,
            "uint32" => Self::U32,
            "uint16" => Self::U16,
            "int64" => Self::I64,
            "int32" => Self::I32,
            "int16" => Self::I16,
            "int8" => Self::I8,
            "uint8" => Self::U8,
            "bool" => Self::Bool,
            "complex64" => Self::C64,
            "complex128" => Self::C128,
            _ => return None,
        })
    }

    /// Size in bytes of the unit that byte-swapping reverses: half of a complex number, otherwise
    /// the element.
    pub(crate) fn component_bytes(self) -> usize {
        match self {
            Self::C64 | Self::C128 => self.bytes() / 2,
            _ => self.bytes(),
        }
    }

    /// Little-endian elements as `f32`: borrowed if they are aligned `F32`, converted otherwise.
    /// `None` if the type is not read as weights.
    pub fn values(self, elements: Cow<'_, [u8]>) -> Option<Cow<'_, [f32]>> {
        let bytes = match (self, elements) {
            (Self::F32, Cow::Borrowed(bytes)) => match bytemuck::try_cast_slice(bytes) {
                Ok(aligned) => return Some(Cow::Borrowed(aligned)),
                Err(_) => Cow::Borrowed(bytes),
            },
            (_, other) => other,
        };
        Some(Cow::Owned(match self {
            quantised if quantised.is_quantised() => convert(&bytes, f32::from_le_bytes),
            Self::F32 => convert(&bytes, f32::from_le_bytes),
            Self::F64 => convert(&bytes, |b| f64::from_le_bytes(b) as f32),
            Self::F16 => convert(&bytes, |b| f16::from_le_bytes(b).to_f32()),
            Self::BF16 => convert(&bytes, |b| bf16::from_le_bytes(b).to_f32()),
            _ => return None,
        }))
    }
}

impl Element {
    /// Little-endian elements as `f32`, whole numbers of at most 32 bits among them. `None` for
    /// other types.
    pub fn numbers(self, elements: Cow<'_, [u8]>) -> Option<Vec<f32>> {
        let bytes = &*elements;
        Some(match self {
            Self::I8 => convert(bytes, |b| i8::from_le_bytes(b).into()),
            Self::U8 => convert(bytes, |b| u8::from_le_bytes(b).into()),
            Self::I16 => convert(bytes, |b| i16::from_le_bytes(b).into()),
            Self::U16 => convert(bytes, |b| u16::from_le_bytes(b).into()),
            Self::I32 => convert(bytes, |b| i32::from_le_bytes(b) as f32),
            Self::U32 => convert(bytes, |b| u32::from_le_bytes(b) as f32),
            _ => self.values(elements)?.into_owned(),
        })
    }
}

fn convert<const N: usize>(bytes: &[u8], value: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    let (chunks, _) = bytes.as_chunks();
    chunks.iter().map(|chunk| value(*chunk)).collect()
}

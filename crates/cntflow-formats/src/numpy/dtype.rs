//! NumPy's names of element types: `<f4`, `>i8`, `|b1`.

use crate::Element;

/// An element type with its byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dtype {
    pub(crate) element: Element,
    pub(crate) is_big_endian: bool,
}

/// The type of a name such as `<f4`, or of one without byte order, as pickles have it; `None` for
/// objects, records, texts and dates.
pub(crate) fn dtype(name: &str) -> Option<Dtype> {
    let (is_big_endian, kind) = match name.split_at_checked(1)? {
        (">", kind) => (true, kind),
        ("<" | "=" | "|", kind) => (false, kind),
        _ => (false, name),
    };
    let element = match kind {
        "f8" => Element::F64,
        "f4" => Element::F32,
        "f2" => Element::F16,
        "c8" => Element::C64,
        "c16" => Element::C128,
        "i8" => Element::I64,
        "i4" => Element::I32,
        "i2" => Element::I16,
        "i1" => Element::I8,
        "u8" => Element::U64,
        "u4" => Element::U32,
        "u2" => Element::U16,
        "u1" => Element::U8,
        "b1" | "?" => Element::Bool,
        _ => return None,
    };
    Some(Dtype {
        element,
        is_big_endian,
    })
}

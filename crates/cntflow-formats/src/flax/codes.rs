//! What flax writes for what msgpack itself has not.

/// The extension that is an array.
pub(super) const ARRAY: i8 = 1;

/// The extension that is a complex number of Python.
pub(super) const COMPLEX: i8 = 2;

/// The extension that is a scalar of NumPy.
pub(super) const SCALAR: i8 = 3;

/// The first key of a map that is an array in pieces.
pub(super) const CHUNKED: &str = "__msgpack_chunked_array__";

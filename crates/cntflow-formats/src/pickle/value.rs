//! The values that a pickle is made of; they refer to each other by [`Id`].

use std::ops::Range;

/// Index of a value in its pickle's arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Id(pub(super) u32);

/// A value of a pickle.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Python's `None`.
    None,
    /// A flag.
    Flag(bool),
    /// A whole number of up to 64 bits.
    Whole(i64),
    /// A whole number beyond 64 bits.
    Huge,
    /// A real number.
    Real(f64),
    /// A text.
    Text(String),
    /// Bytes, as their range in the file that the pickle was read from.
    Bytes(Range<usize>),
    /// A tuple.
    Tuple(Vec<Id>),
    /// A list.
    List(Vec<Id>),
    /// A set.
    Set(Vec<Id>),
    /// A dictionary, as pairs of key and value.
    Dict(Vec<(Id, Id)>),
    /// A class or function, by its name.
    Class {
        /// The module that it is in.
        module: String,
        /// Its name in the module.
        name: String,
    },
    /// The object that a call would make.
    Object(Box<Object>),
    /// Something outside of the pickle, by its persistent identifier: a PyTorch storage.
    Persistent(Id),
}

/// A call that was not made, and what would be done with its result.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// The function or class, usually a [`Value::Class`].
    pub class: Id,
    /// Its arguments, usually a tuple.
    pub arguments: Id,
    /// The state that the result is given.
    pub state: Option<Id>,
    /// Elements that are appended to the result.
    pub items: Vec<Id>,
    /// Keys and values that are put into the result.
    pub pairs: Vec<(Id, Id)>,
}

//! What both forms of a file are read into.

use std::borrow::Cow;
use std::collections::HashMap;

use cntflow_storage::zip::Member;

use crate::pickle::Pickle;

/// The parts of a file of either form.
pub(super) struct Parts<'a> {
    pub(super) pickle: Pickle,
    /// What the pickle was read from: the file up to the pickle's end at least, or a decoded
    /// member.
    pub(super) bytes: Cow<'a, [u8]>,
    /// Whether offsets in `bytes` are offsets in the file.
    pub(super) is_in_file: bool,
    /// The storages by their keys.
    pub(super) storages: HashMap<String, Member>,
    pub(super) is_big_endian: bool,
}

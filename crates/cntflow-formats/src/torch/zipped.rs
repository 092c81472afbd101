//! The zip form: `<name>/data.pkl`, `<name>/byteorder`, `<name>/data/<key>` for every storage.

use std::borrow::Cow;

use cntflow_storage::{
    FormatError, Limits,
    zip::{self, Member},
};

use super::parts::Parts;
use crate::pickle::Pickle;

/// Whether the file is a zip in which some member is called `data.pkl`.
pub(super) fn recognises(file: &[u8]) -> bool {
    // PyTorch writes it first, so that most files are recognised without reading their list of
    // members.
    zip::first_member(file).is_some_and(|(name, _)| is_pickle(name))
        || zip::has_some_member(file, is_pickle)
}

fn is_pickle(name: &str) -> bool {
    name.rsplit('/').next() == Some("data.pkl")
}

/// Lists the members and reads the pickle.
pub(super) fn read<'a>(file: &'a [u8], limits: &Limits) -> Result<Parts<'a>, FormatError> {
    let members = zip::members(file, limits)?;
    let pickle = members
        .iter()
        .filter(|(name, _)| is_pickle(name))
        // The shortest name is the outermost folder: others may be inside an archive that was
        // packed along.
        .min_by_key(|(name, _)| name.len());
    let (name, pickle) =
        pickle.ok_or_else(|| FormatError::broken("its zip has no member data.pkl"))?;
    let folder = name.strip_suffix("data.pkl").unwrap_or_default();
    let (order, data) = (format!("{folder}byteorder"), format!("{folder}data/"));
    let order = members.iter().find(|(name, _)| *name == order);
    let is_big_endian = match order {
        Some((_, order)) => *order.small_content(file, "its byteorder", limits)? == *b"big",
        None => false,
    };
    let (bytes, start, is_in_file) = match pickle {
        Member::Stored(range) => {
            // Only for the check of its size: the pickle is read in place below, so that arrays in
            // it keep their offsets in the file.
            pickle.small_content(file, "its pickle", limits)?;
            (Cow::Borrowed(&file[..range.end]), range.start, true)
        }
        Member::Deflated { .. } => (pickle.small_content(file, "its pickle", limits)?, 0, false),
    };
    let pickle = Pickle::read(&bytes, start, limits)?;
    let storages = members
        .into_iter()
        .filter_map(|(name, member)| Some((name.strip_prefix(&data)?.to_owned(), member)));
    Ok(Parts {
        pickle,
        bytes,
        is_in_file,
        storages: storages.collect(),
        is_big_endian,
    })
}

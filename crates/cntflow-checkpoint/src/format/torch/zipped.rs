//! The zip form: `<name>/data.pkl`, `<name>/byteorder`, `<name>/data/<key>` for every storage.

use super::Parts;
use crate::Limits;
use crate::format::FormatError;
use crate::format::archive;
use crate::format::pickle::Pickle;

/// A zip in which some member is called `data.pkl`.
pub(super) fn recognises(file: &[u8]) -> bool {
    // The first member is it in all files that PyTorch writes, so that most files are told without their list.
    archive::first(file).is_some_and(|(name, _)| is_pickle(name))
        || archive::any_name(file, is_pickle)
}

fn is_pickle(name: &str) -> bool {
    name.rsplit('/').next() == Some("data.pkl")
}

/// Lists the members and reads the pickle.
pub(super) fn read(file: &[u8], limits: &Limits) -> Result<Parts, FormatError> {
    let members = archive::members(file, limits)?;
    let pickle = members
        .iter()
        .filter(|(name, _)| is_pickle(name))
        .min_by_key(|(name, _)| name.len());
    let (name, pickle) =
        pickle.ok_or_else(|| FormatError::broken("its zip has no member data.pkl"))?;
    let folder = name.strip_suffix("data.pkl").unwrap_or_default();
    let (order, data) = (format!("{folder}byteorder"), format!("{folder}data/"));
    let order = members.iter().find(|(name, _)| *name == order);
    let big_endian = match order {
        Some((_, order)) => *order.held(file, limits)? == *b"big",
        None => false,
    };
    let pickle = Pickle::read(&pickle.held(file, limits)?, 0, limits)?;
    let storages = members
        .into_iter()
        .filter_map(|(name, member)| Some((name.strip_prefix(&data)?.to_owned(), member)));
    Ok(Parts {
        pickle,
        storages: storages.collect(),
        big_endian,
    })
}

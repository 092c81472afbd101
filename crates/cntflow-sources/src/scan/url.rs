//! Objects of a store, looked at: of each only the beginning is read, by ranges and many at a time. That is enough to tell a format,
//! an archive, and the metadata of a safetensors file.

use cntflow_storage::FullMessage;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use super::{Found, plain};
use crate::{SourceError, layout};
use cntflow_catalog::rows::holds_rows;
use cntflow_formats::is_known as is_known_format;
use cntflow_formats::peek_metadata;
use cntflow_storage::store;
use cntflow_storage::store::ObjectStores;
use cntflow_storage::{Limits, Location, StorageError, archive};

/// What is read of every object at first, in bytes: more than most headers have.
const FIRST_BYTES: u64 = 16 << 10;

/// Objects whose beginnings are in memory at a time.
const AT_A_TIME: usize = 1024;

/// What the beginning of an object tells beyond its name.
#[derive(Debug)]
pub(crate) enum Seen {
    /// It is of a known format, and has such metadata.
    Checkpoint(BTreeMap<String, String>),
    /// It is an archive, or what may hold one.
    Archive,
    /// It cannot be read.
    Failed(String),
}

/// The objects of a source, their beginnings remembered. Those that are something else by their names are not looked at; those that
/// layouts read are sent for.
pub(super) fn look(source: &str, found: &mut Found) -> Result<Vec<Location>, SourceError> {
    let stores = ObjectStores::of_process()?;
    let objects = stores.list(source)?;
    if objects.is_empty() {
        return Err(SourceError::NoSuchSource {
            source_name: source.to_owned(),
        });
    }
    let locations: Vec<Location> = objects
        .iter()
        .map(|object| Path::new(&object.url).into())
        .collect();
    let wanted = objects.iter().zip(&locations);
    let wanted = wanted.filter(|(_, at)| !plain::is_beside(at) && !holds_rows(at.file_name()));
    let wanted: Vec<(&store::Found, &Location)> = wanted.collect();
    for some in wanted.chunks(AT_A_TIME) {
        for (&(object, at), beginning) in some.iter().zip(beginnings(stores, some, &found.limits)) {
            if let Some(seen) = seen(at, beginning, &found.limits) {
                found.seen.insert(object.url.clone(), seen);
            }
        }
    }
    let read = locations
        .iter()
        .filter(|at| layout::is_read(at.file_name()));
    let read = read.filter_map(|at| at.url().map(str::to_owned));
    stores.expect(read, found.limits);
    Ok(locations)
}

/// What the beginning of an object tells; a zip archive may be a checkpoint, which its name decides.
fn seen(at: &Location, beginning: Result<Vec<u8>, StorageError>, limits: &Limits) -> Option<Seen> {
    let bytes = match beginning {
        Ok(bytes) => bytes,
        Err(error) => return Some(Seen::Failed(error.full_message())),
    };
    if archive::is_tar(&bytes) || archive::is_zip(&bytes) && !plain::claims(at) {
        return Some(Seen::Archive);
    }
    let metadata = peek_metadata(&bytes[..], limits);
    let is_known = metadata.is_some() || is_known_format(&bytes);
    is_known.then(|| Seen::Checkpoint(metadata.unwrap_or_default()))
}

/// The first bytes of some objects, whole headers among them.
fn beginnings(
    stores: &ObjectStores,
    objects: &[(&store::Found, &Location)],
    limits: &Limits,
) -> Vec<Result<Vec<u8>, StorageError>> {
    let first =
        |(object, _): &(&store::Found, _)| (object.url.clone(), 0..object.bytes.min(FIRST_BYTES));
    let mut beginnings = read(stores, objects.iter().map(first));
    let longer = |(place, beginning): (usize, &Result<Vec<u8>, _>)| {
        let rest = rest_of_header(beginning.as_ref().ok()?, objects[place].0.bytes, limits)?;
        Some((place, rest))
    };
    let longer: Vec<(usize, Range<u64>)> =
        beginnings.iter().enumerate().filter_map(longer).collect();
    let rests = longer
        .iter()
        .map(|(place, rest)| (objects[*place].0.url.clone(), rest.clone()));
    for ((place, _), rest) in longer.iter().zip(read(stores, rests)) {
        match (&mut beginnings[*place], rest) {
            (Ok(bytes), Ok(rest)) => bytes.extend(rest),
            (beginning, Err(error)) => *beginning = Err(error),
            _ => {}
        }
    }
    beginnings
}

/// Reads ranges, those of no bytes without asking.
fn read(
    stores: &ObjectStores,
    ranges: impl Iterator<Item = (String, Range<u64>)>,
) -> Vec<Result<Vec<u8>, StorageError>> {
    let ranges: Vec<_> = ranges.collect();
    let asked = ranges.iter().filter(|(_, range)| !range.is_empty());
    let mut answers = stores.read_ranges(asked.cloned().collect()).into_iter();
    let answer = |(_, range): &(String, Range<u64>)| match range.is_empty() {
        true => Ok(Vec::new()),
        false => answers.next().unwrap_or_else(|| Ok(Vec::new())),
    };
    ranges.iter().map(answer).collect()
}

/// What a safetensors header has beyond the bytes that are there, if it is one and no longer than may be.
fn rest_of_header(bytes: &[u8], size: u64, limits: &Limits) -> Option<Range<u64>> {
    if bytes.get(8) != Some(&b'{') {
        return None;
    }
    let length = u64::from_le_bytes(*bytes.first_chunk()?);
    let have = bytes.len() as u64;
    let end = length.checked_add(8)?;
    let is_one = length <= limits.header_bytes && end <= size;
    (is_one && end > have).then_some(have..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_header_that_fits_the_object_is_read_on() {
        let beginning = |length: u64| [&length.to_le_bytes()[..], b"{\"a\""].concat();
        let rest_of_header =
            |bytes: &[u8], size| super::rest_of_header(bytes, size, &Limits::default());
        assert_eq!(rest_of_header(&beginning(100), 1000), Some(12..108));
        assert_eq!(rest_of_header(&beginning(4), 1000), None);
        assert_eq!(rest_of_header(&beginning(993), 1000), None);
        assert_eq!(rest_of_header(&beginning(u64::MAX), u64::MAX), None);
        assert_eq!(rest_of_header(&beginning(200_000_000), 1 << 40), None);
        assert_eq!(rest_of_header(b"PK", 1000), None);
    }
}

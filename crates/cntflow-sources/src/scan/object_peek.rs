//! Peeking at objects of a store: only the beginning of each is read, by ranges and many at a time.
//! It shows whether an object is a checkpoint or an archive, and has the metadata of a safetensors
//! file.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use cntflow_catalog::rows::is_table_name;
use cntflow_formats::{is_known_format, peek_metadata};
use cntflow_storage::{
    FullMessage, Limits, Location, StorageError, archive,
    store::{ObjectInfo, ObjectStores},
    zip,
};

use super::{ScanState, hub_files, plain};
use crate::{SourceError, layout};

/// Bytes that are first read of every object: more than most headers have.
const FIRST_BYTES: u64 = 16 << 10;

/// Objects whose beginnings are in memory at a time.
const BATCH: usize = 1024;

/// What the beginning of an object shows.
#[derive(Clone, Debug)]
pub(crate) enum ObjectPeek {
    /// A checkpoint, with its metadata.
    Checkpoint(BTreeMap<String, String>),
    /// A zip, or a tar archive, compressed or not.
    Archive,
    /// It cannot be read, for this reason.
    Failed(String),
}

/// Lists the objects of a source, and reads the beginning of each one that may be a checkpoint or
/// an archive by its name. Files that layouts read whole are read ahead.
pub(super) fn peek_objects(
    source: &str,
    state: &mut ScanState,
) -> Result<Vec<Location>, SourceError> {
    let stores = ObjectStores::of_process()?;
    let objects = stores.list(source)?;
    let mut chosen = hub_files::choose(objects, source, plain::claims_checkpoint);
    state.skipped.append(&mut chosen.skipped);
    let objects = chosen.objects;
    if objects.is_empty() {
        return Err(SourceError::NoSuchSource {
            source_name: source.to_owned(),
        });
    }
    let locations: Vec<Location> = objects
        .iter()
        .map(|object| Path::new(&object.url).into())
        .collect();
    let unknown: Vec<(&ObjectInfo, &Location)> = objects
        .iter()
        .zip(&locations)
        .filter(|(_, location)| {
            !plain::has_other_ending(location) && !is_table_name(location.file_name())
        })
        .collect();
    let mut unseen = Vec::new();
    for (object, location) in unknown {
        match state.cache.peek(object) {
            Some(peek) => _ = state.peeks.insert(object.url.clone(), peek),
            None => unseen.push((object, location)),
        }
    }
    for batch in unseen.chunks(BATCH) {
        let beginnings = beginnings(stores, batch, &state.limits);
        for (&(object, location), beginning) in batch.iter().zip(beginnings) {
            if let Some(peek) = peek(location, beginning, &state.limits) {
                state.cache.see_object(object, &peek);
                if matches!(peek, ObjectPeek::Failed(_)) {
                    state.cache.found_error();
                }
                state.peeks.insert(object.url.clone(), peek);
            }
        }
    }
    let read_by_layouts = locations
        .iter()
        .filter(|location| layout::is_read_by_a_layout(location.file_name()))
        .filter_map(|location| location.url().map(str::to_owned));
    stores.announce(read_by_layouts, state.limits);
    Ok(locations)
}

/// What the beginning of an object shows; `None` for an unknown format. A zip may be a checkpoint
/// or an archive, which its name decides.
fn peek(
    location: &Location,
    beginning: Result<Vec<u8>, StorageError>,
    limits: &Limits,
) -> Option<ObjectPeek> {
    let bytes = match beginning {
        Ok(bytes) => bytes,
        Err(error) => return Some(ObjectPeek::Failed(error.full_message())),
    };
    if archive::is_tar(&bytes) || zip::is_zip(&bytes) && !plain::claims_checkpoint(location) {
        return Some(ObjectPeek::Archive);
    }
    let metadata = peek_metadata(&bytes[..], limits);
    let is_known = metadata.is_some() || is_known_format(&bytes);
    is_known.then(|| ObjectPeek::Checkpoint(metadata.unwrap_or_default()))
}

/// The first bytes of some objects; of safetensors the whole header.
fn beginnings(
    stores: &ObjectStores,
    objects: &[(&ObjectInfo, &Location)],
    limits: &Limits,
) -> Vec<Result<Vec<u8>, StorageError>> {
    let first =
        |(object, _): &(&ObjectInfo, _)| (object.url.clone(), 0..object.bytes.min(FIRST_BYTES));
    let mut beginnings = read(stores, objects.iter().map(first));
    let long_header = |(index, beginning): (usize, &Result<Vec<u8>, _>)| {
        let rest = rest_of_header(beginning.as_ref().ok()?, objects[index].0.bytes, limits)?;
        Some((index, rest))
    };
    let long_headers: Vec<(usize, Range<u64>)> = beginnings
        .iter()
        .enumerate()
        .filter_map(long_header)
        .collect();
    let rests = long_headers
        .iter()
        .map(|(index, rest)| (objects[*index].0.url.clone(), rest.clone()));
    for ((index, _), rest) in long_headers.iter().zip(read(stores, rests)) {
        match (&mut beginnings[*index], rest) {
            (Ok(bytes), Ok(rest)) => bytes.extend(rest),
            (beginning, Err(error)) => *beginning = Err(error),
            _ => {}
        }
    }
    beginnings
}

/// Reads ranges; an empty one needs no request.
fn read(
    stores: &ObjectStores,
    ranges: impl Iterator<Item = (String, Range<u64>)>,
) -> Vec<Result<Vec<u8>, StorageError>> {
    let ranges: Vec<_> = ranges.collect();
    let requested = ranges.iter().filter(|(_, range)| !range.is_empty());
    let mut answers = stores.read_ranges(requested.cloned().collect()).into_iter();
    let answer = |(_, range): &(String, Range<u64>)| {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        answers.next().unwrap_or_else(|| Ok(Vec::new()))
    };
    ranges.iter().map(answer).collect()
}

/// Where the rest of a safetensors header lies. `None` if the bytes are no safetensors header,
/// already hold all of it, or announce one that is larger than the object or the limits.
fn rest_of_header(bytes: &[u8], size: u64, limits: &Limits) -> Option<Range<u64>> {
    if bytes.get(8) != Some(&b'{') {
        return None;
    }
    let length = u64::from_le_bytes(*bytes.first_chunk()?);
    let read = bytes.len() as u64;
    let end = length.checked_add(8)?;
    let is_header = length <= limits.header_bytes && end <= size;
    (is_header && end > read).then_some(read..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_of_a_header_is_read_only_if_it_fits_the_object() {
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

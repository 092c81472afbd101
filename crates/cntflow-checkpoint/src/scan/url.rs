//! Finding checkpoints on an object store. Of each object only the beginning is read, by ranges and many at a time: enough to tell its
//! format, and the header of a safetensors file.

use std::ops::Range;

use super::{Found, plain};
use crate::catalog_file::read_catalog_at;
use crate::format::{self, peek_metadata};
use crate::rows::holds_rows;
use crate::store::{self, ObjectStores};
use crate::{CheckpointError, Limits, Location};

/// What is read of every object at first, in bytes: more than most headers have.
const FIRST_BYTES: u64 = 16 << 10;

/// Objects whose beginnings are in memory at a time.
const AT_A_TIME: usize = 1024;

/// As scanning a file or a folder: an object that is named is always an entry, or a catalog; of those below a prefix or of a glob those
/// are that hold a known format, or claim one by their name. Published layouts and archives are looked for on disks only: on a store
/// every checkpoint in them would mean to fetch the whole.
pub(super) fn scan(source: &str, found: &mut Found) -> Result<(), CheckpointError> {
    let stores = ObjectStores::of_process()?;
    let objects = stores.list(source)?;
    if objects.is_empty() {
        return Err(CheckpointError::NoSuchSource {
            source_name: source.to_owned(),
        });
    }
    let is_named = objects.len() == 1 && objects[0].url == source;
    let catalog = Location::from(std::path::Path::new(source));
    if is_named && holds_rows(catalog.file_name()) {
        let entries = read_catalog_at(&catalog, &found.limits)?;
        found.entries.extend(entries);
        return Ok(());
    }
    for some in objects.chunks(AT_A_TIME) {
        for (object, beginning) in some.iter().zip(beginnings(stores, some)) {
            let location = Location::from(std::path::Path::new(&object.url));
            let claims = is_named || plain::claims(&location);
            match beginning {
                Ok(bytes) if claims || format::is_known(&bytes) => {
                    let metadata = peek_metadata(&bytes[..], &found.limits);
                    let entry = plain::entry_of(&location, metadata.unwrap_or_default());
                    found.entries.push(entry);
                }
                Err(_) if claims => {
                    let entry = plain::entry_of(&location, Default::default());
                    found.entries.push(entry);
                }
                Ok(_) => found.pass_over(&location, "not a known checkpoint format"),
                Err(error) => found.pass_over(&location, error.to_string()),
            }
        }
    }
    Ok(())
}

/// The first bytes of some objects, whole headers among them.
fn beginnings(
    stores: &ObjectStores,
    objects: &[store::Found],
) -> Vec<Result<Vec<u8>, CheckpointError>> {
    let first = |object: &store::Found| (object.url.clone(), 0..object.bytes.min(FIRST_BYTES));
    let mut beginnings = read(stores, objects.iter().map(first));
    let longer = |(place, beginning): (usize, &Result<Vec<u8>, _>)| {
        let rest = rest_of_header(beginning.as_ref().ok()?, objects[place].bytes)?;
        Some((place, rest))
    };
    let longer: Vec<(usize, Range<u64>)> =
        beginnings.iter().enumerate().filter_map(longer).collect();
    let rests = longer
        .iter()
        .map(|(place, rest)| (objects[*place].url.clone(), rest.clone()));
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
) -> Vec<Result<Vec<u8>, CheckpointError>> {
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
fn rest_of_header(bytes: &[u8], size: u64) -> Option<Range<u64>> {
    if bytes.get(8) != Some(&b'{') {
        return None;
    }
    let length = u64::from_le_bytes(*bytes.first_chunk()?);
    let have = bytes.len() as u64;
    let end = length.checked_add(8)?;
    let is_one = length <= Limits::default().header_bytes && end <= size;
    (is_one && end > have).then_some(have..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_header_that_fits_the_object_is_read_on() {
        let beginning = |length: u64| [&length.to_le_bytes()[..], b"{\"a\""].concat();
        assert_eq!(rest_of_header(&beginning(100), 1000), Some(12..108));
        assert_eq!(rest_of_header(&beginning(4), 1000), None);
        assert_eq!(rest_of_header(&beginning(993), 1000), None);
        assert_eq!(rest_of_header(&beginning(u64::MAX), u64::MAX), None);
        assert_eq!(rest_of_header(&beginning(200_000_000), 1 << 40), None);
        assert_eq!(rest_of_header(b"PK", 1000), None);
    }
}

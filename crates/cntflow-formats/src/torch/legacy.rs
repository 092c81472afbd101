//! The form before PyTorch 1.6: pickles of a magic number, a protocol, the machine, the data and
//! the keys of the storages, followed by the storages.

use std::borrow::Cow;
use std::collections::HashMap;

use cntflow_storage::{FormatError, Limits, zip::Member};

use super::parts::Parts;
use super::walk::element_widths;
use crate::pickle::Pickle;

/// The pickle of PyTorch's magic number, 0x1950a86a20f9469cfc6c, by protocol 2.
const MAGIC: &[u8] = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.";

pub(super) fn recognises(file: &[u8]) -> bool {
    file.starts_with(MAGIC)
}

pub(super) fn read<'a>(file: &'a [u8], limits: &Limits) -> Result<Parts<'a>, FormatError> {
    let protocol = Pickle::read(file, MAGIC.len(), limits)?;
    let machine = Pickle::read(file, protocol.end(), limits)?;
    let pickle = Pickle::read(file, machine.end(), limits)?;
    let keys = Pickle::read(file, pickle.end(), limits)?;
    let widths = element_widths(&pickle);
    let mut storages = HashMap::new();
    let mut offset = keys.end();
    for &key in keys.elements(keys.root()).unwrap_or_default() {
        let key = keys
            .plain(key)
            .ok_or_else(|| FormatError::broken("a key of its storages is no text"))?;
        let width = widths.get(&key).copied().ok_or_else(|| {
            FormatError::broken(format!(
                "it lists storage {key}, which its data does not mention"
            ))
        })?;
        let count = file.get(offset..).and_then(|rest| rest.first_chunk());
        let count = count.map_or(u64::MAX, |bytes| u64::from_le_bytes(*bytes));
        let start = offset + 8;
        let end = usize::try_from(count)
            .ok()
            .and_then(|count| count.checked_mul(width)?.checked_add(start))
            .filter(|&end| end <= file.len())
            .ok_or_else(|| FormatError::broken(format!(
                "storage {key} (elements of {width} bytes) begins at byte {offset} and ends beyond the file, which has {} bytes (cut short)",
                file.len()
            )))?;
        storages.insert(key, Member::Stored(start..end));
        offset = end;
    }
    if offset != file.len() {
        return Err(FormatError::Length {
            expected: offset as u64,
            found: file.len() as u64,
        });
    }
    Ok(Parts {
        pickle,
        bytes: Cow::Borrowed(file),
        is_in_file: true,
        storages,
        // Storages of this form are little-endian, whatever machine wrote them.
        is_big_endian: false,
    })
}

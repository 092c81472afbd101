//! A `.keras` file: a zip archive of `config.json`, `metadata.json` and `model.weights.h5`.

use std::io::{Cursor, Read};

use zip::{CompressionMethod, ZipArchive};

use crate::format::FormatError;
use crate::{Content, Limits};

const CONFIG: &str = "config.json";
const METADATA: &str = "metadata.json";
const WEIGHTS: &str = "model.weights.h5";

/// The members of an archive.
pub(super) struct Archive {
    /// The architecture.
    pub(super) config: String,
    /// Version and date, where the archive has them.
    pub(super) metadata: Option<String>,
    /// The HDF5 file: a part of the archive where it is stored as it is.
    pub(super) weights: Content,
}

/// Whether the file is a zip archive with the members that Keras writes; one that is cut short has lost its list of members, and is
/// told by the first of them.
pub(super) fn recognises(file: &[u8]) -> bool {
    if !file.starts_with(b"PK\x03\x04") {
        return false;
    }
    match ZipArchive::new(Cursor::new(file)) {
        Ok(archive) => {
            let has = |member: &&str| archive.index_for_name(member).is_some();
            [CONFIG, WEIGHTS].iter().all(has)
        }
        Err(_) => {
            let name = file.get(30..).unwrap_or_default();
            name.starts_with(METADATA.as_bytes()) || name.starts_with(CONFIG.as_bytes())
        }
    }
}

/// Reads the members; a compressed one within the limits on its size and on its ratio of compression.
pub(super) fn read(file: &Content, limits: &Limits) -> Result<Archive, FormatError> {
    let mut archive = ZipArchive::new(Cursor::new(&**file)).map_err(|error| broken("", &error))?;
    let text_limits = Limits {
        decoded_bytes: limits.header_bytes,
        ..*limits
    };
    let has_metadata = archive.index_for_name(METADATA).is_some();
    let mut text = |name: &'static str| {
        let bytes = member(&mut archive, file, name, "header_bytes", &text_limits)?;
        String::from_utf8(bytes.to_vec())
            .map_err(|_| FormatError::broken(format!("member {name} is no text in UTF-8")))
    };
    let config = text(CONFIG)?;
    let metadata = has_metadata.then(|| text(METADATA)).transpose()?;
    let weights = member(&mut archive, file, WEIGHTS, "decoded_bytes", limits)?;
    Ok(Archive {
        config,
        metadata,
        weights,
    })
}

fn member(
    archive: &mut ZipArchive<Cursor<&[u8]>>,
    file: &Content,
    name: &'static str,
    limit: &'static str,
    limits: &Limits,
) -> Result<Content, FormatError> {
    let mut member = archive
        .by_name(name)
        .map_err(|error| broken(name, &error))?;
    let (stored, size) = (member.compressed_size(), member.size());
    if member.compression() == CompressionMethod::Stored {
        let start = member.data_start().unwrap_or(u64::MAX);
        let end = start
            .checked_add(size)
            .filter(|&end| end <= file.len() as u64);
        return match end {
            Some(end) => Ok(file.part(start as usize..end as usize)),
            None => Err(FormatError::broken(format!(
                "member {name} of {size} bytes from {start} goes beyond the file's {} bytes",
                file.len()
            ))),
        };
    }
    let what = || format!("bytes of member {name}");
    FormatError::within(what(), size, limit, limits.decoded_bytes)?;
    let most = stored.saturating_mul(limits.expansion);
    FormatError::within(what(), size, "expansion (times its compressed bytes)", most)?;
    let mut bytes = Vec::new();
    let read = member
        .by_ref()
        .take(size.saturating_add(1))
        .read_to_end(&mut bytes);
    read.map_err(|error| FormatError::broken(format!("member {name}: {error}")))?;
    if bytes.len() as u64 != size {
        return Err(FormatError::broken(format!(
            "member {name} has {} bytes or more, the archive lists {size}",
            bytes.len()
        )));
    }
    Ok(Content::held(bytes))
}

fn broken(member: &str, error: &zip::result::ZipError) -> FormatError {
    FormatError::broken(match member {
        "" => format!("its zip archive cannot be read: {error}"),
        _ => format!("member {member}: {error}"),
    })
}

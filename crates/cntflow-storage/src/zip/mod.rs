//! Zip archives whose members are read in place: PyTorch's files, `.npz` and `.keras`.
//!
//! The `zip` crate lists the members; where they lie, and that they neither overlap nor expand beyond the limits, is checked here.

use std::borrow::Cow;
use std::io::{Cursor, Read};
use std::ops::Range;

use flate2::Crc;
use flate2::read::DeflateDecoder;
use zip::{CompressionMethod, ZipArchive};

use crate::{FormatError, Limits};

pub(crate) mod list;

/// A member of an archive.
#[derive(Clone, Debug)]
pub enum Member {
    /// In the file, as it is.
    Stored(Range<usize>),
    /// In the file, deflated to so many bytes from so many, with the checksum of these.
    Deflated {
        /// Where the deflated bytes lie.
        compressed: Range<usize>,
        /// Number of bytes that they decode to.
        bytes: usize,
        /// CRC-32 of the decoded bytes.
        checksum: u32,
    },
}

impl Member {
    /// Bytes of its content.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Stored(range) => range.len(),
            Self::Deflated { bytes, .. } => *bytes,
        }
    }

    fn range(&self) -> &Range<usize> {
        match self {
            Self::Stored(range) => range,
            Self::Deflated { compressed, .. } => compressed,
        }
    }

    /// Its content.
    ///
    /// # Errors
    /// It is deflated, and the stream is damaged or has another length than is said.
    pub fn decoded<'a>(&self, file: &'a [u8]) -> Result<Cow<'a, [u8]>, FormatError> {
        match self {
            Self::Stored(range) => Ok(Cow::Borrowed(&file[range.clone()])),
            Self::Deflated {
                compressed,
                bytes,
                checksum,
            } => inflate(&file[compressed.clone()], *bytes, *checksum).map(Cow::Owned),
        }
    }

    /// Its content if it is small enough to be held in memory.
    ///
    /// # Errors
    /// It has more than `header_bytes`, or as [`Member::decoded`].
    pub fn held<'a>(
        &self,
        file: &'a [u8],
        what: &str,
        limits: &Limits,
    ) -> Result<Cow<'a, [u8]>, FormatError> {
        FormatError::check_limit(
            format!("bytes of {what}"),
            self.bytes() as u64,
            "header_bytes",
            limits.header_bytes,
        )?;
        self.decoded(file)
    }

    /// The first bytes of its content: all if it is stored, `most` otherwise.
    ///
    /// # Errors
    /// The deflated stream is damaged.
    pub fn beginning<'a>(&self, file: &'a [u8], most: u64) -> Result<Cow<'a, [u8]>, FormatError> {
        let Self::Deflated { compressed, .. } = self else {
            return self.decoded(file);
        };
        let mut decoded = Vec::new();
        let mut decoder = DeflateDecoder::new(&file[compressed.clone()]).take(most);
        decoder.read_to_end(&mut decoded).map_err(damaged)?;
        Ok(Cow::Owned(decoded))
    }
}

/// Name and content of the member at the beginning of a zip, as far as its first header tells.
pub fn first(file: &[u8]) -> Option<(&str, &[u8])> {
    if !file.starts_with(b"PK\x03\x04") {
        return None;
    }
    let length = |at: usize| {
        Some(usize::from(u16::from_le_bytes(
            *file.get(at..)?.first_chunk()?,
        )))
    };
    let (name, extra) = (length(26)?, length(28)?);
    let content = file.get(30 + name + extra..)?;
    Some((std::str::from_utf8(&file[30..30 + name]).ok()?, content))
}

/// Whether the file is a zip with members of all these names; `None` where its list of members cannot be read.
pub fn has_members(file: &[u8], names: &[&str]) -> Option<bool> {
    let archive = ZipArchive::new(Cursor::new(file)).ok()?;
    Some(
        names
            .iter()
            .all(|name| archive.index_for_name(name).is_some()),
    )
}

/// Whether the file is a zip with a member of such a name.
pub fn any_name(file: &[u8], wanted: impl Fn(&str) -> bool) -> bool {
    file.starts_with(b"PK\x03\x04")
        && ZipArchive::new(Cursor::new(file))
            .is_ok_and(|zip| zip.file_names().flatten().any(|name| wanted(&name)))
}

/// All members but folders, by name, in the archive's order.
///
/// # Errors
/// The list cannot be read or has a name twice; members overlap, lie beyond the end, are encrypted, or expand beyond the limits.
pub fn members(file: &[u8], limits: &Limits) -> Result<Vec<(String, Member)>, FormatError> {
    let broken = |error: zip::result::ZipError| {
        FormatError::broken(format!("its zip cannot be read: {error}"))
    };
    let mut zip = ZipArchive::new(Cursor::new(file)).map_err(broken)?;
    FormatError::check_limit(
        "members of its zip",
        zip.len() as u64,
        "tensors",
        limits.tensors,
    )?;
    list::check(file, &zip)?;
    let mut members = Vec::with_capacity(zip.len());
    for place in 0..zip.len() {
        let entry = zip.by_index_raw(place).map_err(broken)?;
        let name = entry.name().map_err(broken)?.into_owned();
        if !name.ends_with('/') {
            let member = member(&name, &entry, file, limits)?;
            members.push((name, member));
        }
    }
    let ranges = members.iter().map(|(name, member)| {
        let Range { start, end } = *member.range();
        (&**name, start as u64..end as u64)
    });
    list::apart(ranges)?;
    Ok(members)
}

/// Where a member lies, checked against the file and the limits.
fn member(
    name: &str,
    entry: &zip::read::ZipFile<'_, Cursor<&[u8]>>,
    file: &[u8],
    limits: &Limits,
) -> Result<Member, FormatError> {
    let (bytes, compressed) = (entry.size(), entry.compressed_size());
    let range = range(entry.data_start(), compressed, file.len()).ok_or_else(|| {
        FormatError::broken(format!(
            "member {name} of its zip has {compressed} bytes, which end beyond the file's {}",
            file.len()
        ))
    })?;
    if entry.encrypted() {
        return Err(FormatError::broken(format!(
            "member {name} of its zip is encrypted"
        )));
    }
    match entry.compression() {
        CompressionMethod::Stored if bytes == compressed => Ok(Member::Stored(range)),
        CompressionMethod::Deflated => {
            let what = || format!("bytes of member {name}, deflated to {compressed}");
            let expanded = compressed.saturating_mul(limits.expansion);
            FormatError::check_limit(what(), bytes, "expansion", expanded)?;
            FormatError::check_limit(what(), bytes, "decoded_bytes", limits.decoded_bytes)?;
            Ok(Member::Deflated {
                compressed: range,
                bytes: bytes as usize,
                checksum: entry.crc32(),
            })
        }
        other => Err(FormatError::broken(format!(
            "member {name} of its zip is compressed by {other}: {compressed} bytes of {bytes}; stored and deflated ones are read"
        ))),
    }
}

fn range(start: Option<u64>, length: u64, end: usize) -> Option<Range<usize>> {
    let start = start?;
    let range = usize::try_from(start).ok()?..usize::try_from(start.checked_add(length)?).ok()?;
    (range.end <= end).then_some(range)
}

fn damaged(error: std::io::Error) -> FormatError {
    FormatError::broken(format!("a member of its zip cannot be decoded: {error}"))
}

/// Exactly so many bytes of a deflated stream, whose checksum has to be right.
fn inflate(compressed: &[u8], bytes: usize, checksum: u32) -> Result<Vec<u8>, FormatError> {
    let mut decoded = Vec::new();
    let mut decoder = DeflateDecoder::new(compressed).take(bytes as u64 + 1);
    decoder.read_to_end(&mut decoded).map_err(damaged)?;
    if decoded.len() != bytes {
        let more = if decoded.len() > bytes {
            " or more"
        } else {
            ""
        };
        return Err(FormatError::broken(format!(
            "a member of its zip is said to have {bytes} bytes, it has {}{more}",
            decoded.len(),
        )));
    }
    let mut crc = Crc::new();
    crc.update(&decoded);
    match crc.sum() == checksum {
        true => Ok(decoded),
        false => Err(FormatError::broken(format!(
            "a member of its zip has checksum {:08x}, its list says {checksum:08x}",
            crc.sum()
        ))),
    }
}

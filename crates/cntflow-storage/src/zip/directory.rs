//! The directory of a zip: the list of its members at the end of the file, compared with what the
//! file holds.
//!
//! The `zip` crate keeps the last of several members of one name, and reads as many entries as the
//! end record says. Two readers of such a file may see different weights, so the list is walked
//! once more here, and an entry that the crate does not return is an error.

use std::collections::HashSet;
use std::io::Cursor;
use std::ops::Range;

use zip::read::ZipFile;
use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

use super::Member;
use crate::{FormatError, Limits};

/// What an entry of the list begins with.
const ENTRY_SIGNATURE: &[u8] = b"PK\x01\x02";
/// Bytes of an entry before its name.
const FIXED: usize = 46;

/// The directory of a zip file.
pub(crate) struct Directory<'a> {
    file: &'a [u8],
    archive: ZipArchive<Cursor<&'a [u8]>>,
}

/// A member as the directory lists it. Nothing about it is checked yet: [`Entry::member`] does
/// that.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) name: String,
    /// Where its bytes lie in the file, as they are stored; may end beyond the file.
    stored: Range<u64>,
    /// Bytes of the content, as the directory lists them, unchecked.
    bytes: u64,
    /// CRC-32 of the content, as the directory lists it, unchecked.
    checksum: u32,
    method: CompressionMethod,
    is_encrypted: bool,
    is_link: bool,
}

impl<'a> Directory<'a> {
    /// Finds the directory of a file.
    ///
    /// # Errors
    /// The file is no zip, or is cut short.
    pub(crate) fn open(file: &'a [u8]) -> Result<Self, FormatError> {
        let archive = ZipArchive::new(Cursor::new(file)).map_err(|error| broken(&error))?;
        Ok(Self { file, archive })
    }

    /// Number of entries, those of folders included.
    pub(crate) fn len(&self) -> usize {
        self.archive.len()
    }

    /// The entries in their order, those of folders left out.
    ///
    /// # Errors
    /// An entry does not lead to a member.
    pub(crate) fn entries(&mut self) -> Result<Vec<Entry>, FormatError> {
        let mut entries = Vec::with_capacity(self.archive.len());
        for index in 0..self.archive.len() {
            let member = self
                .archive
                .by_index_raw(index)
                .map_err(|error| broken(&error))?;
            if !member.is_dir() {
                entries.push(Entry::of(&member));
            }
        }
        Ok(entries)
    }

    /// Checks that the file's list has each name once, is as long as its end record says, and that
    /// no two of `entries` share bytes.
    ///
    /// # Errors
    /// One of these does not hold.
    pub(crate) fn check(&self, entries: &[Entry]) -> Result<(), FormatError> {
        self.check_names()?;
        check_apart(entries)
    }

    fn check_names(&self) -> Result<(), FormatError> {
        let mut names = HashSet::with_capacity(self.archive.len());
        let mut listed = 0;
        let mut repeated = None;
        let start = usize::try_from(self.archive.central_directory_start()).ok();
        let mut rest = start
            .and_then(|start| self.file.get(start..))
            .unwrap_or(&[]);
        while let Some((name, behind)) = split_entry(rest) {
            listed += 1;
            if !names.insert(name) {
                repeated.get_or_insert(name);
            }
            rest = behind;
        }
        if let Some(name) = repeated {
            return Err(FormatError::broken(format!(
                "its zip lists member {} twice: {listed} members of {} names",
                String::from_utf8_lossy(name),
                names.len()
            )));
        }
        if listed != self.archive.len() {
            return Err(FormatError::broken(format!(
                "its zip lists {listed} members, but its end record says {}",
                self.archive.len()
            )));
        }
        Ok(())
    }
}

/// Checks that no two members share bytes: otherwise a small file could hold any number of large
/// members.
fn check_apart(entries: &[Entry]) -> Result<(), FormatError> {
    let mut sorted: Vec<&Entry> = entries
        .iter()
        .filter(|entry| !entry.stored.is_empty())
        .collect();
    sorted.sort_by_key(|entry| entry.stored.start);
    let mut pairs = sorted.array_windows();
    match pairs.find(|[first, second]| first.stored.end > second.stored.start) {
        Some([first, second]) => Err(FormatError::broken(format!(
            "members {} and {} of its zip overlap",
            first.name, second.name
        ))),
        None => Ok(()),
    }
}

/// Name of the entry that `list` begins with, and what follows the entry.
fn split_entry(list: &[u8]) -> Option<(&[u8], &[u8])> {
    let fixed = list.get(..FIXED)?;
    if !fixed.starts_with(ENTRY_SIGNATURE) {
        return None;
    }
    let length_at = |offset: usize| {
        let bytes = fixed.get(offset..)?.first_chunk()?;
        Some(usize::from(u16::from_le_bytes(*bytes)))
    };
    let (name, extra, comment) = (length_at(28)?, length_at(30)?, length_at(32)?);
    let behind = list.get(FIXED + name + extra + comment..)?;
    Some((&list[FIXED..FIXED + name], behind))
}

impl Entry {
    fn of(file: &ZipFile<'_, Cursor<&[u8]>>) -> Self {
        let start = file.data_start().unwrap_or(u64::MAX);
        Self {
            name: String::from_utf8_lossy(file.name_raw()).into_owned(),
            stored: start..start.saturating_add(file.compressed_size()),
            bytes: file.size(),
            checksum: file.crc32(),
            method: file.compression(),
            is_encrypted: file.encrypted(),
            is_link: file.is_symlink(),
        }
    }

    /// Why the member cannot be read, as far as the directory alone shows it.
    pub(crate) fn unreadable(&self) -> Option<FormatError> {
        let compressed = self.stored.end - self.stored.start;
        let reason = match self.method {
            _ if self.is_encrypted => "it is encrypted".to_owned(),
            _ if self.is_link => "it is a link".to_owned(),
            CompressionMethod::Deflated => return None,
            CompressionMethod::Stored if self.bytes == compressed => return None,
            CompressionMethod::Stored => format!(
                "it is stored, but has {compressed} bytes where {} are listed",
                self.bytes
            ),
            method => {
                format!("it is compressed by {method}; only stored and deflated members are read")
            }
        };
        Some(FormatError::Broken(reason))
    }

    /// The member, checked against a file of `file_bytes` and the limits.
    ///
    /// # Errors
    /// It cannot be read ([`Entry::unreadable`]), ends beyond the file, or expands beyond `limits`.
    pub(crate) fn member(&self, file_bytes: usize, limits: &Limits) -> Result<Member, FormatError> {
        if let Some(error) = self.unreadable() {
            return Err(error);
        }
        let compressed = self.stored.end - self.stored.start;
        if self.stored.end > file_bytes as u64 {
            return Err(FormatError::broken(format!(
                "it has {compressed} bytes, which end beyond the file's {file_bytes}"
            )));
        }
        // Both bounds are at most the file's length, which is a usize.
        let stored = self.stored.start as usize..self.stored.end as usize;
        if self.method == CompressionMethod::Stored {
            return Ok(Member::Stored(stored));
        }
        let what = || format!("bytes of its content, deflated to {compressed}");
        let expanded = compressed.saturating_mul(limits.expansion);
        FormatError::check_limit(what(), self.bytes, "expansion", expanded)?;
        FormatError::check_limit(what(), self.bytes, "decoded_bytes", limits.decoded_bytes)?;
        Ok(Member::Deflated {
            compressed: stored,
            bytes: self.bytes as usize,
            checksum: self.checksum,
        })
    }
}

fn broken(error: &ZipError) -> FormatError {
    FormatError::broken(format!("its zip cannot be read: {error}"))
}

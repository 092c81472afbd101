//! Archives of checkpoints, read in place: tar, tar.gz and zip.
//!
//! The members of a tar archive and the stored ones of a zip archive are ranges of the mapped file. Deflated members are decoded into
//! memory one at a time. A compressed tar archive can only be read from its beginning, so it is decoded once, into a temporary file
//! without a name, and mapped from there. Names of members are names and nothing else: nothing is ever written under them.

mod gzip;
mod tar;
mod zip;

use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::FormatError;
use crate::file_cache::FileCache;
use crate::location::whole_content;
use crate::{Content, Limits, StorageError};

use gzip::is_gzip;
pub use gzip::unpacked;

/// Archives with their lists of members: members are measured in the order of their archive.
static ARCHIVES: FileCache<Archive> = FileCache::new(4);

/// An archive with the list of its members.
#[derive(Debug)]
pub struct Archive {
    content: Content,
    /// In the order of the archive; of two members of one name the later counts, as it does when an archive is unpacked.
    members: Vec<Member>,
    places: HashMap<String, usize>,
    /// What is not right about the whole of it.
    pub remark: Option<String>,
}

/// A member of an archive.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its name, parts joined by `/`.
    pub name: String,
    /// Where its bytes are, or why they cannot be read.
    bytes: Result<Bytes, String>,
}

/// Where the bytes of a member are.
#[derive(Clone, Debug)]
enum Bytes {
    /// They lie in the archive as they are. The range may go beyond the end of a file that is cut short.
    Plain(Range<u64>),
    /// Deflated, with the length and the checksum of what comes out.
    Deflated {
        range: Range<u64>,
        length: u64,
        checksum: u32,
    },
}

impl Archive {
    /// Reads the list of members. `None` where the content is no archive, or where `is_one_file` says of the names of its members that
    /// it is one file in the form of a zip archive.
    ///
    /// # Errors
    /// It is an archive, and something is wrong with it.
    pub fn read(
        content: &Content,
        limits: &Limits,
        is_one_file: fn(&[&str]) -> bool,
    ) -> Result<Option<Self>, FormatError> {
        let (content, listed) = if zip::recognises(content) {
            (content.clone(), zip::members(content, is_one_file)?)
        } else if tar::recognises(content) {
            (content.clone(), tar::members(content)?)
        } else if gzip::holds_tar(content) {
            let plain = gzip::spooled(content, limits)?;
            let listed = tar::members(&plain)?;
            (plain, listed)
        } else {
            return Ok(None);
        };
        let Some((members, remark)) = listed else {
            return Ok(None);
        };
        let named = members.iter().enumerate();
        let places = named.map(|(at, member)| (member.name.clone(), at));
        Ok(Some(Self {
            places: places.collect(),
            content,
            members,
            remark,
        }))
    }

    /// The members that are files, each name once.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        let numbered = self.members.iter().enumerate();
        numbered
            .filter(|(at, member)| self.places[&member.name] == *at)
            .map(|(_, member)| member)
    }

    /// The bytes of a member.
    fn content_of(&self, name: &str, limits: &Limits) -> Result<Content, FormatError> {
        let place = self.places.get(name);
        let member = place
            .map(|&place| &self.members[place])
            .ok_or_else(|| FormatError::broken("the archive has no such member"))?;
        match member.bytes.as_ref().map_err(FormatError::broken)? {
            Bytes::Plain(range) => Ok(self.content.part(self.within(range)?)),
            Bytes::Deflated {
                range,
                length,
                checksum,
            } => {
                let packed = &self.content[self.within(range)?];
                gzip::inflated(packed, *length, *checksum, limits).map(Content::held)
            }
        }
    }

    fn within(&self, range: &Range<u64>) -> Result<Range<usize>, FormatError> {
        let found = self.content.len() as u64;
        if range.end > found || range.start > range.end {
            return Err(FormatError::Length {
                expected: range.end.saturating_sub(range.start),
                found: found.saturating_sub(range.start),
            });
        }
        Ok(range.start as usize..range.end as usize)
    }
}

impl Member {
    /// Why it cannot be read, where that is known from the list already.
    pub fn unreadable(&self) -> Option<&str> {
        self.bytes.as_ref().err().map(String::as_str)
    }
}

/// Whether the first 512 bytes of a file are those of an archive, or of what may hold one.
pub fn may_be_one(head: &[u8]) -> bool {
    zip::recognises(head) || tar::recognises(head) || is_gzip(head)
}

/// Whether a file that begins so holds a tar archive, and is no checkpoint whatever its name.
pub fn is_tar(beginning: &[u8]) -> bool {
    tar::recognises(beginning) || gzip::holds_tar(beginning)
}

/// Whether a file that begins so is a zip archive, as many checkpoints are too.
pub fn is_zip(beginning: &[u8]) -> bool {
    zip::recognises(beginning)
}

/// The archive at `path`, cached or read again; `None` as in [`Archive::read`].
///
/// # Errors
/// It cannot be read, or something is wrong with it.
pub fn open(
    path: &Path,
    limits: &Limits,
    is_one_file: fn(&[&str]) -> bool,
) -> Result<Option<Arc<Archive>>, StorageError> {
    let read = || {
        let content = whole_content(path, limits)?;
        Archive::read(&content, limits, is_one_file)
            .map_err(|error| StorageError::content(path, error))
    };
    // Negative results are not cached: every scanned file asks.
    match ARCHIVES.get(&path.into(), || read().map_err(Some)?.ok_or(None)) {
        Ok(archive) => Ok(Some(archive)),
        Err(None) => Ok(None),
        Err(Some(error)) => Err(error),
    }
}

/// The bytes of a member of the archive at `path`.
///
/// # Errors
/// As [`open`]; there is no such member, or its bytes cannot be read.
pub fn member(path: &Path, name: &str, limits: &Limits) -> Result<Content, StorageError> {
    let archive = open(path, limits, |_| false)?
        .ok_or_else(|| StorageError::content(path, FormatError::broken("not an archive")))?;
    archive.content_of(name, limits).map_err(|error| {
        let name = PathBuf::from(format!("{}: {name}", path.display()));
        StorageError::content(&name, error)
    })
}

/// The list of members with what is not right about the whole; `None` of a checkpoint that is an archive by its form alone.
type Listed = Option<(Vec<Member>, Option<String>)>;

//! Archives, read in place: tar, tar.gz and zip, which may hold checkpoints, and Debian packages.
//!
//! The members of a tar archive and the stored ones of a zip archive are ranges of the mapped file.
//! Deflated members are decoded into memory one at a time. A compressed tar archive can only be
//! read from its beginning, so it is decoded once, into a temporary file without a name, and mapped
//! from there. Names of members are names and nothing else: nothing is ever written under them.

mod deb;
mod gzip;
mod tar;

use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::{
    Content, FormatError, Limits, StorageError,
    file_cache::FileCache,
    location::whole_content,
    zip::{self, Directory, Entry},
};

pub use gzip::decompressed;

/// The archives that were read last. Members of one archive are measured one after another, so the
/// list of an archive is read once and not for each member.
static ARCHIVES: FileCache<Archive> = FileCache::new(4);

/// An archive with the list of its members.
#[derive(Debug)]
pub struct Archive {
    content: Content,
    /// In the order of the archive; of two members of one name the later counts, as it does when an
    /// archive is unpacked.
    members: Vec<ArchiveMember>,
    /// Index of the member that counts, by name.
    index_by_name: HashMap<String, usize>,
    /// What is wrong with the archive as a whole, e.g. that it is cut short; its members can be
    /// read all the same.
    pub warning: Option<String>,
}

/// A member of an archive.
#[derive(Clone, Debug)]
pub struct ArchiveMember {
    /// Its name, parts joined by `/`.
    pub name: String,
    /// Where its bytes are, or why they cannot be read.
    bytes: Result<StoredBytes, FormatError>,
}

/// Where the bytes of a member are, as listed. The archive may be cut short, so `content_of` checks
/// that they lie within it.
#[derive(Clone, Debug)]
enum StoredBytes {
    /// In the archive as they are.
    InPlace(Range<u64>),
    /// In a zip, stored or deflated.
    Zip(Entry),
}

/// The members, and a warning about the whole archive. `None` if the file has the form of an
/// archive but is one checkpoint, e.g. a `.pt` file.
type Listing = Option<(Vec<ArchiveMember>, Option<String>)>;

impl Archive {
    /// Reads the list of members. Debian packages are read here, but no scan for checkpoints takes
    /// them for archives ([`may_be_archive`]). `None` if the content is no archive, or if
    /// `is_one_file`, given the names of its members, says that it is one file in the form of a zip
    /// archive.
    ///
    /// # Errors
    /// It is an archive, and something is wrong with it.
    pub fn read(
        content: &Content,
        limits: &Limits,
        is_one_file: fn(&[&str]) -> bool,
    ) -> Result<Option<Self>, FormatError> {
        let (content, listing) = if zip::is_zip(content) {
            (content.clone(), zip_members(content, is_one_file)?)
        } else if tar::is_tar(content) {
            (content.clone(), tar::members(content)?)
        } else if gzip::holds_tar(content) {
            let plain = gzip::to_temporary_file(content, limits)?;
            let listing = tar::members(&plain)?;
            (plain, listing)
        } else if deb::is_deb(content) {
            let files = deb::files_of(content, limits)?;
            let listing = tar::members(&files)?;
            (files, listing)
        } else {
            return Ok(None);
        };
        let Some((members, warning)) = listing else {
            return Ok(None);
        };
        let named = members.iter().enumerate();
        let index_by_name = named.map(|(index, member)| (member.name.clone(), index));
        Ok(Some(Self {
            index_by_name: index_by_name.collect(),
            content,
            members,
            warning,
        }))
    }

    /// The members that are files, each name once.
    pub fn members(&self) -> impl Iterator<Item = &ArchiveMember> {
        let numbered = self.members.iter().enumerate();
        numbered
            .filter(|(index, member)| self.index_by_name[&member.name] == *index)
            .map(|(_, member)| member)
    }

    /// The bytes of a member.
    ///
    /// # Errors
    /// There is no such member, or its bytes cannot be read.
    pub fn content_of(&self, name: &str, limits: &Limits) -> Result<Content, FormatError> {
        let index = self
            .index_by_name
            .get(name)
            .ok_or_else(|| FormatError::broken("the archive has no such member"))?;
        match self.members[*index].bytes.as_ref().map_err(Clone::clone)? {
            StoredBytes::InPlace(range) => Ok(self.content.part(self.check_range(range)?)),
            StoredBytes::Zip(entry) => entry
                .member(self.content.len(), limits)?
                .content(&self.content),
        }
    }

    /// Checks that a range lies within the archive.
    fn check_range(&self, range: &Range<u64>) -> Result<Range<usize>, FormatError> {
        let length = self.content.len() as u64;
        if range.end > length || range.start > range.end {
            return Err(FormatError::broken(format!(
                "the member has {} bytes, but the archive ends after {} of them (cut short)",
                range.end.saturating_sub(range.start),
                length.saturating_sub(range.start)
            )));
        }
        Ok(range.start as usize..range.end as usize)
    }
}

impl ArchiveMember {
    /// Why it cannot be read, if the list already shows it.
    pub fn unreadable(&self) -> Option<&FormatError> {
        self.bytes.as_ref().err()
    }
}

/// The members of a zip, if it is an archive and not one file in the form of a zip.
fn zip_members(file: &[u8], is_one_file: fn(&[&str]) -> bool) -> Result<Listing, FormatError> {
    let Ok(mut directory) = Directory::open(file) else {
        // It may be a checkpoint that was cut short: opening it as one says what is wrong.
        return Ok(None);
    };
    let entries = directory.entries()?;
    let names: Vec<&str> = entries.iter().map(|entry| &*entry.name).collect();
    if is_one_file(&names) {
        return Ok(None);
    }
    directory.check(&entries)?;
    let members = entries.into_iter().map(|entry| ArchiveMember {
        name: entry.name.clone(),
        bytes: match entry.unreadable() {
            Some(error) => Err(error),
            None => Ok(StoredBytes::Zip(entry)),
        },
    });
    Ok(Some((members.collect(), None)))
}

/// Whether a file may be an archive, by its first 512 bytes: a zip, a tar, or a gzip file, which
/// may hold a tar.
pub fn may_be_archive(beginning: &[u8]) -> bool {
    zip::is_zip(beginning) || tar::is_tar(beginning) || gzip::is_gzip(beginning)
}

/// Whether a file that begins so is a tar archive, compressed or not, and hence no checkpoint
/// whatever its name.
pub fn is_tar(beginning: &[u8]) -> bool {
    tar::is_tar(beginning) || gzip::holds_tar(beginning)
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
    // That a file is no archive is not cached: a scan asks for every file that begins like one, and
    // would push out the archives.
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
    // Who names a member has already decided that this is an archive.
    let archive = open(path, limits, |_| false)?
        .ok_or_else(|| StorageError::content(path, FormatError::broken("not an archive")))?;
    archive.content_of(name, limits).map_err(|error| {
        let name = PathBuf::from(format!("{}: {name}", path.display()));
        StorageError::content(&name, error)
    })
}

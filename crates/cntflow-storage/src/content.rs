//! The bytes of a file, an object or a member, mapped or in memory.

use std::io::Read;
use std::ops::{Deref, Range};
use std::path::Path;
use std::sync::Arc;

use fs_err as fs;

use crate::mapped::{FileState, MappedFile, changed};

/// Bytes that are mapped from a disk or in memory. Clones share them.
#[derive(Clone, Debug)]
pub struct Content {
    whole: Whole,
    range: Range<usize>,
}

/// What the bytes are a part of.
#[derive(Clone, Debug)]
enum Whole {
    Mapped(Arc<MappedFile>),
    InMemory(Arc<Vec<u8>>),
}

/// Largest file that [`Content::load`] reads instead of mapping it, in bytes: below, copying the
/// bytes takes less time than mapping and unmapping their pages.
const MAX_READ: u64 = 1 << 20;

impl Content {
    /// A file all of whose bytes will be used: read if it is small, mapped otherwise.
    ///
    /// # Errors
    /// As [`Content::map`]; it was changed while it was read.
    pub fn load(path: &Path) -> std::io::Result<Self> {
        let mut file = open_file(path)?;
        let metadata = file.metadata()?;
        if metadata.len() > MAX_READ {
            return Self::map_open(file.file(), Some(path));
        }
        let mut bytes = Vec::with_capacity(metadata.len() as usize);
        // One byte more shows that it has grown.
        let limit = metadata.len() + 1;
        (&mut file).take(limit).read_to_end(&mut bytes)?;
        let is_whole = bytes.len() as u64 == metadata.len();
        if !is_whole || FileState::of(&file.metadata()?) != FileState::of(&metadata) {
            let text = format!("{}: {}", path.display(), changed());
            return Err(std::io::Error::new(changed().kind(), text));
        }
        Ok(Self::in_memory(bytes))
    }

    /// Maps a file.
    ///
    /// # Errors
    /// It cannot be opened or mapped; the text names it.
    pub fn map(path: &Path) -> std::io::Result<Self> {
        Self::map_open(open_file(path)?.file(), Some(path))
    }

    /// Maps an open file that nobody else writes to.
    ///
    /// # Errors
    /// The system cannot map it.
    pub fn map_file(file: &std::fs::File) -> std::io::Result<Self> {
        Self::map_open(file, None)
    }

    fn map_open(file: &std::fs::File, path: Option<&Path>) -> std::io::Result<Self> {
        let map = MappedFile::new(file, path)?;
        Ok(Self {
            range: 0..map.len(),
            whole: Whole::Mapped(Arc::new(map)),
        })
    }

    /// Makes sure that a mapped file is still what it was when it was mapped.
    ///
    /// # Errors
    /// It was changed: what was read of it may be of two states, or zeros.
    pub fn check_unchanged(&self) -> std::io::Result<()> {
        match &self.whole {
            Whole::Mapped(map) => map.check_unchanged(),
            Whole::InMemory(_) => Ok(()),
        }
    }

    /// Bytes that are already in memory.
    pub fn in_memory(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self {
            range: 0..bytes.len(),
            whole: Whole::InMemory(Arc::new(bytes)),
        }
    }

    /// A part of these bytes, without copying them, e.g. a member that is stored uncompressed in an
    /// archive.
    ///
    /// # Panics
    /// The range goes beyond the end.
    #[must_use]
    pub fn part(&self, range: Range<usize>) -> Self {
        assert!(
            range.start <= range.end && range.end <= self.len(),
            "{range:?}"
        );
        Self {
            whole: self.whole.clone(),
            range: self.range.start + range.start..self.range.start + range.end,
        }
    }
}

fn open_file(path: &Path) -> std::io::Result<fs::File> {
    // Before it is opened: opening a pipe waits for a writer.
    let kind = fs::metadata(path)?.file_type();
    if kind.is_dir() {
        let text = format!("{}: it is a folder", path.display());
        return Err(std::io::Error::new(std::io::ErrorKind::IsADirectory, text));
    }
    if !kind.is_file() {
        let text = format!(
            "{}: a pipe, a socket or a device, not a file",
            path.display()
        );
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, text));
    }
    fs::File::open(path)
}

impl AsRef<[u8]> for Content {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl Deref for Content {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        let whole: &[u8] = match &self.whole {
            Whole::Mapped(map) => map,
            Whole::InMemory(bytes) => bytes,
        };
        &whole[self.range.clone()]
    }
}

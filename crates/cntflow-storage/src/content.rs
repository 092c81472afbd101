//! The bytes of a file, an object or a member, mapped or in memory.

use std::ops::{Deref, Range};
use std::path::Path;
use std::sync::Arc;

use fs_err as fs;
use memmap2::Mmap;

/// Bytes that are mapped from a disk or in memory. Clones share them.
#[derive(Clone, Debug)]
pub struct Content {
    whole: Whole,
    range: Range<usize>,
}

/// What the bytes are a part of.
#[derive(Clone, Debug)]
enum Whole {
    Mapped(Arc<Mmap>),
    InMemory(Arc<Vec<u8>>),
}

/// Largest file that [`Content::load`] reads instead of mapping it, in bytes: below, copying the
/// bytes takes less time than mapping and unmapping their pages.
const MAX_READ: u64 = 1 << 20;

impl Content {
    /// A file all of whose bytes will be used: read if it is small, mapped otherwise.
    ///
    /// # Errors
    /// As [`Content::map`].
    pub fn load(path: &Path) -> std::io::Result<Self> {
        let file = fs::metadata(path)?;
        if file.is_file() && file.len() <= MAX_READ {
            fs::read(path).map(Self::in_memory)
        } else {
            Self::map(path)
        }
    }

    /// Maps a file.
    ///
    /// # Errors
    /// It cannot be opened or mapped; the text names it.
    pub fn map(path: &Path) -> std::io::Result<Self> {
        let file = fs::File::open(path)?;
        if file.metadata()?.is_dir() {
            let text = format!("{}: it is a folder", path.display());
            return Err(std::io::Error::new(std::io::ErrorKind::IsADirectory, text));
        }
        Self::map_file(file.file())
    }

    /// Maps an open file.
    ///
    /// # Errors
    /// The system cannot map it.
    pub fn map_file(file: &std::fs::File) -> std::io::Result<Self> {
        // SAFETY: the map is only read. If another process truncates the file meanwhile, reading
        // past its new end is a bus error, not a wrong number; copying every checkpoint instead
        // would double the memory and the reading time of all of them.
        #[expect(unsafe_code, reason = "a memory map, see above")]
        let map = unsafe { Mmap::map(file) }?;
        Ok(Self {
            range: 0..map.len(),
            whole: Whole::Mapped(Arc::new(map)),
        })
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

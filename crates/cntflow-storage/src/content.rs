//! The bytes of a checkpoint, wherever they come from.

use std::ops::{Deref, Range};
use std::path::Path;
use std::sync::Arc;

use fs_err as fs;
use memmap2::Mmap;

/// The bytes of a file: mapped from a disk, or held in memory. Clones share them.
#[derive(Clone, Debug)]
pub struct Content {
    whole: Whole,
    range: Range<usize>,
}

#[derive(Clone, Debug)]
enum Whole {
    Mapped(Arc<Mmap>),
    Held(Arc<Vec<u8>>),
}

/// Bytes up to which a file is read rather than mapped where all of it is wanted: copying so many, into memory that is near then,
/// takes less time than mapping and unmapping their pages.
const READ: u64 = 1 << 20;

impl Content {
    /// A file of which every byte will be looked at: read if it is small, otherwise mapped.
    ///
    /// # Errors
    /// As [`Content::map`].
    pub fn load(path: &Path) -> std::io::Result<Self> {
        let file = fs::metadata(path)?;
        match file.is_file() && file.len() <= READ {
            true => fs::read(path).map(Self::held),
            false => Self::map(path),
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

    /// Maps a file that is open.
    pub fn map_file(file: &std::fs::File) -> std::io::Result<Self> {
        // SAFETY: the map is only read. If another process truncates the file meanwhile, reading past its new end is a bus error,
        // not a wrong number; copying every checkpoint instead would double the memory and the reading time of all of them.
        #[expect(unsafe_code, reason = "a memory map, see above")]
        let map = unsafe { Mmap::map(file) }?;
        Ok(Self {
            range: 0..map.len(),
            whole: Whole::Mapped(Arc::new(map)),
        })
    }

    /// Bytes that were read.
    pub fn held(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self {
            range: 0..bytes.len(),
            whole: Whole::Held(Arc::new(bytes)),
        }
    }

    /// A part of it: a member that lies in an archive as it is.
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
            Whole::Held(bytes) => bytes,
        };
        &whole[self.range.clone()]
    }
}

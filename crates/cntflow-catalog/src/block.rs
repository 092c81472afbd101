//! Blocks of entries. Those of a large catalog are packed: an entry takes several hundred bytes in
//! memory, and nearly all of them are like those of the entry before.

use std::sync::Arc;

use crate::{CatalogEntry, interner::Interner};

/// Most entries of a catalog that stay as they are.
pub(crate) const MOST_PLAIN: usize = 1 << 15;

/// A level of zstd at which packing takes no longer than reading the entries.
const LEVEL: i32 = 1;

/// Some entries, one after the other.
pub(crate) enum Block {
    /// As they are.
    Plain(Vec<Arc<CatalogEntry>>),
    /// Encoded by bincode, and compressed.
    Packed {
        bytes: Box<[u8]>,
        /// Number of bytes that they stand for.
        size: usize,
        n_entries: usize,
    },
}

impl Block {
    /// Entries of a packed block.
    pub(crate) const ENTRIES: usize = 1024;

    /// A packed block.
    pub(crate) fn packed(entries: Vec<Arc<CatalogEntry>>) -> Self {
        let plain: Vec<&CatalogEntry> = entries.iter().map(AsRef::as_ref).collect();
        // Paths that are not UTF-8 cannot be encoded.
        let Ok(encoded) = bincode::serialize(&plain) else {
            return Self::Plain(entries);
        };
        match zstd::bulk::compress(&encoded, LEVEL) {
            Ok(bytes) => Self::Packed {
                bytes: bytes.into(),
                size: encoded.len(),
                n_entries: entries.len(),
            },
            Err(_) => Self::Plain(entries),
        }
    }

    /// Number of entries.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Plain(entries) => entries.len(),
            Self::Packed { n_entries, .. } => *n_entries,
        }
    }

    /// Takes its entries out.
    pub(crate) fn take(&mut self) -> Vec<Arc<CatalogEntry>> {
        match self {
            Self::Plain(entries) => std::mem::take(entries),
            Self::Packed { .. } => self.entries(),
        }
    }

    /// Its entries.
    pub(crate) fn entries(&self) -> Vec<Arc<CatalogEntry>> {
        let (bytes, size) = match self {
            Self::Plain(entries) => return entries.clone(),
            Self::Packed { bytes, size, .. } => (bytes, *size),
        };
        let encoded = zstd::bulk::decompress(bytes, size);
        let entries = encoded.ok().and_then(|encoded| {
            let entries: Vec<CatalogEntry> = bincode::deserialize(&encoded).ok()?;
            let mut interner = Interner::default();
            let entries = entries.into_iter();
            Some(entries.map(move |entry| Arc::new(interner.intern(entry))))
        });
        let entries = entries.unwrap_or_else(|| unreachable!("`packed` has made these bytes"));
        entries.collect()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{Absence, Label};

    fn entry(index: usize) -> CatalogEntry {
        CatalogEntry {
            checkpoint: format!("run-{:05}/step-{}", index / 4, index % 4),
            location: cntflow_storage::Location {
                path: Path::new(&format!("zoo/run-{:05}/{index}.npz", index / 4)).into(),
                member: index.is_multiple_of(3).then(|| format!("member{index}")),
                row: index.is_multiple_of(5).then_some(index as u64),
            },
            run: format!("run-{:05}", index / 4).into(),
            step: -(index as i64),
            architecture: index.is_multiple_of(2).then(|| "{\"layers\": []}".into()),
            labels: [
                ("accuracy".to_owned(), Label::Real(index as f64 / 3.0)),
                ("nan".to_owned(), Label::Real(f64::INFINITY)),
                ("note".to_owned(), Label::Text("a, b".into())),
                ("seed".to_owned(), Label::Integer(index as i64)),
                ("trained".to_owned(), Label::Flag(index.is_multiple_of(7))),
            ]
            .into_iter()
            .collect(),
            parent: index.is_multiple_of(4).then(|| {
                let beside = Path::new("zoo/catalog.csv").into();
                Box::new(crate::Parent::named(
                    &format!("base{}.npz", index / 9),
                    &beside,
                ))
            }),
            absent: index
                .is_multiple_of(11)
                .then(|| Absence::Failed("disk".to_owned())),
        }
    }

    #[test]
    fn packed_entries_are_those_that_were_packed_and_small() {
        let entries: Vec<Arc<CatalogEntry>> = (0..1000).map(|i| Arc::new(entry(i))).collect();
        let block = Block::packed(entries.clone());
        assert_eq!((block.entries(), block.len()), (entries, 1000));
        match block {
            Block::Packed { bytes, .. } => assert!(bytes.len() < 40_000, "{}", bytes.len()),
            Block::Plain(_) => panic!("not packed"),
        }
    }

    #[cfg(unix)]
    #[test]
    fn entries_that_cannot_be_encoded_stay_as_they_are() {
        use std::os::unix::ffi::OsStrExt;
        let name = std::ffi::OsStr::from_bytes(b"zoo/\xff.npz");
        let entries: Vec<Arc<CatalogEntry>> = (0..3)
            .map(|index| {
                Arc::new(CatalogEntry {
                    location: Path::new(name).into(),
                    ..entry(index)
                })
            })
            .collect();
        let block = Block::packed(entries.clone());
        assert_eq!((block.entries(), block.len()), (entries, 3));
    }
}

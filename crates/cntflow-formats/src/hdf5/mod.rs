//! HDF5 files: their groups with the texts of their attributes, and their datasets by path.
//!
//! The crate `hdf5-reader` reads the structure of the file (object headers, symbol tables, heaps,
//! B-trees, indices of chunks, filters) and bounds what an object header, a chunk and a read may
//! take. This module adds what the crate leaves to its caller: cycles of groups, limits on counts
//! and depth, texts that refer to the same bytes many times, the bit layout of floats, and
//! borrowing a dataset that is contiguous in the file. (`hdf5-pure` reads the same files, but
//! bounds no read and is four times as large.)

mod dataset;
mod error;
mod texts;

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use cntflow_storage::{Content, FormatError, Limits};
use hdf5_reader::{Hdf5File, OpenOptions, group::Group};

use error::broken;

pub(super) use dataset::Dataset;
pub(super) use texts::Texts;

/// What every HDF5 file begins with.
const SIGNATURE: &[u8] = b"\x89HDF\r\n\x1a\n";

/// An HDF5 file whose structure has been read.
pub(super) struct Hdf5 {
    content: Content,
    /// The texts of every group's attributes, by the group's path. The root's path is empty.
    pub(super) groups: BTreeMap<String, Texts>,
    /// All datasets, in the natural order of their paths (`2` before `10`).
    pub(super) datasets: Vec<Dataset>,
}

impl fmt::Debug for Hdf5 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.datasets).finish()
    }
}

/// The content in the form that `hdf5-reader` reads.
struct SharedBytes(Content);

impl AsRef<[u8]> for SharedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// Whether the file begins as HDF5 files do.
pub(super) fn recognises(file: &[u8]) -> bool {
    file.starts_with(SIGNATURE)
}

impl Hdf5 {
    /// Reads groups, attributes and the locations of all datasets.
    ///
    /// # Errors
    /// The file is cut short, its structure is broken, or it asks for more than `limits` allow.
    pub(super) fn open(content: &Content, limits: &Limits) -> Result<Self, FormatError> {
        let file = Hdf5File::from_owner(SharedBytes(content.clone()), options(content, limits))
            .map_err(|error| broken("", &error))?;
        let found = content.len() as u64;
        let expected = file.superblock().eof_address;
        if expected > found {
            return Err(FormatError::Length { expected, found });
        }
        let mut walk = Walk {
            file: &file,
            content,
            limits,
            entered: HashSet::new(),
            path_bytes: 0,
            text_bytes: found,
            groups: BTreeMap::new(),
            datasets: Vec::new(),
        };
        walk.all()?;
        let Walk {
            groups,
            mut datasets,
            ..
        } = walk;
        datasets.sort_by(|a, b| alphanumeric_sort::compare_str(&a.path, &b.path));
        Ok(Self {
            content: content.clone(),
            groups,
            datasets,
        })
    }

    /// The elements of a dataset, row-major and little-endian.
    ///
    /// # Errors
    /// A chunk is damaged or compressed by a filter that is not known.
    pub(super) fn elements(&self, index: usize) -> Result<std::borrow::Cow<'_, [u8]>, FormatError> {
        self.datasets[index].elements(&self.content)
    }

    /// The one text of an attribute of a group.
    pub(super) fn text(&self, group: &str, attribute: &str) -> Option<&str> {
        match self.groups.get(group)?.get(attribute)?.as_slice() {
            [text] => Some(text),
            _ => None,
        }
    }
}

fn options(content: &Content, limits: &Limits) -> OpenOptions {
    let decoded = dataset::max_decoded(content, limits);
    let decoded = usize::try_from(decoded).unwrap_or(usize::MAX);
    let header = limits.header_bytes.min(content.len() as u64);
    OpenOptions::default()
        .with_chunk_cache_bytes(0)
        .with_max_chunk_bytes(decoded)
        .with_max_read_bytes(decoded)
        .with_max_object_header_bytes(usize::try_from(header).unwrap_or(usize::MAX))
}

/// A walk over all groups from the root, each once, however many links lead to it.
struct Walk<'a> {
    file: &'a Hdf5File,
    content: &'a Content,
    limits: &'a Limits,
    /// Addresses of the groups that have been entered.
    entered: HashSet<u64>,
    /// Bytes of all paths so far.
    path_bytes: u64,
    /// Bytes of text that may still be read. An honest file has every text once, so that all
    /// together are shorter than the file.
    text_bytes: u64,
    groups: BTreeMap<String, Texts>,
    datasets: Vec<Dataset>,
}

impl Walk<'_> {
    fn all(&mut self) -> Result<(), FormatError> {
        let root = self.file.root_group().map_err(|error| broken("", &error))?;
        let mut pending = vec![(root, String::new(), 0)];
        while let Some((group, path, depth)) = pending.pop() {
            if !self.entered.insert(group.address()) {
                continue;
            }
            FormatError::check_limit("levels of groups", depth, "depth", self.limits.depth)?;
            for (child, path) in self.enter(&group, &path)? {
                pending.push((child, path, depth + 1));
            }
        }
        Ok(())
    }

    /// Adds a group's texts and datasets, and returns the groups in it.
    fn enter(&mut self, group: &Group, path: &str) -> Result<Vec<(Group, String)>, FormatError> {
        let texts = texts::texts_of(group, path, &mut self.text_bytes)?;
        self.groups.insert(path.to_owned(), texts);
        let (groups, datasets) = group.members().map_err(|error| broken(path, &error))?;
        for dataset in datasets {
            let path = self.join(path, dataset.name())?;
            let dataset = Dataset::new(path, dataset, self.file, self.content, self.limits)?;
            self.datasets.push(dataset);
            let n = self.datasets.len() as u64;
            FormatError::check_limit("tensors", n, "tensors", self.limits.tensors)?;
        }
        let named = groups.into_iter().map(|child| {
            let path = self.join(path, child.name())?;
            Ok((child, path))
        });
        named.collect()
    }

    /// The path of something in a group; counts its bytes.
    fn join(&mut self, path: &str, name: &str) -> Result<String, FormatError> {
        let joined = match path {
            "" => name.to_owned(),
            _ => format!("{path}/{name}"),
        };
        self.path_bytes += joined.len() as u64;
        let (found, allowed) = (self.path_bytes, self.limits.header_bytes);
        FormatError::check_limit("bytes of its paths", found, "header_bytes", allowed)?;
        Ok(joined)
    }
}

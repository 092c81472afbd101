//! Hashing the content of many checkpoints.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::Context;
use cntflow_catalog::CatalogEntry;
use cntflow_dataflow::{Key, Stop};
use cntflow_formats::OpenCheckpoint;
use cntflow_storage::Limits;
use rayon::ThreadPoolBuilder;
use rayon::prelude::*;

/// Hashes checkpoints on some threads, until the user stops it.
#[derive(Clone, Copy)]
pub(crate) struct ContentHasher<'a> {
    pub(crate) limits: &'a Limits,
    pub(crate) n_threads: usize,
    pub(crate) stop: &'a Stop,
}

impl ContentHasher<'_> {
    /// The digest of each checkpoint; `None` for one that cannot be opened. Those that are left
    /// when the user stops it are missing.
    ///
    /// # Errors
    /// The threads cannot be started.
    pub(crate) fn digests(
        &self,
        entries: &[(Key, Arc<CatalogEntry>)],
    ) -> anyhow::Result<HashMap<Key, Option<String>>> {
        if entries.is_empty() {
            return Ok(HashMap::new());
        }
        let threads = ThreadPoolBuilder::new()
            .num_threads(self.n_threads)
            .build()
            .context("cannot start the threads that hash checkpoints")?;
        let digest = |(key, entry): &(Key, Arc<CatalogEntry>)| {
            let opened = OpenCheckpoint::open_at(&entry.location, self.limits);
            (*key, opened.ok().map(|checkpoint| checkpoint.digest()))
        };
        Ok(threads.install(|| {
            let left = entries.par_iter().filter(|_| !self.stop.is_set());
            left.map(digest).collect()
        }))
    }
}

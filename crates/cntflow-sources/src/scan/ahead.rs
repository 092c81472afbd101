//! Opening many files at a time: a network file system takes its time for each.

use cntflow_storage::Location;
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

/// Threads that open files. They mostly wait, so they may be more than there are cores.
const THREADS: usize = 8;

/// Files that are opened before the first of them is taken in; so much is in memory at a time.
const FILES_AHEAD: usize = 256;

/// Fewest files for which threads are started.
const LEAST_FILES: usize = 64;

/// Takes in all files in their order, each with what `look` has found in it. Some files are looked
/// at together on several threads. `look` gives `None` for those that need not be opened.
pub(super) fn look_ahead<S: Sync, T: Send>(
    files: Vec<Location>,
    state: &mut S,
    look: impl Fn(&Location, &S) -> Option<T> + Sync,
    mut take: impl FnMut(Location, Option<T>, &mut S),
) {
    let threads = threads_for(&files);
    let mut files = files.into_iter();
    loop {
        let some: Vec<Location> = files.by_ref().take(FILES_AHEAD).collect();
        if some.is_empty() {
            return;
        }
        let found: Vec<Option<T>> = match &threads {
            Some(threads) => {
                let state = &*state;
                threads.install(|| some.par_iter().map(|file| look(file, state)).collect())
            }
            None => some.iter().map(|file| look(file, state)).collect(),
        };
        for (file, found) in some.into_iter().zip(found) {
            take(file, found, state);
        }
    }
}

/// Threads, if they are worth starting, and can be.
fn threads_for(files: &[Location]) -> Option<ThreadPool> {
    let threads = || ThreadPoolBuilder::new().num_threads(THREADS).build().ok();
    (files.len() >= LEAST_FILES).then(threads)?
}

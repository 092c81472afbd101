//! Reading ahead: callers announce which objects they will read, and a few of the next ones are
//! always being fetched. The docs of the module `store` say why.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::task::JoinHandle;

use super::client::ObjectStores;
use crate::{Content, Limits, StorageError};

/// A fetch that was started; `None` if the object is too large to be kept in memory.
type PendingRead = JoinHandle<Option<Result<Content, StorageError>>>;

/// Objects that callers have announced, and those that are being fetched.
#[derive(Debug, Default)]
pub(super) struct ReadAhead {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Announced URLs in the order of reading; those no longer in `wanted` are skipped.
    order: VecDeque<String>,
    /// Announced URLs that nobody has read yet and no fetch was started for.
    wanted: HashSet<String>,
    pending: HashMap<String, PendingRead>,
    limits: Limits,
}

impl ReadAhead {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ObjectStores {
    /// Announces which objects will be read, roughly in this order, in place of earlier
    /// announcements.
    pub fn announce(&self, urls: impl IntoIterator<Item = String>, limits: Limits) {
        let mut state = self.read_ahead.state();
        for pending in std::mem::take(&mut *state).pending.into_values() {
            pending.abort();
        }
        drop(state);
        self.announce_more(urls, limits);
    }

    /// Announces further objects, to be read after those that were announced before.
    pub fn announce_more(&self, urls: impl IntoIterator<Item = String>, limits: Limits) {
        let mut state = self.read_ahead.state();
        for url in urls {
            if state.wanted.insert(url.clone()) {
                state.order.push_back(url);
            }
        }
        state.limits = limits;
        self.start_reads(&mut state);
    }

    /// Withdraws what was announced: another process will read it.
    pub fn withdraw<'a>(&self, urls: impl IntoIterator<Item = &'a str>) {
        let mut state = self.read_ahead.state();
        for url in urls {
            state.wanted.remove(url);
            if let Some(pending) = state.pending.remove(url) {
                pending.abort();
            }
        }
        self.start_reads(&mut state);
    }

    /// The object, if it is being fetched ahead; the calling thread waits for it.
    pub(super) fn take_read_ahead(&self, url: &str) -> Option<Result<Content, StorageError>> {
        let pending = {
            let mut state = self.read_ahead.state();
            state.wanted.remove(url);
            let pending = state.pending.remove(url);
            if pending.is_none() {
                state.drop_finished(self.options.objects_at_once);
            }
            self.start_reads(&mut state);
            pending?
        };
        self.wait(pending).ok().flatten()
    }

    /// Starts fetches until as many are pending as the options allow.
    fn start_reads(&self, state: &mut State) {
        while state.pending.len() < self.options.objects_at_once
            && let Some(url) = state.order.pop_front()
        {
            if !state.wanted.remove(&url) {
                continue;
            }
            // An invalid URL is left out here; reading it reports the error.
            if let Ok(request) = self.request(&url, &state.limits) {
                let pending = self.spawn(async move { request.content_to_read_ahead().await });
                state.pending.insert(url, pending);
            }
        }
    }
}

impl State {
    /// Drops one finished fetch if all `max` slots are taken. In a cluster another process may have
    /// measured that checkpoint, so nobody here will ever ask for it, and its slot would stay
    /// blocked.
    fn drop_finished(&mut self, max: usize) {
        if self.pending.len() < max {
            return;
        }
        let finished = self.pending.iter().find(|(_, read)| read.is_finished());
        if let Some(url) = finished.map(|(url, _)| url.clone()) {
            self.pending.remove(&url);
        }
    }
}

//! Reading ahead: a store answers after some time, and many requests at a time. Whoever knows which objects will be asked for says so,
//! and a few of the next ones are always on their way.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::task::JoinHandle;

use super::client::ObjectStores;
use crate::{Content, Limits, StorageError};

/// `None` where the object is too large to be held ahead.
type Coming = JoinHandle<Option<Result<Content, StorageError>>>;

/// What is expected, and what is on its way.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// In the order in which they will be asked for; what is not `wanted` any more is passed over.
    order: VecDeque<String>,
    wanted: HashSet<String>,
    coming: HashMap<String, Coming>,
    limits: Limits,
}

impl Ahead {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ObjectStores {
    /// Says which objects will be asked for, roughly in this order. What was expected before is forgotten.
    pub fn expect(&self, urls: impl IntoIterator<Item = String>, limits: Limits) {
        let mut state = self.ahead.state();
        for coming in std::mem::take(&mut *state).coming.into_values() {
            coming.abort();
        }
        state.order = urls.into_iter().collect();
        state.wanted = state.order.iter().cloned().collect();
        state.limits = limits;
        self.send_for_more(&mut state);
    }

    /// The object, if it was sent for: the calling thread waits for it.
    pub(super) fn taken_ahead(&self, url: &str) -> Option<Result<Content, StorageError>> {
        let coming = {
            let mut state = self.ahead.state();
            state.wanted.remove(url);
            let coming = state.coming.remove(url);
            if coming.is_none() {
                state.forget_one(self.options.ahead);
            }
            self.send_for_more(&mut state);
            coming?
        };
        self.wait(coming).ok().flatten()
    }

    fn send_for_more(&self, state: &mut State) {
        while state.coming.len() < self.options.ahead
            && let Some(url) = state.order.pop_front()
        {
            if !state.wanted.remove(&url) {
                continue;
            }
            // What is no URL says so to whoever asks for it.
            if let Ok(request) = self.request(&url, &state.limits) {
                let coming = self.spawn(async move { request.content_ahead().await });
                state.coming.insert(url, coming);
            }
        }
    }
}

impl State {
    /// Makes room where objects have come that nobody asks for: another process has taken them over.
    fn forget_one(&mut self, most: usize) {
        if self.coming.len() < most {
            return;
        }
        let came = self.coming.iter().find(|(_, coming)| coming.is_finished());
        if let Some(url) = came.map(|(url, _)| url.clone()) {
            self.coming.remove(&url);
        }
    }
}

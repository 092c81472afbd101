//! Accepts the connections of other processes, whatever else connects to the port.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::handshake::{HandshakeError, Proven, Wanted, accept};
use super::secret::Secret;

/// Handshakes at the same time. One more closes the oldest: a process of the cluster needs
/// milliseconds for its own, so the oldest is a stranger's.
const MAX_HANDSHAKES: usize = 64;

/// Refused connections that are told to the user.
const MAX_NOTES: usize = 5;

/// Pause after the system could not accept a connection, for example because too many files are
/// open.
const PAUSE: Duration = Duration::from_millis(50);

/// Listens until it is dropped. Each connection has a thread for its handshake, so that none delays
/// another.
#[derive(Debug)]
pub(super) struct Listener {
    shared: Arc<Shared>,
    address: SocketAddr,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    process: u32,
    n_processes: u32,
    secret: Secret,
    /// Tells the user of a connection that was refused.
    note: fn(&str),
    is_closed: AtomicBool,
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Connections that nobody has taken yet.
    waiting: BTreeMap<Wanted, Proven>,
    /// Those that were taken: each is wanted once.
    taken: BTreeSet<Wanted>,
    /// Connections whose handshake is not finished, the oldest first.
    shaking: VecDeque<(u64, Arc<TcpStream>)>,
    n_accepted: u64,
    n_refused: usize,
}

impl Listener {
    /// Listens at `address`, and nowhere else.
    ///
    /// # Errors
    /// The address is not one of this machine, or is in use.
    pub(super) fn open(
        address: &str,
        process: usize,
        n_processes: usize,
        secret: Secret,
        note: fn(&str),
    ) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            process: process as u32,
            n_processes: n_processes as u32,
            secret,
            note,
            is_closed: AtomicBool::new(false),
            state: Mutex::default(),
            arrived: Condvar::new(),
        });
        let accepting = std::thread::Builder::new()
            .name("cntflow:listen".to_owned())
            .spawn({
                let shared = Arc::clone(&shared);
                move || accept_all(&listener, &shared)
            })?;
        Ok(Self {
            shared,
            address,
            accepting: Some(accepting),
        })
    }

    /// Takes a connection; waits at most `patience` for it.
    pub(super) fn take(&self, wanted: Wanted, patience: Duration) -> Option<Proven> {
        let state = self.shared.state();
        let waited = self
            .shared
            .arrived
            .wait_timeout_while(state, patience, |state| {
                !state.waiting.contains_key(&wanted)
            });
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let proven = state.waiting.remove(&wanted)?;
        state.taken.insert(wanted);
        Some(proven)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.shared.is_closed.store(true, Ordering::SeqCst);
        for (_, socket) in &self.shared.state().shaking {
            // It may be closed already.
            let _ = socket.shutdown(Shutdown::Both);
        }
        // Wakes the thread that accepts. If this fails, the thread ends with the process.
        if TcpStream::connect_timeout(&self.address, Duration::from_secs(1)).is_ok()
            && let Some(accepting) = self.accepting.take()
        {
            // A panic of the thread has been printed already.
            let _ = accepting.join();
        }
    }
}

impl Shared {
    /// A poisoned lock is safe to use: every change of the state is one call of a collection.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a process that knows the secret may have this connection.
    fn is_expected(&self, wanted: Wanted) -> bool {
        wanted.to == self.process
            && (self.process + 1..self.n_processes).contains(&wanted.from)
            && !self.state().taken.contains(&wanted)
    }

    /// Notes a connection at the start of its handshake, and closes the oldest of too many.
    fn begin(&self, socket: &Arc<TcpStream>) -> u64 {
        let mut state = self.state();
        state.n_accepted += 1;
        let id = state.n_accepted;
        state.shaking.push_back((id, Arc::clone(socket)));
        if state.shaking.len() > MAX_HANDSHAKES
            && let Some((_, oldest)) = state.shaking.pop_front()
        {
            // It may be closed already.
            let _ = oldest.shutdown(Shutdown::Both);
        }
        id
    }

    fn end(
        &self,
        id: u64,
        from: SocketAddr,
        socket: Arc<TcpStream>,
        outcome: Result<(Wanted, [u8; 32]), HandshakeError>,
    ) {
        let mut state = self.state();
        state.shaking.retain(|(other, _)| *other != id);
        match outcome {
            Ok((wanted, key)) => {
                // Nobody else has it any more.
                if let Some(socket) = Arc::into_inner(socket) {
                    state.waiting.insert(wanted, Proven { socket, key });
                    self.arrived.notify_all();
                }
            }
            Err(reason) => {
                state.n_refused += 1;
                let n_refused = state.n_refused;
                drop(state);
                if n_refused <= MAX_NOTES && !self.is_closed.load(Ordering::SeqCst) {
                    let last = if n_refused == MAX_NOTES {
                        " (further ones are not shown)"
                    } else {
                        ""
                    };
                    (self.note)(&format!("refused a connection from {from}: {reason}{last}"));
                }
            }
        }
    }
}

fn accept_all(listener: &TcpListener, shared: &Arc<Shared>) {
    loop {
        let connection = listener.accept();
        if shared.is_closed.load(Ordering::SeqCst) {
            return;
        }
        let Ok((socket, from)) = connection else {
            std::thread::sleep(PAUSE);
            continue;
        };
        let socket = Arc::new(socket);
        let id = shared.begin(&socket);
        let shake = {
            let shared = Arc::clone(shared);
            move || {
                let expected = |wanted| shared.is_expected(wanted);
                let outcome = accept(&socket, &shared.secret, expected);
                shared.end(id, from, socket, outcome);
            }
        };
        let spawned = std::thread::Builder::new()
            .name("cntflow:handshake".to_owned())
            .stack_size(128 << 10)
            .spawn(shake);
        if spawned.is_err() {
            // The connection is closed, and a process of the cluster dials again.
            shared.state().shaking.retain(|(other, _)| *other != id);
        }
    }
}

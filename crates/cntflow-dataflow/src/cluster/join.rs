//! Joining a cluster: every process dials those before it and waits for those after it.

use std::io::ErrorKind;
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use super::handshake::{self, HANDSHAKE_TIMEOUT, HandshakeError, LINK, Proven, Wanted};
use super::listener::Listener;
use super::peers::Peers;
use super::{Cluster, is_of_this_machine};
use crate::error::DataflowError;
use crate::supervise::Stop;

/// Exit code of a process that cannot join its cluster.
const FAILED: u8 = 1;

/// Pause between attempts to connect, and between looks at what has connected.
pub(super) const RETRY: Duration = Duration::from_millis(50);

impl Cluster {
    /// Connects to every other process and checks that all run the same: `agreed` has the name and
    /// the value of each part to compare.
    ///
    /// # Errors
    /// The cluster needs a secret and has none; a process cannot be reached in time, is lost before
    /// all are connected, or has other values; `stop` is set meanwhile.
    pub fn join(
        &self,
        agreed: &[(&'static str, String)],
        stop: &Stop,
    ) -> Result<Peers, DataflowError> {
        let cluster = Self {
            secret: Some(self.secret()?),
            ..self.clone()
        };
        let listener = cluster.listen()?;
        let mut peers = Peers::new(cluster.clone(), listener, stop)
            .map_err(|error| DataflowError::Start(error.into()))?;
        let joined = cluster
            .connect_links(&mut peers, stop)
            .and_then(|()| peers.agree(agreed));
        // Those that are connected already end with the same cause.
        match &joined {
            Ok(()) => {}
            Err(DataflowError::StoppedEarly { .. }) => peers.tell_stop(),
            Err(error) => peers.fail(&error.to_string(), FAILED),
        }
        joined.map(|()| peers)
    }

    pub(super) fn listen(&self) -> Result<Listener, DataflowError> {
        let address = &self.addresses[self.process];
        let secret = self.secret()?;
        let open = |address: &str| {
            let n_processes = self.addresses.len();
            Listener::open(
                address,
                self.process,
                n_processes,
                secret.clone(),
                self.note,
            )
        };
        let port = address.rsplit(':').next().unwrap_or_default();
        let anywhere = || open(&format!("0.0.0.0:{port}"));
        let others = || {
            self.addresses
                .iter()
                .any(|address| !is_of_this_machine(address))
        };
        let listener = if self.any_address && is_of_this_machine(address) && others() {
            anywhere()
        } else {
            match open(address) {
                Err(error) if self.any_address && error.kind() != ErrorKind::AddrInUse => {
                    anywhere()
                }
                listener => listener,
            }
        };
        listener.map_err(|source| DataflowError::Listen {
            process: self.process,
            address: address.clone(),
            source,
        })
    }

    /// Dials every process before this one and waits for every process after it, all at the same
    /// time.
    fn connect_links(&self, peers: &mut Peers, stop: &Stop) -> Result<(), DataflowError> {
        let deadline = Instant::now() + self.connect_timeout;
        let is_over = IsOver(Arc::new(AtomicBool::new(false)));
        let dialed = self.dial_earlier(deadline, &is_over)?;
        let add = |peers: &mut Peers, process: usize, link: Proven| {
            let added = peers.add_link(process, link);
            added.map_err(|error| DataflowError::Start(error.into()))
        };
        let n_processes = self.addresses.len();
        loop {
            while let Ok((process, link)) = dialed.try_recv() {
                add(peers, process, link?)?;
            }
            for process in self.process + 1..n_processes {
                if !peers.has_link(process)
                    && let Some(link) = peers
                        .listener()
                        .take(self.wanted_from(process), Duration::ZERO)
                {
                    add(peers, process, link)?;
                }
            }
            // Before a loss: another process may have been stopped, and closed its links.
            if stop.is_set() {
                return Err(DataflowError::StoppedEarly {
                    signal: stop.signal(),
                });
            }
            if let Some(error) = peers.loss() {
                return Err(error);
            }
            let Some(missing) = (0..n_processes).find(|&process| !peers.has_link(process)) else {
                return Ok(());
            };
            // Those that are dialed have an error with more to say.
            if missing > self.process && Instant::now() >= deadline {
                return Err(DataflowError::DidNotConnect {
                    process: missing,
                    address: self.addresses[missing].clone(),
                    waited: self.connect_timeout.as_secs(),
                });
            }
            std::thread::sleep(RETRY / 5);
        }
    }

    /// Dials every process before this one, each in a thread of its own.
    fn dial_earlier(
        &self,
        deadline: Instant,
        is_over: &IsOver,
    ) -> Result<Receiver<DialedLink>, DataflowError> {
        let (sender, receiver) = mpsc::channel();
        for process in 0..self.process {
            let (cluster, sender) = (self.clone(), sender.clone());
            let is_over = Arc::clone(&is_over.0);
            let dial = move || {
                let is_over = || is_over.load(Ordering::SeqCst);
                let link = cluster.dial_until(process, LINK, deadline, is_over);
                // Nobody waits any more after another link has failed.
                let _ = sender.send((process, link));
            };
            std::thread::Builder::new()
                .name("cntflow:dial".to_owned())
                .spawn(dial)
                .map_err(|error| DataflowError::Start(error.into()))?;
        }
        Ok(receiver)
    }

    fn wanted_from(&self, process: usize) -> Wanted {
        Wanted {
            from: process as u32,
            to: self.process as u32,
            channel: LINK,
        }
    }

    /// Connects to an earlier process, again and again until the deadline, or until `is_over`.
    pub(super) fn dial_until(
        &self,
        process: usize,
        channel: u32,
        deadline: Instant,
        is_over: impl Fn() -> bool,
    ) -> Result<Proven, DataflowError> {
        let address = &self.addresses[process];
        let wanted = Wanted {
            from: self.process as u32,
            to: process as u32,
            channel,
        };
        let secret = self.secret()?;
        loop {
            let error = match connect(address, deadline)
                .map_err(HandshakeError::Io)
                .and_then(|socket| handshake::dial(socket, wanted, &secret))
            {
                Ok(proven) => return Ok(proven),
                Err(error) => error,
            };
            if error.is_final() {
                return Err(DataflowError::Refused {
                    process,
                    address: address.clone(),
                    reason: error.into(),
                });
            }
            if Instant::now() >= deadline || is_over() {
                return Err(DataflowError::NotReached {
                    process,
                    address: address.clone(),
                    waited: self.connect_timeout.as_secs(),
                    source: error.into(),
                });
            }
            std::thread::sleep(RETRY);
        }
    }
}

/// A process and the link to it, or why there is none.
type DialedLink = (usize, Result<Proven, DataflowError>);

/// Ends the threads that still dial when it is dropped.
struct IsOver(Arc<AtomicBool>);

impl Drop for IsOver {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn connect(address: &str, deadline: Instant) -> std::io::Result<TcpStream> {
    let mut last = ErrorKind::AddrNotAvailable.into();
    // A name may stand for several addresses, and the other process listen at one of them.
    for resolved in address.to_socket_addrs()? {
        let remaining = deadline.saturating_duration_since(Instant::now());
        match TcpStream::connect_timeout(&resolved, remaining.clamp(RETRY, HANDSHAKE_TIMEOUT)) {
            Ok(socket) => return Ok(socket),
            Err(error) => last = error,
        }
    }
    Err(last)
}

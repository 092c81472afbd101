//! The processes of a cluster: their addresses, how they connect in bounded time, and how they stay
//! in touch.
//!
//! Timely could connect the processes itself, but it waits for ever, prints to stdout, and trusts
//! whoever connects. It also accepts sockets that are connected already: this module makes those.

mod frame;
mod free_addresses;
mod handshake;
mod listener;
mod peers;
mod scheduler;
mod secret;

use std::io::ErrorKind;
use std::net::{IpAddr, TcpStream, ToSocketAddrs};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

pub use self::free_addresses::free_addresses;
use self::handshake::{HANDSHAKE_TIMEOUT, HandshakeError, LINK, Proven, Wanted};
use self::listener::Listener;
pub use self::peers::Peers;
pub use self::secret::Secret;
use crate::error::DataflowError;
use crate::supervise::Stop;

/// How long a process waits until all have started, default is 60 seconds.
pub const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(60);

/// Exit code of a process that cannot join its cluster.
const FAILED: u8 = 1;

/// Pause between attempts to connect, and between looks at what has connected.
const RETRY: Duration = Duration::from_millis(50);

/// The processes of one run, and which of them this one is.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Index of this process.
    pub process: usize,
    /// `host:port` of every process, in order.
    pub addresses: Vec<String>,
    /// What all of them prove to know. `None` takes the secret of the user, which serves only if
    /// all addresses are of this machine.
    pub secret: Option<Secret>,
    /// How long to wait until all have started.
    pub connect_timeout: Duration,
    /// Whether to listen at all addresses of this machine if its own name is not known there, or
    /// stands for this machine alone. Schedulers give names that a node, or a pod that has just
    /// started, may not know itself.
    pub any_address: bool,
    /// Tells the user of a connection that was refused.
    pub note: fn(&str),
}

impl Cluster {
    /// Reads a hosts file: one `host:port` per line in the order of the processes. Blank lines and
    /// `#` comments are skipped.
    ///
    /// # Errors
    /// The file cannot be read or holds no address, or `process` is not one of its lines.
    pub fn from_hosts_file(path: &Path, process: usize) -> Result<Self, DataflowError> {
        let text = fs_err::read_to_string(path).map_err(DataflowError::ReadHosts)?;
        let lines = text
            .lines()
            .map(|line| line.split('#').next().unwrap_or_default().trim());
        let addresses: Vec<String> = lines
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect();
        if addresses.is_empty() {
            return Err(DataflowError::NoHosts {
                path: path.to_owned(),
            });
        }
        if let Some(line) = addresses.iter().find(|address| !address.contains(':')) {
            return Err(DataflowError::BadHost {
                path: path.to_owned(),
                line: line.clone(),
            });
        }
        Self::new(process, addresses)
    }

    fn new(process: usize, addresses: Vec<String>) -> Result<Self, DataflowError> {
        if process >= addresses.len() {
            return Err(DataflowError::NoSuchProcess {
                process,
                processes: addresses.len(),
            });
        }
        Ok(Self {
            process,
            addresses,
            secret: None,
            connect_timeout: DEFAULT_CONNECT_TIMEOUT,
            any_address: false,
            note: |_| {},
        })
    }

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

    /// The secret, which a cluster of several machines must be given.
    fn secret(&self) -> Result<Secret, DataflowError> {
        if let Some(secret) = &self.secret {
            return Ok(secret.clone());
        }
        match self
            .addresses
            .iter()
            .find(|address| !is_of_this_machine(address))
        {
            None => Secret::of_user(),
            Some(address) => Err(DataflowError::NoSecret {
                address: address.clone(),
            }),
        }
    }

    fn listen(&self) -> Result<Listener, DataflowError> {
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
    fn dial_until(
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

/// Whether only processes of this machine reach an address.
fn is_of_this_machine(address: &str) -> bool {
    let Ok(resolved) = address.to_socket_addrs() else {
        return false;
    };
    let mut resolved = resolved.map(|address| address.ip()).peekable();
    resolved.peek().is_some() && resolved.all(|ip: IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    fn free_address() -> String {
        free_addresses(1).unwrap().remove(0)
    }

    fn cluster(process: usize, addresses: &[String], seconds: u64) -> Cluster {
        Cluster {
            process,
            addresses: addresses.to_vec(),
            secret: Some(Secret::from_text("the secret of the tests").unwrap()),
            connect_timeout: Duration::from_secs(seconds),
            any_address: false,
            note: |_| {},
        }
    }

    type Joining = std::thread::JoinHandle<Result<Peers, DataflowError>>;

    fn join(cluster: Cluster, study: &str) -> Joining {
        let agreed = [("the study", study.to_owned())];
        std::thread::spawn(move || cluster.join(&agreed, &Stop::default()))
    }

    fn pair(here: &str, there: &str) -> [Result<Peers, DataflowError>; 2] {
        let addresses = [free_address(), free_address()];
        let joining = [(0, here), (1, there)];
        let joining = joining.map(|(process, study)| join(cluster(process, &addresses, 5), study));
        joining.map(|thread| thread.join().unwrap())
    }

    #[test]
    fn processes_of_the_same_study_meet_and_hear_each_other() {
        let [first, second] = pair("a", "a").map(Result::unwrap);
        let place = (first.process(), second.process(), first.processes());
        assert_eq!(place, (0, 1, 2));
        let meet = |peers: Peers, value: &str| {
            let value = vec![value.to_owned()];
            std::thread::spawn(move || peers.meet("test", value))
        };
        for met in [meet(first, "x"), meet(second, "y")] {
            assert_eq!(met.join().unwrap().unwrap(), [["x"], ["y"]]);
        }
    }

    #[test]
    fn processes_at_different_points_of_a_command_say_so() {
        let [first, second] = pair("a", "a").map(Result::unwrap);
        let meet = |peers: Peers, name: &'static str| {
            std::thread::spawn(move || {
                let met = peers.meet(name, Vec::new());
                (met, peers)
            })
        };
        let meeting = [meet(first, "refit"), meet(second, "end")];
        let met = meeting.map(|thread| thread.join().unwrap());
        for (outcome, _) in &met {
            let text = outcome.as_ref().unwrap_err().to_string();
            assert!(text.contains("is out of step with this one"), "{text}");
        }
    }

    /// Each of three processes has left as soon as it has met the others.
    #[test]
    fn a_process_that_leaves_after_the_last_meeting_is_not_lost() {
        for _ in 0..20 {
            let addresses = [free_address(), free_address(), free_address()];
            let joining = [0, 1, 2].map(|process| join(cluster(process, &addresses, 5), "a"));
            let peers = joining.map(|thread| thread.join().unwrap().unwrap());
            let ending = peers.map(|peers| {
                std::thread::spawn(move || {
                    let met = peers.meet("end", Vec::new());
                    peers.leave();
                    met.map(|met| met.len())
                })
            });
            for end in ending {
                assert_eq!(end.join().unwrap().unwrap(), 3);
            }
        }
    }

    #[test]
    fn processes_of_different_studies_refuse_each_other() {
        for outcome in pair("a", "b") {
            let text = outcome.unwrap_err().to_string();
            assert!(
                text.contains("does not match this one: the study is"),
                "{text}"
            );
        }
    }

    #[test]
    fn a_process_with_another_secret_is_refused_at_once_and_the_others_wait_for_the_right_one() {
        let addresses = [free_address(), free_address()];
        let first = join(cluster(0, &addresses, 20), "a");
        let wrong = Cluster {
            secret: Some(Secret::from_text("another secret of the tests").unwrap()),
            ..cluster(1, &addresses, 20)
        };
        let started = Instant::now();
        let error = join(wrong, "a").join().unwrap().unwrap_err();
        assert!(started.elapsed() < Duration::from_secs(5));
        let text = error.to_string();
        assert!(
            text.ends_with("no connection: it has another secret"),
            "{text}"
        );
        let second = join(cluster(1, &addresses, 20), "a");
        assert_eq!(first.join().unwrap().unwrap().processes(), 2);
        second.join().unwrap().unwrap();
    }

    #[test]
    fn addresses_of_other_machines_need_a_secret() {
        let open = |address: &str| Cluster {
            secret: None,
            ..cluster(0, &[address.to_owned()], 1)
        };
        for address in ["10.0.0.1:2101", "0.0.0.0:2101", "no-such-host.invalid:2101"] {
            let error = open(address).secret().unwrap_err();
            assert!(
                matches!(&error, DataflowError::NoSecret { address: named } if named == address),
                "{error}"
            );
        }
        assert!(is_of_this_machine("127.0.0.1:2101") && is_of_this_machine("[::1]:2101"));
    }

    /// A pod that has just started is not in the name service yet.
    #[test]
    fn a_process_whose_own_name_is_not_known_listens_all_the_same() {
        let port = free_address().rsplit(':').next().unwrap().to_owned();
        let unknown = Cluster {
            any_address: true,
            ..cluster(0, &[format!("no-such-host.invalid:{port}")], 1)
        };
        unknown.listen().unwrap();
        let named = Cluster {
            any_address: false,
            ..unknown
        };
        let error = named.listen().unwrap_err().to_string();
        assert!(
            error.contains("cannot listen at no-such-host.invalid"),
            "{error}"
        );
    }

    #[test]
    fn an_absent_process_is_waited_for_in_bounded_time_and_named() {
        let addresses = ["127.0.0.1:1".to_owned(), free_address(), free_address()];
        let error = cluster(1, &addresses, 1)
            .join(&[], &Stop::default())
            .unwrap_err();
        let text = error.to_string();
        assert!(
            text.starts_with("process 0 at 127.0.0.1:1: not reached within 1 s"),
            "{text}"
        );
        let error = cluster(0, &addresses[1..], 1)
            .join(&[], &Stop::default())
            .unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("did not connect within 1 s") && text.starts_with("process 1"),
            "{text}"
        );
    }

    /// The second process joins and dies before the third has come.
    #[test]
    fn a_process_lost_before_all_are_connected_is_named_at_once() {
        let addresses = [free_address(), free_address(), free_address()];
        let first = join(cluster(0, &addresses, 30), "a");
        let dialer = cluster(2, &addresses, 30);
        let deadline = Instant::now() + Duration::from_secs(10);
        let link = dialer.dial_until(0, LINK, deadline, || false).unwrap();
        let started = Instant::now();
        drop(link);
        let text = first.join().unwrap().unwrap_err().to_string();
        assert!(text.starts_with("process 2 at"), "{text}");
        assert!(started.elapsed() < Duration::from_secs(2));
    }

    #[test]
    fn a_stop_ends_the_wait_for_others() {
        let addresses = [free_address(), free_address()];
        let stop = Stop::default();
        let waiting = {
            let (cluster, stop) = (cluster(0, &addresses, 60), stop.clone());
            std::thread::spawn(move || cluster.join(&[], &stop))
        };
        stop.set();
        let error = waiting.join().unwrap().unwrap_err();
        assert!(
            matches!(error, DataflowError::StoppedEarly { signal: None }),
            "{error}"
        );
    }

    #[test]
    fn a_process_that_fails_tells_the_others_why() {
        let [first, second] = pair("a", "a").map(Result::unwrap);
        second.fail("out.parquet: no space left on device", 1);
        let error = first.meet("test", Vec::new()).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("process 1 at")
                && text.contains("failed: out.parquet: no space left on device"),
            "{text}"
        );
    }

    #[test]
    fn a_stop_of_one_process_stops_all() {
        let addresses = [free_address(), free_address()];
        let stops = [Stop::default(), Stop::default()];
        let joining = [0, 1].map(|process| {
            let (cluster, stop) = (cluster(process, &addresses, 5), stops[process].clone());
            std::thread::spawn(move || cluster.join(&[], &stop))
        });
        let peers = joining.map(|thread| thread.join().unwrap().unwrap());
        stops[1].set_by(Some(15));
        let started = Instant::now();
        while !stops[0].is_set() && started.elapsed() < Duration::from_secs(5) {
            std::thread::sleep(RETRY);
        }
        assert_eq!(stops[0].signal(), Some(15));
        drop(peers);
    }

    /// Starts three processes, the last two after `before` was run on the address of the first.
    fn start_three<T>(before: impl FnOnce(&str) -> T) -> (Duration, [Peers; 3], T) {
        let addresses = [free_address(), free_address(), free_address()];
        let first = join(cluster(0, &addresses, 30), "a");
        let strangers = before(&addresses[0]);
        let started = Instant::now();
        let others = [1, 2].map(|process| join(cluster(process, &addresses, 30), "a"));
        let first = first.join().unwrap().unwrap();
        let elapsed = started.elapsed();
        let [second, third] = others.map(|thread| thread.join().unwrap().unwrap());
        (elapsed, [first, second, third], strangers)
    }

    /// Sixty strangers at once, of every kind that has been seen on open ports.
    #[test]
    fn strangers_neither_join_nor_delay_a_start() {
        let (alone, _, ()) = start_three(|_| ());
        let sixty = |address: &str| -> Vec<TcpStream> {
            (0..60).map(|kind| stranger(kind, address)).collect()
        };
        let (among_strangers, peers, strangers) = start_three(sixty);
        assert!(
            among_strangers < alone + Duration::from_secs(1),
            "{among_strangers:?}, {alone:?} alone"
        );
        // None has learnt anything but random bytes, and all are closed in the end.
        for mut stranger in strangers {
            stranger
                .set_read_timeout(Some(HANDSHAKE_TIMEOUT + Duration::from_secs(1)))
                .unwrap();
            let mut heard = Vec::new();
            // A reset is an end as well: what was sent is not all read.
            if let Err(error) = stranger.read_to_end(&mut heard) {
                assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
            }
            assert!(heard.len() <= 41, "{}", heard.len());
        }
        drop(peers);
    }

    fn stranger(kind: usize, address: &str) -> TcpStream {
        let deadline = Instant::now() + Duration::from_secs(5);
        let mut socket = loop {
            match TcpStream::connect(address) {
                Ok(socket) => break socket,
                Err(_) if Instant::now() < deadline => std::thread::sleep(RETRY),
                Err(error) => panic!("{error}"),
            }
        };
        let greeting = |magic: &[u8]| [magic, &[7; 200]].concat();
        let bytes = match kind % 6 {
            // Silent.
            0 => Vec::new(),
            // Garbage.
            1 => b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(20),
            // The magic of today, then numbers that mean nothing.
            2 => greeting(b"cntflow2"),
            // An earlier version with a fingerprint of 2^62 bytes.
            3 => [
                b"cntflow1".as_slice(),
                &1u64.to_le_bytes(),
                &(1u64 << 62).to_le_bytes(),
            ]
            .concat(),
            // A header of timely with a length near 2^64.
            4 => [u64::MAX - 47; 8]
                .iter()
                .flat_map(|n| n.to_le_bytes())
                .collect(),
            // A few bytes, and no more.
            _ => b"cnt".to_vec(),
        };
        // The other side may have closed the connection already.
        let _ = socket.write_all(&bytes);
        socket
    }
}

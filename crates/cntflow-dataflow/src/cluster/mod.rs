//! The processes of a cluster: their addresses, how they connect in bounded time, and the check
//! that all run the same.
//!
//! Timely could connect the processes itself, but it waits for ever, prints to stdout and checks
//! nothing. It also accepts sockets that are connected already: this module makes those.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream, ToSocketAddrs};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::error::DataflowError;

/// How long a process waits for the others before it gives up, default is 60 seconds.
pub const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(60);

/// First bytes of every connection, by which a cntflow process is told from other programs that
/// connect to the port.
const MAGIC: [u8; 8] = *b"cntflow1";

/// How long one side waits for the other's greeting after connecting.
const GREETING_TIMEOUT: Duration = Duration::from_secs(10);

/// How long one side waits for the other to finish planning, which may scan a large folder.
const AGREEMENT_TIMEOUT: Duration = Duration::from_secs(600);

/// Largest fingerprint read from a connection, in bytes.
const MAX_FINGERPRINT: usize = 4096;

/// Pause between attempts to connect and between looks at the listener.
const RETRY: Duration = Duration::from_millis(50);

/// The other processes, connected.
#[derive(Debug)]
pub struct Peers {
    cluster: Cluster,
    /// Indexed by process; `None` at this process's own index, as timely expects.
    sockets: Vec<Option<TcpStream>>,
}

impl Peers {
    /// Index of this process.
    pub fn process(&self) -> usize {
        self.cluster.process
    }

    /// Number of processes, this one included.
    pub fn processes(&self) -> usize {
        self.sockets.len()
    }

    /// Waits until every process has planned, and checks that all agree. No process may start
    /// before all have planned: otherwise a slow process would plan from tables that a fast one has
    /// already changed.
    pub(crate) fn agree(
        &mut self,
        fingerprint: &[(&'static str, String)],
    ) -> Result<(), DataflowError> {
        for process in 0..self.sockets.len() {
            let Some(socket) = &mut self.sockets[process] else {
                continue;
            };
            let greeting =
                exchange_greetings(socket, self.cluster.process, fingerprint, AGREEMENT_TIMEOUT);
            let (_, theirs) =
                greeting.map_err(|source| self.cluster.connection_failed(process, source))?;
            check_fingerprint(process, &theirs, fingerprint)?;
        }
        Ok(())
    }

    pub(crate) fn into_sockets(self) -> Vec<Option<TcpStream>> {
        self.sockets
    }
}

/// The processes of one run, and which of them this one is.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Index of this process.
    pub process: usize,
    /// `host:port` of every process, in order.
    pub addresses: Vec<String>,
    /// How long to wait for the others.
    pub connect_timeout: Duration,
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
        if process >= addresses.len() {
            return Err(DataflowError::NoSuchProcess {
                process,
                processes: addresses.len(),
            });
        }
        Ok(Self {
            process,
            addresses,
            connect_timeout: DEFAULT_CONNECT_TIMEOUT,
        })
    }

    /// Connects to every other process and checks that all run the same: `fingerprint` has the name
    /// and value of each part to compare.
    ///
    /// # Errors
    /// A process cannot be reached in time, or has another fingerprint.
    pub fn connect(&self, fingerprint: &[(&'static str, String)]) -> Result<Peers, DataflowError> {
        let deadline = Instant::now() + self.connect_timeout;
        let mut sockets: Vec<Option<TcpStream>> = self.addresses.iter().map(|_| None).collect();
        let listener = self.listen()?;
        for (process, socket) in sockets.iter_mut().enumerate().take(self.process) {
            *socket = Some(self.connect_to(process, fingerprint, deadline)?);
        }
        while let Some(missing) =
            (self.process + 1..sockets.len()).find(|&process| sockets[process].is_none())
        {
            let (process, socket) = self.accept(&listener, fingerprint, missing, deadline)?;
            sockets[process] = Some(socket);
        }
        Ok(Peers {
            cluster: self.clone(),
            sockets,
        })
    }

    fn listen(&self) -> Result<TcpListener, DataflowError> {
        let listener = TcpListener::bind(&self.addresses[self.process]);
        let listener =
            listener.and_then(|listener| listener.set_nonblocking(true).map(|()| listener));
        listener.map_err(|source| DataflowError::Listen {
            process: self.process,
            address: self.addresses[self.process].clone(),
            source,
        })
    }

    /// Connects to an earlier process, again and again until the deadline.
    fn connect_to(
        &self,
        process: usize,
        fingerprint: &[(&'static str, String)],
        deadline: Instant,
    ) -> Result<TcpStream, DataflowError> {
        loop {
            match dial(&self.addresses[process], deadline) {
                Ok(mut socket) => {
                    let (_, theirs) = self.greet(&mut socket, process, fingerprint)?;
                    return check_fingerprint(process, &theirs, fingerprint).map(|()| socket);
                }
                Err(source) if Instant::now() >= deadline => {
                    return Err(DataflowError::NotReached {
                        process,
                        address: self.addresses[process].clone(),
                        waited: self.connect_timeout.as_secs(),
                        source,
                    });
                }
                Err(_) => std::thread::sleep(RETRY),
            }
        }
    }

    /// Accepts a connection of a process with a higher index. `missing` is any process that has not
    /// connected yet; errors name it.
    fn accept(
        &self,
        listener: &TcpListener,
        fingerprint: &[(&'static str, String)],
        missing: usize,
        deadline: Instant,
    ) -> Result<(usize, TcpStream), DataflowError> {
        loop {
            match listener.accept() {
                Ok((mut socket, _)) => {
                    socket
                        .set_nonblocking(false)
                        .map_err(|source| self.connection_failed(missing, source))?;
                    // A stranger on the port (a scanner, a health check) is no reason to end the
                    // run.
                    let Ok((process, theirs)) = self.greet(&mut socket, missing, fingerprint)
                    else {
                        continue;
                    };
                    check_fingerprint(process, &theirs, fingerprint)?;
                    if process > self.process && process < self.addresses.len() {
                        return Ok((process, socket));
                    }
                }
                Err(source) if source.kind() != ErrorKind::WouldBlock => {
                    return Err(self.connection_failed(missing, source));
                }
                Err(_) if Instant::now() >= deadline => {
                    return Err(DataflowError::DidNotConnect {
                        process: missing,
                        address: self.addresses[missing].clone(),
                        waited: self.connect_timeout.as_secs(),
                    });
                }
                Err(_) => std::thread::sleep(RETRY),
            }
        }
    }

    /// Exchanges greetings; returns the other's process index and fingerprint.
    fn greet(
        &self,
        socket: &mut TcpStream,
        process: usize,
        fingerprint: &[(&'static str, String)],
    ) -> Result<(usize, Vec<String>), DataflowError> {
        exchange_greetings(socket, self.process, fingerprint, GREETING_TIMEOUT)
            .map_err(|source| self.connection_failed(process, source))
    }

    fn connection_failed(&self, process: usize, source: std::io::Error) -> DataflowError {
        DataflowError::Connection {
            process,
            address: self.addresses[process].clone(),
            source,
        }
    }
}

fn dial(address: &str, deadline: Instant) -> std::io::Result<TcpStream> {
    let remaining = deadline
        .saturating_duration_since(Instant::now())
        .max(RETRY);
    let resolved = address
        .to_socket_addrs()?
        .next()
        .ok_or(ErrorKind::AddrNotAvailable)?;
    TcpStream::connect_timeout(&resolved, remaining)
}

/// Sends our greeting and reads the other's: process index and fingerprint.
///
/// A greeting is the magic, the process index and the length of the text (both `u64`, little
/// endian), then the fingerprint's values, one a line.
fn exchange_greetings(
    socket: &mut TcpStream,
    process: usize,
    fingerprint: &[(&'static str, String)],
    timeout: Duration,
) -> std::io::Result<(usize, Vec<String>)> {
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(timeout))?;
    let parts: Vec<&str> = fingerprint
        .iter()
        .map(|(_, value)| value.as_str())
        .collect();
    let text = parts.join("\n");
    let mut greeting = MAGIC.to_vec();
    greeting.extend((process as u64).to_le_bytes());
    greeting.extend((text.len() as u64).to_le_bytes());
    greeting.extend(text.as_bytes());
    socket.write_all(&greeting)?;

    let mut head = [0; 24];
    socket.read_exact(&mut head)?;
    let word =
        |offset: usize| u64::from_le_bytes(std::array::from_fn(|i| head[offset + i])) as usize;
    if head[..8] != MAGIC || word(16) > MAX_FINGERPRINT {
        return Err(std::io::Error::new(
            ErrorKind::InvalidData,
            "the other side is not cntflow",
        ));
    }
    let mut text = vec![0; word(16)];
    socket.read_exact(&mut text)?;
    socket.set_read_timeout(None)?;
    let values = String::from_utf8_lossy(&text);
    Ok((word(8), values.split('\n').map(str::to_owned).collect()))
}

/// Compares fingerprints, value by value.
fn check_fingerprint(
    process: usize,
    theirs: &[String],
    ours: &[(&'static str, String)],
) -> Result<(), DataflowError> {
    for (index, (what, value)) in ours.iter().enumerate() {
        let other = theirs.get(index).cloned().unwrap_or_default();
        if other != *value {
            return Err(DataflowError::Mismatch {
                process,
                what,
                theirs: other,
                ours: value.clone(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(here: &str, there: &str) -> [Result<Peers, DataflowError>; 2] {
        let free = |_| {
            TcpListener::bind("127.0.0.1:0")
                .unwrap()
                .local_addr()
                .unwrap()
                .to_string()
        };
        let addresses: Vec<String> = (0..2).map(free).collect();
        let start = |process: usize, study: &str| {
            let cluster = Cluster {
                process,
                addresses: addresses.clone(),
                connect_timeout: Duration::from_secs(5),
            };
            let fingerprint = [("study", study.to_owned())];
            std::thread::spawn(move || cluster.connect(&fingerprint))
        };
        let threads = [start(0, here), start(1, there)];
        threads.map(|thread| thread.join().unwrap())
    }

    #[test]
    fn processes_of_the_same_study_connect() {
        let [first, second] = pair("a", "a").map(Result::unwrap);
        assert_eq!(
            (first.process(), second.process(), first.processes()),
            (0, 1, 2)
        );
        let agree = |mut peers: Peers, on: &'static str| {
            std::thread::spawn(move || peers.agree(&[("tasks", on.to_owned())]))
        };
        let [first, second] = [agree(first, "12"), agree(second, "13")];
        let texts = [first, second].map(|side| side.join().unwrap().unwrap_err().to_string());
        assert!(
            texts[0].contains("tasks is 13 there and 12 here"),
            "{}",
            texts[0]
        );
    }

    #[test]
    fn processes_of_different_studies_refuse_each_other() {
        for outcome in pair("a", "b") {
            let text = outcome.unwrap_err().to_string();
            assert!(text.contains("does not match this one: study is"), "{text}");
        }
    }

    #[test]
    fn an_absent_process_is_waited_for_in_bounded_time() {
        let address = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .to_string();
        let addresses = vec!["127.0.0.1:1".to_owned(), address];
        let cluster = Cluster {
            process: 1,
            addresses,
            connect_timeout: Duration::from_millis(200),
        };
        let text = cluster.connect(&[]).unwrap_err().to_string();
        assert!(
            text.starts_with("process 0 at 127.0.0.1:1: not reached within"),
            "{text}"
        );
    }
}

//! The processes of a cluster: their addresses, how they connect in bounded time, and how they stay
//! in touch.
//!
//! Timely could connect the processes itself, but it waits for ever, prints to stdout, and trusts
//! whoever connects. It also accepts sockets that are connected already: this module makes those.

mod frame;
mod free_addresses;
mod handshake;
mod join;
mod listener;
mod peers;
mod scheduler;
mod secret;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, ToSocketAddrs};
use std::path::Path;
use std::time::Duration;

pub use self::free_addresses::free_addresses;
pub use self::peers::Peers;
pub use self::secret::Secret;
use crate::error::DataflowError;

/// How long a process waits until all have started, default is 60 seconds.
pub const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(60);

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
}

/// Whether only processes of this machine reach an address.
fn is_of_this_machine(address: &str) -> bool {
    let Ok(resolved) = address.to_socket_addrs() else {
        return false;
    };
    let mut resolved = resolved.map(|address| address.ip()).peekable();
    resolved.peek().is_some() && resolved.all(|ip: IpAddr| ip.is_loopback())
}

//! Addresses for processes that all run on this machine.

use std::net::TcpListener;
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::error::DataflowError;

/// Ports that are tried: below those that systems give to outgoing connections, which could take
/// one before it is used.
const PORTS: Range<u32> = 10_000..30_000;

/// `n` addresses of this machine at which nothing listens, as `host:port`. No address is given
/// twice by one process until all were given.
///
/// # Errors
/// There are not so many.
pub fn free_addresses(n: usize) -> Result<Vec<String>, DataflowError> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let n_ports = PORTS.end - PORTS.start;
    // Two processes begin at different ports.
    let first = std::process::id().wrapping_mul(2_654_435_761) % n_ports;
    let mut addresses = Vec::new();
    for _ in 0..n_ports {
        if addresses.len() == n {
            return Ok(addresses);
        }
        let step = NEXT.fetch_add(1, Ordering::SeqCst) % n_ports;
        let port = (PORTS.start + (first + step) % n_ports) as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            addresses.push(format!("127.0.0.1:{port}"));
        }
    }
    Err(DataflowError::NoFreePorts { wanted: n })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_address_is_given_twice() {
        let all = [free_addresses(20).unwrap(), free_addresses(20).unwrap()].concat();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 40);
    }
}

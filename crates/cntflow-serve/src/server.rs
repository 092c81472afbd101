//! Takes connections and answers requests until it is stopped.

use std::convert::Infallible;
use std::io::{Error, ErrorKind};
use std::net::{TcpListener as StdListener, ToSocketAddrs};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::routes::Site;
use crate::study::Study;

/// Address without `--host`.
const LOOPBACK: &str = "127.0.0.1";

/// Longest time between two looks at whether the user has stopped the program.
const LOOK: Duration = Duration::from_millis(100);

/// Connections at a time. One above is closed at once.
const CONNECTIONS: usize = 256;

/// Longest time from the end of an answer, or from the start of a connection, to the end of the
/// headers of the next request.
const HEADER_TIME: Duration = Duration::from_secs(15);

/// Age from which a connection takes no new request, and the time that its last answer has: a
/// client that reads nothing would keep it forever.
const CONNECTION_TIME: Duration = Duration::from_secs(120);
const LAST_ANSWER_TIME: Duration = Duration::from_secs(60);

/// Most bytes and number of headers.
const MOST_HEADER_BYTES: usize = 16 << 10;
const MOST_HEADERS: usize = 64;

/// Why the server cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The name of the host leads to no address.
    #[error("host {host}: not found")]
    Name {
        /// The name.
        host: String,
        /// What the system says.
        source: Error,
    },
    /// The address is that of another machine.
    #[error("host {0}: this machine has no such address")]
    OtherMachine(String),
    /// Another program listens there.
    #[error(
        "port {port} of {host} is taken, perhaps by another cntflow serve; choose another one with \
         --port, or a free one with --port 0"
    )]
    Taken {
        /// The host.
        host: String,
        /// The port.
        port: u16,
    },
    /// Anything else.
    #[error("cannot listen at port {port} of {host}")]
    Other {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// What the system says.
        source: Error,
    },
}

/// Listens at an address of this machine: `host`, or loopback.
///
/// # Errors
/// There is no such address, or the port is taken.
pub fn bind(host: Option<&str>, port: u16) -> Result<StdListener, BindError> {
    let name = host.unwrap_or(LOOPBACK);
    let addresses = (name, port).to_socket_addrs();
    let host = name.to_owned();
    let addresses: Vec<_> = match addresses {
        Ok(addresses) => addresses.collect(),
        Err(source) => return Err(BindError::Name { host, source }),
    };
    let listener = StdListener::bind(addresses.as_slice());
    let listener = listener.and_then(|listener| {
        listener.set_nonblocking(true)?;
        Ok(listener)
    });
    listener.map_err(|source| match source.kind() {
        ErrorKind::AddrInUse => BindError::Taken { host, port },
        ErrorKind::AddrNotAvailable => BindError::OtherMachine(host),
        _ => BindError::Other { host, port, source },
    })
}

/// Answers requests until `is_over` says that it is.
///
/// # Errors
/// The system gives no thread, or nothing to wait with.
pub fn serve<S: Study>(
    listener: StdListener,
    site: Site<S>,
    is_over: impl Fn() -> bool,
) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("cntflow:serve")
        .enable_io()
        .enable_time()
        .build()?;
    runtime.block_on(accept(listener, Arc::new(site), is_over))?;
    // A page that is being made is needed no more.
    runtime.shutdown_background();
    Ok(())
}

async fn accept<S: Study>(
    listener: StdListener,
    site: Arc<Site<S>>,
    is_over: impl Fn() -> bool,
) -> std::io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    while !is_over() {
        // Without a connection it is time to look whether it is over.
        let Ok(accepted) = tokio::time::timeout(LOOK, listener.accept()).await else {
            continue;
        };
        let Ok((stream, _)) = accepted else {
            // Too many open files, say: it will pass.
            tokio::time::sleep(LOOK).await;
            continue;
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            continue;
        };
        let site = Arc::clone(&site);
        tokio::spawn(async move {
            serve_connection(stream, site).await;
            drop(place);
        });
    }
    Ok(())
}

async fn serve_connection<S: Study>(stream: TcpStream, site: Arc<Site<S>>) {
    let service = service_fn(move |request: Request<Incoming>| {
        let site = Arc::clone(&site);
        async move { Ok::<_, Infallible>(site.answer(request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .max_buf_size(MOST_HEADER_BYTES)
        .max_headers(MOST_HEADERS)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let is_over = tokio::time::timeout(CONNECTION_TIME, connection.as_mut()).await;
    if is_over.is_err() {
        connection.as_mut().graceful_shutdown();
        // What a client has not read by then, it does not get.
        let _ = tokio::time::timeout(LAST_ANSWER_TIME, connection).await;
    }
}

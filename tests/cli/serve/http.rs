//! Requests as bytes, so that wrong ones can be sent as well.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Longest time for an answer.
const LONGEST: Duration = Duration::from_secs(60);

/// An answer; status 0 if the connection was closed without one.
#[derive(Clone, Default)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

/// A page is long.
impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let body: String = self.body.chars().take(300).collect();
        write!(f, "{} {:?} {body}", self.status, self.headers)
    }
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(header, _)| header == name);
        found.map(|(_, value)| value.as_str())
    }

    fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            return Self::default();
        };
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        let headers = lines.filter_map(|line| line.split_once(": "));
        Self {
            status: status.and_then(|status| status.parse().ok()).unwrap(),
            headers: headers
                .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
                .collect(),
            body: body.to_owned(),
        }
    }
}

/// Sends bytes on a connection of their own, and reads until the server closes it.
pub(super) fn send(address: &str, bytes: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    // The server may have refused the start of a request already.
    let _ = stream.write_all(bytes);
    read(stream)
}

/// Reads until the server closes the connection.
pub(super) fn read(mut stream: TcpStream) -> Answer {
    stream.set_read_timeout(Some(LONGEST)).unwrap();
    let mut answer = Vec::new();
    let mut buffer = [0; 1 << 14];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => answer.extend(&buffer[..n]),
            // A connection that is closed with unread bytes is reset.
            Err(error) => {
                let kind = error.kind();
                assert_ne!(
                    kind,
                    std::io::ErrorKind::WouldBlock,
                    "no answer in a minute"
                );
                break;
            }
        }
    }
    Answer::parse(&answer)
}

pub(super) fn get(address: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    request(address, "GET", path, headers, "")
}

pub(super) fn post(address: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    request(address, "POST", path, headers, body)
}

/// A whole request; `Host` is the address unless a header says otherwise.
pub(super) fn request(
    address: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let mut text = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
    if !headers.iter().any(|(name, _)| *name == "Host") {
        text.push_str(&format!("Host: {address}\r\n"));
    }
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        text.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    text.push_str(&format!("\r\n{body}"));
    send(address, text.as_bytes())
}

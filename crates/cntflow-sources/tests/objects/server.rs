//! A small HTTP server of files in memory, on loopback. It records requests, delays answers, and
//! fails as a test says.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use walkdir::WalkDir;

/// What goes wrong with a key.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// The next requests are answered by this status.
    Status(u16, usize),
    /// The bodies of the next answers end in the middle.
    Cut(usize),
    /// From the next request on the object is another one of the same length.
    Changed,
}

#[derive(Debug, Default)]
struct State {
    files: HashMap<String, Vec<u8>>,
    faults: HashMap<String, Fault>,
    asked: Vec<(String, Option<Range<usize>>)>,
    versions: HashMap<String, usize>,
    delay: Duration,
    reads_ranges: bool,
    names_versions: bool,
    gives_lists: bool,
    /// Requests that are being answered, and the most there ever were.
    answering: usize,
    most_at_once: usize,
}

/// The server; it ends with the test's process.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    state: Arc<Mutex<State>>,
    port: u16,
}

impl Server {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = State {
            reads_ranges: true,
            names_versions: true,
            ..State::default()
        };
        let server = Self {
            state: Arc::new(Mutex::new(state)),
            port,
        };
        let serving = server.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let serving = serving.clone();
                std::thread::spawn(move || serving.serve(stream.unwrap()));
            }
        });
        server
    }

    pub(crate) fn url(&self, key: &str) -> String {
        format!("http://127.0.0.1:{}/{key}", self.port)
    }

    pub(crate) fn file(&self, key: &str, bytes: &[u8]) -> String {
        let mut state = self.state.lock().unwrap();
        state.files.insert(format!("/{key}"), bytes.to_vec());
        drop(state);
        self.url(key)
    }

    pub(crate) fn fault(&self, key: &str, fault: Fault) {
        let mut state = self.state.lock().unwrap();
        state.faults.insert(format!("/{key}"), fault);
    }

    /// Time that every answer takes.
    pub(crate) fn delay(&self, delay: Duration) {
        self.state.lock().unwrap().delay = delay;
    }

    /// From now on answers are whole files, without what names their versions.
    pub(crate) fn is_plain(&self) {
        let mut state = self.state.lock().unwrap();
        (state.reads_ranges, state.names_versions) = (false, false);
    }

    /// From now on folders are listed, by WebDAV.
    pub(crate) fn gives_lists(&self) {
        self.state.lock().unwrap().gives_lists = true;
    }

    /// All files below a folder, as files of the server; the URL that they lie below.
    pub(crate) fn folder(&self, folder: &Path) -> String {
        for entry in WalkDir::new(folder).into_iter().map(Result::unwrap) {
            if entry.file_type().is_file() {
                let key = entry.path().strip_prefix(folder).unwrap();
                self.file(key.to_str().unwrap(), &std::fs::read(entry.path()).unwrap());
            }
        }
        self.url("")
    }

    /// The most requests that waited for their answers at once.
    pub(crate) fn most_at_once(&self) -> usize {
        self.state.lock().unwrap().most_at_once
    }

    /// Ranges asked for of a key, in the order of the requests.
    pub(crate) fn asked(&self, key: &str) -> Vec<Option<Range<usize>>> {
        let state = self.state.lock().unwrap();
        let key = format!("/{key}");
        let of_key = state.asked.iter().filter(|(asked, _)| *asked == key);
        of_key.map(|(_, range)| range.clone()).collect()
    }

    fn serve(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut stream = stream;
        while let Some(request) = read_request(&mut reader) {
            let delay = self.begin();
            std::thread::sleep(delay);
            let (head, body, cut) = self.answer(&request);
            let body = if cut {
                &body[..body.len() / 2]
            } else {
                &body[..]
            };
            // Two writes would wait for each other (Nagle's algorithm and delayed
            // acknowledgements).
            let sent = stream.write_all(&[head.as_bytes(), body].concat());
            if sent.is_err() || cut {
                return;
            }
        }
    }

    /// Counts a request; gives how long its answer takes.
    fn begin(&self) -> Duration {
        let mut state = self.state.lock().unwrap();
        state.answering += 1;
        state.most_at_once = state.most_at_once.max(state.answering);
        state.delay
    }

    /// The head and the body of an answer, and whether the body is cut.
    fn answer(&self, request: &Request) -> (String, Vec<u8>, bool) {
        let mut state = self.state.lock().unwrap();
        state.answering -= 1;
        let range = request.range.clone().filter(|_| state.reads_ranges);
        let key = request.key.clone();
        state.asked.push((key.clone(), request.range.clone()));
        let empty = |status: &str| {
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
            (head, Vec::new(), false)
        };
        let mut cut = false;
        match state.faults.get_mut(&key) {
            Some(Fault::Status(status, left)) if *left > 0 => {
                *left -= 1;
                return empty(&format!("{status} Told to"));
            }
            Some(Fault::Cut(left)) if *left > 0 => {
                *left -= 1;
                cut = true;
            }
            Some(Fault::Changed) => {
                *state.versions.entry(key.clone()).or_default() += 1;
            }
            _ => {}
        }
        if request.method == "PROPFIND" && state.gives_lists {
            return listing(&state.files, &key);
        }
        if request.method != "GET" && request.method != "HEAD" {
            return empty("405 Method Not Allowed");
        }
        let Some(file) = state.files.get(&key) else {
            return empty("404 Not Found");
        };
        let version = state.versions.get(&key).copied().unwrap_or(0);
        let tag = format!("\"v{version}\"");
        if request.if_match.as_ref().is_some_and(|known| *known != tag) {
            return empty("412 Precondition Failed");
        }
        let whole = file.len();
        let mut head = match &range {
            Some(range) => format!(
                "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {}-{}/{whole}\r\n",
                range.start,
                range.end.min(whole) - 1
            ),
            None => "HTTP/1.1 200 OK\r\n".to_owned(),
        };
        if state.names_versions {
            head.push_str(&format!("ETag: {tag}\r\n"));
        }
        let range = range.unwrap_or(0..whole);
        let body = file[range.start..range.end.min(whole)].to_vec();
        head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
        if request.method == "HEAD" {
            return (head, Vec::new(), false);
        }
        (head, body, cut)
    }
}

/// The files below a folder as WebDAV tells them.
fn listing(files: &HashMap<String, Vec<u8>>, folder: &str) -> (String, Vec<u8>, bool) {
    let below = files.iter().filter(|(key, _)| key.starts_with(folder));
    let responses = below.map(|(key, file)| {
        format!(
            "<response><href>{key}</href><propstat><prop><getcontentlength>{}</getcontentlength>\
             <getlastmodified>Thu, 01 Jan 2026 00:00:00 GMT</getlastmodified><resourcetype/></prop>\
             <status>HTTP/1.1 200 OK</status></propstat></response>",
            file.len()
        )
    });
    let responses: String = responses.collect();
    let body = format!("<multistatus>{responses}</multistatus>");
    let head = format!(
        "HTTP/1.1 207 Multi-Status\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    (head, body.into_bytes(), false)
}

struct Request {
    method: String,
    key: String,
    range: Option<Range<usize>>,
    if_match: Option<String>,
}

fn read_request(reader: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut words = line.split(' ');
    let mut request = Request {
        method: words.next()?.to_owned(),
        key: words.next()?.to_owned(),
        range: None,
        if_match: None,
    };
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "range" => {
                let (start, end) = value.strip_prefix("bytes=")?.split_once('-')?;
                request.range = Some(start.parse().ok()?..end.parse::<usize>().ok()? + 1);
            }
            "if-match" => request.if_match = Some(value.to_owned()),
            "content-length" => length = value.parse().ok()?,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(request)
}

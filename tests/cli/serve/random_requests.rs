//! Requests and queries put together at random: each has an answer, and nothing is changed.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Server, measured};

type Listing = BTreeMap<PathBuf, (u64, SystemTime)>;

/// Every file and folder below `root`, with its size and the time of its last change.
fn listing(root: &Path) -> Listing {
    let mut listing = Listing::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let metadata = std::fs::metadata(&folder).unwrap();
        listing.insert(folder.clone(), (0, metadata.modified().unwrap()));
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let metadata = std::fs::metadata(&path).unwrap();
            if metadata.is_dir() {
                folders.push(path);
            } else {
                listing.insert(path, (metadata.len(), metadata.modified().unwrap()));
            }
        }
    }
    listing
}

/// Parts of requests, right and wrong.
const METHODS: [&str; 8] = ["GET", "GET", "POST", "POST", "HEAD", "PUT", "get", "\u{7f}"];
const PATHS: [&str; 12] = [
    "/",
    "/state",
    "/query",
    "/query?sql=SELECT+1",
    "/query?rows=x",
    "/query?format=csv&sql=%00",
    "/../study.json",
    "/%2e%2e/study.json",
    "*",
    "",
    "/query?sql=%ff",
    "http://[::1]/",
];
const HEADERS: [&str; 12] = [
    "Host: example.org",
    "Content-Length: 5",
    "Content-Length: -1",
    "Content-Length: 99999999999999999999",
    "Transfer-Encoding: chunked",
    "Expect: 100-continue",
    "Upgrade: websocket",
    "Connection: keep-alive",
    "Content-Type: application/sql",
    "Content-Type: application/x-www-form-urlencoded",
    "Accept: text/csv",
    "no header",
];
const WORDS: [&str; 40] = [
    "SELECT",
    "FROM",
    "WHERE",
    "GROUP BY",
    "ORDER BY",
    "LIMIT",
    "JOIN",
    "ON",
    "USING",
    "AS",
    "AND",
    "networks",
    "layers",
    "coverage",
    "checkpoint",
    "run",
    "step",
    "status",
    "metric",
    "mean",
    "*",
    "(",
    ")",
    ",",
    "'",
    "\"",
    ";",
    "--",
    "1",
    "-1e308",
    "NULL",
    "count(*)",
    "read_csv('/etc/passwd')",
    "DROP TABLE",
    "CREATE TABLE a AS",
    "UNION ALL",
    "CAST(",
    "OVER (",
    "UNNEST([1])",
    "ö\u{202e}",
];

fn random_words(random: &mut ChaCha8Rng) -> String {
    let n = random.random_range(0..12);
    let words = (0..n).map(|_| *WORDS.choose(random).unwrap());
    let words: Vec<&str> = words.collect();
    if random.random_bool(0.5) {
        format!("SELECT * FROM networks {}", words.join(" "))
    } else {
        words.join(" ")
    }
}

/// A request put together at random, some of its bytes changed.
fn random_request(random: &mut ChaCha8Rng, host: &str) -> Vec<u8> {
    let mut text = format!(
        "{} {} HTTP/1.1\r\nHost: {host}\r\n",
        METHODS.choose(random).unwrap(),
        PATHS.choose(random).unwrap()
    );
    for _ in 0..random.random_range(0..3) {
        text.push_str(&format!("{}\r\n", HEADERS.choose(random).unwrap()));
    }
    text.push_str("Connection: close\r\n\r\n");
    text.push_str(&random_words(random));
    let mut bytes = text.into_bytes();
    let n_changed = *[0, 0, 0, 1, 3].choose(random).unwrap();
    for _ in 0..n_changed {
        let index = random.random_range(0..bytes.len());
        bytes[index] = random.random();
    }
    bytes
}

#[test]
fn two_thousand_random_requests_and_queries_change_nothing() {
    const QUERIES: usize = 200;

    let here = measured();
    let server = Server::start(here.path(), &[]);
    server.get("/");
    let before = listing(here.path());
    let mut random = ChaCha8Rng::seed_from_u64(8265);
    let mut statuses = BTreeMap::<u16, usize>::new();
    for index in 0..2_000 {
        let answer = if index % (2_000 / QUERIES) == 0 {
            server.query(&random_words(&mut random))
        } else {
            let bytes = random_request(&mut random, &server.address);
            let mut stream = TcpStream::connect(&server.address).unwrap();
            let _ = stream.write_all(&bytes);
            // A request may promise a body that does not come.
            let _ = stream.shutdown(std::net::Shutdown::Write);
            super::http::read(stream)
        };
        *statuses.entry(answer.status).or_default() += 1;
        let is_error = (400..=505).contains(&answer.status);
        assert!(
            [0, 100, 200].contains(&answer.status) || is_error,
            "{index}: {answer:?}"
        );
        assert_ne!(answer.status, 500, "{index}: {answer:?}");
        assert!(!answer.body.contains("root:x:"), "{index}: {answer:?}");
    }
    // What is right is answered among what is wrong.
    assert!(statuses[&200] > 50 && statuses[&400] > 100, "{statuses:?}");
    assert_eq!(server.state()["networks"]["ok"], 4);
    assert_eq!(listing(here.path()), before);
}

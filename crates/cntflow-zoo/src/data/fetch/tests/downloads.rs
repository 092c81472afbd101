//! Fetching from servers.

use std::io::{Read, Write};
use std::net::TcpListener;

use cntflow_storage::FullMessage;

use super::place::Place;
use super::tiny::{Files, binary_files, gzip, idx_files, tar, tiny};
use crate::data::fetch::FetchFrom;

/// Serves `files` below an address, which is returned. A file whose name is in `cut` ends after
/// half its bytes.
fn serve(files: Files, cut: &'static [&'static str]) -> &'static str {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/data/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            let length = stream.read(&mut request).unwrap();
            let request = String::from_utf8_lossy(&request[..length]).into_owned();
            let path = request.split(' ').nth(1).unwrap_or_default();
            let name = path.trim_start_matches("/data/");
            let (status, body) = match files.get(name) {
                Some(content) => ("200 OK", &content[..]),
                None => ("404 Not Found", &b""[..]),
            };
            let n_sent = if cut.contains(&name) {
                body.len() / 2
            } else {
                body.len()
            };
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            // A client that has gone is no failure of the server.
            let _ = stream.write_all(&[head.as_bytes(), &body[..n_sent]].concat());
        }
    });
    address.leak()
}

const ARCHIVE: &[&str] = &["tiny.tar.gz"];

fn archive_files() -> Files {
    Files::from([(ARCHIVE[0].to_owned(), gzip(&tar(&binary_files())))])
}

#[test]
fn files_and_archives_are_downloaded() {
    const NAMES: &[&str] = &[
        "train-images-idx4-ubyte",
        "train-labels-idx1-ubyte",
        "t10k-images-idx4-ubyte",
        "t10k-labels-idx1-ubyte",
    ];
    for (names, files) in [(NAMES, idx_files()), (ARCHIVE, archive_files())] {
        let place = Place::new();
        let mirror = serve(files, &[]);
        place
            .fetch(&tiny(names, &[]), FetchFrom::Mirror(mirror))
            .unwrap();
        place.assert_fetched();
    }
}

#[test]
fn a_mirror_without_a_file_is_followed_by_the_next() {
    let place = Place::new();
    let mirrors = [serve(Files::new(), &[]), serve(archive_files(), &[])];
    let dataset = tiny(ARCHIVE, Box::leak(Box::new(mirrors)));
    place.fetch(&dataset, FetchFrom::Publishers).unwrap();
    place.assert_fetched();
}

#[test]
fn a_failed_download_names_each_mirror_and_leaves_nothing_in_the_cache() {
    let place = Place::new();
    let missing = serve(Files::new(), &[]);
    // Nothing listens on a port that was free a moment ago.
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let unreached: &'static str = format!("http://{free}/data").leak();
    let dataset = tiny(ARCHIVE, Box::leak(Box::new([missing, unreached])));
    let text = place
        .fetch(&dataset, FetchFrom::Publishers)
        .unwrap_err()
        .full_message();
    assert!(
        text.starts_with("data set `tiny` cannot be downloaded: "),
        "{text}"
    );
    assert!(
        text.contains(&format!("{missing}tiny.tar.gz: no such object; ")),
        "{text}"
    );
    assert!(
        text.contains(&format!("{unreached}/tiny.tar.gz: ")),
        "{text}"
    );
    assert_eq!(place.cached(), [] as [&str; 0]);
}

#[test]
fn a_cut_download_names_both_sizes_and_leaves_nothing_in_the_cache() {
    let place = Place::new();
    let files = archive_files();
    let size = files[ARCHIVE[0]].len();
    let mirror = serve(files, ARCHIVE);
    let fetched = place.fetch(&tiny(ARCHIVE, &[]), FetchFrom::Mirror(mirror));
    let message = format!("received only {} of {size} bytes", size / 2);
    place.assert_failed(fetched, &message);
}

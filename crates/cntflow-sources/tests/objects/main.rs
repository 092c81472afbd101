//! Objects of a server on loopback that fails as a test says: what is retried, what errors say, and
//! how much is requested.

#![allow(
    clippy::disallowed_methods,
    clippy::needless_pass_by_value,
    clippy::unwrap_used,
    reason = "a test that unwraps fails where it should; helpers take what is at hand"
)]

use std::time::Duration;

use cntflow_catalog::CatalogOptions;
use cntflow_formats::OpenCheckpoint;
use cntflow_sources::scan;
use cntflow_storage::{
    FullMessage, Limits,
    store::{ObjectStores, StoreOptions},
};
use safetensors::Dtype;
use safetensors::tensor::TensorView;

use crate::server::{Fault, Server};

mod server;
mod zoos;

/// Stores that do not wait long, and for which 4 KiB are large.
fn stores() -> ObjectStores {
    let options = StoreOptions {
        retries: 3,
        first_wait: Duration::from_millis(1),
        longest_wait: Duration::from_millis(5),
        memory_bytes: 4096,
        part_bytes: 1000,
        ..StoreOptions::default()
    };
    ObjectStores::new(options).unwrap()
}

fn numbers(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i * 7 % 251) as u8).collect()
}

fn fetch(stores: &ObjectStores, url: &str) -> Result<Vec<u8>, String> {
    let content = stores.fetch(url, &Limits::default());
    let bytes = content.map(|content| content.to_vec());
    bytes.map_err(|error| error.full_message())
}

#[test]
fn small_objects_are_read_by_one_request() {
    let (server, stores) = (Server::start(), stores());
    for length in [0, 1, 4095, 4096] {
        let key = format!("a{length}");
        let url = server.file(&key, &numbers(length));
        assert_eq!(fetch(&stores, &url), Ok(numbers(length)));
        assert_eq!(server.asked(&key), [None]);
    }
}

#[test]
fn large_objects_are_read_in_parts_and_only_a_failed_part_is_retried() {
    let (server, stores) = (Server::start(), stores());
    let url = server.file("large", &numbers(9500));
    assert_eq!(fetch(&stores, &url), Ok(numbers(9500)));
    let mut asked = server.asked("large");
    let first: Vec<_> = asked.drain(..2).collect();
    assert_eq!(
        first,
        [None, Some(0..1)],
        "neither the size was known, nor that the server reads ranges"
    );
    let sorted = |mut ranges: Vec<Option<std::ops::Range<usize>>>| {
        ranges.sort_by_key(|range| range.as_ref().map(|range| range.start));
        ranges
    };
    let parts: Vec<_> = (0..10)
        .map(|i| Some(i * 1000..((i + 1) * 1000).min(9500)))
        .collect();
    assert_eq!(sorted(asked), parts);

    let url = server.file("failing", &numbers(9500));
    server.fault("failing", Fault::Status(503, 2));
    assert_eq!(fetch(&stores, &url), Ok(numbers(9500)));
    assert_eq!(server.asked("failing").len(), 2 + 10 + 2);
}

#[test]
fn bodies_that_break_off_are_requested_again() {
    let (server, stores) = (Server::start(), stores());
    for plain in [false, true] {
        if plain {
            server.is_plain();
        }
        let key = format!("cut{plain}");
        let url = server.file(&key, &numbers(3000));
        server.fault(&key, Fault::Cut(2));
        assert_eq!(fetch(&stores, &url), Ok(numbers(3000)), "plain: {plain}");
        server.fault(&key, Fault::Cut(100));
        let text = fetch(&stores, &url).unwrap_err();
        assert!(text.starts_with(&url), "{text}");
    }
}

#[test]
fn large_objects_are_read_from_a_server_without_ranges() {
    let (server, stores) = (Server::start(), stores());
    server.is_plain();
    let url = server.file("large", &numbers(9500));
    assert_eq!(fetch(&stores, &url), Ok(numbers(9500)));
}

#[test]
fn errors_name_the_object_the_status_and_the_tries() {
    let (server, stores) = (Server::start(), stores());
    let url = server.file("bad", &numbers(10));
    server.fault("bad", Fault::Status(503, 1000));
    let text = fetch(&stores, &url).unwrap_err();
    assert!(text.starts_with(&url), "{text}");
    assert!(text.contains("503") && text.contains("3 retries"), "{text}");
    assert_eq!(server.asked("bad").len(), 4);

    server.fault("bad", Fault::Status(403, 1000));
    let text = fetch(&stores, &url).unwrap_err();
    assert!(text.starts_with(&url) && text.contains("403"), "{text}");

    let text = fetch(&stores, &server.url("absent")).unwrap_err();
    assert_eq!(text, format!("{}: no such object", server.url("absent")));

    let text = fetch(&stores, "http://127.0.0.1:1/a").unwrap_err();
    assert!(text.starts_with("http://127.0.0.1:1/a: "), "{text}");
}

#[test]
fn an_object_that_changes_while_it_is_read_is_an_error() {
    let (server, stores) = (Server::start(), stores());
    let url = server.file("moving", &numbers(9500));
    server.fault("moving", Fault::Changed);
    let text = fetch(&stores, &url).unwrap_err();
    assert_eq!(text, format!("{url}: it changed while it was read"));
}

#[test]
fn larger_than_the_limit_is_an_error_before_anything_is_read() {
    let (server, stores) = (Server::start(), stores());
    let url = server.file("large", &numbers(9500));
    let limits = Limits {
        object_bytes: 9499,
        ..Limits::default()
    };
    let text = stores.fetch(&url, &limits).unwrap_err().full_message();
    assert_eq!(
        text,
        format!("{url}: bytes of the object: 9500, but the limit object_bytes allows 9499")
    );
}

#[test]
fn announced_objects_are_fetched_before_they_are_read() {
    let (server, stores) = (Server::start(), stores());
    let urls: Vec<String> = (0..100)
        .map(|i| server.file(&format!("o{i}"), &numbers(2000 + i)))
        .collect();
    server.delay(Duration::from_millis(10));
    stores.announce(urls.iter().cloned(), Limits::default());
    for (i, url) in urls.iter().enumerate() {
        assert_eq!(fetch(&stores, url), Ok(numbers(2000 + i)));
    }
    let at_once = server.most_at_once();
    assert!(at_once >= 8, "{at_once} requests at once");
    assert!((0..100).all(|i| server.asked(&format!("o{i}")).len() == 1));
}

#[test]
fn announced_objects_that_nobody_reads_make_room() {
    let (server, stores) = (Server::start(), stores());
    let urls: Vec<String> = (0..200)
        .map(|i| server.file(&format!("o{i}"), &numbers(i)))
        .collect();
    stores.announce(urls.iter().cloned(), Limits::default());
    for (i, url) in urls.iter().enumerate().filter(|(i, _)| i % 2 == 1).rev() {
        assert_eq!(fetch(&stores, url), Ok(numbers(i)));
    }
}

fn checkpoint(metadata: &[(&str, &str)]) -> Vec<u8> {
    let bytes: Vec<u8> = (0..6).flat_map(|i| (i as f32).to_le_bytes()).collect();
    let weight = TensorView::new(Dtype::F32, vec![2, 3], &bytes).unwrap();
    let metadata = metadata
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    safetensors::serialize([("fc.weight", weight)], Some(metadata.collect())).unwrap()
}

#[test]
fn scanning_reads_headers_and_opening_reads_the_rest() {
    let server = Server::start();
    let long = "x".repeat(40_000);
    let file = checkpoint(&[("run", "r1"), ("step", "3"), ("note", &long)]);
    let url = server.file("a.safetensors", &file);
    let (catalog, skipped) = scan(std::slice::from_ref(&url), &CatalogOptions::default()).unwrap();
    let [entry] = &catalog.clone().into_entries()[..] else {
        panic!("{catalog:?}")
    };
    assert_eq!(
        (entry.checkpoint.as_str(), entry.run.as_str(), entry.step),
        (url.as_str(), "r1", 3)
    );
    assert!(skipped.is_empty());
    let header = 8 + u64::from_le_bytes(*file.first_chunk().unwrap()) as usize;
    assert_eq!(
        server.asked("a.safetensors"),
        [None, Some(0..16 << 10), Some(16 << 10..header)],
        "the first is for its size alone"
    );
    let opened = OpenCheckpoint::open(&entry.location.path).unwrap();
    assert_eq!(
        *opened.values("fc.weight").unwrap(),
        [0., 1., 2., 3., 4., 5.]
    );
}

#[test]
fn a_server_that_lists_nothing_says_so() {
    let server = Server::start();
    let text = scan(&[server.url("folder")], &CatalogOptions::default())
        .unwrap_err()
        .full_message();
    assert!(
        text.contains("/folder") && text.contains("name its files"),
        "{text}"
    );
}

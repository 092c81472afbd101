//! Starts of clusters on this machine, with what goes wrong in them.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use super::handshake::{HANDSHAKE_TIMEOUT, LINK};
use super::join::RETRY;
use super::*;
use crate::supervise::Stop;

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
    let sixty =
        |address: &str| -> Vec<TcpStream> { (0..60).map(|kind| stranger(kind, address)).collect() };
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

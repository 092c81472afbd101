//! A folder that another process is writing to.

use std::time::{Duration, Instant};

use super::{Server, measured};
use crate::support::{parts, send_signal, start, wait_until, write_chain};

/// Parts are merged and withdrawn while they are read: an answer is right or 503, never half.
#[test]
fn a_watched_study_is_served_while_checkpoints_come_and_go() {
    let folder = measured();
    let here = folder.path();
    let watch = [
        "watch",
        "zoo",
        "--out",
        "out",
        "--quiet",
        "0.05",
        "--poll",
        "0.2",
        "--progress",
        "none",
        "--results-after",
        "60",
    ];
    let mut watching = start(here, &watch);
    // A full pipe would stop it.
    let mut lines = watching.stdout.take().unwrap();
    std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
    let server = Server::start(here, &[]);
    let first = server.state()["version"].clone();
    let file = |index: usize| here.join(format!("zoo/new-{index}.safetensors"));
    let started = Instant::now();
    let (mut n_written, mut n_unreadable, mut n_read) = (0, 0, 0);
    while started.elapsed() < Duration::from_secs(12) {
        write_chain(&file(n_written), 0.01 * (n_written + 1) as f32);
        if n_written >= 6 {
            std::fs::remove_file(file(n_written - 6)).unwrap();
        }
        n_written += 1;
        let answer = server.query(
            "SELECT n.checkpoint, count(*) AS n FROM networks AS n JOIN layers AS l ON \
             n.checkpoint = l.checkpoint GROUP BY n.checkpoint",
        );
        match answer.status {
            200 => {
                let rows: Vec<serde_json::Value> = serde_json::from_str(&answer.body).unwrap();
                let names: Vec<&str> = rows
                    .iter()
                    .map(|row| row["checkpoint"].as_str().unwrap())
                    .collect();
                for fixed in 0..4 {
                    let name = format!("zoo/{fixed}.safetensors");
                    assert!(names.contains(&&*name), "{name}: {answer:?}");
                }
                // All networks have the same layers.
                let layers: Vec<&serde_json::Value> = rows.iter().map(|row| &row["n"]).collect();
                assert!(layers.iter().all(|n| *n == layers[0]), "{answer:?}");
                n_read += 1;
            }
            503 => n_unreadable += 1,
            _ => panic!("{answer:?}"),
        }
        let page = server.get("/");
        assert!([200, 503].contains(&page.status), "{page:?}");
        if page.status == 200 {
            assert!(page.body.ends_with("</html>"));
        }
    }
    assert!(
        n_read > n_unreadable,
        "{n_read} answers, {n_unreadable} were 503"
    );
    let n_left = 4 + 6.min(n_written) as u64;
    wait_until("the last checkpoints are counted", || {
        server.state()["networks"]["ok"] == n_left
    });
    assert_ne!(server.state()["version"], first);
    send_signal(watching.id(), "-TERM");
    watching.wait().unwrap();
}

#[test]
fn the_version_stays_while_nothing_is_committed() {
    let folder = measured();
    let here = folder.path();
    let server = Server::start(here, &[]);
    let version = server.state()["version"].clone();
    // What a killed writer leaves is not committed.
    let tables = here.join("out/tables");
    std::fs::write(tables.join("layers/never.parquet"), "x").unwrap();
    std::fs::write(tables.join("networks/.half.part"), "x").unwrap();
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(server.state()["version"], version);
    // The page of the same version is not made again.
    server.get("/");
    let started = Instant::now();
    for _ in 0..20 {
        assert_eq!(server.get("/").status, 200);
    }
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[test]
fn tables_that_cannot_be_read_are_said_until_they_can_be() {
    let folder = measured();
    let here = folder.path();
    let server = Server::start(here, &[]);
    let part = parts(&here.join("out"), "layers").remove(0);
    let whole = std::fs::read(&part).unwrap();
    for broken in [None, Some(&whole[..whole.len() / 2])] {
        match broken {
            None => std::fs::remove_file(&part).unwrap(),
            Some(bytes) => std::fs::write(&part, bytes).unwrap(),
        }
        for answer in [server.get("/"), server.query("SELECT * FROM layers")] {
            assert_eq!(answer.status, 503, "{answer:?}");
            assert!(answer.body.starts_with("the tables cannot be read now: "));
            assert!(answer.body.contains("layers"), "{answer:?}");
        }
        assert_eq!(server.query("SELECT * FROM layers; SELECT 1").status, 400);
    }
    std::fs::write(&part, &whole).unwrap();
    assert_eq!(server.get("/").status, 200);
    assert_eq!(server.query("SELECT * FROM layers").status, 200);
}

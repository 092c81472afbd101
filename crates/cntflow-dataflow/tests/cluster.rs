//! Two real processes: what one of them meets ends both, with the first failure's message.
//!
//! The test starts its own binary again as the processes of the cluster.
#![expect(
    clippy::print_stderr,
    reason = "a process of the test tells its outcome on stderr"
)]

use std::net::TcpListener;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cntflow_dataflow::{Cluster, Cue, Executor, Gather, Stop, TaskQueue, Work, deal, run};

/// Where a process of the test learns its part: `<process> <what happens> <address> <address>`. What happens is the process that fails,
/// `stop` where process 1 is interrupted, or `-`.
const PART: &str = "CNTFLOW_TEST_CLUSTER_PART";

/// Sleeps; the worker of the failing process panics outside of any task once it has performed a few.
struct Naps {
    failing: bool,
}

struct Count {
    failing: bool,
    performed: usize,
}

impl Work for Naps {
    type Task = u64;
    type Output = u64;
    type Report = u64;
    type Gather = Count;

    fn perform(&self, task: &u64, cue: &Cue<'_, u64>) -> Option<u64> {
        // One task of the other process takes far longer than the run may after a failure.
        let nap = if *task == 1 {
            Duration::from_secs(30)
        } else {
            Duration::from_millis(5)
        };
        let until = Instant::now() + nap;
        while Instant::now() < until && !cue.is_stopping() {
            std::thread::sleep(Duration::from_millis(5));
        }
        Some(*task)
    }

    fn panicked(&self, task: &u64, _: &str, _: &Cue<'_, u64>) -> u64 {
        *task
    }

    fn gather(&self, _: usize) -> Count {
        Count {
            failing: self.failing,
            performed: 0,
        }
    }

    fn reported(&self, _: u64) {}
}

impl Gather for Count {
    type Output = u64;
    type Report = u64;

    fn add(&mut self, output: u64) -> Result<u64, String> {
        self.performed += 1;
        assert!(
            !self.failing || self.performed < 5,
            "injected into process 0"
        );
        Ok(output)
    }

    fn due(&self) -> Option<Instant> {
        None
    }

    fn commit(&mut self) -> Result<(), String> {
        Ok(())
    }
}

/// One process of the cluster; the other tests start it. Without a part it has nothing to do.
#[test]
fn play_a_part() {
    let Ok(part) = std::env::var(PART) else {
        return;
    };
    let words: Vec<&str> = part.split(' ').collect();
    let process: usize = words[0].parse().unwrap();
    let addresses = words[2..].iter().map(|word| (*word).to_owned()).collect();
    let cluster = Cluster {
        process,
        addresses,
        connect_timeout: Duration::from_secs(20),
    };
    let peers = cluster
        .connect(&[("the study", "naps".to_owned())])
        .unwrap();
    let failing = words[1] == words[0];
    let last = if words[1] == "-" { 1 } else { 400 };
    let tasks: TaskQueue<u64> = deal((0..last).collect(), |_| 0, process, 2)
        .into_iter()
        .collect();
    let executor = Executor {
        peers: Some(peers),
        ..Executor::threads(1)
    };
    let stop = Stop::default();
    if words[1] == "stop" && process == 1 {
        let stop = stop.clone();
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(300));
            stop.set();
        });
    }
    let outcome = run(executor, tasks, Arc::new(Naps { failing }), &stop);
    eprintln!(
        "outcome: {}",
        outcome.map_or_else(
            |error| error.to_string(),
            |finished| format!("{finished:?}")
        )
    );
    std::process::exit(0);
}

fn start(process: usize, failing: &str, addresses: &[String]) -> Child {
    let part = format!("{process} {failing} {}", addresses.join(" "));
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "play_a_part", "--nocapture"])
        .env(PART, part);
    command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn both(failing: &str) -> [String; 2] {
    let free = |_| {
        TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .to_string()
    };
    let addresses: Vec<String> = (0..2).map(free).collect();
    let children = [0, 1].map(|process| start(process, failing, &addresses));
    children.map(|child| {
        let Output { stderr, .. } = child.wait_with_output().unwrap();
        String::from_utf8_lossy(&stderr).into_owned()
    })
}

#[test]
fn a_cluster_comes_to_its_end() {
    for said in both("-") {
        assert!(said.contains("outcome: All"), "{said}");
    }
}

#[test]
fn a_worker_that_panics_ends_both_processes_within_five_seconds() {
    let started = Instant::now();
    let [failing, other] = both("0");
    let elapsed = started.elapsed();
    assert!(
        failing.contains("outcome: worker 0 failed: injected into process 0"),
        "{failing}"
    );
    assert!(
        other.contains("outcome: another process of the cluster failed or was lost"),
        "{other}"
    );
    assert!(elapsed < Duration::from_secs(5), "{elapsed:?}");
}

#[test]
fn an_interrupt_of_one_process_stops_both() {
    let started = Instant::now();
    for said in both("stop") {
        assert!(said.contains("outcome: Stopped"), "{said}");
    }
    let elapsed = started.elapsed();
    assert!(elapsed < Duration::from_secs(5), "{elapsed:?}");
}

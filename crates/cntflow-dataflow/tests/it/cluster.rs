//! Two real processes: a failure of one ends both, with the first failure's message.
//!
//! The test starts its own binary again as the processes of the cluster.
use std::convert::Infallible;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cntflow_dataflow::{
    Cluster, Collector, DEFAULT_CONNECT_TIMEOUT, Executor, Secret, Stop, TaskContext, Work,
    free_addresses, run,
};

/// Environment variable with the role of a process of the test:
/// `<process> <event> <address> <address>`. The event is the index of the process that fails,
/// `stop` to interrupt process 1, `silence` for a long run, or `-`.
const ROLE: &str = "CNTFLOW_TEST_CLUSTER_ROLE";

/// Sleeps. The worker of the failing process panics outside of any task after a few of them; the
/// first task of the other one takes far longer than the run may after a failure.
struct Naps {
    failing: bool,
    is_long: AtomicBool,
}

struct Count {
    failing: bool,
    n_added: usize,
}

impl Work for Naps {
    type Task = u64;
    type Output = u64;
    type Answer = u64;
    type Report = u64;
    type Collector = Count;

    fn run(&self, task: &u64, context: &TaskContext<'_, u64, u64>) -> Option<u64> {
        let nap = if self.is_long.swap(false, Ordering::SeqCst) {
            Duration::from_secs(30)
        } else {
            Duration::from_millis(5)
        };
        let until = Instant::now() + nap;
        while Instant::now() < until && !context.is_stopping() {
            std::thread::sleep(Duration::from_millis(5));
        }
        Some(*task)
    }

    fn panicked(&self, task: &u64, _: &str, _: &TaskContext<'_, u64, u64>) -> u64 {
        *task
    }

    fn collector(&self, _: usize) -> Count {
        Count {
            failing: self.failing,
            n_added: 0,
        }
    }

    fn reported(&self, _: u64) {}
}

impl Collector for Count {
    type Output = u64;
    type Report = u64;
    type Error = Infallible;

    fn add(&mut self, output: u64) -> Result<u64, Infallible> {
        self.n_added += 1;
        assert!(!self.failing || self.n_added < 5, "injected into process 0");
        Ok(output)
    }

    fn due(&self) -> Option<Instant> {
        None
    }

    fn commit(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// One process of the cluster, started by the other tests. Without a role it has nothing to do.
#[test]
#[expect(
    clippy::print_stderr,
    reason = "a process of the test writes its outcome to stderr"
)]
fn process_of_a_cluster() {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    let words: Vec<&str> = role.split(' ').collect();
    let process: usize = words[0].parse().unwrap();
    let addresses = words[2..].iter().map(|word| (*word).to_owned()).collect();
    let cluster = Cluster {
        process,
        addresses,
        secret: Some(Secret::from_text("the secret of the tests").unwrap()),
        connect_timeout: DEFAULT_CONNECT_TIMEOUT,
        any_address: false,
        note: |_| {},
    };
    let stop = Stop::default();
    if words[1] == "stop" && process == 1 {
        let stop = stop.clone();
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(300));
            stop.set();
        });
    }
    let peers = Arc::new(
        cluster
            .join(&[("the study", "naps".to_owned())], &stop)
            .unwrap(),
    );
    eprintln!("joined");
    let failing = words[1] == words[0];
    // All tasks are those of process 0: the other one asks for some.
    let n_tasks = match (process, words[1]) {
        (0, "-") => 50,
        (0, _) => 4000,
        _ => 0,
    };
    let executor = Executor {
        peers: Some(Arc::clone(&peers)),
        ..Executor::threads(1)
    };
    let work = Naps {
        failing,
        is_long: AtomicBool::new(process == 1 && words[1] == "0"),
    };
    let outcome = run(executor, 0..n_tasks, &Arc::new(work), &stop);
    if let Err(error) = &outcome {
        peers.fail(&error.to_string(), 1);
    }
    eprintln!(
        "outcome: {}",
        outcome.map_or_else(
            |error| error.to_string(),
            |finished| format!("{finished:?}")
        )
    );
    std::process::exit(0);
}

fn start(process: usize, event: &str, addresses: &[String]) -> Child {
    let role = format!("{process} {event} {}", addresses.join(" "));
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "cluster::process_of_a_cluster", "--nocapture"])
        .env(ROLE, role);
    command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Runs two processes; gives what each wrote to stderr.
fn run_both(event: &str) -> [String; 2] {
    let addresses = free_addresses(2).unwrap();
    let children = [0, 1].map(|process| start(process, event, &addresses));
    children.map(|child| {
        let Output { stderr, .. } = child.wait_with_output().unwrap();
        String::from_utf8_lossy(&stderr).into_owned()
    })
}

#[test]
fn a_cluster_finishes_all_its_tasks() {
    for stderr in run_both("-") {
        assert!(stderr.contains("outcome: All"), "{stderr}");
    }
}

#[test]
fn a_worker_that_panics_ends_both_processes_within_five_seconds() {
    let started = Instant::now();
    let [failing, other] = run_both("0");
    let elapsed = started.elapsed();
    assert!(
        failing.contains("outcome: worker 0 failed: injected into process 0"),
        "{failing}"
    );
    assert!(
        other.contains("failed: worker 0 failed: injected into process 0"),
        "{other}"
    );
    assert!(elapsed < Duration::from_secs(5), "{elapsed:?}");
}

#[test]
fn an_interrupt_of_one_process_stops_both() {
    let started = Instant::now();
    for stderr in run_both("stop") {
        assert!(stderr.contains("outcome: Stopped"), "{stderr}");
    }
    let elapsed = started.elapsed();
    assert!(elapsed < Duration::from_secs(5), "{elapsed:?}");
}

/// A process that is stopped hears and says nothing, as one whose machine has no power: its
/// connections stay open.
#[cfg(unix)]
#[test]
fn a_silent_process_is_lost_within_fifteen_seconds() {
    let addresses = free_addresses(2).unwrap();
    let [mut first, mut second] = [0, 1].map(|process| start(process, "silence", &addresses));
    let mut of_first = BufReader::new(first.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("joined") {
        line.clear();
        assert!(of_first.read_line(&mut line).unwrap() > 0, "not joined");
    }
    std::thread::sleep(Duration::from_millis(500));
    let signal = |child: &Child, name: &str| {
        let id = child.id().to_string();
        let kill = Command::new("kill").args([name, &id]).status().unwrap();
        assert!(kill.success());
    };
    signal(&second, "-STOP");
    let started = Instant::now();
    let mut stderr = String::new();
    of_first.read_to_string(&mut stderr).unwrap();
    first.wait().unwrap();
    let elapsed = started.elapsed();
    assert!(
        stderr.contains("outcome: process 1 at 127.0.0.1:")
            && stderr.contains("was lost: it was silent for 10 seconds"),
        "{stderr}"
    );
    assert!(elapsed < Duration::from_secs(15), "{elapsed:?}");
    // It wakes up and sees that it is alone.
    signal(&second, "-CONT");
    let started = Instant::now();
    while second.try_wait().unwrap().is_none() {
        assert!(started.elapsed() < Duration::from_secs(15));
        std::thread::sleep(Duration::from_millis(50));
    }
}

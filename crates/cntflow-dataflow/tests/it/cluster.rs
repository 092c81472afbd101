//! Two real processes: a failure of one ends both, with the first failure's message.
//!
//! The test starts its own binary again as the processes of the cluster.
use std::convert::Infallible;
use std::net::TcpListener;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cntflow_dataflow::{
    Cluster, Collector, Executor, Stop, TaskContext, TaskQueue, Work, assign, run,
};

/// Environment variable with the role of a process of the test:
/// `<process> <event> <address> <address>`. The event is the index of the process that fails,
/// `stop` to interrupt process 1, or `-`.
const ROLE: &str = "CNTFLOW_TEST_CLUSTER_ROLE";

/// Sleeps. The worker of the failing process panics outside of any task after a few of them.
struct Naps {
    failing: bool,
}

struct Count {
    failing: bool,
    n_added: usize,
}

impl Work for Naps {
    type Task = u64;
    type Output = u64;
    type Report = u64;
    type Collector = Count;

    fn run(&self, task: &u64, context: &TaskContext<'_, u64>) -> Option<u64> {
        // One task of the other process takes far longer than the run may after a failure.
        let nap = if *task == 1 {
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

    fn panicked(&self, task: &u64, _: &str, _: &TaskContext<'_, u64>) -> u64 {
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
        connect_timeout: Duration::from_secs(20),
    };
    let peers = cluster
        .connect(&[("the study", "naps".to_owned())])
        .unwrap();
    let failing = words[1] == words[0];
    let last = if words[1] == "-" { 1 } else { 400 };
    let tasks: TaskQueue<u64> = assign((0..last).collect(), |_| 0, process, 2)
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
    let free = |_| {
        TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .to_string()
    };
    let addresses: Vec<String> = (0..2).map(free).collect();
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
        other.contains("outcome: another process of the cluster failed or was lost"),
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

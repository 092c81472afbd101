//! Runs of the executor against plain loops: nothing lost, nothing twice, failures reported.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use cntflow_dataflow::{
    Collector, DataflowError, Executor, Finished, LateTask, Stop, TaskContext, Work, WorkerTimes,
    run,
};

/// What has been committed: a task, and its square or the text of its panic.
type Rows = Vec<(u64, Result<u64, String>)>;

/// Tasks are numbers; outputs are their squares, or the text of a panic.
struct Squares {
    behaviour: fn(u64, &TaskContext<'_, u64, u64>),
    committed: Arc<Mutex<Rows>>,
    ran_on: Mutex<BTreeMap<u64, ThreadId>>,
    reports: AtomicUsize,
    /// Tasks that were late.
    late: Mutex<Vec<u64>>,
    /// Times of the workers.
    times: Mutex<Vec<WorkerTimes>>,
    fail: Fail,
    /// Longest time of a task.
    limit: Option<Duration>,
}

#[derive(Clone, Copy, PartialEq)]
enum Fail {
    Nothing,
    Commit,
    WorkerOne,
}

#[derive(Debug, thiserror::Error)]
#[error("tables/networks/a.parquet: no space left on device")]
struct CommitError;

struct Batch {
    worker: usize,
    rows: Rows,
    since: Option<Instant>,
    committed: Arc<Mutex<Rows>>,
    fail: Fail,
}

impl Work for Squares {
    type Task = u64;
    type Output = (u64, Result<u64, String>);
    type Answer = u64;
    type Report = u64;
    type Collector = Batch;

    fn run(&self, task: &u64, context: &TaskContext<'_, u64, u64>) -> Option<Self::Output> {
        (self.behaviour)(*task, context);
        let thread = std::thread::current().id();
        self.ran_on.lock().unwrap().insert(*task, thread);
        Some((*task, Ok(task * task)))
    }

    fn run_part(&self, task: &u64, part: usize) -> Option<u64> {
        // Longer than anybody should wait who is asked to stop.
        std::thread::sleep(Duration::from_millis(if *task == 3 { 4000 } else { 10 }));
        SENT.lock().unwrap().push((*task, part));
        assert!(part != 8, "a part that panics is run at home");
        (part != 7).then_some(100 * task + part as u64)
    }

    fn panicked(&self, task: &u64, message: &str, _: &TaskContext<'_, u64, u64>) -> Self::Output {
        (*task, Err(message.to_owned()))
    }

    fn limit(&self, _: &u64) -> Option<Duration> {
        self.limit
    }

    fn timed_out(&self, task: &u64, limit: Duration) -> Option<Self::Output> {
        Some((*task, Err(format!("longer than {limit:?}"))))
    }

    fn collector(&self, worker: usize) -> Batch {
        let committed = Arc::clone(&self.committed);
        Batch {
            worker,
            rows: Vec::new(),
            since: None,
            committed,
            fail: self.fail,
        }
    }

    fn is_late(&self, late: &LateTask<'_, u64>) {
        assert!(late.elapsed > 10 * late.expected);
        self.late.lock().unwrap().push(*late.task);
    }

    fn ended(&self, times: &[WorkerTimes]) {
        *self.times.lock().unwrap() = times.to_vec();
    }

    fn reported(&self, _: u64) {
        self.reports.fetch_add(1, Ordering::SeqCst);
    }
}

impl Collector for Batch {
    type Output = (u64, Result<u64, String>);
    type Report = u64;
    type Error = CommitError;

    fn add(&mut self, output: Self::Output) -> Result<u64, CommitError> {
        assert!(
            !(self.fail == Fail::WorkerOne && self.worker == 1),
            "injected"
        );
        let task = output.0;
        self.rows.push(output);
        self.since.get_or_insert_with(Instant::now);
        Ok(task)
    }

    fn due(&self) -> Option<Instant> {
        self.since.map(|since| since + Duration::from_millis(30))
    }

    fn commit(&mut self) -> Result<(), CommitError> {
        if self.fail == Fail::Commit {
            return Err(CommitError);
        }
        self.committed.lock().unwrap().append(&mut self.rows);
        self.since = None;
        Ok(())
    }
}

fn squares(fail: Fail, behaviour: fn(u64, &TaskContext<'_, u64, u64>)) -> Arc<Squares> {
    Arc::new(Squares {
        behaviour,
        committed: Arc::default(),
        ran_on: Mutex::default(),
        reports: AtomicUsize::new(0),
        late: Mutex::default(),
        times: Mutex::default(),
        fail,
        limit: None,
    })
}

fn sorted(work: &Squares) -> Rows {
    let mut rows = work.committed.lock().unwrap().clone();
    rows.sort();
    rows
}

/// Workers of one process, or of each of several simulated processes.
fn executor(workers: usize, simulated_processes: usize) -> Executor {
    Executor {
        simulated_processes,
        ..Executor::threads(workers)
    }
}

#[test]
fn outputs_equal_a_plain_loops_for_any_number_of_workers() {
    let expected: Vec<_> = (0..500u64).map(|task| (task, Ok(task * task))).collect();
    for (workers, processes) in [(1, 1), (2, 1), (3, 1), (1, 2), (2, 3)] {
        let work = squares(Fail::Nothing, |_, _| {});
        let tasks = 0..500;
        let executor = executor(workers, processes);
        let finished = run(executor, tasks, &work, &Stop::default()).unwrap();
        assert_eq!(finished, Finished::All);
        assert_eq!(sorted(&work), expected, "{processes} x {workers} workers");
        assert_eq!(work.reports.load(Ordering::SeqCst), 500);
    }
}

/// All tasks are the first process's; one of them takes as long as all others together.
#[test]
fn processes_without_tasks_get_some_and_none_waits_for_a_slow_one() {
    let work = squares(Fail::Nothing, |task, _| {
        std::thread::sleep(Duration::from_millis(if task == 0 { 400 } else { 4 }));
    });
    let started = Instant::now();
    let tasks = 0..300;
    run(executor(1, 3), tasks, &work, &Stop::default()).unwrap();
    let elapsed = started.elapsed();
    let mut per_thread: BTreeMap<String, usize> = BTreeMap::new();
    for thread in work.ran_on.lock().unwrap().values() {
        *per_thread.entry(format!("{thread:?}")).or_default() += 1;
    }
    assert_eq!(per_thread.len(), 3, "{per_thread:?}");
    // 1.6 s of work: .53 s at best, .4 s of it on the slow one's worker.
    assert!(elapsed < Duration::from_millis(1100), "{elapsed:?}");
}

#[test]
fn a_task_that_panics_is_an_output_that_says_where_and_the_others_go_on() {
    let work = squares(Fail::Nothing, |task, _| {
        assert!(task != 7, "task {task} is bad")
    });
    run(executor(2, 1), 0..20, &work, &Stop::default()).unwrap();
    let rows = sorted(&work);
    assert_eq!(rows.len(), 20);
    let text = rows[7].1.as_ref().unwrap_err();
    assert!(
        text.starts_with("panicked at ") && text.ends_with(": task 7 is bad"),
        "{text}"
    );
    assert_eq!(rows.iter().filter(|row| row.1.is_ok()).count(), 19);
}

#[test]
fn a_panic_outside_of_tasks_ends_the_run_with_its_message() {
    for processes in [1, 3] {
        let work = squares(Fail::WorkerOne, |_, _| {
            std::thread::sleep(Duration::from_millis(2))
        });
        let started = Instant::now();
        let outcome = run(
            executor(if processes == 1 { 3 } else { 1 }, processes),
            0..5000,
            &work,
            &Stop::default(),
        );
        match outcome.unwrap_err() {
            DataflowError::Panicked { worker, message } => {
                assert_eq!((worker, message.as_str()), (1, "injected"));
            }
            other => panic!("{other}"),
        }
        assert!(
            started.elapsed() < Duration::from_secs(5),
            "{:?}",
            started.elapsed()
        );
    }
}

#[test]
fn a_long_task_does_not_keep_a_failed_run_alive() {
    let work = squares(Fail::WorkerOne, |task, _| {
        let failing = std::thread::current().name() == Some("cntflow:worker-1");
        if task < 2 && !failing {
            std::thread::sleep(Duration::from_secs(30));
        }
    });
    let started = Instant::now();
    run(executor(2, 1), 0..50, &work, &Stop::default()).unwrap_err();
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "{:?}",
        started.elapsed()
    );
}

#[test]
fn a_commit_that_fails_ends_the_run_with_its_error() {
    let work = squares(Fail::Commit, |_, _| {});
    let outcome = run(executor(2, 1), 0..50, &work, &Stop::default());
    match outcome.unwrap_err() {
        DataflowError::Commit { source, .. } => {
            let expected = "tables/networks/a.parquet: no space left on device";
            assert_eq!(source.to_string(), expected);
        }
        other => panic!("{other}"),
    }
}

#[test]
fn a_slow_task_holds_up_nobody_but_its_worker() {
    let work = squares(Fail::Nothing, |task, _| {
        std::thread::sleep(Duration::from_millis(if task == 0 { 600 } else { 5 }));
    });
    run(executor(2, 1), 0..50, &work, &Stop::default()).unwrap();
    let ran_on = work.ran_on.lock().unwrap();
    let slow = ran_on[&0];
    let with_slow = ran_on.values().filter(|thread| **thread == slow).count();
    assert_eq!(with_slow, 1, "tasks of the worker that had the slow one");
}

#[test]
fn a_task_that_takes_far_longer_than_others_is_noticed_once_while_it_runs() {
    let work = squares(Fail::Nothing, |task, _| {
        std::thread::sleep(Duration::from_millis(if task == 20 { 900 } else { 2 }));
    });
    let executor = Executor {
        patience: Duration::from_millis(100),
        ..executor(2, 1)
    };
    let tasks = 0..30;
    run(executor, tasks, &work, &Stop::default()).unwrap();
    assert_eq!(*work.late.lock().unwrap(), [20]);
}

#[test]
fn parts_of_a_task_run_on_idle_workers_and_on_no_others() {
    static PARTS: Mutex<Vec<ThreadId>> = Mutex::new(Vec::new());
    let work = squares(Fail::Nothing, |task, context| {
        if task == 0 {
            let outputs = context.run_parts(&task, &[true; 20], &|part| {
                std::thread::sleep(Duration::from_millis(20));
                PARTS.lock().unwrap().push(std::thread::current().id());
                part as u64
            });
            assert!(outputs.into_iter().eq(0..20), "in their order");
        }
    });
    run(executor(3, 1), vec![0], &work, &Stop::default()).unwrap();
    let parts = std::mem::take(&mut *PARTS.lock().unwrap());
    assert_eq!(parts.len(), 20);
    let threads: std::collections::HashSet<ThreadId> = parts.into_iter().collect();
    assert_eq!(threads.len(), 3, "the worker of the task and two idle ones");
    // With one worker there is nobody to help.
    run(executor(1, 1), vec![0], &work, &Stop::default()).unwrap();
    let parts = PARTS.lock().unwrap();
    assert!(parts.iter().all(|thread| *thread == parts[0]));
}

#[test]
fn a_part_that_panics_is_a_task_that_panics() {
    let work = squares(Fail::Nothing, |task, context| {
        context.run_parts(&task, &[true; 8], &|part| {
            std::thread::sleep(Duration::from_millis(10));
            assert!(part != 5, "part five");
            0
        });
    });
    run(executor(2, 1), vec![1], &work, &Stop::default()).unwrap();
    let rows = sorted(&work);
    let text = rows[0].1.as_ref().unwrap_err();
    assert!(
        text.starts_with("panicked at ") && text.ends_with("part five"),
        "{text}"
    );
    assert_eq!(text.matches("panicked").count(), 1, "{text}");
}

/// Parts that other processes have run, by task.
static SENT: Mutex<Vec<(u64, usize)>> = Mutex::new(Vec::new());

#[test]
fn parts_of_a_task_run_in_idle_processes_and_come_back_to_their_places() {
    let work = squares(Fail::Nothing, |task, context| {
        // Parts 7 and 8 fail elsewhere; other odd parts may not leave.
        let may_leave: Vec<bool> = (0..24).map(|part| part % 2 == 0 || part == 7).collect();
        let outputs = context.run_parts(&task, &may_leave, &|part| {
            std::thread::sleep(Duration::from_millis(10));
            100 * task + part as u64
        });
        assert!(
            outputs
                .into_iter()
                .eq((0..24).map(|part| 100 * task + part))
        );
    });
    // Four processes with a worker each: two tasks leave two of them idle.
    run(executor(1, 4), vec![1, 2], &work, &Stop::default()).unwrap();
    assert_eq!(sorted(&work), [(1, Ok(1)), (2, Ok(4))]);
    let mut sent = SENT.lock().unwrap().clone();
    sent.retain(|(task, _)| [1, 2].contains(task));
    assert!(sent.len() >= 4, "{sent:?}");
    let may_leave = |part: usize| part.is_multiple_of(2) || part == 7;
    assert!(sent.iter().all(|(_, part)| may_leave(*part)), "{sent:?}");
}

#[test]
fn a_run_that_is_stopped_waits_for_no_part_that_is_elsewhere() {
    static STARTED: AtomicUsize = AtomicUsize::new(0);
    static ENDED: Mutex<Option<Instant>> = Mutex::new(None);
    let work = squares(Fail::Nothing, |task, context| {
        let outputs = context.run_parts(&task, &[true; 6], &|part| {
            STARTED.fetch_add(1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(100));
            100 * task + part as u64
        });
        assert!(
            outputs.into_iter().eq(300..306),
            "all parts are done nevertheless"
        );
        *ENDED.lock().unwrap() = Some(Instant::now());
    });
    let stop = Stop::default();
    let (stopping, began) = (stop.clone(), Instant::now());
    let stopper = std::thread::spawn(move || {
        while STARTED.load(Ordering::SeqCst) == 0 && began.elapsed() < Duration::from_secs(10) {
            std::thread::sleep(Duration::from_millis(1));
        }
        stopping.set();
    });
    let finished = run(executor(1, 3), vec![3], &work, &stop).unwrap();
    stopper.join().unwrap();
    assert_eq!(finished, Finished::Stopped);
    assert_eq!(sorted(&work), [(3, Ok(9))]);
    let ended = ENDED.lock().unwrap().unwrap();
    assert!(
        ended - began < Duration::from_secs(3),
        "its parts are run at home"
    );
}

#[test]
fn a_task_beyond_its_limit_is_left_to_itself_and_holds_up_nothing() {
    let mut work = squares(Fail::Nothing, |task, _| {
        if task == 3 {
            std::thread::sleep(Duration::from_secs(20));
        }
    });
    Arc::get_mut(&mut work).unwrap().limit = Some(Duration::from_millis(200));
    let started = Instant::now();
    let finished = run(executor(2, 1), 0..20, &work, &Stop::default());
    assert_eq!(finished.unwrap(), Finished::All);
    assert!(started.elapsed() < Duration::from_secs(10));
    let rows = sorted(&work);
    assert_eq!(rows.len(), 20);
    assert_eq!(rows[3], (3, Err("longer than 200ms".to_owned())));
    assert_eq!(rows[4], (4, Ok(16)));
}

#[test]
fn where_the_time_of_each_worker_went_is_told_at_the_end() {
    let work = squares(Fail::Nothing, |_, _| {
        std::thread::sleep(Duration::from_millis(10));
    });
    run(executor(2, 1), 0..20, &work, &Stop::default()).unwrap();
    let times = work.times.lock().unwrap();
    assert_eq!(times.len(), 2);
    let tasks: Duration = times.iter().map(|times| times.tasks).sum();
    assert!(tasks >= Duration::from_millis(200), "{times:?}");
}

#[test]
fn workers_wait_for_tasks_that_a_running_task_adds() {
    let work = squares(Fail::Nothing, |task, context| {
        if task < 5 {
            std::thread::sleep(Duration::from_millis(50));
            context.follow_up((0..4).map(|i| 10 * (task + 1) + i));
        }
    });
    run(executor(1, 3), 0..5, &work, &Stop::default()).unwrap();
    let tasks: Vec<u64> = sorted(&work).into_iter().map(|row| row.0).collect();
    let added = (1..=5).flat_map(|task| (0..4).map(move |i| 10 * task + i));
    assert_eq!(tasks, (0..5).chain(added).collect::<Vec<_>>());
}

#[test]
fn a_stopped_run_commits_the_outputs_so_far() {
    let stop = Stop::default();
    let work = squares(Fail::Nothing, |_, _| {
        std::thread::sleep(Duration::from_millis(5))
    });
    let stopper = stop.clone();
    let thread = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(200));
        stopper.set();
    });
    let finished = run(executor(2, 1), 0..100_000, &work, &stop);
    thread.join().unwrap();
    assert_eq!(finished.unwrap(), Finished::Stopped);
    let n_run = work.ran_on.lock().unwrap().len();
    assert_eq!(work.committed.lock().unwrap().len(), n_run);
    assert!((10..1000).contains(&n_run), "{n_run}");
}

//! The other processes of a cluster, connected: meetings, signs of life, and the sockets of a run.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::net::TcpStream;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::Cluster;
use super::frame::{Frame, FrameReader, FrameWriter, link_ends};
use super::handshake::{Proven, Wanted};
use super::listener::Listener;
use crate::error::DataflowError;
use crate::supervise::{Alarm, Failure, Stop};

/// How often a process tells the others that it is alive.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);

/// After this silence a process is lost: it hangs, its machine has no power, or the link is cut.
const SILENCE: Duration = Duration::from_secs(10);

/// Longest time that a write to a link may take. A frame is small; only a peer that does not read
/// at all fills the buffers.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);

/// How often a stop by the user is looked for.
const STOP_LOOK: Duration = Duration::from_millis(50);

/// How long the sockets of a run may take, after all processes have met.
const SOCKETS_TIMEOUT: Duration = Duration::from_secs(30);

/// Longest text of an error that is passed on, in characters.
const MAX_CAUSE: usize = 4096;

/// How long a run whose sockets broke waits to be told which process was lost, and why. A process
/// that fails waits for its own workers first.
const CAUSE_TIMEOUT: Duration = Duration::from_secs(4);

/// The other processes, connected for a whole command.
///
/// Each pair of processes has a link. Over it they meet, tell that they are alive, and pass on a
/// stop or an error. A process that is silent for 10 seconds is lost. Dropping the value closes the
/// links, and the others take this process for lost; see [`Peers::leave`].
#[derive(Debug)]
pub struct Peers {
    shared: Arc<Shared>,
    listener: Listener,
    n_runs: AtomicU32,
    n_meetings: AtomicU32,
    /// Dropped to end the thread that sends signs of life.
    ending: Option<mpsc::Sender<()>>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    cluster: Cluster,
    stop: Stop,
    /// Indexed by process; `None` until it is connected, and at this process's own index.
    writers: Vec<Mutex<Option<FrameWriter>>>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// By number: where each process is, and what it has told.
    meetings: BTreeMap<u64, BTreeMap<usize, (String, Vec<String>)>>,
    loss: Option<Loss>,
    /// Processes that have finished.
    left: BTreeSet<usize>,
    /// Raised when a process is lost.
    alarm: Weak<Alarm>,
    /// Sockets of the present run, shut down when a process is lost: otherwise a thread could wait
    /// for a silent one.
    sockets: Vec<TcpStream>,
}

/// The first process that was lost, and how.
#[derive(Clone, Debug)]
struct Loss {
    process: usize,
    how: HowLost,
}

#[derive(Clone, Debug)]
enum HowLost {
    /// It has told its error, with its exit code.
    Failed(String, u8),
    /// What was seen of it.
    Lost(String),
}

impl Peers {
    /// A process that is not connected to any other yet.
    pub(super) fn new(cluster: Cluster, listener: Listener, stop: &Stop) -> std::io::Result<Self> {
        let writers = cluster.addresses.iter().map(|_| Mutex::default());
        let shared = Arc::new(Shared {
            writers: writers.collect(),
            cluster,
            stop: stop.clone(),
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let (ending, ended) = mpsc::channel();
        let mut peers = Self {
            shared: Arc::clone(&shared),
            listener,
            n_runs: AtomicU32::new(0),
            n_meetings: AtomicU32::new(0),
            ending: Some(ending),
            threads: Vec::new(),
        };
        peers.spawn("cntflow:alive", move || shared.send_signs_of_life(&ended))?;
        Ok(peers)
    }

    /// Adds the link to a process, and begins to listen to it.
    pub(super) fn add_link(&mut self, process: usize, link: Proven) -> std::io::Result<()> {
        let (writer, reader) = link_ends(link, process < self.process())?;
        writer.socket().set_write_timeout(Some(WRITE_TIMEOUT))?;
        reader.socket().set_read_timeout(Some(SILENCE))?;
        *lock(&self.shared.writers[process]) = Some(writer);
        let shared = Arc::clone(&self.shared);
        self.spawn("cntflow:link", move || shared.read_link(process, reader))
    }

    /// Whether the link to a process was added.
    pub(super) fn has_link(&self, process: usize) -> bool {
        process == self.process() || lock(&self.shared.writers[process]).is_some()
    }

    /// The listener of this process.
    pub(super) fn listener(&self) -> &Listener {
        &self.listener
    }

    /// The error of the first process that was lost, if there is one.
    pub fn loss(&self) -> Option<DataflowError> {
        let state = self.shared.state();
        state.loss.as_ref().map(|loss| self.shared.lost_error(loss))
    }

    fn spawn(&mut self, name: &str, run: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
        let builder = std::thread::Builder::new().name(name.to_owned());
        self.threads.push(builder.spawn(run)?);
        Ok(())
    }

    /// Index of this process.
    pub fn process(&self) -> usize {
        self.shared.cluster.process
    }

    /// Number of processes, this one included.
    pub fn processes(&self) -> usize {
        self.shared.writers.len()
    }

    /// Waits until every process has come here, for however long, and returns what each has told.
    /// `name` says what they meet for.
    ///
    /// # Errors
    /// A process is lost, has failed, has left, or meets for something else.
    pub fn meet(&self, name: &str, values: Vec<String>) -> Result<Vec<Vec<String>>, DataflowError> {
        let number = u64::from(self.n_meetings.fetch_add(1, Ordering::SeqCst));
        self.shared.tell_all(&Frame::Meeting {
            number,
            name: name.to_owned(),
            values: values.clone(),
        });
        let mut state = self.shared.state();
        let meeting = state.meetings.entry(number).or_default();
        meeting.insert(self.process(), (name.to_owned(), values));
        loop {
            // First those that have met: a process may be lost, or leave, after the last meeting.
            let met = state.meetings.entry(number).or_default();
            let out_of_step = met.iter().find(|(_, (theirs, _))| theirs != name);
            if let Some((&process, (theirs, _))) = out_of_step {
                return Err(DataflowError::OutOfStep {
                    process,
                    theirs: printable(theirs),
                    ours: name.to_owned(),
                });
            }
            if met.len() == self.processes() {
                let met = std::mem::take(met);
                state.meetings.remove(&number);
                return Ok(met.into_values().map(|(_, values)| values).collect());
            }
            let met: BTreeSet<usize> = met.keys().copied().collect();
            if let Some(loss) = &state.loss {
                return Err(self.shared.lost_error(loss));
            }
            if let Some(&process) = state.left.difference(&met).next() {
                let how = HowLost::Lost("it has ended already".to_owned());
                return Err(self.shared.lost_error(&Loss { process, how }));
            }
            let waited = self.shared.changed.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits until every process has called this, and makes sure that all have the same values.
    ///
    /// # Errors
    /// Two processes have different values; a process is lost.
    pub fn agree(&self, agreed: &[(&'static str, String)]) -> Result<(), DataflowError> {
        let values = agreed.iter().map(|(_, value)| value.clone()).collect();
        let met = self.meet("agreement", values)?;
        for (process, theirs) in met.into_iter().enumerate() {
            for (index, (what, ours)) in agreed.iter().enumerate() {
                let theirs = theirs.get(index).map_or("missing", String::as_str);
                if theirs != ours {
                    return Err(DataflowError::Mismatch {
                        process,
                        what,
                        theirs: printable(theirs),
                        ours: ours.clone(),
                    });
                }
            }
        }
        Ok(())
    }

    /// Connects the sockets of a run; `None` at this process's own index, as timely expects. When a
    /// process is lost, `alarm` is raised and the sockets are shut down.
    pub(crate) fn open_sockets(
        &self,
        alarm: &Arc<Alarm>,
    ) -> Result<Vec<Option<TcpStream>>, DataflowError> {
        let channel = 1 + self.n_runs.fetch_add(1, Ordering::SeqCst);
        let deadline = Instant::now() + SOCKETS_TIMEOUT;
        let here = self.process();
        let mut sockets: Vec<Option<TcpStream>> = Vec::new();
        for process in 0..self.processes() {
            let socket = match process.cmp(&here) {
                std::cmp::Ordering::Equal => None,
                std::cmp::Ordering::Less => {
                    let is_over = || self.shared.state().loss.is_some();
                    let cluster = &self.shared.cluster;
                    let dialed = cluster.dial_until(process, channel, deadline, is_over);
                    let dialed = dialed.map_err(|error| self.loss().unwrap_or(error))?;
                    Some(dialed.socket)
                }
                std::cmp::Ordering::Greater => {
                    let wanted = Wanted {
                        from: process as u32,
                        to: here as u32,
                        channel,
                    };
                    Some(self.accept_run(wanted)?.socket)
                }
            };
            sockets.push(socket);
        }
        let clones = sockets.iter().flatten().map(TcpStream::try_clone);
        let clones = clones
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| DataflowError::Start(error.into()))?;
        let mut state = self.shared.state();
        state.sockets = clones;
        state.alarm = Arc::downgrade(alarm);
        if state.loss.is_some() {
            state.end_run();
        }
        Ok(sockets)
    }

    /// Waits for a connection of a run; the other process is alive, or a loss ends the wait.
    fn accept_run(&self, wanted: Wanted) -> Result<Proven, DataflowError> {
        loop {
            if let Some(proven) = self.listener.take(wanted, STOP_LOOK) {
                return Ok(proven);
            }
            if let Some(error) = self.loss() {
                return Err(error);
            }
        }
    }

    /// Which process was lost, and why. It may take a moment until this process knows.
    pub(crate) fn cause_of_loss(&self) -> DataflowError {
        let state = self.shared.state();
        let waited = self
            .shared
            .changed
            .wait_timeout_while(state, CAUSE_TIMEOUT, |state| state.loss.is_none());
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        match &state.loss {
            Some(loss) => self.shared.lost_error(loss),
            None => DataflowError::PeerLost {
                process: None,
                address: String::new(),
                how: "its connection broke".to_owned(),
            },
        }
    }

    /// Forgets the sockets of the run that has ended.
    pub(crate) fn close_run(&self) {
        self.shared.state().sockets.clear();
    }

    /// Tells the others that this process ends because of an error, with an exit code. They end
    /// with the same.
    pub fn fail(&self, cause: &str, code: u8) {
        self.shared.tell_all(&Frame::Failed {
            cause: cause.chars().take(MAX_CAUSE).collect(),
            code,
        });
    }

    /// Tells the others that the user wants the end.
    pub(super) fn tell_stop(&self) {
        self.shared.tell_all(&Frame::Stop {
            signal: self.shared.stop.signal(),
        });
    }

    /// Tells the others that this process has finished. Then it may close its links.
    pub fn leave(&self) {
        self.shared.tell_all(&Frame::Bye);
    }
}

impl Drop for Peers {
    fn drop(&mut self) {
        drop(self.ending.take());
        for writer in &self.shared.writers {
            if let Some(writer) = &*lock(writer) {
                writer.close();
            }
        }
        for thread in self.threads.drain(..) {
            // A panic of the thread has been printed already.
            let _ = thread.join();
        }
    }
}

impl Shared {
    /// A poisoned lock is safe to use: every change of the state is one call of a collection.
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Sends a frame to every process. A broken link shows at its reader.
    fn tell_all(&self, frame: &Frame) {
        for writer in &self.writers {
            if let Some(writer) = &mut *lock(writer) {
                let _ = writer.write(frame);
            }
        }
    }

    fn send_signs_of_life(&self, ended: &mpsc::Receiver<()>) {
        let mut has_told_stop = false;
        let mut last_sign = Instant::now();
        while ended.recv_timeout(STOP_LOOK) == Err(RecvTimeoutError::Timeout) {
            if self.stop.is_set() && !has_told_stop {
                has_told_stop = true;
                self.tell_all(&Frame::Stop {
                    signal: self.stop.signal(),
                });
            }
            if last_sign.elapsed() >= SIGN_OF_LIFE {
                last_sign = Instant::now();
                self.tell_all(&Frame::Alive);
            }
        }
    }

    /// Reads a link until the other process leaves or is lost.
    fn read_link(&self, process: usize, mut reader: FrameReader) {
        loop {
            let how = match reader.read() {
                Ok(Frame::Alive) => continue,
                Ok(Frame::Meeting {
                    number,
                    name,
                    values,
                }) => {
                    let mut state = self.state();
                    let meeting = state.meetings.entry(number).or_default();
                    meeting.insert(process, (name, values));
                    self.changed.notify_all();
                    continue;
                }
                Ok(Frame::Stop { signal }) => {
                    self.stop.set_by(signal);
                    continue;
                }
                Ok(Frame::Failed { cause, code }) => HowLost::Failed(printable(&cause), code),
                Ok(Frame::Bye) => {
                    self.state().left.insert(process);
                    self.changed.notify_all();
                    return;
                }
                Err(error) => HowLost::Lost(how_lost(&error)),
            };
            let mut state = self.state();
            state.loss.get_or_insert(Loss { process, how });
            state.end_run();
            self.changed.notify_all();
            return;
        }
    }

    fn lost_error(&self, loss: &Loss) -> DataflowError {
        let (process, address) = (loss.process, self.cluster.addresses[loss.process].clone());
        match &loss.how {
            HowLost::Failed(cause, code) => DataflowError::PeerFailed {
                process,
                address,
                cause: cause.clone(),
                code: *code,
            },
            HowLost::Lost(how) => DataflowError::PeerLost {
                process: Some(process),
                address,
                how: how.clone(),
            },
        }
    }
}

impl State {
    /// Ends the present run, if there is one.
    fn end_run(&mut self) {
        if let Some(alarm) = self.alarm.upgrade() {
            alarm.raise(0, Failure::PeerLost);
        }
        for socket in self.sockets.drain(..) {
            // It may be closed already.
            let _ = socket.shutdown(std::net::Shutdown::Both);
        }
    }
}

fn how_lost(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => {
            format!("it was silent for {} seconds", SILENCE.as_secs())
        }
        ErrorKind::InvalidData => "what came over its link was not its own".to_owned(),
        _ => "it has closed its connection".to_owned(),
    }
}

/// A text from another machine, without what a terminal would take for a command.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() && c != '\n' { ' ' } else { c })
        .collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

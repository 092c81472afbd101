//! `--processes N`: starts the processes of a cluster on this machine and watches over them.
//!
//! Each process has a pipe from this one as its input. A byte on it is a signal to pass on; its end
//! means that this process is gone, so that none is left behind.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus as ChildStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use cntflow_dataflow::Stop;

use super::interrupt::stop_on_interrupt;
use super::supervised::SUPERVISED_VARIABLE;
use crate::exit::ExitStatus;
use crate::output::resume::{RESUME_VARIABLE, resume_command};
use crate::printer;

/// How often a cluster is started again after a process was killed.
const MAX_RESTARTS: usize = 3;

/// Pause between looks at the processes.
const LOOK: Duration = Duration::from_millis(50);

/// How long processes may go on after the first one has ended badly. They notice a silent one after
/// ten seconds; what is left after this time hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// Processes of one command on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LocalCluster {
    /// How many.
    pub(crate) n_processes: usize,
    /// Worker threads of each.
    pub(crate) n_workers: usize,
}

/// How the processes of a cluster ended.
enum ClusterEnd {
    /// With this status, that of process 0.
    Ended(ExitStatus),
    /// A process was killed from outside, or hung.
    Killed(String),
}

impl LocalCluster {
    /// Runs the command of this process in several ones; returns the status of process 0.
    ///
    /// # Errors
    /// A process cannot be started, or was killed again and again.
    pub(crate) fn run(self) -> anyhow::Result<ExitStatus> {
        let stop = stop_on_interrupt()?;
        let mut arguments: Vec<OsString> = without_processes(std::env::args_os().skip(1));
        for n_restarts in 0..=MAX_RESTARTS {
            let how = match self.run_once(&arguments, &stop)? {
                ClusterEnd::Ended(status) => return Ok(status),
                ClusterEnd::Killed(_) if stop.is_set() => return Ok(ExitStatus::of_stop(&stop)),
                ClusterEnd::Killed(how) => how,
            };
            if n_restarts == MAX_RESTARTS {
                bail!("{how}, after {MAX_RESTARTS} new starts");
            }
            printer::note(&format!(
                "{how}; starting all processes again ({} of {MAX_RESTARTS})",
                n_restarts + 1
            ));
            // What was saved since is kept.
            arguments.retain(|argument| argument != "--fresh");
        }
        Ok(ExitStatus::Failed)
    }

    fn run_once(self, arguments: &[OsString], stop: &Stop) -> anyhow::Result<ClusterEnd> {
        let folder = tempfile::tempdir().context("cannot make a folder for the list of hosts")?;
        let hosts = folder.path().join("hosts");
        fs_err::write(&hosts, free_addresses(self.n_processes)?.join("\n"))?;
        let mut processes = Processes::default();
        for index in 0..self.n_processes {
            processes.start(index, &hosts, self.n_workers, arguments)?;
        }
        processes.watch(stop)
    }
}

/// The processes of a cluster; dropping it kills those that are left.
#[derive(Default)]
struct Processes {
    children: Vec<Child>,
    ended: Vec<Option<ChildStatus>>,
}

impl Processes {
    fn start(
        &mut self,
        index: usize,
        hosts: &Path,
        n_workers: usize,
        arguments: &[OsString],
    ) -> anyhow::Result<()> {
        let program = std::env::current_exe().context("cannot find this program")?;
        let mut command = Command::new(program);
        command
            .args(arguments)
            .arg("--hosts")
            .arg(hosts)
            .args(["--process", &index.to_string()])
            .env(SUPERVISED_VARIABLE, "1")
            .env(RESUME_VARIABLE, resume_command())
            .stdin(Stdio::piped());
        if !arguments
            .iter()
            .any(|argument| is_option(argument, "--workers"))
        {
            command.args(["--workers", &n_workers.to_string()]);
        }
        if index > 0 {
            command.stdout(Stdio::null()).stderr(Stdio::piped());
        }
        // Ctrl-C on the terminal reaches this process alone, which passes it on once.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command
            .spawn()
            .with_context(|| format!("cannot start process {index}"))?;
        if let Some(stderr) = child.stderr.take() {
            pass_on(index, stderr)?;
        }
        self.children.push(child);
        self.ended.push(None);
        Ok(())
    }

    /// Waits for all processes.
    fn watch(&mut self, stop: &Stop) -> anyhow::Result<ClusterEnd> {
        let mut has_told_stop = false;
        let mut first_bad: Option<Instant> = None;
        let mut killed: Option<String> = None;
        loop {
            for (index, child) in self.children.iter_mut().enumerate() {
                if self.ended[index].is_some() {
                    continue;
                }
                let Some(status) = child.try_wait()? else {
                    continue;
                };
                self.ended[index] = Some(status);
                if !status.success() {
                    first_bad.get_or_insert_with(Instant::now);
                }
                // Without an exit code, a signal has ended it.
                if status.code().is_none() {
                    killed.get_or_insert(format!("process {index} was killed ({status})"));
                }
            }
            if self.ended.iter().all(Option::is_some) {
                let of_first = self.ended[0].and_then(|status| status.code());
                let code = of_first.and_then(|code| u8::try_from(code).ok());
                return Ok(match (killed, code) {
                    (Some(how), _) => ClusterEnd::Killed(how),
                    (None, Some(code)) => ClusterEnd::Ended(ExitStatus::from_code(code)),
                    (None, None) => ClusterEnd::Ended(ExitStatus::Failed),
                });
            }
            if stop.is_set() && !has_told_stop {
                has_told_stop = true;
                self.tell_stop(stop);
            }
            if first_bad.is_some_and(|since| since.elapsed() > PATIENCE) {
                for (index, child) in self.children.iter_mut().enumerate() {
                    if self.ended[index].is_none() {
                        killed.get_or_insert(format!("process {index} did not end"));
                        child.kill()?;
                    }
                }
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Tells process 0, which tells the others.
    fn tell_stop(&mut self, stop: &Stop) {
        let signal = stop.signal().and_then(|signal| u8::try_from(signal).ok());
        if let Some(stdin) = self
            .children
            .first_mut()
            .and_then(|child| child.stdin.as_mut())
        {
            // It may have ended.
            let _ = stdin.write_all(&[signal.unwrap_or_default()]);
        }
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        for (child, ended) in self.children.iter_mut().zip(&self.ended) {
            if ended.is_none() {
                // It may have ended.
                let _ = child.kill();
                let _ = child.wait();
            }
        }
    }
}

/// Prints what a process writes to stderr, with its name.
fn pass_on(index: usize, stderr: ChildStderr) -> std::io::Result<()> {
    let read = move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            printer::note(&format!("process {index}: {line}"));
        }
    };
    std::thread::Builder::new()
        .name("cntflow:stderr".to_owned())
        .spawn(read)?;
    Ok(())
}

/// Addresses of this machine at which nothing listens.
fn free_addresses(n: usize) -> std::io::Result<Vec<String>> {
    // All are held until all are known, so that none is given twice.
    let listeners: Vec<TcpListener> = (0..n)
        .map(|_| TcpListener::bind("127.0.0.1:0"))
        .collect::<Result<_, _>>()?;
    listeners
        .iter()
        .map(|listener| Ok(listener.local_addr()?.to_string()))
        .collect()
}

/// The arguments without `--processes N`.
fn without_processes(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut kept = Vec::new();
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        if argument == "--processes" {
            arguments.next();
        } else if !is_option(&argument, "--processes") {
            kept.push(argument);
        }
    }
    kept
}

/// Whether an argument is `name`, or `name=...`.
fn is_option(argument: &OsString, name: &str) -> bool {
    let text = argument.to_string_lossy();
    let rest = text.strip_prefix(name);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processes_get_all_other_arguments() {
        let words = [
            "run",
            "--processes",
            "3",
            "a.toml",
            "--processes=4",
            "--out",
            "x",
        ];
        let kept = without_processes(words.map(OsString::from));
        assert_eq!(kept, ["run", "a.toml", "--out", "x"]);
        assert!(is_option(&"--workers=2".into(), "--workers"));
        assert!(!is_option(&"--workers-x".into(), "--workers"));
    }
}

//! `--processes N`: starts the processes of a cluster on this machine and watches over them.
//!
//! Each process has a pipe from this one as its input. A byte on it is a signal to pass on; its end
//! means that this process is gone, so that none is left behind.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus as ChildStatus, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use cntflow_dataflow::{Stop, free_addresses};

use super::interrupt::stop_on_interrupt;
use super::supervised::{CLAIMED_VARIABLE, SUPERVISED_VARIABLE};
use crate::exit::ExitStatus;
use crate::output::resume::{RESUME_VARIABLE, resume_arguments, resume_command};
use crate::printer;

/// How often a cluster is started again after a process was killed.
const MAX_RESTARTS: usize = 3;

/// Names in the folder of a cluster: the hosts file, and the file that says that the output folder
/// is taken.
const HOSTS: &str = "hosts";
const CLAIMED: &str = "claimed";

/// Pause between looks at the processes.
const LOOK: Duration = Duration::from_millis(50);

/// How long processes may go on after the first one has failed. One that has not ended by then
/// hangs.
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
        let mut n_restarts = 0;
        loop {
            let folder = tempfile::tempdir().context("cannot make a folder for the hosts file")?;
            let ended = self.run_once(&arguments, folder.path(), &stop)?;
            // What these ask for is done once the folder is taken; what was saved since is kept.
            if folder.path().join(CLAIMED).exists() {
                arguments = resume_arguments(arguments);
            }
            let how = match ended {
                ClusterEnd::Ended(status) => return Ok(status),
                ClusterEnd::Killed(_) if stop.is_set() => return Ok(ExitStatus::of_stop(&stop)),
                ClusterEnd::Killed(how) => how,
            };
            if n_restarts == MAX_RESTARTS {
                bail!("{how}, after {MAX_RESTARTS} new starts");
            }
            n_restarts += 1;
            printer::note(&format!(
                "{how}; starting all processes again ({n_restarts} of {MAX_RESTARTS})"
            ));
        }
    }

    fn run_once(
        self,
        arguments: &[OsString],
        folder: &Path,
        stop: &Stop,
    ) -> anyhow::Result<ClusterEnd> {
        let addresses = free_addresses(self.n_processes)?;
        fs_err::write(folder.join(HOSTS), addresses.join("\n"))?;
        let mut processes = Processes::default();
        for index in 0..self.n_processes {
            processes.start(index, folder, self.n_workers, arguments)?;
        }
        processes.watch(stop)
    }
}

/// The processes of a cluster; dropping it kills those that are left.
#[derive(Default)]
struct Processes {
    children: Vec<Child>,
    ended: Vec<Option<ChildStatus>>,
    /// Threads that print what the processes say.
    readers: Vec<JoinHandle<()>>,
}

impl Processes {
    fn start(
        &mut self,
        index: usize,
        folder: &Path,
        n_workers: usize,
        arguments: &[OsString],
    ) -> anyhow::Result<()> {
        let program = std::env::current_exe().context("cannot find this program")?;
        let (subcommand, rest) = arguments.split_first().context("no command")?;
        let mut command = Command::new(program);
        command
            .arg(subcommand)
            .arg("--hosts")
            .arg(folder.join(HOSTS))
            .args(["--process", &index.to_string()])
            .env(SUPERVISED_VARIABLE, "1")
            .env(CLAIMED_VARIABLE, folder.join(CLAIMED))
            .env(RESUME_VARIABLE, resume_command())
            .stdin(Stdio::piped());
        if !rest.iter().any(|argument| is_option(argument, "--workers")) {
            command.args(["--workers", &n_workers.to_string()]);
        }
        command.args(rest);
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
            self.readers.push(pass_on(index, stderr)?);
        }
        self.children.push(child);
        self.ended.push(None);
        Ok(())
    }

    /// Waits for all processes.
    fn watch(&mut self, stop: &Stop) -> anyhow::Result<ClusterEnd> {
        let mut has_told_stop = false;
        let mut first_failed: Option<Instant> = None;
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
                let code = status.code().and_then(|code| u8::try_from(code).ok());
                let status_of_code = code.map(ExitStatus::from_code);
                if matches!(status_of_code, None | Some(ExitStatus::Failed)) {
                    first_failed.get_or_insert_with(Instant::now);
                }
                // Without an exit code, a signal has ended it.
                if code.is_none() {
                    killed.get_or_insert(format!("process {index} was killed ({status})"));
                }
            }
            let of_first = self.ended[0].and_then(|status| status.code());
            let code = of_first.and_then(|code| u8::try_from(code).ok());
            let of_first = code.map(ExitStatus::from_code);
            match of_first {
                // All have agreed on this end, whatever becomes of the others now.
                Some(status) if status != ExitStatus::Failed && killed.is_none() => {
                    self.wait_for_others()?;
                    return Ok(ClusterEnd::Ended(status));
                }
                _ if self.ended.iter().all(Option::is_some) => {
                    return Ok(match killed {
                        Some(how) => ClusterEnd::Killed(how),
                        None => ClusterEnd::Ended(of_first.unwrap_or(ExitStatus::Failed)),
                    });
                }
                _ => {}
            }
            if stop.is_set() && !has_told_stop {
                has_told_stop = true;
                self.tell_stop(stop);
            }
            if first_failed.is_some_and(|since| since.elapsed() > PATIENCE) {
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

    /// Gives processes that have agreed on the end a moment to end.
    fn wait_for_others(&mut self) -> anyhow::Result<()> {
        let since = Instant::now();
        while self.ended.iter().any(Option::is_none) && since.elapsed() < PATIENCE {
            for (child, ended) in self.children.iter_mut().zip(&mut self.ended) {
                if ended.is_none() {
                    *ended = child.try_wait()?;
                }
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    /// Tells all processes: they may not be connected yet.
    fn tell_stop(&mut self, stop: &Stop) {
        let signal = stop.signal().and_then(|signal| u8::try_from(signal).ok());
        for stdin in self
            .children
            .iter_mut()
            .filter_map(|child| child.stdin.as_mut())
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
        // What they have said last is the cause.
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
    }
}

/// Prints what a process writes to stderr, with its name.
fn pass_on(index: usize, stderr: ChildStderr) -> std::io::Result<JoinHandle<()>> {
    let read = move || {
        for line in BufReader::new(stderr).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line);
            printer::note_of_process(index, &line);
        }
    };
    std::thread::Builder::new()
        .name("cntflow:stderr".to_owned())
        .spawn(read)
}

/// The arguments without `--processes N`. What stands behind `--` is no option.
fn without_processes(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut kept = Vec::new();
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        if argument == "--" {
            kept.push(argument);
            kept.extend(arguments);
            break;
        }
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
        let words = ["measure", "--", "--processes"].map(OsString::from);
        assert_eq!(without_processes(words.clone()), words);
        assert!(is_option(&"--workers=2".into(), "--workers"));
        assert!(!is_option(&"--workers-x".into(), "--workers"));
    }
}

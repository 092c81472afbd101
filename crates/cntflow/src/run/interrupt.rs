//! Signals that ask for the end: the first one stops the run after its current tasks, the second
//! one ends the program at once.

use std::time::{Duration, Instant};

use cntflow_dataflow::Stop;

use super::supervised::obey_supervisor;
use crate::exit::ExitStatus;
use crate::printer;

/// SIGINT, which a user sends by Ctrl-C.
const INTERRUPT: u8 = 2;

/// How soon after the first signal another one is part of the same event.
const SAME_SIGNAL: Duration = Duration::from_secs(1);

/// A stop that the first SIGINT (Ctrl-C), SIGTERM, SIGHUP or SIGUSR2 sets; the second one ends the
/// program.
///
/// A signal that is ignored stays so: a program under `nohup` goes on after the logout.
///
/// # Errors
/// The signals cannot be handled.
pub(crate) fn stop_on_interrupt() -> anyhow::Result<Stop> {
    stop_on_interrupt_saying("stopping: saving finished work (Ctrl-C again exits at once)")
}

/// As [`stop_on_interrupt`]; `message` is said once the signal has come.
///
/// # Errors
/// The signals cannot be handled.
pub(crate) fn stop_on_interrupt_saying(message: &'static str) -> anyhow::Result<Stop> {
    let stop = Stop::default();
    let handler_stop = stop.clone();
    // Not whether `stop` is set: another process of the cluster may have set it.
    let mut first: Option<Instant> = None;
    handle_signals(move |signal| {
        if let Some(first) = first {
            // A closed terminal sends two hang-ups at once, and a cluster manager its signal to
            // every process of a group.
            if signal == INTERRUPT || first.elapsed() > SAME_SIGNAL {
                std::process::exit(ExitStatus::Stopped(signal).code().into());
            }
            return;
        }
        first = Some(Instant::now());
        handler_stop.set_by(Some(signal.into()));
        printer::note(message);
    })?;
    obey_supervisor(&stop)?;
    Ok(stop)
}

#[cfg(unix)]
fn handle_signals(mut handle: impl FnMut(u8) + Send + 'static) -> anyhow::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR2};
    use signal_hook::iterator::Signals;

    let ignored = ignored_signals();
    // Slurm sends SIGUSR2 before the time of a job is up, if it is asked to.
    let wanted = [SIGINT, SIGTERM, SIGHUP, SIGUSR2].into_iter();
    // Whether a hang-up is ignored is known on Linux alone. Elsewhere its default stays, which is
    // right for nohup.
    let wanted = wanted.filter(|&signal| match ignored {
        Some(mask) => mask & (1 << (signal - 1)) == 0,
        None => signal != SIGHUP,
    });
    let mut signals = Signals::new(wanted)?;
    std::thread::Builder::new()
        .name("cntflow:signals".to_owned())
        .spawn(move || {
            for signal in signals.forever() {
                handle(u8::try_from(signal).unwrap_or(0));
            }
        })?;
    Ok(())
}

/// A bit for each signal that this process was started to ignore; `None` if the system does not
/// tell.
#[cfg(unix)]
fn ignored_signals() -> Option<u64> {
    let status = fs_err::read_to_string("/proc/self/status").ok()?;
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))?;
    u64::from_str_radix(mask.trim(), 16).ok()
}

#[cfg(not(unix))]
fn handle_signals(mut handle: impl FnMut(u8) + Send + 'static) -> anyhow::Result<()> {
    ctrlc::set_handler(move || handle(INTERRUPT))?;
    Ok(())
}

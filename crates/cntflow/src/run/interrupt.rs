//! Ctrl-C: the first one stops the run after its current tasks, the second one exits at once.

use cntflow_dataflow::Stop;

use crate::printer;

/// Exit code after the second Ctrl-C, as shells have it: 128 + SIGINT.
const EXIT_INTERRUPTED: i32 = 130;

/// A stop that the first Ctrl-C (or SIGTERM) sets; the second one exits with code 130.
///
/// # Errors
/// The signal handler cannot be installed.
pub(crate) fn stop_on_interrupt() -> anyhow::Result<Stop> {
    let stop = Stop::default();
    let handler_stop = stop.clone();
    ctrlc::set_handler(move || {
        if handler_stop.is_set() {
            std::process::exit(EXIT_INTERRUPTED);
        }
        handler_stop.set();
        printer::note(
            "stopping: saving finished work (Ctrl-C again exits at once; run the same command \
             again to resume)",
        );
    })?;
    Ok(stop)
}

//! Ctrl-C: once to stop in order, twice to leave at once.

use cntflow_dataflow::Stop;

use crate::printer;

/// A stop that the first Ctrl-C (or SIGTERM) sets; the second one ends the program with exit code 130.
///
/// # Errors
/// The handler cannot be installed.
pub(crate) fn stop_on_interrupt() -> anyhow::Result<Stop> {
    let stop = Stop::default();
    let handled = stop.clone();
    ctrlc::set_handler(move || {
        if handled.is_set() {
            std::process::exit(130);
        }
        handled.set();
        printer::note(
            "stopping: committing what is done (again to leave at once; the same command goes on from there)",
        );
    })?;
    Ok(stop)
}

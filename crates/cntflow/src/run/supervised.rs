//! A process that another one has started and watches over, see [`super::local_cluster`].

use std::io::Read;

use cntflow_dataflow::Stop;

use crate::exit::ExitStatus;

/// Environment variable that tells a process that another one watches over it.
pub(super) const SUPERVISED_VARIABLE: &str = "CNTFLOW_SUPERVISED";

/// Environment variable with a file to be made once the output folder is taken.
pub(super) const CLAIMED_VARIABLE: &str = "CNTFLOW_CLAIMED";

/// Tells the process that watches over this one that the output folder is taken: what `--fresh` and
/// `--retry-failed` ask for is done.
pub(crate) fn tell_claimed() -> std::io::Result<()> {
    match std::env::var_os(CLAIMED_VARIABLE) {
        Some(path) => fs_err::write(path, ""),
        None => Ok(()),
    }
}

/// Sets `stop` when the process that watches over this one says so, or is gone.
pub(super) fn obey_supervisor(stop: &Stop) -> std::io::Result<()> {
    /// SIGTERM, by which a process that is gone would have ended this one.
    const TERMINATE: i32 = 15;

    if std::env::var_os(SUPERVISED_VARIABLE).is_none() {
        return Ok(());
    }
    let stop = stop.clone();
    let read = move || {
        for byte in std::io::stdin().lock().bytes().map_while(Result::ok) {
            stop.set_by((byte != 0).then(|| i32::from(byte)));
        }
        // The user does not want to wait any more.
        if stop.is_set() {
            std::process::exit(ExitStatus::of_stop(&stop).code().into());
        }
        stop.set_by(Some(TERMINATE));
    };
    std::thread::Builder::new()
        .name("cntflow:supervisor".to_owned())
        .spawn(read)?;
    Ok(())
}

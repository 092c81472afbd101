//! A process that another one has started and watches over, see [`super::local_cluster`].

use std::io::Read;

use cntflow_dataflow::Stop;

/// Environment variable that tells a process that another one watches over it.
pub(super) const SUPERVISED_VARIABLE: &str = "CNTFLOW_SUPERVISED";

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
        stop.set_by(Some(TERMINATE));
    };
    std::thread::Builder::new()
        .name("cntflow:supervisor".to_owned())
        .spawn(read)?;
    Ok(())
}

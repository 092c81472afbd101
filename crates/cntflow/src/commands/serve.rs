//! `cntflow serve`.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use cntflow_serve::{BindError, Hosts, Site, bind};
use cntflow_storage::FullMessage;
use cntflow_tables::TableStore;

use super::query::open_sql;
use crate::args::ServeArguments;
use crate::exit::{ExitStatus, UsageError};
use crate::folder::record::StudyRecord;
use crate::printer;
use crate::run::interrupt::stop_on_interrupt_saying;
use crate::serve::Published;

/// Serves the page of a folder until the user stops it.
pub(crate) fn serve(arguments: &ServeArguments) -> anyhow::Result<ExitStatus> {
    let folder = &arguments.folder;
    require_output(folder)?;
    let host = arguments.host.as_deref();
    let listener = bind(host, arguments.port).map_err(bind_error)?;
    let address = listener.local_addr()?;
    let stop = stop_on_interrupt_saying("stopping")?;
    if !address.ip().is_loopback() {
        printer::note(&format!(
            "anyone who can reach {address} can read the tables in {}",
            folder.display()
        ));
    }
    printer::result(&format!("http://{}/", shown(host, address)));
    let site = Site::new(Published::new(folder), Hosts::new(address, host));
    cntflow_serve::serve(listener, site, || stop.is_set())?;
    Ok(ExitStatus::of_stop(&stop))
}

/// A host that is not this machine is wrong usage; a port may be free a moment later.
fn bind_error(error: BindError) -> anyhow::Error {
    match error {
        BindError::Name { .. } | BindError::OtherMachine(_) => {
            UsageError(format!("--host: {}", error.full_message())).into()
        }
        other => other.into(),
    }
}

/// Makes sure that the folder is the output of a study. It need not have tables yet: a run may have
/// just been started.
fn require_output(folder: &Path) -> anyhow::Result<()> {
    if StudyRecord::read(folder)?.is_none() {
        open_sql(folder, &TableStore::new(folder))?;
    }
    Ok(())
}

/// The address as a browser takes it: by the name that the user has given, if it is one.
fn shown(host: Option<&str>, address: SocketAddr) -> String {
    match host.filter(|host| host.parse::<IpAddr>().is_err()) {
        Some(name) => format!("{name}:{}", address.port()),
        None => address.to_string(),
    }
}

//! This process' place among the processes of a cluster.

use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use cntflow_dataflow::{Cluster, DataflowError, Executor, Peers, Secret, Stop};
use cntflow_storage::FullMessage;

use super::options::{ClusterPlace, ClusterProcess};
use crate::exit::{ExitStatus, UsageError};
use crate::folder::shared_token::{read_token, write_token};
use crate::printer;

/// How long a network file system may show an old list of the files that other processes have
/// written.
pub(crate) const OLD_LIST: Duration = Duration::from_secs(60);

/// Environment variable with the secret of the cluster.
const SECRET_VARIABLE: &str = "CNTFLOW_SECRET";

/// This process' place in a cluster, from the start of a command to its end. A process that runs
/// alone has one as well.
#[derive(Debug)]
pub(crate) struct Membership {
    /// The other processes; `None` if this one runs alone.
    peers: Option<Arc<Peers>>,
    /// Whether all processes have agreed on how the command ends.
    has_ended: Cell<bool>,
}

impl Membership {
    /// Connects the processes and makes sure that they are of one version, and have the same names
    /// and values in `agreed`.
    ///
    /// # Errors
    /// The hosts file or the secret is wrong; a process cannot be reached, or differs.
    pub(crate) fn join(
        cluster: Option<&ClusterProcess>,
        agreed: &[(&'static str, String)],
        stop: &Stop,
    ) -> anyhow::Result<Self> {
        let Some(place) = cluster else {
            return Ok(Self::alone());
        };
        let mut cluster = place
            .cluster()
            .map_err(|error| UsageError::from_error(&error))?;
        cluster.secret = place.secret()?;
        cluster.note = printer::note;
        let of_all = [
            (
                "the version of cntflow",
                env!("CARGO_PKG_VERSION").to_owned(),
            ),
            (
                "the number of processes",
                cluster.addresses.len().to_string(),
            ),
        ];
        let agreed = [&of_all, agreed].concat();
        let peers = cluster.join(&agreed, stop)?;
        Ok(Self {
            peers: Some(Arc::new(peers)),
            has_ended: Cell::new(false),
        })
    }

    /// A process without others.
    pub(crate) fn alone() -> Self {
        Self {
            peers: None,
            has_ended: Cell::new(false),
        }
    }

    /// Index of this process, from 0.
    pub(crate) fn process(&self) -> usize {
        self.peers.as_ref().map_or(0, |peers| peers.process())
    }

    /// Whether this process plans and reports for all: it runs alone, or is process 0.
    pub(crate) fn is_leader(&self) -> bool {
        self.process() == 0
    }

    /// Whether there are other processes.
    pub(crate) fn has_others(&self) -> bool {
        self.peers
            .as_ref()
            .is_some_and(|peers| peers.processes() > 1)
    }

    /// Where tasks are run.
    pub(crate) fn executor(&self, n_threads: usize) -> Executor {
        Executor {
            peers: self.peers.clone(),
            ..Executor::threads(n_threads)
        }
    }

    /// Waits until all processes have come to the point `name`; returns what process 0 has told.
    /// The others tell nothing.
    ///
    /// # Errors
    /// A process has failed, was lost, or is at another point.
    pub(crate) fn told_by_leader(&self, name: &str, told: &str) -> anyhow::Result<String> {
        let Some(peers) = &self.peers else {
            return Ok(told.to_owned());
        };
        let values = if self.is_leader() {
            vec![told.to_owned()]
        } else {
            Vec::new()
        };
        let met = peers.meet(name, values)?;
        let of_leader = met.into_iter().next().unwrap_or_default();
        let told = of_leader.into_iter().next();
        told.with_context(|| format!("process 0 has told nothing at '{name}'"))
    }

    /// Waits until all processes have come to the point `name`; returns what each has told.
    ///
    /// # Errors
    /// A process has failed, was lost, or is at another point.
    pub(crate) fn tell_all(
        &self,
        name: &str,
        values: Vec<String>,
    ) -> anyhow::Result<Vec<Vec<String>>> {
        match &self.peers {
            Some(peers) => Ok(peers.meet(name, values)?),
            None => Ok(vec![values]),
        }
    }

    /// Makes sure that no other process has failed or was lost.
    ///
    /// # Errors
    /// One has.
    pub(crate) fn require_others(&self) -> Result<(), DataflowError> {
        let loss = self.peers.as_ref().and_then(|peers| peers.loss());
        loss.map_or(Ok(()), Err)
    }

    /// Makes sure that the processes see the same folder: process 0 writes a token there, and the
    /// others read it.
    ///
    /// # Errors
    /// They do not; process 0 cannot write to the folder; a process has failed or was lost.
    pub(crate) fn require_shared(&self, folder: &Path) -> anyhow::Result<()> {
        if !self.has_others() {
            return Ok(());
        }
        let token = if self.is_leader() {
            write_token(folder)?
        } else {
            String::new()
        };
        let told = self.told_by_leader("the output folder", &token)?;
        if !self.is_leader() && read_token(folder)? != Some(told) {
            bail!(
                "{}: this is not the folder of process 0; all processes must share the output \
                 folder",
                folder.display()
            );
        }
        Ok(())
    }

    /// Ends the command with the status of process 0 in all processes.
    ///
    /// # Errors
    /// A process has failed or was lost.
    pub(crate) fn agree_on_status(&self, status: ExitStatus) -> anyhow::Result<ExitStatus> {
        let told = self.told_by_leader("the end", &status.code().to_string())?;
        self.has_ended.set(true);
        let code = told.parse().ok();
        Ok(code.map_or(ExitStatus::Failed, ExitStatus::from_code))
    }

    /// Runs the rest of a command. Its error ends the other processes as well, unless all have
    /// agreed on the end already.
    ///
    /// # Errors
    /// That of `rest`.
    pub(crate) fn run<T>(&self, rest: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
        let outcome = rest();
        if let Some(peers) = &self.peers {
            match &outcome {
                Err(error) if !self.has_ended.get() => {
                    let code = ExitStatus::of_error(error).code();
                    peers.fail(&(**error).full_message(), code);
                }
                Ok(_) | Err(_) => peers.leave(),
            }
        }
        outcome
    }
}

impl ClusterProcess {
    fn cluster(&self) -> Result<Cluster, DataflowError> {
        let variable = |name: &str| std::env::var(name).ok();
        let mut cluster = match &self.place {
            ClusterPlace::Hosts { hosts, index } => Cluster::from_hosts_file(hosts, *index),
            ClusterPlace::Slurm { port } => Cluster::from_slurm(variable, *port),
            ClusterPlace::Kubernetes { port } => Cluster::from_kubernetes(variable, *port),
        }?;
        cluster.connect_timeout = self.connect_timeout.unwrap_or(cluster.connect_timeout);
        Ok(cluster)
    }

    /// The secret of the cluster, if one is given.
    fn secret(&self) -> Result<Option<Secret>, UsageError> {
        let secret = match (&self.secret_file, std::env::var(SECRET_VARIABLE)) {
            (Some(file), _) => Secret::from_file(file),
            (None, Ok(text)) => Secret::from_text(&text),
            (None, Err(_)) => return Ok(None),
        };
        secret
            .map(Some)
            .map_err(|error| UsageError::from_error(&error))
    }
}

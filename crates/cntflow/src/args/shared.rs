//! Options of several commands, and the values that the commands make of them.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use cntflow_catalog::CatalogOptions;
use cntflow_storage::Limits;

use crate::progress::display::ProgressMode;
use crate::run::local_cluster::LocalCluster;
use crate::run::options::{ClusterPlace, ClusterProcess, ReuseOptions, WorkerOptions};
use crate::study::limits::{LimitSetting, limits_with};
use crate::study::scale::Scale;

#[derive(Clone, Debug, Args)]
pub(crate) struct FolderArguments {
    /// Output folder, or its URL on an object store (s3, gs, az) [default: runs/NAME, with the name
    /// of the study or of the first source]
    #[arg(long)]
    pub(crate) out: Option<PathBuf>,
    /// Remove what earlier runs of cntflow left in the output folder, and start again
    #[arg(long)]
    pub(crate) fresh: bool,
    /// Measure again what failed before, for example after files were repaired
    #[arg(long, conflicts_with = "fresh")]
    pub(crate) retry_failed: bool,
}

/// What holds for each checkpoint that is measured.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct TaskArguments {
    /// Longest time, in seconds, for measuring one checkpoint; one that takes longer is a failed
    /// row [default: no limit]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    task_limit: Option<u32>,
}

impl TaskArguments {
    /// These workers, with the limits that are given.
    pub(crate) fn limit(self, workers: WorkerArguments) -> WorkerOptions {
        let limit = self.task_limit.map(u64::from).map(Duration::from_secs);
        WorkerOptions {
            task_limit: limit,
            ..workers.into()
        }
    }
}

/// Where rows may be taken from.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ReuseArguments {
    /// Take the rows of checkpoints with the same content from the tables of this output folder, or
    /// of its URL, if they were measured in the same way; may be repeated
    #[arg(long, value_name = "DIR")]
    reuse: Vec<PathBuf>,
    /// With --reuse: take a file with the same size, times and number as when it was measured as
    /// the same, without hashing it
    #[arg(long, requires = "reuse")]
    lenient: bool,
}

impl From<ReuseArguments> for ReuseOptions {
    fn from(arguments: ReuseArguments) -> Self {
        Self {
            folders: arguments.reuse,
            is_lenient: arguments.lenient,
        }
    }
}

#[derive(Clone, Debug, Args)]
pub(crate) struct WorkerArguments {
    /// Worker threads in this process [default: number of cores]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    workers: Option<u16>,
    /// Longest time, in seconds, before finished work is saved; a killed run loses at most this
    /// much [default: 25]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(1..=3600))]
    commit_every: Option<u16>,
    /// Write what every worker was doing when to this file, which <https://ui.perfetto.dev> opens
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Start this many processes on this machine, and watch over them: one that is killed is
    /// started again with the others, up to three times
    #[arg(
        long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256),
        conflicts_with_all = ["hosts", "cluster"]
    )]
    processes: Option<u16>,
    /// Cluster: file with one host:port per process; all processes share the output folder
    #[arg(long, requires = "process", conflicts_with = "cluster")]
    hosts: Option<PathBuf>,
    /// Cluster: line of the hosts file that is this process, counted from 0
    #[arg(long, requires = "hosts")]
    process: Option<usize>,
    /// Cluster: the scheduler whose environment variables say where the processes are
    #[arg(long, value_enum)]
    cluster: Option<SchedulerArgument>,
    /// Cluster: port of the processes [default: 2101; of Slurm, 20000 plus the last digits of the
    /// job's number]
    #[arg(long, requires = "cluster", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// Cluster: file with a secret of at least 16 bytes that all processes share; or set
    /// CNTFLOW_SECRET. Required unless all hosts are this machine
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// Cluster: longest time, in seconds, until all processes have started [default: 60; with
    /// --cluster 600]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    connect_timeout: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SchedulerArgument {
    /// A job step of Slurm: each task is a process
    Slurm,
    /// An indexed job of Kubernetes: each pod is a process
    Kubernetes,
}

impl WorkerArguments {
    /// Number of processes to start on this machine, if this process is to start some, and of the
    /// workers of each.
    pub(crate) fn local_cluster(&self) -> Option<LocalCluster> {
        Some(local_cluster(self.processes?, self.workers))
    }
}

/// Processes on this machine, which share its cores unless the number of workers is given.
pub(crate) fn local_cluster(processes: u16, workers: Option<u16>) -> LocalCluster {
    let n_processes: usize = processes.into();
    LocalCluster {
        n_processes,
        n_workers: match workers {
            Some(workers) => workers.into(),
            None => (thread_count(None) / n_processes).max(1),
        },
    }
}

impl From<WorkerArguments> for WorkerOptions {
    fn from(arguments: WorkerArguments) -> Self {
        // clap makes sure that a hosts file and an index are given together.
        let place = match (arguments.hosts, arguments.process, arguments.cluster) {
            (Some(hosts), Some(index), _) => Some(ClusterPlace::Hosts { hosts, index }),
            (_, _, Some(SchedulerArgument::Slurm)) => Some(ClusterPlace::Slurm {
                port: arguments.port,
            }),
            (_, _, Some(SchedulerArgument::Kubernetes)) => Some(ClusterPlace::Kubernetes {
                port: arguments.port,
            }),
            _ => None,
        };
        let seconds = |seconds: u32| Duration::from_secs(seconds.into());
        Self {
            n_threads: thread_count(arguments.workers),
            commit_every: arguments
                .commit_every
                .map(|seconds| Duration::from_secs(seconds.into())),
            task_limit: None,
            trace: arguments.trace,
            cluster: place.map(|place| ClusterProcess {
                place,
                secret_file: arguments.secret_file,
                connect_timeout: arguments.connect_timeout.map(seconds),
            }),
        }
    }
}

/// The number of threads given, or that of the cores.
pub(crate) fn thread_count(workers: Option<u16>) -> usize {
    match workers {
        Some(workers) => workers.into(),
        None => std::thread::available_parallelism().map_or(1, usize::from),
    }
}

#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct OutputArguments {
    #[command(flatten)]
    progress: ProgressArguments,
    /// Print the result as one JSON document on stdout
    #[arg(long)]
    pub(crate) json: bool,
}

impl OutputArguments {
    /// How to show progress.
    pub(crate) fn progress(self) -> ProgressMode {
        self.progress.mode()
    }
}

#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct ProgressArguments {
    /// How to show progress (on stderr)
    #[arg(long, value_enum, default_value_t = ProgressArgument::Auto)]
    progress: ProgressArgument,
}

impl ProgressArguments {
    /// How to show progress.
    pub(crate) fn mode(self) -> ProgressMode {
        match self.progress {
            ProgressArgument::Auto => ProgressMode::Auto,
            ProgressArgument::Plain => ProgressMode::Plain,
            ProgressArgument::None => ProgressMode::None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ProgressArgument {
    /// A bar on a terminal, lines otherwise
    Auto,
    /// A line every few seconds
    Plain,
    /// Nothing
    None,
}

/// When small plots are printed beside text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Plots {
    /// On a terminal
    Auto,
    /// Also into files and pipes
    Always,
    /// Not at all
    Never,
}

/// The scale of a study.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct ScaleArguments {
    /// Scale of a study whose file has values for several, `{ small = A, medium = B, full = C }`
    /// [default: small]
    #[arg(long, value_enum)]
    scale: Option<ScaleArgument>,
}

impl ScaleArguments {
    /// The scale, if one is named.
    pub(crate) fn named(self) -> Option<Scale> {
        self.scale.map(|scale| match scale {
            ScaleArgument::Small => Scale::Small,
            ScaleArgument::Medium => Scale::Medium,
            ScaleArgument::Full => Scale::Full,
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ScaleArgument {
    /// Minutes
    Small,
    /// Between the two
    Medium,
    /// Hours, or a cluster
    Full,
}

/// Which columns hold the run and the step, and where further labels come from.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ColumnArguments {
    /// Column with the training run of a checkpoint; runs are never split between training and test
    /// [default: 'run', or as the layout of a source defines it]
    #[arg(long, value_name = "COLUMN")]
    run: Option<String>,
    /// Column with the training step, a whole number [default: 'step', or as the layout of a source
    /// defines it]
    #[arg(long, value_name = "COLUMN")]
    step: Option<String>,
    /// Table (CSV, JSONL, Parquet) whose columns become labels; it has a row per checkpoint (column
    /// 'path', 'checkpoint', 'file', 'filename' or 'name') or per run (column 'run')
    #[arg(long, value_name = "FILE")]
    metadata: Option<PathBuf>,
}

impl ColumnArguments {
    /// Whether no column was named.
    pub(super) fn are_default(&self) -> bool {
        self.run.is_none() && self.step.is_none() && self.metadata.is_none()
    }
}

impl From<ColumnArguments> for CatalogOptions {
    fn from(arguments: ColumnArguments) -> Self {
        Self {
            run: arguments.run,
            step: arguments.step,
            metadata: arguments.metadata,
        }
    }
}

#[derive(Clone, Debug, Default, Args)]
pub(crate) struct LimitArguments {
    /// Change a limit on what a file may ask for: NAME=VALUE, where VALUE is a size (200MB, 8GiB)
    /// or a number; may be given more than once
    ///
    /// A file that exceeds a limit becomes a failed row with the reason. The limits and their
    /// defaults: header_bytes=100MB, size of headers, pickles and other structure; tensors=200_000,
    /// number of tensors in a file; depth=64, levels of nesting; decoded_bytes=8GiB, size of a
    /// compressed tensor after decoding; expansion=1_100, decoded bytes per compressed byte;
    /// archive_bytes=256GiB, size of a compressed tar archive after decoding; object_bytes=256GiB,
    /// size of an object on an object store.
    #[arg(long = "limit", value_name = "NAME=VALUE")]
    settings: Vec<LimitSetting>,
}

impl LimitArguments {
    /// Whether no limit was changed.
    pub(super) fn are_default(&self) -> bool {
        self.settings.is_empty()
    }

    /// The default limits, with those given changed.
    pub(crate) fn limits(&self) -> Limits {
        limits_with(&self.settings)
    }
}

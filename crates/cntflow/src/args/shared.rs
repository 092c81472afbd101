//! Options of several commands, and the values that the commands make of them.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use cntflow_catalog::CatalogOptions;
use cntflow_storage::Limits;

use crate::progress::display::ProgressMode;
use crate::run::options::{ClusterProcess, WorkerOptions};
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

#[derive(Clone, Debug, Args)]
pub(crate) struct WorkerArguments {
    /// Worker threads in this process [default: number of cores]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    workers: Option<u16>,
    /// Longest time, in seconds, before finished work is saved; a killed run loses at most this
    /// much [default: 25]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(1..=3600))]
    commit_every: Option<u16>,
    /// Cluster: file with one host:port per process; all processes share the output folder
    #[arg(long, requires = "process")]
    hosts: Option<PathBuf>,
    /// Cluster: line of the hosts file that is this process, counted from 0
    #[arg(long, requires = "hosts")]
    process: Option<usize>,
    /// Cluster: file with a secret of at least 16 bytes that all processes share; or set
    /// CNTFLOW_SECRET. Required unless all hosts are this machine
    #[arg(long, value_name = "FILE", requires = "hosts")]
    secret_file: Option<PathBuf>,
}

impl From<WorkerArguments> for WorkerOptions {
    fn from(arguments: WorkerArguments) -> Self {
        // clap makes sure that both are given or neither.
        let cluster = match (arguments.hosts, arguments.process) {
            (Some(hosts), Some(index)) => Some(ClusterProcess {
                hosts,
                index,
                secret_file: arguments.secret_file,
            }),
            _ => None,
        };
        Self {
            n_threads: thread_count(arguments.workers),
            commit_every: arguments
                .commit_every
                .map(|seconds| Duration::from_secs(seconds.into())),
            cluster,
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
    /// How to show progress (on stderr)
    #[arg(long, value_enum, default_value_t = ProgressArgument::Auto)]
    progress: ProgressArgument,
    /// Print the result as one JSON document on stdout
    #[arg(long)]
    pub(crate) json: bool,
}

impl OutputArguments {
    /// How to show progress.
    pub(crate) fn progress(self) -> ProgressMode {
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
    /// The default limits, with those given changed.
    pub(crate) fn limits(&self) -> Limits {
        limits_with(&self.settings)
    }
}

//! The command line as clap reads it. Nothing here is checked against files; that is for the commands.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use cntflow_catalog::CatalogOptions;
use cntflow_storage::Limits;

use crate::limit_setting::{LimitSetting, limits_with};

const EXAMPLES: &str = "\
Examples:
  cntflow run pipelines/quickstart.toml           the whole way, from training to classifiers
  cntflow measure zoo/ --probe mnist-6k --out runs/zoo
  cntflow query runs/quickstart \"SELECT status, count(*) FROM networks GROUP BY status\"

Exit codes: 0 done; 1 failed or stopped; 2 usage or study file; 3 done, but some checkpoints failed
(each is a row of the table 'networks' that says why).";

/// Complex Network Theory metrics over populations of neural networks: train, measure, discriminate.
#[derive(Debug, Parser)]
#[command(name = "cntflow", version, after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Train (if asked), measure and discriminate; goes on where it stopped
    ///
    /// The tables lie in OUT/tables as Parquet; what is committed there is never done again. Ctrl-C commits what is done; the same
    /// command goes on from there, also after a crash.
    Run(RunArguments),
    /// Train only the population of a study
    Train(RunArguments),
    /// Measure any checkpoints into tables
    ///
    /// SOURCE is a checkpoint, a folder, a glob, an archive (tar, tar.gz, zip), or a catalog (CSV, JSONL, Parquet). safetensors, PyTorch, Keras, HDF5, ONNX and NumPy files are told by their content. The architecture is the one that a catalog, a JSON file
    /// beside or the checkpoint itself gives, else it is inferred from names and shapes; `cntflow inspect` shows what was understood.
    Measure(MeasureArguments),
    /// Train classifiers on tables and evaluate them on held-out runs
    Discriminate(DiscriminateArguments),
    /// Apply a saved classifier to new checkpoints
    ///
    /// The checkpoints are measured with the options and the probe that the classifier was trained with.
    Predict(PredictArguments),
    /// Query the tables of a folder with SQL
    ///
    /// Tables: networks, layers, neurons, coverage, densities, divergences, discrimination.
    Query(QueryArguments),
    /// Show one checkpoint: its graph, its metrics, what was read and what was not and why
    Inspect(InspectArguments),
    /// List what would be measured, without measuring
    Catalog(CatalogArguments),
    /// The data sets that come with cntflow
    #[command(subcommand)]
    Datasets(DatasetsCommand),
}

#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    /// The study file (TOML)
    pub(crate) study: PathBuf,
    #[command(flatten)]
    pub(crate) folder: FolderArguments,
    #[command(flatten)]
    pub(crate) workers: WorkerArguments,
    #[command(flatten)]
    pub(crate) talk: TalkArguments,
}

#[derive(Debug, Args)]
pub(crate) struct MeasureArguments {
    /// Checkpoints: files, folders, globs, archives, catalogs, URLs (s3, gs, az, http, https)
    #[arg(required = true)]
    pub(crate) source: Vec<String>,
    /// Metrics to compute, separated by commas; all of them by default
    #[arg(long, value_delimiter = ',')]
    pub(crate) metrics: Vec<String>,
    /// Inputs for the data-dependent metrics: `DATASET[:train|test[:number]]`
    #[arg(long)]
    pub(crate) probe: Option<String>,
    /// Whether to write the table 'neurons'
    #[arg(long, value_enum, default_value_t = Neurons::None)]
    pub(crate) neurons: Neurons,
    /// What identifies the content of a checkpoint in the table 'networks'; 'none' saves the time of hashing every file
    #[arg(long, value_enum, default_value_t = Digest::Blake3)]
    pub(crate) digest: Digest,
    #[command(flatten)]
    pub(crate) limits: LimitArguments,
    #[command(flatten)]
    pub(crate) columns: ColumnArguments,
    #[command(flatten)]
    pub(crate) folder: FolderArguments,
    #[command(flatten)]
    pub(crate) workers: WorkerArguments,
    #[command(flatten)]
    pub(crate) talk: TalkArguments,
}

/// What identifies the content of a checkpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Digest {
    /// BLAKE3 of the whole file
    #[default]
    Blake3,
    /// Nothing: the column is null
    None,
}

/// Which neurons get rows.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Neurons {
    /// No table
    #[default]
    None,
    /// A row for every neuron
    Full,
}

#[derive(Debug, Args)]
pub(crate) struct DiscriminateArguments {
    /// A study file, or the output folder of a run
    pub(crate) study: PathBuf,
    /// Output folder of the study, where it is not `runs/STUDY`
    #[arg(long)]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) talk: TalkArguments,
}

#[derive(Debug, Args)]
pub(crate) struct PredictArguments {
    /// The classifier, as a run saved it (`OUT/classifiers/RULE.json`)
    pub(crate) model: PathBuf,
    /// Checkpoints: files, folders, globs, catalogs, URLs (s3, gs, az, http, https)
    #[arg(required = true)]
    pub(crate) source: Vec<String>,
    /// Worker threads [default: the cores]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) workers: Option<u16>,
    #[command(flatten)]
    pub(crate) limits: LimitArguments,
    #[command(flatten)]
    pub(crate) talk: TalkArguments,
}

#[derive(Debug, Args)]
pub(crate) struct QueryArguments {
    /// Output folder of a run, or its URL
    pub(crate) folder: PathBuf,
    /// The query, in Polars SQL
    pub(crate) sql: String,
    /// Form of the result [default: by the ending of --output, else table]
    #[arg(long, value_enum)]
    pub(crate) format: Option<Format>,
    /// Write the result to this file instead of stdout
    #[arg(long)]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Columns for the eye
    Table,
    /// Comma-separated values with a header
    Csv,
    /// An array of objects
    Json,
    /// Parquet; needs --output
    Parquet,
}

#[derive(Debug, Args)]
pub(crate) struct InspectArguments {
    /// The checkpoint
    pub(crate) file: PathBuf,
    /// Inputs for the data-dependent metrics: `DATASET[:train|test[:number]]`
    #[arg(long)]
    pub(crate) probe: Option<String>,
    /// Compare the layers with each other: densities of link weights, strengths and (with --probe) activations, and their divergences
    #[arg(long)]
    pub(crate) densities: bool,
    #[command(flatten)]
    pub(crate) limits: LimitArguments,
    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CatalogArguments {
    /// Checkpoints: files, folders, globs, archives, catalogs, URLs (s3, gs, az, http, https)
    #[arg(required = true)]
    pub(crate) source: Vec<String>,
    #[command(flatten)]
    pub(crate) columns: ColumnArguments,
    /// Read every file, and say which are the same by their digest
    #[arg(long)]
    pub(crate) digest: bool,
    #[command(flatten)]
    pub(crate) limits: LimitArguments,
    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which columns of a catalog, or labels of what is found, mean what.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ColumnArguments {
    /// The column that is the training run; checkpoints of a run are one group [default: 'run', or what the layout of a source says]
    #[arg(long, value_name = "COLUMN")]
    pub(crate) run: Option<String>,
    /// The column that is the step, in whole numbers [default: 'step', or what the layout of a source says]
    #[arg(long, value_name = "COLUMN")]
    pub(crate) step: Option<String>,
    /// A table (CSV, JSONL, Parquet) whose columns become labels, a row per checkpoint (column 'path', 'checkpoint', 'file',
    /// 'filename' or 'name') or per run (column 'run')
    #[arg(long, value_name = "FILE")]
    pub(crate) metadata: Option<PathBuf>,
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

/// What files may ask for.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct LimitArguments {
    /// Sets a limit on what a file may ask for, in bytes (200MB, 8GiB) or as a number; may be repeated
    ///
    /// A file beyond a limit is a row that says so. Limits and their defaults: header_bytes=100MB, headers, pickles and other structure;
    /// tensors=200_000, of one file; depth=64, levels of nesting; decoded_bytes=8GiB, a compressed tensor, decoded; expansion=1_100,
    /// decoded bytes for each compressed one; archive_bytes=256GiB, a compressed tar archive, decoded; object_bytes=256GiB, an object
    /// of an object store.
    #[arg(long = "limit", value_name = "NAME=VALUE")]
    settings: Vec<LimitSetting>,
}

impl LimitArguments {
    /// The defaults, with what was set.
    pub(crate) fn limits(&self) -> Limits {
        limits_with(&self.settings)
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum DatasetsCommand {
    /// List them
    List {
        /// Print one JSON document
        #[arg(long)]
        json: bool,
    },
    /// Compare their files with their published digests
    Verify {
        /// Names; all of them by default
        name: Vec<String>,
    },
}

#[derive(Clone, Debug, Args)]
pub(crate) struct FolderArguments {
    /// Output folder, or its URL on an object store (s3, gs, az) [default: runs/STUDY]
    #[arg(long)]
    pub(crate) out: Option<PathBuf>,
    /// Begin anew: remove what an earlier run of cntflow left in the output folder
    #[arg(long)]
    pub(crate) fresh: bool,
    /// Measure again what failed before (files that were repaired, a file system that was away)
    #[arg(long, conflicts_with = "fresh")]
    pub(crate) retry_failed: bool,
}

#[derive(Clone, Debug, Default, Args)]
pub(crate) struct WorkerArguments {
    /// Worker threads in this process [default: the cores]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) workers: Option<u16>,
    /// Longest time, in seconds, that results wait to be written: what a killed run has to do again [default: 25]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(1..=3600))]
    pub(crate) commit_every: Option<u16>,
    /// Cluster: file with one host:port per process; all processes share the output folder
    #[arg(long, requires = "process")]
    pub(crate) hosts: Option<PathBuf>,
    /// Cluster: which line of the hosts file this process is, counted from 0
    #[arg(long, requires = "hosts")]
    pub(crate) process: Option<usize>,
}

#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct TalkArguments {
    /// How to show progress (on stderr)
    #[arg(long, value_enum, default_value_t = ProgressMode::Auto)]
    pub(crate) progress: ProgressMode,
    /// Print the result as one JSON document on stdout
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProgressMode {
    /// A bar on a terminal, lines otherwise
    Auto,
    /// A line every few seconds
    Plain,
    /// Nothing
    None,
}

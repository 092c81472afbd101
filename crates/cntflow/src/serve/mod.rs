//! `cntflow serve`: what a folder has, and answers to queries. `cntflow-serve` sends them.

mod answer;
mod published;
mod read_again;

pub(crate) use answer::answer;
pub(crate) use published::Published;

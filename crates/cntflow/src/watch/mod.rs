//! `cntflow watch`: keeps the tables of a study current as checkpoints come, change and go.

mod facts;
mod files;
mod follow;
mod live_study;
mod options;
mod pace;
mod report;
mod table_rows;
mod update;
mod version;
mod watching;

pub(crate) use options::WatchOptions;
pub(crate) use watching::Watching;

/// Where process 0 tells the others what they do next.
const NEXT: &str = "what comes next";

/// What all processes do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// The output folder is taken.
    Claimed,
    /// Measure.
    Tasks,
    /// Run the experiments.
    Experiments,
    /// End.
    End,
}

impl Next {
    const ALL: [Self; 4] = [Self::Claimed, Self::Tasks, Self::Experiments, Self::End];

    fn as_str(self) -> &'static str {
        match self {
            Self::Claimed => "claimed",
            Self::Tasks => "tasks",
            Self::Experiments => "experiments",
            Self::End => "end",
        }
    }

    fn of(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|next| next.as_str() == text)
    }
}

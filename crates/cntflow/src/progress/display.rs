//! How progress is shown on stderr: as a bar, as lines, or not at all.

use std::io::IsTerminal;
use std::time::Duration;

use crate::printer;

/// Shortest time between two lines of progress.
pub(crate) const LINE_INTERVAL: Duration = Duration::from_secs(5);

/// What the user asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProgressMode {
    /// A bar on a terminal, lines otherwise.
    Auto,
    /// A line every few seconds.
    Plain,
    /// Nothing.
    None,
}

/// What is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProgressDisplay {
    /// A bar that is redrawn in place.
    Bar,
    /// A line every [`LINE_INTERVAL`].
    Lines,
    /// Nothing.
    Nothing,
}

impl ProgressMode {
    /// Chooses the display; `Auto` depends on whether stderr is a terminal.
    pub(crate) fn display(self) -> ProgressDisplay {
        match self {
            // A log has lines.
            Self::Auto if printer::logs_json() => ProgressDisplay::Lines,
            Self::Auto if std::io::stderr().is_terminal() => ProgressDisplay::Bar,
            Self::Auto | Self::Plain => ProgressDisplay::Lines,
            Self::None => ProgressDisplay::Nothing,
        }
    }
}

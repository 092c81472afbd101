//! Trying again what could not be read for a reason that may pass.

use std::time::Duration;

use cntflow_architecture::ArchitectureError;

/// Pauses before a checkpoint is tried again whose file could not be read for a reason that may
/// pass.
const PAUSES: [Duration; 3] = [
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_secs(2),
];

/// Tries until it succeeds, or fails for a reason that stays, or has been tried often enough.
pub(super) fn try_again<T>(
    mut attempt: impl FnMut() -> Result<T, ArchitectureError>,
) -> Result<T, ArchitectureError> {
    for pause in PAUSES {
        match attempt() {
            Err(ArchitectureError::Checkpoint(error)) if error.is_transient() => {
                std::thread::sleep(pause);
            }
            outcome => return outcome,
        }
    }
    attempt()
}

#[cfg(test)]
mod tests {
    use cntflow_formats::CheckpointError;

    use super::*;

    fn attempts(number: i32, until: usize) -> (usize, bool) {
        let mut n = 0;
        let outcome = try_again(|| {
            n += 1;
            if n >= until {
                return Ok(());
            }
            let error = CheckpointError::from(std::io::Error::from_raw_os_error(number));
            Err(error.into())
        });
        (n, outcome.is_ok())
    }

    #[test]
    fn only_what_may_pass_is_tried_again_and_not_for_ever() {
        let (input_output, denied) = (5, 13);
        assert_eq!(attempts(input_output, 3), (3, true));
        assert_eq!(attempts(input_output, 99), (4, false));
        assert_eq!(attempts(denied, 3), (1, false));
    }
}

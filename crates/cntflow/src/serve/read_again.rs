//! Reading tables of a folder that another process may be writing to.
//!
//! A part may be merged into another one, or withdrawn, between the look at the list and its
//! reading. What was committed is then in other parts, so everything is read again from a new list.

use std::path::Path;
use std::time::Duration;

use cntflow_serve::Unreadable;
use cntflow_storage::FullMessage;

/// Pauses before the second, third, ... attempt.
const PAUSES: [Duration; 4] = [
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(400),
];

/// The value of the first attempt that succeeds.
///
/// # Errors
/// The error of the last one.
pub(super) fn read_again<T>(
    folder: &Path,
    mut read: impl FnMut() -> anyhow::Result<T>,
) -> Result<T, Unreadable> {
    for pause in PAUSES {
        if let Ok(value) = read() {
            return Ok(value);
        }
        std::thread::sleep(pause);
    }
    read().map_err(|error| Unreadable(within(folder, &(*error).full_message())))
}

/// A message with paths from the folder on: where that is, is no matter of those who ask.
pub(super) fn within(folder: &Path, message: &str) -> String {
    message.replace(&format!("{}/", folder.display()), "")
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    #[test]
    fn a_part_that_has_vanished_is_read_from_a_new_list() {
        let mut attempts = 0;
        let read = read_again(Path::new("out"), || {
            attempts += 1;
            if attempts < 3 {
                bail!("a.parquet: No such file or directory");
            }
            Ok(attempts)
        });
        assert_eq!(read, Ok(3));
    }

    #[test]
    fn tables_that_stay_unreadable_are_an_error_in_the_end() {
        let mut attempts = 0;
        let read: Result<(), _> = read_again(Path::new("/data/out"), || {
            attempts += 1;
            bail!("/data/out/a.parquet: damaged")
        });
        assert_eq!(read, Err(Unreadable("a.parquet: damaged".to_owned())));
        assert_eq!(attempts, PAUSES.len() + 1);
    }
}

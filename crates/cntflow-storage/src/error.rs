//! Errors of reading and writing bytes. [`StorageError`] names the file or object; [`FormatError`],
//! its source, says what is wrong with the content.

use std::error::Error;
use std::path::{Path, PathBuf};

/// Why a file, an archive or an object cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// Reading or writing failed; the source names the file.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The content of a file or of an object is not what it should be.
    #[error("{path}")]
    Content {
        /// The file, object or member of an archive.
        path: PathBuf,
        /// What is wrong with its content.
        source: FormatError,
    },
    /// An object cannot be read or written.
    #[error("{url}: {reason}")]
    Object {
        /// The object.
        url: String,
        /// What the store answered, or what is wrong.
        reason: String,
    },
}

impl StorageError {
    /// The content of the file, object or member at `path` is not what it should be.
    pub fn content(path: &Path, source: FormatError) -> Self {
        Self::Content {
            path: path.to_owned(),
            source,
        }
    }

    /// Whether the same may succeed a moment later: a network file system does not answer, the
    /// process has too many open files, a file is being written. Object stores are asked again by
    /// their own client.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Io(error) => is_transient(error),
            Self::Content { .. } | Self::Object { .. } => false,
        }
    }
}

/// Whether an operation that failed may succeed a moment later.
fn is_transient(error: &std::io::Error) -> bool {
    use std::io::ErrorKind;

    /// Numbers of Linux: input/output error, too many open files in the system and in the process,
    /// stale file handle.
    const NUMBERS: [i32; 4] = [5, 23, 24, 116];

    let kinds = [
        ErrorKind::Interrupted,
        ErrorKind::TimedOut,
        ErrorKind::WouldBlock,
        ErrorKind::ResourceBusy,
        ErrorKind::StaleNetworkFileHandle,
        ErrorKind::NetworkDown,
        ErrorKind::HostUnreachable,
        ErrorKind::ConnectionReset,
    ];
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            let number = error.raw_os_error();
            if kinds.contains(&error.kind()) || number.is_some_and(|n| NUMBERS.contains(&n)) {
                return true;
            }
            // The source of an error that holds another one is that one's source.
            if let Some(inner) = error.get_ref() {
                cause = Some(inner);
                continue;
            }
        }
        cause = error.source();
    }
    false
}

/// What is wrong with the content of a file. It does not name the file; the error that has it as
/// its source does.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// The file is shorter or longer than its header says.
    #[error("header describes {expected} bytes, file has {found}{}", if found < expected { " (cut short)" } else { "" })]
    Length {
        /// Bytes that the header announces.
        expected: u64,
        /// Bytes of the file.
        found: u64,
    },
    /// It asks for more than one of the [`Limits`](crate::Limits) allows.
    #[error("{what}: {found}, but the limit {limit} allows {allowed}")]
    Limit {
        /// What exceeds the limit, e.g. `bytes of its header`.
        what: String,
        /// Its value in the file.
        found: u64,
        /// Name of the limit.
        limit: &'static str,
        /// The most that it allows here. For `expansion` this is the limit times the compressed
        /// bytes.
        allowed: u64,
    },
    /// Its structure is broken, or uses a feature that the reader does not know.
    #[error("{0}")]
    Broken(String),
    /// Something is wrong with a part of it: a member of a zip, an array, a header.
    #[error("{part}")]
    Part {
        /// The part, e.g. `member a.npy of its zip`.
        part: String,
        /// What is wrong with the part.
        source: Box<FormatError>,
    },
}

impl FormatError {
    /// A broken structure.
    pub fn broken(reason: impl Into<String>) -> Self {
        Self::Broken(reason.into())
    }

    /// The same error, of a part of the file.
    #[must_use]
    pub fn within(self, part: impl Into<String>) -> Self {
        Self::Part {
            part: part.into(),
            source: Box::new(self),
        }
    }

    /// Compares a number from a file with a limit.
    ///
    /// # Errors
    /// [`FormatError::Limit`] where it is larger.
    pub fn check_limit(
        what: impl Into<String>,
        found: u64,
        limit: &'static str,
        allowed: u64,
    ) -> Result<(), Self> {
        if found > allowed {
            return Err(Self::Limit {
                what: what.into(),
                found,
                limit,
                allowed,
            });
        }
        Ok(())
    }
}

/// The one-line text of an error and all its sources.
pub trait FullMessage {
    /// The messages of the error and of its sources, joined by `: `.
    ///
    /// Errors of other libraries often print their source within their own message; a source that
    /// an earlier message contains is left out.
    fn full_message(&self) -> String;
}

impl<E: Error + ?Sized> FullMessage for E {
    fn full_message(&self) -> String {
        let mut messages = vec![self.to_string()];
        let mut source = self.source();
        while let Some(error) = source {
            let message = error.to_string();
            if !messages.iter().any(|earlier| earlier.contains(&message)) {
                messages.push(message);
            }
            source = error.source();
        }
        messages.join(": ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_succeed_a_moment_later_is_transient() {
        let io = |number| StorageError::from(std::io::Error::from_raw_os_error(number));
        let (input_output, too_many_files, no_such_file, denied) = (5, 24, 2, 13);
        assert!(io(input_output).is_transient());
        assert!(io(too_many_files).is_transient());
        assert!(!io(no_such_file).is_transient());
        assert!(!io(denied).is_transient());
        // With a path around it.
        let missing = fs_err::File::open("no/such/file").unwrap_err();
        assert!(!StorageError::from(missing).is_transient());
        let inner = std::io::Error::from_raw_os_error(too_many_files);
        let outer = std::io::Error::other(inner);
        assert!(StorageError::from(outer).is_transient());
    }

    #[test]
    fn a_chain_names_the_file_and_then_what_is_wrong() {
        let source = FormatError::Length {
            expected: 9,
            found: 7,
        };
        let error = StorageError::content(Path::new("a.npy"), source);
        assert_eq!(
            error.full_message(),
            "a.npy: header describes 9 bytes, file has 7 (cut short)"
        );
    }
}

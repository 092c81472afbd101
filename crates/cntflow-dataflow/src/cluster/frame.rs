//! What processes tell each other over their link.

use std::io::{Error, ErrorKind, Read, Write};
use std::net::TcpStream;

use serde::{Deserialize, Serialize};

use super::handshake::Proven;

/// Largest frame, in bytes.
const MAX_FRAME: usize = 1 << 20;

/// Bytes of the keyed hash after each frame.
const HASH: usize = 32;

/// One message over a link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Frame {
    /// The sender is alive.
    Alive,
    /// The sender has come to a meeting of all processes, with these values.
    Meeting {
        /// Number of the meeting, from 0.
        number: u64,
        /// What the processes meet for. It must be the same for all.
        name: String,
        /// What the sender tells the others.
        values: Vec<String>,
    },
    /// The sender's user wants the run to end.
    Stop {
        /// The signal by which the user said so.
        signal: Option<i32>,
    },
    /// The sender ends because of an error.
    Failed {
        /// The error.
        cause: String,
        /// The exit code of the sender.
        code: u8,
    },
    /// The sender has finished.
    Bye,
}

/// The end of a link that sends.
#[derive(Debug)]
pub(super) struct FrameWriter {
    socket: TcpStream,
    key: [u8; 32],
    is_dialer: bool,
    n_frames: u64,
}

/// The end of a link that receives.
#[derive(Debug)]
pub(super) struct FrameReader {
    socket: TcpStream,
    key: [u8; 32],
    is_dialer: bool,
    n_frames: u64,
}

/// Both ends of this process. `is_dialer` says whether this process has dialed the link.
pub(super) fn link_ends(
    link: Proven,
    is_dialer: bool,
) -> Result<(FrameWriter, FrameReader), Error> {
    let writer = FrameWriter {
        socket: link.socket.try_clone()?,
        key: link.key,
        is_dialer,
        n_frames: 0,
    };
    let reader = FrameReader {
        socket: link.socket,
        key: link.key,
        // The frames that come are those of the other side.
        is_dialer: !is_dialer,
        n_frames: 0,
    };
    Ok((writer, reader))
}

impl FrameWriter {
    /// Sends a frame.
    ///
    /// # Errors
    /// The connection is broken or full; the frame is too large. Then the link is closed: half a
    /// frame may have been sent, and the other process must not wait for what never comes.
    pub(super) fn write(&mut self, frame: &Frame) -> Result<(), Error> {
        let written = self.write_frame(frame);
        if written.is_err() {
            self.close();
        }
        written
    }

    fn write_frame(&mut self, frame: &Frame) -> Result<(), Error> {
        let payload = bincode::serialize(frame).map_err(Error::other)?;
        if payload.len() > MAX_FRAME {
            return Err(ErrorKind::InvalidInput.into());
        }
        let hash = frame_hash(&self.key, self.is_dialer, self.n_frames, &payload);
        let mut bytes = (payload.len() as u32).to_le_bytes().to_vec();
        bytes.extend(payload);
        bytes.extend(hash.as_bytes());
        self.socket.write_all(&bytes)?;
        self.n_frames += 1;
        Ok(())
    }

    /// Closes the link in both directions.
    pub(super) fn close(&self) {
        // It may be closed already.
        let _ = self.socket.shutdown(std::net::Shutdown::Both);
    }

    pub(super) fn socket(&self) -> &TcpStream {
        &self.socket
    }
}

impl FrameReader {
    /// Waits for the next frame.
    ///
    /// # Errors
    /// The connection is broken or silent; what came is not from the other process.
    pub(super) fn read(&mut self) -> Result<Frame, Error> {
        let mut length = [0; 4];
        self.socket.read_exact(&mut length)?;
        let length = u32::from_le_bytes(length) as usize;
        if length > MAX_FRAME {
            return Err(ErrorKind::InvalidData.into());
        }
        let mut bytes = vec![0; length + HASH];
        self.socket.read_exact(&mut bytes)?;
        let (payload, theirs) = bytes.split_at(length);
        let theirs: [u8; HASH] = theirs
            .try_into()
            .map_err(|_| Error::from(ErrorKind::InvalidData))?;
        let hash = frame_hash(&self.key, self.is_dialer, self.n_frames, payload);
        if hash != blake3::Hash::from_bytes(theirs) {
            return Err(ErrorKind::InvalidData.into());
        }
        self.n_frames += 1;
        bincode::deserialize(payload).map_err(|error| Error::new(ErrorKind::InvalidData, error))
    }

    pub(super) fn socket(&self) -> &TcpStream {
        &self.socket
    }
}

/// The keyed hash of a frame: of its sender, its number on the link, and its bytes.
fn frame_hash(key: &[u8; 32], is_dialer: bool, number: u64, payload: &[u8]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new_keyed(key);
    hasher
        .update(&[u8::from(is_dialer)])
        .update(&number.to_le_bytes())
        .update(payload);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn ends() -> (FrameWriter, FrameReader) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let dialed = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        let [dialed, accepted] = [dialed, accepted].map(|socket| Proven {
            socket,
            key: [7; 32],
        });
        let (writer, _) = link_ends(dialed, true).unwrap();
        let (_, reader) = link_ends(accepted, false).unwrap();
        (writer, reader)
    }

    #[test]
    fn frames_come_as_they_were_sent() {
        let (mut writer, mut reader) = ends();
        let frames = [
            Frame::Alive,
            Frame::Meeting {
                number: 3,
                name: "start".to_owned(),
                values: vec!["a".to_owned(), String::new()],
            },
            Frame::Stop { signal: Some(15) },
            Frame::Failed {
                cause: "disk full".to_owned(),
                code: 1,
            },
            Frame::Bye,
        ];
        for frame in &frames {
            writer.write(frame).unwrap();
            assert_eq!(reader.read().unwrap(), *frame);
        }
    }

    #[test]
    fn a_frame_that_was_changed_or_sent_again_is_refused() {
        let (mut writer, mut reader) = ends();
        writer.key[0] += 1;
        writer.write(&Frame::Alive).unwrap();
        assert_eq!(reader.read().unwrap_err().kind(), ErrorKind::InvalidData);

        let (mut writer, mut reader) = ends();
        writer.write(&Frame::Alive).unwrap();
        writer.n_frames = 0;
        writer.write(&Frame::Alive).unwrap();
        reader.read().unwrap();
        assert_eq!(reader.read().unwrap_err().kind(), ErrorKind::InvalidData);
    }

    #[test]
    fn a_length_beyond_every_limit_is_an_error_before_any_memory_is_taken() {
        let (writer, mut reader) = ends();
        (&writer.socket).write_all(&[0xff; 64]).unwrap();
        assert_eq!(reader.read().unwrap_err().kind(), ErrorKind::InvalidData);
    }
}

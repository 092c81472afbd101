//! How two processes prove to each other that they know the secret, on every connection.
//!
//! ```text
//! dialer                                  listener
//! magic, nonce, from, to, channel  ->
//!                                  <-     magic, nonce
//! keyed hash of all above          ->
//!                                  <-     verdict, keyed hash of all above
//! ```
//!
//! The nonces of both sides are fresh, so that a recorded greeting proves nothing. Each hash names
//! its side, so that none can be sent back. A stranger learns nothing but random bytes, and has
//! [`HANDSHAKE_TIMEOUT`] for all of it.

use std::io::{Error, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::secret::{Secret, random_bytes};

/// How long a handshake may take, from the first byte to the last.
pub(super) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(4);

/// First bytes of every connection: the program, and the version of what follows.
const MAGIC: [u8; 8] = *b"cntflow2";

/// Bytes of the magic that all versions share.
const PROGRAM: &[u8] = b"cntflow";

const NONCE: usize = 32;
const GREETING: usize = MAGIC.len() + NONCE + 12;
const ANSWER: usize = MAGIC.len() + NONCE;

/// The channel of the link over which processes agree and tell that they are alive. Channel `n > 0`
/// carries the `n`-th run.
pub(super) const LINK: u32 = 0;

/// Which connection is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Wanted {
    /// Process that dials.
    pub(super) from: u32,
    /// Process that listens.
    pub(super) to: u32,
    /// What it is for.
    pub(super) channel: u32,
}

/// A connection on which both sides have proven themselves.
#[derive(Debug)]
pub(super) struct Proven {
    pub(super) socket: TcpStream,
    /// Key of this connection alone.
    pub(super) key: [u8; 32],
}

/// Why a handshake failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum HandshakeError {
    /// The connection broke or was too slow.
    #[error("no answer in time, or the connection was closed")]
    Io(#[from] Error),
    #[error("what answers there is not cntflow")]
    NotCntflow,
    #[error("it runs another version of cntflow")]
    OtherVersion,
    #[error("it has another secret")]
    OtherSecret,
    #[error("it has connected already, or the cluster has no such process")]
    NotExpected,
}

impl HandshakeError {
    /// Whether another attempt would fail in the same way.
    pub(super) fn is_final(&self) -> bool {
        !matches!(self, Self::Io(_) | Self::NotExpected)
    }
}

/// The dialer's side.
pub(super) fn dial(
    socket: TcpStream,
    wanted: Wanted,
    secret: &Secret,
) -> Result<Proven, HandshakeError> {
    let mut timed = Timed::new(&socket)?;
    let nonce = random_bytes()?;
    let mut transcript = MAGIC.to_vec();
    transcript.extend(nonce);
    for number in [wanted.from, wanted.to, wanted.channel] {
        transcript.extend(number.to_le_bytes());
    }
    timed.write(&transcript)?;
    let answer: [u8; ANSWER] = timed.read()?;
    check_magic(&answer)?;
    transcript.extend(answer);
    timed.write(proof(secret, b"dialer", &transcript).as_bytes())?;
    let [verdict] = timed.read()?;
    match Verdict::from_byte(verdict) {
        Some(Verdict::Accepted) => {}
        Some(Verdict::OtherSecret) => return Err(HandshakeError::OtherSecret),
        Some(Verdict::NotExpected) => return Err(HandshakeError::NotExpected),
        None => return Err(HandshakeError::NotCntflow),
    }
    let theirs: [u8; 32] = timed.read()?;
    if blake3::Hash::from_bytes(theirs) != proof(secret, b"listener", &transcript) {
        return Err(HandshakeError::OtherSecret);
    }
    let key = *proof(secret, b"session", &transcript).as_bytes();
    timed.end()?;
    Ok(Proven { socket, key })
}

/// The listener's side: which connection the dialer wants, and the key of it. `is_expected` says
/// whether a process that has proven itself may have it.
pub(super) fn accept(
    socket: &TcpStream,
    secret: &Secret,
    is_expected: impl FnOnce(Wanted) -> bool,
) -> Result<(Wanted, [u8; 32]), HandshakeError> {
    let mut timed = Timed::new(socket)?;
    let greeting: [u8; GREETING] = timed.read()?;
    check_magic(&greeting)?;
    let number = |index: usize| {
        let start = MAGIC.len() + NONCE + 4 * index;
        u32::from_le_bytes(std::array::from_fn(|i| greeting[start + i]))
    };
    let wanted = Wanted {
        from: number(0),
        to: number(1),
        channel: number(2),
    };
    let mut answer = MAGIC.to_vec();
    answer.extend(random_bytes()?);
    timed.write(&answer)?;
    let transcript = [greeting.as_slice(), &answer].concat();
    let theirs: [u8; 32] = timed.read()?;
    if blake3::Hash::from_bytes(theirs) != proof(secret, b"dialer", &transcript) {
        timed.write(&[Verdict::OtherSecret as u8])?;
        return Err(HandshakeError::OtherSecret);
    }
    if !is_expected(wanted) {
        timed.write(&[Verdict::NotExpected as u8])?;
        return Err(HandshakeError::NotExpected);
    }
    let mut verdict = vec![Verdict::Accepted as u8];
    verdict.extend(proof(secret, b"listener", &transcript).as_bytes());
    timed.write(&verdict)?;
    let key = *proof(secret, b"session", &transcript).as_bytes();
    timed.end()?;
    Ok((wanted, key))
}

/// What the listener says of the dialer's proof.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Verdict {
    Accepted = 0,
    OtherSecret = 1,
    NotExpected = 2,
}

impl Verdict {
    fn from_byte(byte: u8) -> Option<Self> {
        let all = [Self::Accepted, Self::OtherSecret, Self::NotExpected];
        all.into_iter().find(|verdict| *verdict as u8 == byte)
    }
}

fn check_magic(bytes: &[u8]) -> Result<(), HandshakeError> {
    if bytes.starts_with(&MAGIC) {
        Ok(())
    } else if bytes.starts_with(PROGRAM) {
        Err(HandshakeError::OtherVersion)
    } else {
        Err(HandshakeError::NotCntflow)
    }
}

/// The keyed hash by which `side` proves that it knows the secret.
fn proof(secret: &Secret, side: &[u8], transcript: &[u8]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new_keyed(secret.key());
    hasher.update(side).update(&[0]).update(transcript);
    hasher.finalize()
}

/// A socket with one deadline for everything: a byte now and then does not extend it.
struct Timed<'a> {
    socket: &'a TcpStream,
    deadline: Instant,
}

impl<'a> Timed<'a> {
    fn new(socket: &'a TcpStream) -> Result<Self, Error> {
        socket.set_nonblocking(false)?;
        socket.set_nodelay(true)?;
        let deadline = Instant::now() + HANDSHAKE_TIMEOUT;
        Ok(Self { socket, deadline })
    }

    fn left(&self) -> Result<Duration, Error> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        Ok(left)
    }

    fn read<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let mut bytes = [0; N];
        let mut n_read = 0;
        while n_read < N {
            self.socket.set_read_timeout(Some(self.left()?))?;
            match self.socket.read(&mut bytes[n_read..]) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(n) => n_read += n,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(bytes)
    }

    /// Writes a few bytes, which fit into the socket's buffer.
    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.socket.set_write_timeout(Some(self.left()?))?;
        self.socket.write_all(bytes)
    }

    fn end(self) -> Result<(), Error> {
        self.socket.set_read_timeout(None)?;
        self.socket.set_write_timeout(None)
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    const WANTED: Wanted = Wanted {
        from: 1,
        to: 0,
        channel: LINK,
    };

    fn secret(text: &str) -> Secret {
        Secret::from_text(&format!("{text} of the test's cluster")).unwrap()
    }

    type Ends = (
        Result<Proven, HandshakeError>,
        Result<(Wanted, [u8; 32]), HandshakeError>,
    );

    fn shake(dialer: &str, listener: &str, is_expected: bool) -> Ends {
        let listening = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listening.local_addr().unwrap();
        let dialer = secret(dialer);
        let dialing =
            thread::spawn(move || dial(TcpStream::connect(address).unwrap(), WANTED, &dialer));
        let (socket, _) = listening.accept().unwrap();
        let accepted = accept(&socket, &secret(listener), |_| is_expected);
        (dialing.join().unwrap(), accepted)
    }

    #[test]
    fn processes_with_the_same_secret_get_the_same_key() {
        let (dialed, accepted) = shake("a", "a", true);
        assert_eq!(accepted.unwrap(), (WANTED, dialed.unwrap().key));
    }

    #[test]
    fn a_process_with_another_secret_is_told_so() {
        let (dialed, accepted) = shake("a", "b", true);
        assert!(matches!(dialed, Err(HandshakeError::OtherSecret)));
        assert!(matches!(accepted, Err(HandshakeError::OtherSecret)));
    }

    #[test]
    fn a_process_that_has_no_place_is_told_so() {
        let (dialed, accepted) = shake("a", "a", false);
        assert!(matches!(dialed, Err(HandshakeError::NotExpected)));
        assert!(matches!(accepted, Err(HandshakeError::NotExpected)));
    }

    /// A stranger who has listened to a whole handshake and sends the same bytes again.
    #[test]
    fn a_recorded_handshake_proves_nothing() {
        let secret = secret("a");
        let relay = TcpListener::bind("127.0.0.1:0").unwrap();
        let target = TcpListener::bind("127.0.0.1:0").unwrap();
        let [relay_at, target_at] =
            [&relay, &target].map(|listener| listener.local_addr().unwrap());
        let recording = thread::spawn(move || {
            let (mut from_dialer, _) = relay.accept().unwrap();
            let mut to_target = TcpStream::connect(target_at).unwrap();
            let mut recorded = Vec::new();
            for (sent, answered) in [(GREETING, ANSWER), (32, 33)] {
                let mut bytes = vec![0; sent];
                from_dialer.read_exact(&mut bytes).unwrap();
                to_target.write_all(&bytes).unwrap();
                recorded.push(bytes);
                let mut bytes = vec![0; answered];
                to_target.read_exact(&mut bytes).unwrap();
                from_dialer.write_all(&bytes).unwrap();
            }
            recorded
        });
        let dialer = secret.clone();
        let dialing =
            thread::spawn(move || dial(TcpStream::connect(relay_at).unwrap(), WANTED, &dialer));
        let (socket, _) = target.accept().unwrap();
        accept(&socket, &secret, |_| true).unwrap();
        dialing.join().unwrap().unwrap();

        let recorded = recording.join().unwrap();
        let replaying = thread::spawn(move || {
            let mut stranger = TcpStream::connect(target_at).unwrap();
            stranger.write_all(&recorded.concat()).unwrap();
            let mut answer = Vec::new();
            stranger.read_to_end(&mut answer).unwrap();
            answer
        });
        let (socket, _) = target.accept().unwrap();
        let outcome = accept(&socket, &secret, |_| true);
        drop(socket);
        assert!(matches!(outcome, Err(HandshakeError::OtherSecret)));
        let answer = replaying.join().unwrap();
        assert_eq!(answer.len(), ANSWER + 1, "nothing but a nonce and a no");
    }

    #[test]
    fn a_byte_now_and_then_does_not_extend_the_handshake() {
        let listening = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listening.local_addr().unwrap();
        let trickling = thread::spawn(move || {
            let mut stranger = TcpStream::connect(address).unwrap();
            for byte in MAGIC.iter().cycle() {
                if stranger.write_all(&[*byte]).is_err() {
                    return;
                }
                thread::sleep(Duration::from_millis(300));
            }
        });
        let (socket, _) = listening.accept().unwrap();
        let started = Instant::now();
        let outcome = accept(&socket, &secret("a"), |_| true);
        drop(socket);
        assert!(matches!(outcome, Err(HandshakeError::Io(_))));
        assert!(started.elapsed() < HANDSHAKE_TIMEOUT + Duration::from_secs(1));
        trickling.join().unwrap();
    }

    #[test]
    fn other_versions_and_other_programs_are_told_apart() {
        for (greeting, is_version) in [(b"cntflow1", true), (b"GET / HT", false)] {
            let listening = TcpListener::bind("127.0.0.1:0").unwrap();
            let mut stranger = TcpStream::connect(listening.local_addr().unwrap()).unwrap();
            stranger
                .write_all(&[greeting.as_slice(), &[0; GREETING]].concat())
                .unwrap();
            let (socket, _) = listening.accept().unwrap();
            let error = accept(&socket, &secret("a"), |_| true).unwrap_err();
            assert_eq!(
                matches!(error, HandshakeError::OtherVersion),
                is_version,
                "{error}"
            );
        }
    }
}

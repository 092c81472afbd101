//! The content of an answer, sent piece by piece.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;

/// Most bytes of a piece. The next one is asked for when the client has taken most of those before.
const PIECE: usize = 64 << 10;

/// The content of an answer.
#[derive(Debug)]
pub(crate) struct Content {
    rest: Bytes,
    /// The turn of a query, which lasts until its answer is sent: no more answers wait in memory
    /// for clients that do not read than queries are answered at a time.
    turn: Option<OwnedSemaphorePermit>,
}

impl Content {
    pub(crate) fn new(bytes: Bytes) -> Self {
        Self {
            rest: bytes,
            turn: None,
        }
    }

    /// The same, which keeps a turn until it is sent.
    pub(crate) fn with_turn(self, turn: OwnedSemaphorePermit) -> Self {
        Self {
            turn: Some(turn),
            ..self
        }
    }
}

impl Body for Content {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.rest.is_empty() {
            self.turn = None;
            return Poll::Ready(None);
        }
        let length = self.rest.len().min(PIECE);
        let piece = self.rest.split_to(length);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http_body_util::BodyExt;
    use tokio::sync::Semaphore;

    use super::*;

    #[test]
    fn a_turn_lasts_until_the_last_piece_is_taken() {
        let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
        runtime.block_on(async {
            let turns = Arc::new(Semaphore::new(1));
            let turn = Arc::clone(&turns).try_acquire_owned().unwrap();
            let bytes = Bytes::from(vec![7; PIECE + 1]);
            let mut content = Content::new(bytes).with_turn(turn);
            let mut lengths = Vec::new();
            while let Some(frame) = content.frame().await {
                assert_eq!(turns.available_permits(), 0);
                lengths.push(frame.unwrap().into_data().unwrap().len());
            }
            assert_eq!(lengths, [PIECE, 1]);
            drop(content);
            assert_eq!(turns.available_permits(), 1);
        });
    }
}

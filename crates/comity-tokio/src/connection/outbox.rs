use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

use tokio::io::{AsyncWrite, AsyncWriteExt};

/// Bytes that are to be sent, in order. The driver bounds how many.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    chunks: VecDeque<Vec<u8>>,
    /// How much of the first chunk is gone.
    sent: usize,
    /// Whether something was written that a buffer below may still hold.
    unflushed: bool,
    /// When something was sent last, or began to wait.
    progress: Option<Instant>,
}

impl Outbox {
    pub(crate) fn push(&mut self, chunk: Vec<u8>) {
        if !self.is_pending() {
            self.progress = Some(Instant::now());
        }
        self.chunks.push_back(chunk);
    }

    /// Whether there is something to send or to flush.
    pub(crate) fn is_pending(&self) -> bool {
        self.unflushed || !self.chunks.is_empty()
    }

    /// When sending counts as stalled.
    pub(crate) fn deadline(&self, patience: Duration) -> Option<Instant> {
        if self.is_pending() {
            self.progress?.checked_add(patience)
        } else {
            None
        }
    }

    /// Sends a piece; gives the length of the chunk that is gone with it, if one is. Nothing is lost
    /// if this is dropped before it is ready.
    pub(crate) async fn advance<W>(&mut self, writer: &mut W) -> io::Result<Option<usize>>
    where
        W: AsyncWrite + Unpin,
    {
        let Some(chunk) = self.chunks.front() else {
            writer.flush().await?;
            self.unflushed = false;
            return Ok(None);
        };
        let rest = chunk.get(self.sent..).unwrap_or_default();
        let sent = writer.write(rest).await?;
        if sent == 0 && !rest.is_empty() {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.progress = Some(Instant::now());
        self.unflushed = true;
        self.sent = self.sent.saturating_add(sent);
        let len = chunk.len();
        if self.sent < len {
            return Ok(None);
        }
        self.sent = 0;
        self.chunks.pop_front();
        Ok(Some(len))
    }
}

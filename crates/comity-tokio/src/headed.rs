use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use comity_rustls::Sniffed;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A TCP connection whose first bytes may have been read already: they are read again.
#[derive(Debug)]
pub(crate) struct Headed {
    head: [u8; Sniffed::MAX_BYTES],
    /// How many of them there are, and how many were given out.
    len: usize,
    given: usize,
    stream: TcpStream,
}

impl Headed {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self {
            head: [0; Sniffed::MAX_BYTES],
            len: 0,
            given: 0,
            stream,
        }
    }

    /// Waits until it is known what begins on the connection.
    pub(crate) async fn sniff(&mut self) -> io::Result<Sniffed> {
        loop {
            let read = self.head.get(..self.len).unwrap_or_default();
            if let Some(sniffed) = Sniffed::of(read) {
                return Ok(sniffed);
            }
            let room = self.head.get_mut(self.len..).unwrap_or_default();
            match self.stream.read(room).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => self.len = self.len.saturating_add(read),
            }
        }
    }

    pub(crate) fn tcp(&self) -> &TcpStream {
        &self.stream
    }

    pub(crate) fn into_tcp(self) -> TcpStream {
        self.stream
    }
}

impl AsyncRead for Headed {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let left = this.head.get(this.given..this.len).unwrap_or_default();
        if left.is_empty() {
            return Pin::new(&mut this.stream).poll_read(cx, buf);
        }
        let count = left.len().min(buf.remaining());
        buf.put_slice(left.get(..count).unwrap_or_default());
        this.given = this.given.saturating_add(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Headed {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

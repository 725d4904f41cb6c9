//! What servers send.

use std::error::Error;
use std::fmt;

use crate::message::{COOKIE, Key};

/// Why bytes of a server end the run.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum AnswerError {
    /// The first line is another than that of a 200.
    Status(String),
    /// The branch is none that was sent.
    Branch(String),
    /// Over TCP, where a message ends by its Content-Length.
    ContentLength(String),
    TooLong,
}

/// Which request a 200 answers.
///
/// # Errors
///
/// Any other message.
pub(crate) fn read(message: &[u8]) -> Result<Key, AnswerError> {
    if !message.starts_with(b"SIP/2.0 200 ") {
        let line = message.split(|&byte| byte == b'\r').next();
        return Err(AnswerError::Status(text(line.unwrap_or_default())));
    }
    find(message, COOKIE.as_bytes())
        .and_then(|at| Key::read(&message[at + COOKIE.len()..]))
        .ok_or_else(|| AnswerError::Branch(text(message)))
}

/// Cuts the bytes of a connection into messages.
#[derive(Default)]
pub(crate) struct Frames {
    bytes: Vec<u8>,
    /// Those before it have been given away.
    start: usize,
}

impl Frames {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.start);
        self.start = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The next message that is whole.
    pub(crate) fn next(&mut self) -> Result<Option<&[u8]>, AnswerError> {
        let rest = &self.bytes[self.start..];
        let Some(head) = find(rest, b"\r\n\r\n") else {
            return if rest.len() > MAX_BYTES {
                Err(AnswerError::TooLong)
            } else {
                Ok(None)
            };
        };
        let head = head + 4;
        let body = content_length(&rest[..head])?;
        if body > MAX_BYTES {
            return Err(AnswerError::TooLong);
        }
        let Some(message) = rest.get(..head + body) else {
            return Ok(None);
        };
        self.start += message.len();
        Ok(Some(message))
    }
}

fn content_length(head: &[u8]) -> Result<usize, AnswerError> {
    let value = find(head, CONTENT_LENGTH).map(|at| &head[at + CONTENT_LENGTH.len()..]);
    let value = value.and_then(|value| value.split(|&byte| byte == b'\r').next());
    value
        .and_then(|value| std::str::from_utf8(value).ok()?.trim().parse().ok())
        .ok_or_else(|| AnswerError::ContentLength(text(head)))
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|found| found == what)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl fmt::Display for AnswerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(line) => write!(f, "a request is answered with {line}"),
            Self::Branch(answer) => write!(f, "no request has the branch of this\n{answer}"),
            Self::ContentLength(head) => write!(f, "no Content-Length in this\n{head}"),
            Self::TooLong => write!(f, "an answer is longer than {MAX_BYTES} bytes"),
        }
    }
}

impl Error for AnswerError {}

/// Of the head or the body of an answer.
const MAX_BYTES: usize = 65_536;
/// As all servers here write it.
const CONTENT_LENGTH: &[u8] = b"\r\nContent-Length:";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::Transport;
    use crate::message::Messages;

    fn answer(index: u32, body: &str) -> Vec<u8> {
        let mut request = Vec::new();
        let from = ([127, 0, 0, 1], 20_000).into();
        Messages::new(Transport::Tcp, from).write(Key::new(index), &mut request);
        let request = String::from_utf8(request).unwrap();
        let via = request.lines().nth(1).unwrap();
        let len = body.len();
        format!("SIP/2.0 200 OK\r\n{via}\r\nContent-Length: {len}\r\n\r\n{body}").into_bytes()
    }

    #[test]
    fn answer_names_its_request() {
        assert_eq!(read(&answer(5, "")), Ok(Key::new(5)));
    }

    #[test]
    fn nothing_else_than_a_200_with_a_known_branch_is_an_answer() {
        let refused = b"SIP/2.0 503 Service Unavailable\r\n\r\n";
        let line = "SIP/2.0 503 Service Unavailable".to_owned();
        assert_eq!(read(refused), Err(AnswerError::Status(line)));
        assert_eq!(read(b""), Err(AnswerError::Status(String::new())));
        let other = "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK0123456789abcdef\r\n\r\n";
        assert_eq!(
            read(other.as_bytes()),
            Err(AnswerError::Branch(other.to_owned()))
        );
    }

    #[test]
    fn answers_are_the_same_for_every_split() {
        let stream = [answer(1, ""), answer(2, "a body"), answer(3, "")].concat();
        for cut in 0..=stream.len() {
            let (mut frames, mut keys) = (Frames::default(), Vec::new());
            for part in [&stream[..cut], &stream[cut..]] {
                frames.push(part);
                while let Some(message) = frames.next().unwrap() {
                    keys.push(read(message).unwrap().index());
                }
            }
            assert_eq!(keys, [1, 2, 3], "cut at {cut}");
        }
    }

    #[test]
    fn stream_without_lengths_or_ends_is_given_up() {
        let mut frames = Frames::default();
        frames.push(b"SIP/2.0 200 OK\r\n\r\n");
        let head = "SIP/2.0 200 OK\r\n\r\n".to_owned();
        assert_eq!(frames.next(), Err(AnswerError::ContentLength(head)));

        let mut frames = Frames::default();
        frames.push(&[b'a'; MAX_BYTES]);
        assert_eq!(frames.next(), Ok(None));
        frames.push(b"a");
        assert_eq!(frames.next(), Err(AnswerError::TooLong));
    }
}

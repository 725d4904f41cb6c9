use rustls::{AlertDescription, CipherSuite, ProtocolVersion};

/// What a server made of a hello.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a server goes on or refuses")]
pub enum LegacyAnswer {
    /// It would go on.
    Accepted {
        /// In this version.
        version: ProtocolVersion,
        /// With this suite.
        suite: CipherSuite,
    },
    /// It refused by an alert.
    Refused(AlertDescription),
}

/// Reads the first answer of a TLS server, a hello (RFC 5246 §7.4.1.3) or an alert, out of pieces of
/// any size. What follows is ignored, and so are warnings that come before.
///
/// ```
/// use comity_rustls::{AnswerReader, LegacyAnswer};
///
/// let mut reader = AnswerReader::new();
/// assert_eq!(reader.read(&[21, 3, 1, 0, 2, 2]), Ok(None));
/// let refused = LegacyAnswer::Refused(rustls::AlertDescription::ProtocolVersion);
/// assert_eq!(reader.read(&[70]), Ok(Some(refused)));
/// ```
#[derive(Debug, Default)]
pub struct AnswerReader {
    /// The bytes of the record's header that have come.
    header: Vec<u8>,
    record_left: usize,
    is_alert: bool,
    /// The content so far, over all records.
    content: Vec<u8>,
}

/// Why an answer cannot be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// It is not TLS.
    #[error("the answer is not TLS")]
    NotTls,
    /// It is TLS, and neither a hello nor an alert.
    #[error("the answer is malformed")]
    Malformed,
}

impl AnswerReader {
    /// Has read nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads on, and returns the answer once it is known.
    ///
    /// # Errors
    ///
    /// The bytes are no answer of a TLS server. Nothing can be read after that.
    pub fn read(&mut self, mut input: &[u8]) -> Result<Option<LegacyAnswer>, AnswerError> {
        while let Some((&byte, rest)) = input.split_first() {
            input = rest;
            if self.record_left == 0 {
                self.header.push(byte);
                self.check_header()?;
                continue;
            }
            self.record_left -= 1;
            self.content.push(byte);
            if let Some(answer) = self.answer()? {
                return Ok(Some(answer));
            }
        }
        Ok(None)
    }

    fn check_header(&mut self) -> Result<(), AnswerError> {
        match *self.header.as_slice() {
            [HANDSHAKE | ALERT] | [HANDSHAKE | ALERT, 3] | [_, _, 0..=4] | [_, _, _, _] => Ok(()),
            [kind, _, _, high, low] => {
                let length = usize::from(u16::from_be_bytes([high, low]));
                let is_alert = kind == ALERT;
                if length == 0 || is_alert != self.is_alert && !self.content.is_empty() {
                    return Err(AnswerError::Malformed);
                }
                self.record_left = length;
                self.is_alert = is_alert;
                self.header.clear();
                Ok(())
            }
            _ => Err(AnswerError::NotTls),
        }
    }

    /// What the content says as far as it has come.
    fn answer(&mut self) -> Result<Option<LegacyAnswer>, AnswerError> {
        match (self.is_alert, self.content.as_slice()) {
            // A server that does not know the name may say so and go on (RFC 6066 §3).
            (true, [WARNING, description]) if *description != CLOSE_NOTIFY => {
                self.content.clear();
                Ok(None)
            }
            (true, [_level, description]) => Ok(Some(LegacyAnswer::Refused((*description).into()))),
            (false, [SERVER_HELLO, _, _, _, rest @ ..]) => hello(rest),
            (true, _) | (false, [] | [SERVER_HELLO, ..]) => Ok(None),
            (false, _) => Err(AnswerError::Malformed),
        }
    }
}

/// The version and the suite in the body of a server's hello, once both are there.
fn hello(body: &[u8]) -> Result<Option<LegacyAnswer>, AnswerError> {
    let Some((&[major, minor], behind)) = body.split_first_chunk() else {
        return Ok(None);
    };
    let Some((&session_bytes, behind)) = behind.get(RANDOM_BYTES..).and_then(<[u8]>::split_first)
    else {
        return Ok(None);
    };
    if session_bytes > MAX_SESSION_BYTES {
        return Err(AnswerError::Malformed);
    }
    let suite = behind
        .get(session_bytes.into()..)
        .and_then(<[u8]>::first_chunk);
    Ok(suite.map(|suite| LegacyAnswer::Accepted {
        version: u16::from_be_bytes([major, minor]).into(),
        suite: u16::from_be_bytes(*suite).into(),
    }))
}

const ALERT: u8 = 21;
const WARNING: u8 = 1;
const CLOSE_NOTIFY: u8 = 0;
const HANDSHAKE: u8 = 22;
const SERVER_HELLO: u8 = 2;
const RANDOM_BYTES: usize = 32;
const MAX_SESSION_BYTES: u8 = 32;

#[cfg(test)]
mod tests {
    use super::*;

    /// A server's hello with a session id of four bytes, in records of at most `size` bytes.
    fn hello_in_records(size: usize) -> Vec<u8> {
        let mut message = vec![SERVER_HELLO, 0, 0, 42, 3, 1];
        message.extend([9; 32]);
        message.extend([4, 1, 2, 3, 4, 0x00, 0x2F, 0]);
        let records = message.chunks(size).flat_map(|part| {
            let length = u8::try_from(part.len()).unwrap();
            [&[HANDSHAKE, 3, 1, 0, length], part].concat()
        });
        records.collect()
    }

    const ACCEPTED: LegacyAnswer = LegacyAnswer::Accepted {
        version: ProtocolVersion::TLSv1_0,
        suite: CipherSuite::TLS_RSA_WITH_AES_128_CBC_SHA,
    };

    #[test]
    fn a_hello_is_read_however_it_is_cut() {
        for record in [1, 5, 100] {
            let bytes = hello_in_records(record);
            for cut in 0..bytes.len() {
                let (first, second) = bytes.split_at(cut);
                let mut reader = AnswerReader::new();
                let answer = match reader.read(first) {
                    Ok(None) => reader.read(second),
                    early => early,
                };
                assert_eq!(
                    answer,
                    Ok(Some(ACCEPTED)),
                    "records of {record}, cut at {cut}"
                );
            }
        }
    }

    #[test]
    fn a_warning_is_no_answer() {
        const UNRECOGNIZED_NAME: [u8; 7] = [ALERT, 3, 1, 0, 2, WARNING, 112];
        let mut reader = AnswerReader::new();
        for _ in 0..3 {
            assert_eq!(reader.read(&UNRECOGNIZED_NAME), Ok(None));
        }
        assert_eq!(reader.read(&hello_in_records(100)), Ok(Some(ACCEPTED)));
        let closed = [ALERT, 3, 1, 0, 2, WARNING, CLOSE_NOTIFY];
        let refused = LegacyAnswer::Refused(AlertDescription::CloseNotify);
        assert_eq!(AnswerReader::new().read(&closed), Ok(Some(refused)));
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        let mut long_session = vec![HANDSHAKE, 3, 3, 0, 60, SERVER_HELLO, 0, 0, 56, 3, 3];
        long_session.extend([0; 32]);
        long_session.push(33);
        for (bytes, error) in [
            (&b"HTTP/1.1 400"[..], AnswerError::NotTls),
            (b"<stream:stream", AnswerError::NotTls),
            (&[HANDSHAKE, 2], AnswerError::NotTls),
            (&[HANDSHAKE, 3, 9], AnswerError::NotTls),
            (&[HANDSHAKE, 3, 3, 0, 0], AnswerError::Malformed),
            (&[HANDSHAKE, 3, 3, 0, 9, 1], AnswerError::Malformed),
            (
                &[HANDSHAKE, 3, 3, 0, 1, 2, ALERT, 3, 3, 0, 2],
                AnswerError::Malformed,
            ),
            (&long_session, AnswerError::Malformed),
        ] {
            assert_eq!(AnswerReader::new().read(bytes), Err(error), "{bytes:?}");
        }
    }

    #[test]
    fn no_more_is_kept_than_a_hello_takes() {
        let mut reader = AnswerReader::new();
        let mut bytes = vec![HANDSHAKE, 3, 3, 0x40, 0, SERVER_HELLO, 0, 0, 42, 3, 1];
        bytes.extend([9; 32]);
        bytes.extend([32; 33]);
        assert_eq!(reader.read(&bytes), Ok(None));
        assert!(reader.read(&[0; 2]).unwrap().is_some());
        assert_eq!(reader.content.len(), 4 + 2 + 32 + 1 + 32 + 2);
    }
}

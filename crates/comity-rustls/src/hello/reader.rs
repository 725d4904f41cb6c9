use super::{Hello, HelloField};

/// Reads the hello of a TLS client out of the first bytes of its connection.
///
/// It takes the bytes beside the TLS engine, in pieces of any size, and looks at each once. What
/// follows the hello it ignores.
///
/// ```
/// use comity_rustls::{HelloError, HelloReader};
///
/// let mut reader = HelloReader::new();
/// assert_eq!(reader.read(b"\x16\x03"), Ok(None));
/// assert_eq!(reader.read(b"\x01\x00"), Ok(None));
/// assert_eq!(reader.read(b"\x00"), Err(HelloError::RecordLength { length: 0 }));
/// ```
#[derive(Debug, Default)]
pub struct HelloReader {
    /// The bytes of the record's header that have come.
    header: Vec<u8>,
    /// How much of the record's content is still to come.
    record_left: usize,
    /// The handshake message with its header, over all records.
    message: Vec<u8>,
    /// How it ended.
    end: Option<Result<(), HelloError>>,
}

impl HelloReader {
    /// Bytes of a hello that are kept at most. Longer ones exist only on paper: 16 KiB is eight
    /// times what a client with post-quantum key shares sends.
    pub const MAX_BYTES: usize = 16 * 1024;

    /// Has read nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads on, and returns the hello once it is complete; after that nothing more.
    ///
    /// # Errors
    ///
    /// The bytes are no hello, or a longer one than is kept. It stays so.
    pub fn read(&mut self, input: &[u8]) -> Result<Option<Hello>, HelloError> {
        match self.end {
            Some(Ok(())) => return Ok(None),
            Some(Err(error)) => return Err(error),
            None => {}
        }
        let outcome = self.advance(input);
        match &outcome {
            Ok(None) => {}
            Ok(Some(_)) => self.finish(Ok(())),
            Err(error) => self.finish(Err(*error)),
        }
        outcome
    }

    fn finish(&mut self, end: Result<(), HelloError>) {
        self.message = Vec::new();
        self.end = Some(end);
    }

    fn advance(&mut self, mut input: &[u8]) -> Result<Option<Hello>, HelloError> {
        while let Some((&byte, rest)) = input.split_first() {
            if self.record_left == 0 {
                self.header.push(byte);
                self.check_header()?;
                input = rest;
                continue;
            }
            let wanted = self.missing()?.min(self.record_left).min(input.len());
            let (content, rest) = input.split_at_checked(wanted).unwrap_or((input, &[]));
            self.message.extend_from_slice(content);
            self.record_left -= content.len();
            input = rest;
            if self.missing()? == 0 {
                let body = self.message.get(HEADER..).unwrap_or_default();
                let hello = Hello::parse(body);
                return hello
                    .map(Some)
                    .map_err(|field| HelloError::Malformed { field });
            }
        }
        Ok(None)
    }

    /// Looks at the header of a record as far as it has come.
    fn check_header(&mut self) -> Result<(), HelloError> {
        match *self.header.as_slice() {
            [HANDSHAKE] | [HANDSHAKE, 3] | [HANDSHAKE, 3, 0..=4] | [HANDSHAKE, 3, 0..=4, _] => {
                Ok(())
            }
            [HANDSHAKE, 3, 0..=4, high, low] => {
                let length = u16::from_be_bytes([high, low]);
                if length == 0 || length > MAX_RECORD {
                    return Err(HelloError::RecordLength { length });
                }
                self.record_left = length.into();
                self.header.clear();
                Ok(())
            }
            [HANDSHAKE, major] => Err(HelloError::RecordVersion { major, minor: None }),
            [HANDSHAKE, major, minor, ..] => Err(HelloError::RecordVersion {
                major,
                minor: Some(minor),
            }),
            [content_type, ..] => Err(HelloError::NotHandshake { content_type }),
            [] => Ok(()),
        }
    }

    /// How many bytes of the message are to come, as far as is known.
    fn missing(&self) -> Result<usize, HelloError> {
        match *self.message.as_slice() {
            [] => Ok(HEADER),
            [CLIENT_HELLO, high, middle, low, ref body @ ..] => {
                let length = u32::from_be_bytes([0, high, middle, low]);
                match usize::try_from(length) {
                    Ok(length) if length <= Self::MAX_BYTES => Ok(length - body.len()),
                    Ok(_) | Err(_) => Err(HelloError::TooLong {
                        length,
                        limit: Self::MAX_BYTES,
                    }),
                }
            }
            [CLIENT_HELLO, ref rest @ ..] => Ok(HEADER - 1 - rest.len()),
            [message_type, ..] => Err(HelloError::NotClientHello { message_type }),
        }
    }
}

/// Why the first bytes of a connection are no hello that can be looked at.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum HelloError {
    /// A part of the hello is not as TLS has it (RFC 8446 §4.1.2).
    #[error("the {field} of the hello are malformed")]
    Malformed {
        /// Which.
        field: HelloField,
    },
    /// Another handshake message comes first.
    #[error("handshake message {message_type} instead of a client's hello")]
    NotClientHello {
        /// Its type.
        message_type: u8,
    },
    /// The bytes are no handshake record of TLS.
    #[error("byte {content_type:#04x} instead of a TLS handshake")]
    NotHandshake {
        /// The first byte.
        content_type: u8,
    },
    /// A record is empty, or longer than TLS allows (RFC 8446 §5.1).
    #[error("a TLS record of {length} bytes")]
    RecordLength {
        /// Its length.
        length: u16,
    },
    /// A record has a version that no TLS has.
    #[error("a TLS record of version {major}.{}", minor.map_or("x".into(), |minor| minor.to_string()))]
    RecordVersion {
        /// The first part of the version.
        major: u8,
        /// The second, if it was looked at.
        minor: Option<u8>,
    },
    /// The hello is longer than is kept.
    #[error("a hello of {length} bytes, above the limit of {limit}")]
    TooLong {
        /// Its length.
        length: u32,
        /// The limit.
        limit: usize,
    },
}

/// Bytes before the body of a handshake message.
const HEADER: usize = 4;
const HANDSHAKE: u8 = 0x16;
const CLIENT_HELLO: u8 = 1;
/// Bytes of content that a record has at most.
const MAX_RECORD: u16 = 1 << 14;

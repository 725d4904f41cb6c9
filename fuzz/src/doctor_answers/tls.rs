//! The first answer of a TLS server, read record by record.

use comity_rustls::{AnswerError, LegacyAnswer};

/// What the bytes say first; `None` if they end before.
pub(super) fn first_answer(bytes: &[u8]) -> Option<Result<LegacyAnswer, AnswerError>> {
    let mut rest = bytes;
    let mut kind = None;
    let mut content = Vec::new();
    loop {
        // Type, version and length (RFC 5246 §6.2.1). Any version of TLS is one of SSL 3.
        let is_tls = |(at, byte): (usize, &u8)| match at {
            0 => [ALERT, HANDSHAKE].contains(byte),
            1 => *byte == 3,
            _ => *byte <= 4,
        };
        if !rest.iter().take(3).enumerate().all(is_tls) {
            return Some(Err(AnswerError::NotTls));
        }
        let [this, _, _, high, low, behind @ ..] = rest else {
            return None;
        };
        let length = usize::from(*high) * 256 + usize::from(*low);
        // Nothing of one type may stand inside of another.
        if length == 0 || !content.is_empty() && kind != Some(*this) {
            return Some(Err(AnswerError::Malformed));
        }
        kind = Some(*this);
        let (fragment, next) = behind.split_at(length.min(behind.len()));
        content.extend(fragment);
        let answer = match *this {
            ALERT => alert(&mut content).map(Ok),
            _ => hello(&content),
        };
        if answer.is_some() {
            return answer;
        }
        rest = next;
    }
}

/// The first alert that is no warning; a farewell is none.
fn alert(content: &mut Vec<u8>) -> Option<LegacyAnswer> {
    while let [level, description, ..] = content[..] {
        if level != 1 || description == 0 {
            return Some(LegacyAnswer::Refused(description.into()));
        }
        content.drain(..2);
    }
    None
}

/// Type, length, version, random, session and suite (RFC 5246 §7.4.1.3).
fn hello(content: &[u8]) -> Option<Result<LegacyAnswer, AnswerError>> {
    let number = |at: usize| {
        Some(u16::from_be_bytes([
            *content.get(at)?,
            *content.get(at + 1)?,
        ]))
    };
    if *content.first()? != 2 {
        return Some(Err(AnswerError::Malformed));
    }
    let version = number(4)?;
    let session = usize::from(*content.get(38)?);
    if session > 32 {
        return Some(Err(AnswerError::Malformed));
    }
    let suite = number(39 + session)?;
    Some(Ok(LegacyAnswer::Accepted {
        version: version.into(),
        suite: suite.into(),
    }))
}

const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;

use hickory_proto::op::{Message, MessageType, OpCode, Query};
use hickory_proto::rr::{Name, RecordType};

/// Encodes a plain query with recursion desired and without EDNS.
///
/// # Panics
///
/// If `owner` is no domain name.
#[must_use]
pub fn query(id: u16, owner: &str, record_type: RecordType) -> Vec<u8> {
    let mut message = Message::new(id, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(name(owner), record_type));
    encode(&message)
}

/// The fully qualified name that `text` spells, with or without its last dot, in the case given.
///
/// # Panics
///
/// If `text` is no domain name of ASCII labels.
#[must_use]
#[expect(
    clippy::expect_used,
    reason = "a misspelt name is a defect of the test"
)]
pub fn name(text: &str) -> Name {
    let mut name = Name::from_ascii(text).expect("a domain name");
    name.set_fqdn(true);
    name
}

/// Puts the two length bytes of DNS over TCP before `message` (RFC 1035 §4.2.2).
///
/// # Panics
///
/// If `message` is longer than 65,535 bytes.
#[must_use]
#[expect(clippy::expect_used, reason = "such a message cannot be sent")]
pub fn frame(message: &[u8]) -> Vec<u8> {
    let length = u16::try_from(message.len()).expect("at most 65,535 bytes");
    let mut framed = length.to_be_bytes().to_vec();
    framed.extend_from_slice(message);
    framed
}

/// Takes the first whole message of DNS over TCP out of `stream`.
pub fn unframe(stream: &mut Vec<u8>) -> Option<Vec<u8>> {
    let (length, rest) = stream.split_first_chunk::<2>()?;
    let message = rest
        .get(..usize::from(u16::from_be_bytes(*length)))?
        .to_vec();
    stream.drain(..2 + message.len());
    Some(message)
}

/// Encodes as much of `message` as 65,535 bytes hold.
#[expect(
    clippy::expect_used,
    reason = "the testkit builds only messages that encode"
)]
pub(super) fn encode(message: &Message) -> Vec<u8> {
    message.to_vec().expect("an encodable message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_apart_as_they_were_joined() {
        let mut stream = [frame(b"one"), frame(b""), frame(b"two")].concat();
        stream.extend_from_slice(&[0, 9, 1]);
        assert_eq!(unframe(&mut stream), Some(b"one".to_vec()));
        assert_eq!(unframe(&mut stream), Some(Vec::new()));
        assert_eq!(unframe(&mut stream), Some(b"two".to_vec()));
        assert_eq!(unframe(&mut stream), None);
        assert_eq!(stream, [0, 9, 1]);
    }
}

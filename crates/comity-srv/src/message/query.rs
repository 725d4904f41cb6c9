use comity_machine::Random;

use super::Question;

/// A query, and what has to be seen again in its reply.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) id: u16,
    /// The question as sent, with the case of its letters.
    pub(crate) question: Vec<u8>,
    /// Whether the case of the letters was chosen by chance and has to come back.
    pub(crate) mixed_case: bool,
    edns: Edns,
}

/// Whether a query offers EDNS (RFC 6891).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Edns {
    /// With the size of the largest datagram that we read.
    Offered {
        payload_bytes: u16,
    },
    Omitted,
}

impl Sent {
    /// A query with a new id.
    ///
    /// With `mixed_case` each letter of the name is upper or lower case by chance, which adds a
    /// bit for a forger to guess.
    pub(crate) fn new(
        question: &Question,
        edns: Edns,
        mixed_case: bool,
        random: &mut Random,
    ) -> Self {
        Self {
            id: u16::from_be_bytes(random.bytes()),
            question: question_bytes(question, mixed_case, random),
            mixed_case,
            edns,
        }
    }

    /// The query as a message.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // QR 0, opcode 0, recursion desired; one question and perhaps an OPT record.
        let extra = u16::from(self.edns != Edns::Omitted);
        for field in [self.id, 0x0100, 1, 0, 0, extra] {
            bytes.extend_from_slice(&field.to_be_bytes());
        }
        bytes.extend_from_slice(&self.question);
        if let Edns::Offered { payload_bytes } = self.edns {
            // The root, OPT, the size; extended code and version, flags, no options.
            bytes.push(0);
            for field in [OPT, payload_bytes, 0, 0, 0] {
                bytes.extend_from_slice(&field.to_be_bytes());
            }
        }
        bytes
    }
}

fn question_bytes(question: &Question, mixed_case: bool, random: &mut Random) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in question.name.labels() {
        // A label has at most 63 bytes.
        bytes.push(u8::try_from(label.len()).unwrap_or(u8::MAX));
        bytes.extend_from_slice(label);
    }
    bytes.push(0);
    if mixed_case {
        // Lengths are below 64, so no length looks like a letter.
        let coins: [u8; 32] = random.bytes();
        let bits = coins
            .iter()
            .flat_map(|coin| (0..8).map(move |bit| coin >> bit & 1 == 1));
        for (byte, _) in bytes.iter_mut().zip(bits).filter(|(_, upper)| *upper) {
            byte.make_ascii_uppercase();
        }
    }
    bytes.extend_from_slice(&question.kind.code().to_be_bytes());
    bytes.extend_from_slice(&CLASS_IN.to_be_bytes());
    bytes
}

const CLASS_IN: u16 = 1;
const OPT: u16 = 41;

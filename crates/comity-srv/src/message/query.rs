use comity_machine::Random;

use super::{CLASS_IN, Question};

/// A query, and what has to be seen again in its reply.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) id: u16,
    /// The question as sent, with the case of its letters.
    pub(crate) question: Vec<u8>,
    /// Whether the case of the letters was chosen by chance and has to come back.
    pub(crate) mixed_case: bool,
    form: Form,
}

/// How a question is put.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Form {
    pub(crate) edns: Edns,
    pub(crate) validation: Validation,
}

/// What a query asks about validation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Validation {
    /// Nothing: what the server says would not be believed.
    Unasked,
    /// Whether the server has validated the answer, by the AD bit (RFC 6840 §5.7).
    Asked,
    /// The answer even if it is bogus, by the CD bit (RFC 4035 §3.2.2), after SERVFAIL.
    Disabled,
    /// As `Asked`, after an answer without validation: the server may have recovered meanwhile.
    Confirming,
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
        form: Form,
        mixed_case: bool,
        random: &mut Random,
    ) -> Self {
        Self {
            id: u16::from_be_bytes(random.bytes()),
            question: question_bytes(question, mixed_case, random),
            mixed_case,
            form,
        }
    }

    /// The query as a message.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // QR 0, opcode 0; one question and perhaps an OPT record.
        let extra = u16::from(self.form.edns != Edns::Omitted);
        for field in [self.id, self.flags(), 1, 0, 0, extra] {
            bytes.extend_from_slice(&field.to_be_bytes());
        }
        bytes.extend_from_slice(&self.question);
        if let Edns::Offered { payload_bytes } = self.form.edns {
            // The root, OPT, the size; extended code and version, flags, no options.
            bytes.push(0);
            for field in [super::OPT, payload_bytes, 0, 0, 0] {
                bytes.extend_from_slice(&field.to_be_bytes());
            }
        }
        bytes
    }

    fn flags(&self) -> u16 {
        let optional = |is_set, flag| if is_set { flag } else { 0 };
        let validation = self.form.validation;
        RECURSION_DESIRED
            | optional(validation != Validation::Unasked, AUTHENTIC_DATA)
            | optional(validation == Validation::Disabled, CHECKING_DISABLED)
    }
}

fn question_bytes(question: &Question, mixed_case: bool, random: &mut Random) -> Vec<u8> {
    let mut bytes = question.name.as_bytes().to_vec();
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

const RECURSION_DESIRED: u16 = 0x0100;
const AUTHENTIC_DATA: u16 = 0x0020;
const CHECKING_DISABLED: u16 = 0x0010;

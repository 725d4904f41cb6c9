use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{Name, Record, RecordType};

use super::server::Transport;
use super::wire::name;

/// What the server does in place of answering well.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Fault {
    /// Gives no answer.
    Drop,
    /// Answers with this code and no records, such as [`ResponseCode::ServFail`].
    Code(ResponseCode),
    /// Answers FORMERR, without an OPT record, if the query has one; else answers well.
    FormErrOnEdns,
    /// Sets TC and leaves all records out, on TCP too unless [`When::over`] says UDP.
    Truncated,
    /// Answers well under another id.
    WrongId,
    /// Answers well under a question for `other.invalid`.
    WrongQuestion,
    /// Repeats the question, but all records of the answer belong to `other.invalid`.
    OtherName,
    /// Spells the question in lower case, as a server that does not keep its case.
    LowerCase,
    /// Sends `count` forged answers under wrong ids, then the true one.
    ///
    /// They hold 203.0.113.66, 2001:db8::66 or an SRV record for port 666 of `forged.invalid`.
    Spoofed {
        /// How many forged answers; each has another wrong id, up to 65,535 of them.
        count: u16,
    },
    /// Sends the true answer twice.
    Twice,
    /// Adds records to the additional section of the true answer.
    Additional(Vec<Record>),
    /// Leaves the SOA out of a negative answer.
    NoSoa,
    /// Answers that the name is an alias of `loop.invalid`, and that of the name.
    CnameLoop,
    /// Answers that the name is an alias of a name that was not asked for before, without end.
    EndlessCname,
    /// Sends a fitting header and question that promise one answer, then 65 bytes of noise.
    Garbage,
    /// Sends a header alone in which each of the four counts is 65,535.
    HugeCounts,
    /// Sends these bytes, the first two replaced by the id of the query.
    Bytes(Vec<u8>),
    /// Answers with `count` SRV records `0 0 5269 t.invalid`, or as many as 65,535 bytes hold;
    /// over UDP with none and TC set.
    ManySrv {
        /// How many records; a message holds about 2,250.
        count: u16,
    },
    /// Answers with the one SRV record `0 0 0 .`: no such service (RFC 2782).
    NullTarget,
}

/// Which queries a [`Fault`] befalls.
///
/// The conditions add up: `When::asked(..).over(Transport::Udp).times(2)` means the first two UDP
/// queries with that question.
#[derive(Clone, Debug)]
pub struct When {
    question: Option<(Name, RecordType)>,
    transport: Option<Transport>,
    nth: Option<usize>,
    left: Option<usize>,
}

impl When {
    /// Every query.
    #[must_use]
    pub fn always() -> Self {
        Self {
            question: None,
            transport: None,
            nth: None,
            left: None,
        }
    }

    /// The `nth` query of all that the server saw, counted from 1.
    #[must_use]
    pub fn nth(nth: usize) -> Self {
        Self {
            nth: Some(nth),
            ..Self::always()
        }
    }

    /// Each query for this name and type.
    ///
    /// # Panics
    ///
    /// If `owner` is no domain name.
    #[must_use]
    pub fn asked(owner: &str, record_type: RecordType) -> Self {
        Self {
            question: Some((name(owner), record_type)),
            ..Self::always()
        }
    }

    /// Only queries over `transport`.
    #[must_use]
    pub fn over(self, transport: Transport) -> Self {
        Self {
            transport: Some(transport),
            ..self
        }
    }

    /// Only the first `count` queries that meet the other conditions.
    #[must_use]
    pub fn times(self, count: usize) -> Self {
        Self {
            left: Some(count),
            ..self
        }
    }

    /// Whether the `nth` query is meant; if so, one of the `times` is used up.
    pub(super) fn applies(
        &mut self,
        nth: usize,
        transport: Transport,
        asked: (&Name, RecordType),
    ) -> bool {
        let meant = self.nth.is_none_or(|wanted| wanted == nth)
            && self.transport.is_none_or(|wanted| wanted == transport)
            && self
                .question
                .as_ref()
                .is_none_or(|(name, record_type)| (name, *record_type) == asked);
        match &mut self.left {
            _ if !meant => false,
            None => true,
            Some(0) => false,
            Some(left) => {
                *left -= 1;
                true
            }
        }
    }
}

use comity_machine::{QueryId, Random};

use super::Protocol;
use crate::limits::Limits;
use crate::message::{
    Answer, Edns, Form, Question, Reply, Rules, Sent, Unusable, Validation, read,
};
use crate::plan::Failure;
use crate::trace::Setback;

/// One question on its way to one server after the other.
#[derive(Debug)]
pub(crate) struct Lookup {
    pub(crate) question: Question,
    /// The resolutions that want the answer; never empty, never one twice.
    pub(crate) waiters: Vec<QueryId>,
    /// The index of the server.
    pub(crate) server: usize,
    /// How many attempts failed before this one.
    pub(crate) attempts: u32,
    /// How many of them failed in another way than by silence.
    pub(crate) errors: usize,
    pub(crate) form: Form,
    /// The most specific failure so far.
    pub(crate) failure: Option<Failure>,
}

/// A lookup that waits for an answer on one socket.
#[derive(Debug)]
pub(crate) struct Exchange {
    lookup: Lookup,
    sent: Sent,
    channel: Channel,
    folds_case: bool,
}

#[derive(Debug)]
enum Channel {
    Udp { mismatches: u32 },
    Tcp { received: Vec<u8> },
}

/// What bytes from the server led to.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Progress {
    Waiting,
    /// The same server is asked again in another way.
    Again(Setback, Protocol),
    NextServer(Failure),
    Answered(Answer),
    /// There is an answer that its server has found to be bogus.
    Bogus,
}

impl Exchange {
    pub(crate) fn begin(
        lookup: Lookup,
        protocol: Protocol,
        mixed_case: bool,
        random: &mut Random,
    ) -> Self {
        Self {
            sent: Sent::new(&lookup.question, lookup.form, mixed_case, random),
            lookup,
            channel: match protocol {
                Protocol::Udp => Channel::Udp { mismatches: 0 },
                Protocol::Tcp => Channel::Tcp {
                    received: Vec::new(),
                },
            },
            folds_case: false,
        }
    }

    /// The query as it goes to the socket.
    pub(crate) fn query_bytes(&self) -> Vec<u8> {
        let message = self.sent.to_bytes();
        match self.protocol() {
            Protocol::Udp => message,
            Protocol::Tcp => {
                // A query has at most 12 + 255 + 4 + 11 bytes.
                let length = u16::try_from(message.len()).unwrap_or(u16::MAX);
                [&length.to_be_bytes()[..], &message].concat()
            }
        }
    }

    pub(crate) fn lookup(&self) -> &Lookup {
        &self.lookup
    }

    pub(crate) fn into_lookup(self) -> Lookup {
        self.lookup
    }

    /// Lets one more resolution wait for the answer.
    pub(crate) fn join(&mut self, query: QueryId) {
        // A resolution may come to the same question on two ways.
        if !self.lookup.waiters.contains(&query) {
            self.lookup.waiters.push(query);
        }
    }

    /// Lets a resolution wait no more; true if it was the last one.
    pub(crate) fn abandon(&mut self, query: QueryId) -> bool {
        self.lookup.waiters.retain(|waiter| *waiter != query);
        self.lookup.waiters.is_empty()
    }

    /// Whether the server was seen to change the case of a name over TCP.
    pub(crate) fn folds_case(&self) -> bool {
        self.folds_case
    }

    pub(crate) fn protocol(&self) -> Protocol {
        match self.channel {
            Channel::Udp { .. } => Protocol::Udp,
            Channel::Tcp { .. } => Protocol::Tcp,
        }
    }

    pub(crate) fn handle_input(&mut self, input: &[u8], limits: &Limits) -> Progress {
        match &mut self.channel {
            Channel::Udp { .. } => self.handle_datagram(input, limits),
            Channel::Tcp { received } => {
                let most = LENGTH_BYTES + usize::from(limits.max_tcp_message_bytes);
                let room = most.saturating_sub(received.len());
                received.reserve_exact(room.min(input.len()));
                received.extend(input.iter().take(room));
                self.handle_stream(limits)
            }
        }
    }

    /// A datagram that is not our answer never ends the wait: it may be forged.
    fn handle_datagram(&mut self, input: &[u8], limits: &Limits) -> Progress {
        match self.read(input, limits) {
            Ok(Reply::Truncated) => Progress::Again(Setback::Truncated, Protocol::Tcp),
            Ok(reply) => self.conclude(reply),
            Err(Unusable::CaseChanged) => Progress::Again(Setback::CaseChanged, Protocol::Tcp),
            Err(Unusable::TooLarge | Unusable::Malformed) => {
                Progress::Again(Setback::Unreadable, Protocol::Tcp)
            }
            Err(Unusable::Headless { code })
                if refuses_edns(code) && self.lookup.form.edns != Edns::Omitted =>
            {
                Progress::Again(Setback::EdnsRefused, Protocol::Udp)
            }
            Err(Unusable::Foreign | Unusable::Headless { .. }) => {
                if let Channel::Udp { mismatches } = &mut self.channel {
                    *mismatches = mismatches.saturating_add(1);
                    if *mismatches > limits.max_mismatches {
                        return Progress::Again(Setback::Forged, Protocol::Tcp);
                    }
                }
                Progress::Waiting
            }
        }
    }

    fn handle_stream(&mut self, limits: &Limits) -> Progress {
        let Channel::Tcp { received } = &self.channel else {
            return Progress::Waiting;
        };
        let Some((length, rest)) = received.split_first_chunk::<LENGTH_BYTES>() else {
            return Progress::Waiting;
        };
        let length = u16::from_be_bytes(*length);
        if length > limits.max_tcp_message_bytes {
            return Progress::NextServer(Failure::TooLarge);
        }
        let Some(message) = rest.get(..usize::from(length)) else {
            return Progress::Waiting;
        };
        match self.read(message, limits) {
            Err(Unusable::CaseChanged) => {
                // The connection shows that it is the server, so it cannot keep the case. Without
                // it, this error does not come again.
                self.folds_case = true;
                self.sent.mixed_case = false;
                self.handle_stream(limits)
            }
            Err(Unusable::Headless { code }) => self.conclude(Reply::Error { code }),
            Ok(Reply::Truncated) | Err(Unusable::Foreign | Unusable::Malformed) => {
                Progress::NextServer(Failure::Malformed)
            }
            Ok(reply) => self.conclude(reply),
            Err(Unusable::TooLarge) => Progress::NextServer(Failure::TooLarge),
        }
    }

    fn conclude(&self, reply: Reply) -> Progress {
        let form = self.lookup.form;
        match reply {
            Reply::Answer(_) if form.validation == Validation::Disabled => {
                Progress::Again(Setback::AnsweredUnvalidated, self.protocol())
            }
            Reply::Answer(answer) => Progress::Answered(answer),
            Reply::Error { code } if refuses_edns(code) && form.edns != Edns::Omitted => {
                Progress::Again(Setback::EdnsRefused, self.protocol())
            }
            Reply::Error { code: SERVFAIL } if form.validation == Validation::Asked => {
                Progress::Again(Setback::Unvalidated, self.protocol())
            }
            // The server has the answer, and gives it to nobody who asks for its validation.
            Reply::Error { code: SERVFAIL } if form.validation == Validation::Confirming => {
                Progress::Bogus
            }
            Reply::Error { code } => Progress::NextServer(Failure::Server { code }),
            Reply::Referral => Progress::NextServer(Failure::Referral),
            Reply::Truncated => Progress::NextServer(Failure::Malformed),
        }
    }

    fn read(&self, input: &[u8], limits: &Limits) -> Result<Reply, Unusable> {
        let max_message_bytes = usize::from(match self.protocol() {
            Protocol::Udp => limits.max_udp_message_bytes,
            Protocol::Tcp => limits.max_tcp_message_bytes,
        });
        let rules = Rules {
            max_message_bytes,
            max_answers: limits.max_answers_per_message,
            max_records: limits.max_records_per_message,
            max_aliases: limits.max_aliases,
            believes_validation: self.lookup.form.validation != Validation::Unasked,
            min_ttl: limits.min_ttl,
            max_ttl: limits.max_ttl,
            max_negative_ttl: limits.max_negative_ttl,
        };
        read(input, &self.sent, &self.lookup.question, &rules)
    }
}

/// FORMERR and NOTIMP come from servers older than EDNS, BADVERS from newer ones (RFC 6891 §7).
fn refuses_edns(code: u16) -> bool {
    matches!(code, 1 | 4 | 16)
}

const SERVFAIL: u16 = 2;

/// The length before each message over TCP (RFC 1035 §4.2.2).
const LENGTH_BYTES: usize = 2;

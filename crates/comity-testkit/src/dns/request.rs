use hickory_proto::op::{Edns, Message, MessageType, Metadata, OpCode, Query, ResponseCode};

use super::server::{Question, Transport};
use super::wire::encode;

/// A query that can be answered.
pub(super) struct Request {
    pub(super) transport: Transport,
    pub(super) metadata: Metadata,
    pub(super) query: Query,
    pub(super) edns_payload: Option<u16>,
}

impl Request {
    pub(super) fn read(transport: Transport, bytes: &[u8]) -> Option<Self> {
        let message = Message::from_vec(bytes).ok()?;
        let [query] = message.queries.as_slice() else {
            return None;
        };
        let readable = message.metadata.message_type == MessageType::Query
            && message.metadata.op_code == OpCode::Query;
        readable.then(|| Self {
            transport,
            metadata: message.metadata,
            query: query.clone(),
            edns_payload: message.edns.as_ref().map(Edns::max_payload),
        })
    }

    pub(super) fn question(&self) -> Question {
        let name = self.query.name.to_ascii();
        Question {
            name: name.strip_suffix('.').unwrap_or(&name).to_owned(),
            record_type: self.query.query_type,
            transport: self.transport,
            id: self.metadata.id,
            edns_payload: self.edns_payload,
        }
    }

    /// A response to this query without records.
    pub(super) fn reply(&self, code: ResponseCode) -> Message {
        let mut message = Message::response(self.metadata.id, OpCode::Query);
        message.metadata = Metadata::response_from_request(&self.metadata);
        message.metadata.recursion_available = true;
        message.metadata.response_code = code;
        message.add_query(self.query.clone());
        if self.edns_payload.is_some() {
            let mut edns = Edns::new();
            edns.set_max_payload(1232);
            message.set_edns(edns);
        }
        message
    }

    /// Encodes `message` as this query's transport and payload size allow.
    pub(super) fn send(&self, message: &Message) -> Vec<u8> {
        let mut bytes = encode(message);
        match self.transport {
            Transport::Udp => {
                let limit = self.edns_payload.unwrap_or(512).max(512);
                if bytes.len() > usize::from(limit) {
                    return encode(&message.truncate());
                }
            }
            // The encoder sets TC where it had to leave records out.
            Transport::Tcp if !message.metadata.truncation => {
                if let Some(flags) = bytes.get_mut(2) {
                    *flags &= !TRUNCATED;
                }
            }
            Transport::Tcp => {}
        }
        bytes
    }
}

/// FORMERR to bytes that are no query, under the id that they start with.
pub(super) fn refusal(query: &[u8]) -> Vec<u8> {
    let id = query.first_chunk().copied().map_or(0, u16::from_be_bytes);
    encode(&Message::error_msg(
        id,
        OpCode::Query,
        ResponseCode::FormErr,
    ))
}

/// TC in the third byte of the header.
const TRUNCATED: u8 = 0b10;

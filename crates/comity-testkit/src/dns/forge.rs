use std::net::{Ipv4Addr, Ipv6Addr};

use comity_machine::Random;
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CNAME, SRV};
use hickory_proto::rr::{Name, RData, Record, RecordType};

use super::fault::Fault;
use super::request::Request;
use super::server::Transport;
use super::wire::{encode, name};

/// The messages that `fault` sends where `truth` was due; `nth` counts the queries.
pub(super) fn forge(
    request: &Request,
    mut truth: Message,
    nth: usize,
    fault: Fault,
) -> Vec<Vec<u8>> {
    let asked = request.query.name.clone();
    let message = match fault {
        Fault::Drop => return Vec::new(),
        Fault::Spoofed { count } => return spoofed(request, &truth, count),
        Fault::Twice => return vec![request.send(&truth); 2],
        Fault::Garbage => return vec![garbage(request, nth)],
        Fault::HugeCounts => return vec![huge_counts(request)],
        Fault::ManySrv { count } => return vec![many_srv(request, count)],
        Fault::Bytes(bytes) => return vec![under_id(request, bytes)],
        Fault::Code(code) => request.reply(code),
        Fault::FormErrOnEdns if request.edns_payload.is_none() => truth,
        Fault::FormErrOnEdns => {
            let mut refusal = request.reply(ResponseCode::FormErr);
            refusal.edns = None;
            refusal
        }
        Fault::Truncated => truth.truncate(),
        Fault::WrongId => {
            truth.metadata.id ^= 0x5555;
            truth
        }
        Fault::WrongQuestion => with_question(truth, &name(OTHER)),
        Fault::LowerCase => with_question(truth, &asked.to_lowercase()),
        Fault::OtherName => {
            for record in &mut truth.answers {
                record.name = name(OTHER);
            }
            truth
        }
        Fault::Additional(records) => {
            truth.additionals.extend(records);
            truth
        }
        Fault::NoSoa => {
            truth.authorities.clear();
            truth
        }
        Fault::CnameLoop => {
            let other = name("loop.invalid");
            let there = alias(asked.clone(), other.clone());
            with_answers(request, vec![there, alias(other, asked)])
        }
        Fault::EndlessCname => {
            let fresh = name(&format!("hop{nth}.invalid"));
            with_answers(request, vec![alias(asked, fresh)])
        }
        Fault::NullTarget => with_answers(request, vec![null_target(asked)]),
    };
    vec![request.send(&message)]
}

fn with_question(mut message: Message, owner: &Name) -> Message {
    for query in &mut message.queries {
        query.name = owner.clone();
    }
    message
}

fn with_answers(request: &Request, answers: Vec<Record>) -> Message {
    let mut message = request.reply(ResponseCode::NoError);
    message.answers = answers;
    message
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "an enum of hickory that grows; any other type gets an SRV record too"
)]
fn spoofed(request: &Request, truth: &Message, count: u16) -> Vec<Vec<u8>> {
    let data = match request.query.query_type {
        RecordType::A => RData::A(A(Ipv4Addr::new(203, 0, 113, 66))),
        RecordType::AAAA => RData::AAAA(AAAA(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x66))),
        _ => RData::SRV(SRV::new(0, 0, 666, name("forged.invalid"))),
    };
    let forged = Record::from_rdata(request.query.name.clone(), 86_400, data);
    let mut forged = with_answers(request, vec![forged]);
    let mut messages: Vec<_> = (0..count)
        .map(|_| {
            forged.metadata.id = forged.metadata.id.wrapping_add(1);
            request.send(&forged)
        })
        .collect();
    messages.push(request.send(truth));
    messages
}

/// A name that begins with a label of 63 bytes and then has a length byte that no label has, so
/// that the noise never happens to be a record.
fn garbage(request: &Request, nth: usize) -> Vec<u8> {
    let mut noise = [0; 64];
    Random::from_seed([nth.to_le_bytes()[0]; 32]).fill(&mut noise);
    let mut reply = request.reply(ResponseCode::NoError);
    reply.edns = None;
    let mut bytes = encode(&reply);
    bytes.push(63);
    bytes.extend_from_slice(&noise);
    if let Some(length) = bytes.last_mut() {
        *length = 0x80;
    }
    if let Some(answers) = bytes.get_mut(6..8) {
        answers.copy_from_slice(&1_u16.to_be_bytes());
    }
    bytes
}

fn huge_counts(request: &Request) -> Vec<u8> {
    let mut bytes = encode(&request.reply(ResponseCode::NoError));
    bytes.truncate(12);
    if let Some(counts) = bytes.get_mut(4..) {
        counts.fill(0xFF);
    }
    bytes
}

/// Written by hand: hickory stops compressing the owner after a while, and then half as many fit.
fn many_srv(request: &Request, count: u16) -> Vec<u8> {
    let mut reply = request.reply(ResponseCode::NoError);
    if request.transport == Transport::Udp {
        return encode(&reply.truncate());
    }
    reply.edns = None;
    let mut bytes = encode(&reply);
    let room = (usize::from(u16::MAX) - bytes.len()) / SRV_RECORD.len();
    let count = u16::try_from(room).map_or(count, |room| count.min(room));
    if let Some(answers) = bytes.get_mut(6..8) {
        answers.copy_from_slice(&count.to_be_bytes());
    }
    for _ in 0..count {
        bytes.extend_from_slice(SRV_RECORD);
    }
    bytes
}

fn under_id(request: &Request, mut bytes: Vec<u8>) -> Vec<u8> {
    for (byte, id) in bytes.iter_mut().zip(request.metadata.id.to_be_bytes()) {
        *byte = id;
    }
    bytes
}

fn alias(owner: Name, target: Name) -> Record {
    Record::from_rdata(owner, 300, RData::CNAME(CNAME(target)))
}

fn null_target(owner: Name) -> Record {
    let data = SRV::new(0, 0, 0, Name::root());
    Record::from_rdata(owner, 300, RData::SRV(data))
}

const OTHER: &str = "other.invalid";

/// `0 0 5269 t.invalid` with the owner name of the question, IN, for 300 seconds.
const SRV_RECORD: &[u8] =
    b"\xC0\x0C\0\x21\0\x01\0\0\x01\x2C\0\x11\0\0\0\0\x14\x95\x01t\x07invalid\0";

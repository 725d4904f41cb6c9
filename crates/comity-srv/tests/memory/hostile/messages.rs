//! Messages that cost as much as a name server can make them cost.
//!
//! Each answers the question of a query, so that it is read to its end.

use super::wire::{A, AAAA, CNAME, Message, NAPTR, NS, Query, SOA, SRV, pointer};

/// What a name server answers to every question.
pub(crate) type Answer = fn(&Query<'_>) -> Vec<u8>;

/// The answers, each with a name.
pub(crate) const ANSWERS: [(&str, Answer); 26] = [
    ("long targets", |query| records(query, &LONG)),
    ("long targets of 64 priorities", |query| {
        records(
            query,
            &Records {
                priorities: 64,
                ..LONG
            },
        )
    }),
    ("long targets of 4 priorities", |query| {
        records(
            query,
            &Records {
                priorities: 4,
                ..LONG
            },
        )
    }),
    ("64 ports of a target", |query| {
        records(query, &Records { targets: 1, ..LONG })
    }),
    ("16 ports of 8 targets", |query| {
        records(query, &Records { targets: 8, ..LONG })
    }),
    ("2 ports of 64 targets of 32 priorities", |query| {
        records(
            query,
            &Records {
                targets: 64,
                priorities: 32,
                ..LONG
            },
        )
    }),
    ("one record 64 times", |query| {
        records(
            query,
            &Records {
                targets: 1,
                ports: 1,
                ..LONG
            },
        )
    }),
    ("one record without a host 64 times", |query| {
        records(
            query,
            &Records {
                target: Target::Root,
                ..LONG
            },
        )
    }),
    ("targets of unprintable bytes", |query| {
        records(
            query,
            &Records {
                target: Target::Unprintable,
                ..LONG
            },
        )
    }),
    ("targets of A-labels", |query| {
        records(
            query,
            &Records {
                target: Target::ALabels,
                ..LONG
            },
        )
    }),
    ("targets behind pointers", |query| {
        records(
            query,
            &Records {
                target: Target::Ladder,
                ..LONG
            },
        )
    }),
    ("forbidden addresses", |query| {
        records(
            query,
            &Records {
                forbidden: true,
                ..LONG
            },
        )
    }),
    ("forbidden addresses of 64 priorities", |query| {
        records(
            query,
            &Records {
                forbidden: true,
                priorities: 64,
                ..LONG
            },
        )
    }),
    ("texts of 255 bytes", |query| texts(query, 30, 255)),
    ("short and long texts", |query| texts(query, 48, 1)),
    ("texts of 100 bytes", |query| texts(query, 63, 1)),
    ("8 aliases", |query| aliases(query, 8, false)),
    ("8 aliases beside owners behind pointers", |query| {
        aliases(query, 8, true)
    }),
    ("63 aliases", |query| aliases(query, 63, false)),
    ("aliases without end", alias),
    ("aliases in a loop", alias_loop),
    ("answers to owners behind pointers", |query| {
        ladders(query, 0, query.kind())
    }),
    ("zones behind pointers", |query| ladders(query, 1, SOA)),
    ("referrals behind pointers", |query| ladders(query, 1, NS)),
    ("additional records behind pointers", |query| {
        ladders(query, 2, A)
    }),
    ("counts that are lies", lies),
];

/// Records of the type that was asked for, which differ as far as they can.
struct Records {
    target: Target,
    targets: u16,
    priorities: u16,
    ports: u16,
    /// The addresses are those of a private network.
    forbidden: bool,
}

/// What the names look like that the records lead to.
#[derive(Clone, Copy, Debug)]
enum Target {
    /// 255 bytes, of which the first label differs.
    Long,
    /// As `Long`, with bytes that are no text.
    Unprintable,
    /// As `Long`, with labels that stand for others.
    ALabels,
    /// 127 labels, each behind a pointer.
    Ladder,
    Root,
}

const LONG: Records = Records {
    target: Target::Long,
    targets: MAX_RECORDS,
    priorities: 1,
    ports: MAX_RECORDS,
    forbidden: false,
};

fn records(query: &Query<'_>, records: &Records) -> Vec<u8> {
    let mut message = Message::reply(query);
    add_records(&mut message, Message::ASKED, query.kind(), records);
    message.finish()
}

/// As many records of that type as there is room for.
fn add_records(message: &mut Message, owner: u16, kind: u16, records: &Records) {
    let mut tail = match records.target {
        Target::Ladder => Some(message.ladder()),
        Target::Long | Target::Unprintable | Target::ALabels | Target::Root => None,
    };
    for number in message.records()..MAX_RECORDS {
        let host = number % records.targets;
        let [_, low] = number.to_be_bytes();
        message.answer(owner, kind, |bytes| match kind {
            A if records.forbidden => bytes.extend([10, 0, 0, low]),
            A => bytes.extend([198, 97, 190, low]),
            AAAA => {
                let first = if records.forbidden { 0xfd } else { 0x2a };
                bytes.extend([first, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, low]);
            }
            NAPTR => {
                put(bytes, &[number, 0]);
                bytes.extend(b"\x01s\x07SIP+D2T\0");
                put_target(bytes, records.target, host, &mut tail);
            }
            _ => {
                let port = 5269 + number % records.ports;
                put(bytes, &[number % records.priorities, number % 7, port]);
                put_target(bytes, records.target, host, &mut tail);
            }
        });
    }
}

fn put(bytes: &mut Vec<u8>, fields: &[u16]) {
    bytes.extend(fields.iter().flat_map(|field| field.to_be_bytes()));
}

/// Writes the name of a host of that number. `tail` points to what its names have in common, once
/// that was written.
fn put_target(bytes: &mut Vec<u8>, target: Target, host: u16, tail: &mut Option<u16>) {
    let filler = match target {
        Target::Root => return bytes.push(0),
        Target::Ladder => {
            bytes.extend([1, b'b' + u8::try_from(host % 25).unwrap()]);
            None
        }
        Target::Unprintable => Some((&b""[..], 0xff)),
        Target::ALabels => Some((&b"xn--td"[..], b'a')),
        Target::Long => Some((&b""[..], b'a')),
    };
    if let Some((start, filler)) = filler {
        bytes.extend(format!("\x04h{host:03}").bytes());
        if tail.is_none() {
            *tail = Some(pointer(bytes.len()));
            for length in [63, 63, 63, 56] {
                bytes.push(length);
                let end = bytes.len() + usize::from(length);
                bytes.extend(start);
                bytes.resize(end, filler);
            }
            return bytes.push(0);
        }
    }
    put(bytes, tail.as_slice());
}

/// NAPTR records about SIP of about so many that fit, with flags so long, and services of what else
/// there is room for, in bytes that are no text.
fn texts(query: &Query<'_>, count: u16, flags: u8) -> Vec<u8> {
    if query.kind() != NAPTR {
        return records(query, &LONG);
    }
    let mut message = Message::reply(query);
    let mut tail = None;
    let room = (11_000 / usize::from(count)).saturating_sub(28 + usize::from(flags));
    let service = u8::try_from(room.min(255)).unwrap();
    for number in 0..count {
        message.answer(Message::ASKED, NAPTR, |bytes| {
            put(bytes, &[number, 0]);
            bytes.push(flags);
            bytes.resize(bytes.len() + usize::from(flags), b's');
            bytes.push(service);
            bytes.extend(b"SIP+D2");
            bytes.resize(bytes.len() + usize::from(service) - 6, 0xff);
            bytes.push(0);
            put_target(bytes, Target::Long, number, &mut tail);
        });
    }
    message.finish()
}

/// So many aliases, and records behind the last one. The rest of the message is names with as many
/// pointers as there can be, if told so.
fn aliases(query: &Query<'_>, count: u16, ladder: bool) -> Vec<u8> {
    let mut message = Message::reply(query);
    let (mut owner, mut tail) = (Message::ASKED, None);
    for number in 0..count {
        owner = add_alias(&mut message, owner, 500 + number, &mut tail);
    }
    if ladder {
        let top = message.ladder();
        while message.records() < MAX_RECORDS - 1 {
            message.answer(top, query.kind(), |bytes| bytes.push(0));
        }
    }
    add_records(&mut message, owner, query.kind(), &LONG);
    message.finish()
}

/// An alias of a name that was not asked for before.
fn alias(query: &Query<'_>) -> Vec<u8> {
    let mut message = Message::reply(query);
    let number = query.id() % 1000;
    let mut tail = None;
    let owner = add_alias(&mut message, Message::ASKED, number, &mut tail);
    add_alias(&mut message, owner, (number + 1) % 1000, &mut tail);
    message.finish()
}

fn alias_loop(query: &Query<'_>) -> Vec<u8> {
    let mut message = Message::reply(query);
    let (mut owner, mut tail) = (Message::ASKED, None);
    for number in 0..7 {
        owner = add_alias(&mut message, owner, number, &mut tail);
    }
    message.answer(owner, CNAME, |bytes| put(bytes, &[Message::ASKED]));
    message.finish()
}

/// Adds an alias of a host, and gives a pointer to that one.
fn add_alias(message: &mut Message, owner: u16, host: u16, tail: &mut Option<u16>) -> u16 {
    let mut next = owner;
    message.answer(owner, CNAME, |bytes| {
        next = pointer(bytes.len());
        put_target(bytes, Target::Long, host, tail);
    });
    next
}

/// Records in the section of that number, the owners of which have as many pointers as there can be.
fn ladders(query: &Query<'_>, section: usize, kind: u16) -> Vec<u8> {
    let mut message = Message::reply(query);
    let top = message.ladder();
    while message.records() < MAX_RECORDS {
        message.record(section, top, kind, |bytes| bytes.push(0));
    }
    message.finish()
}

/// More records than there are.
fn lies(query: &Query<'_>) -> Vec<u8> {
    let mut message = Message::reply(query);
    message.answer(Message::ASKED, SRV, |bytes| bytes.extend([0; 7]));
    message.counts = match query.id() % 3 {
        0 => [u16::MAX; 3],
        1 => [MAX_RECORDS, 0, 0],
        _ => [1, 1, MAX_RECORDS - 2],
    };
    message.cut()
}

/// A reply that sends the question to TCP.
pub(crate) fn truncated(query: &Query<'_>) -> Vec<u8> {
    let mut bytes = Message::reply(query).cut();
    bytes[2] |= 0b0000_0010;
    bytes
}

/// The default of `Limits::max_records_per_message`.
const MAX_RECORDS: u16 = 64;

use comity_sip::{Framer, FramerEvent, Limits, ParseError, Place, Rejected, StatusCode};

use super::framing::{Frame, frames};
use super::{check_offset, lines_tile, place_in, tight, unlimited};
use crate::program::Program;
use crate::xml_cuts::cut;

/// Reads a stream whole, byte by byte and in pieces, and compares it with a plain framer.
///
/// The input is a byte that chooses the limits, three lengths of pieces, and the stream.
pub fn sip_stream(data: &[u8]) {
    let mut program = Program::new(data);
    let mode = program.byte();
    let lengths = [program.byte(), program.byte(), program.byte()];
    let stream = program.rest();
    let limits = match mode & 3 {
        0 | 1 => Limits::default(),
        2 => tight(),
        _ => unlimited(),
    };

    let whole = read([stream], limits);
    assert_eq!(whole, read(stream.chunks(1), limits), "byte by byte");
    assert_eq!(whole, read(cut(stream, lengths), limits), "in pieces");
    agrees(stream, &whole, &limits);
}

/// What a framer gave, and how much of the stream it had used then.
type Seen = (Event, usize);

/// An event with all that can be read of it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Event {
    KeepAlive,
    Message(Vec<u8>),
    Rejected(Unread),
    Failed(Unread),
}

/// What is no message.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Unread {
    error: ParseError,
    bytes: Vec<u8>,
    headers: Vec<(String, Vec<u8>)>,
    status: Option<StatusCode>,
}

fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, limits: Limits) -> Vec<Seen> {
    let mut framer = Framer::new(limits);
    let mut seen = Vec::new();
    let mut given = 0;
    for piece in pieces {
        assert!(
            framer.is_closed() || framer.wants_input(),
            "a stream that stands still"
        );
        framer.handle_input(piece);
        given += piece.len();
        poll(&mut framer, &mut seen, given);
    }
    framer.handle_eof();
    poll(&mut framer, &mut seen, given);
    assert!(
        framer.is_closed() || framer.pending() == 0,
        "bytes are left"
    );
    assert!(framer.poll_event().is_none());
    seen
}

fn poll(framer: &mut Framer, seen: &mut Vec<Seen>, given: usize) {
    while let Some(event) = framer.poll_event() {
        let before = seen.last();
        assert!(
            !matches!(before, Some((Event::Failed(_), _))),
            "behind the end"
        );
        let before = before.map_or(0, |(_, used)| *used);
        let event = Event::of(event);
        let used = match &event {
            Event::Failed(unread) => before + unread.bytes.len(),
            Event::KeepAlive | Event::Message(_) | Event::Rejected(_) => given - framer.pending(),
        };
        assert!(before <= used && used <= given, "invented bytes");
        seen.push((event, used));
    }
    assert!(framer.pending() <= given, "more than came");
    let (last, used) = match seen.last() {
        Some((event, used)) => (Some(event), *used),
        None => (None, 0),
    };
    if matches!(last, Some(Event::Failed(_))) {
        assert!(framer.is_closed() && !framer.wants_input());
    } else {
        assert_eq!(used + framer.pending(), given, "lost or invented bytes");
    }
    if let Some(needed) = framer.needed() {
        assert!(needed > 0, "a message that needs nothing");
    }
}

impl Event {
    fn of(event: FramerEvent) -> Self {
        match event {
            FramerEvent::KeepAlive => Self::KeepAlive,
            FramerEvent::Message(message) => {
                let bytes = message.as_bytes();
                let head = bytes.len() - message.body().len();
                let first = message.headers().iter().next();
                let start = first.map_or(head - 2, |line| line.offset());
                assert_eq!(lines_tile(bytes, message.headers(), start), head);
                Self::Message(bytes.to_vec())
            }
            FramerEvent::Rejected(rejected) => Self::Rejected(Unread::of(&rejected)),
            FramerEvent::Failed(rejected) => Self::Failed(Unread::of(&rejected)),
        }
    }
}

impl Unread {
    fn of(rejected: &Rejected) -> Self {
        let bytes = rejected.as_bytes();
        check_offset(rejected.error(), bytes.len());
        let lines = rejected.headers().iter().map(|header| {
            place_in(bytes, header.line());
            (header.name().to_owned(), header.line().to_vec())
        });
        Self {
            error: rejected.error(),
            bytes: bytes.to_vec(),
            headers: lines.collect(),
            status: rejected.status(),
        }
    }
}

/// The plain framer finds the same messages, and fails where ours does.
fn agrees(stream: &[u8], seen: &[Seen], limits: &Limits) {
    let mut start = 0;
    let found: Vec<_> = seen
        .iter()
        .map(|(event, end)| {
            let used = &stream[start..*end];
            let place = start..*end;
            start = *end;
            match event {
                Event::KeepAlive => Frame::KeepAlive,
                Event::Message(bytes) => {
                    assert_eq!(used, bytes, "other bytes");
                    Frame::Message(place)
                }
                Event::Rejected(unread) => {
                    assert!(used.starts_with(&unread.bytes), "other bytes");
                    assert_eq!(unread.error.place(), Place::StartLine);
                    Frame::Message(place)
                }
                Event::Failed(unread) => {
                    assert_eq!(used, unread.bytes, "other bytes");
                    Frame::Failed
                }
            }
        })
        .collect();
    assert_eq!(found, frames(stream, limits), "{seen:?}");
}

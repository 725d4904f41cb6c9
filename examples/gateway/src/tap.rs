//! The tap: decrypted messages as JSON lines, for who has to see what crosses the border.
//!
//! It is off unless the configuration names a file. What users write is left out unless the
//! configuration asks for it: then the text between the tags of a stanza and the body of a SIP
//! message are given as their lengths. A line is one object with `time`, `direction`, `peer`,
//! `protocol` and `message`.

mod markup;

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::SystemTime;

use comity_command_line::rfc3339;
use comity_identity::Direction;
use serde_json::json;

use markup::Markup;

/// Takes messages without waiting, and writes them on a thread of its own.
#[derive(Debug)]
pub(crate) struct Tap {
    queue: SyncSender<Item>,
    dropped: Arc<AtomicU64>,
    thread: Mutex<Option<JoinHandle<io::Result<()>>>>,
}

#[derive(Debug)]
enum Item {
    Entry(Entry),
    End,
}

/// What becomes of what users write.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Bodies {
    /// Only their lengths are written.
    Redacted,
    Written,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Protocol {
    Sip,
    Xmpp,
}

/// A message that has passed.
#[derive(Clone, Debug)]
struct Entry {
    time: SystemTime,
    direction: Direction,
    peer: String,
    protocol: Protocol,
    message: Vec<u8>,
}

impl Tap {
    /// Appends to a file, which is made readable for this user alone.
    pub(crate) fn open(path: &Path, bodies: Bodies) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        Ok(Self::start(options.open(path)?, bodies))
    }

    fn start(file: File, bodies: Bodies) -> Self {
        let (queue, entries) = mpsc::sync_channel(MAX_QUEUED);
        let dropped = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&dropped);
        let thread = thread::spawn(move || {
            let mut writer = BufWriter::new(file);
            let done = write_all(&entries, &mut writer, bodies);
            if done.is_err() {
                // From here on every message is dropped, and counted.
                let rest = entries
                    .iter()
                    .take_while(|item| matches!(item, Item::Entry(_)));
                rest.for_each(|_entry| {
                    counted.fetch_add(1, Ordering::Relaxed);
                });
            }
            done
        });
        Self {
            queue,
            dropped,
            thread: Mutex::new(Some(thread)),
        }
    }

    /// Writes a message, or drops it if the disk is slower than the messages, or it is too long.
    pub(crate) fn record(
        &self,
        time: SystemTime,
        direction: Direction,
        peer: &str,
        protocol: Protocol,
        message: &[u8],
    ) {
        let entry = Entry {
            time,
            direction,
            peer: peer.to_owned(),
            protocol,
            message: message.to_owned(),
        };
        if message.len() > MAX_MESSAGE_BYTES || self.queue.try_send(Item::Entry(entry)).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many messages were not written.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Writes what waits, and ends. It blocks until then.
    pub(crate) fn finish(&self) -> io::Result<()> {
        // A thread that has ended already takes nothing, and says why below.
        let _ = self.queue.send(Item::End);
        let thread = self.thread.lock();
        let thread = thread.unwrap_or_else(PoisonError::into_inner).take();
        // A panic in the thread is a fault of ours, which has been printed.
        thread.map_or(Ok(()), |thread| thread.join().unwrap_or(Ok(())))
    }
}

fn write_all(items: &Receiver<Item>, writer: &mut impl Write, bodies: Bodies) -> io::Result<()> {
    let mut markup = Streams::default();
    while let Ok(Item::Entry(entry)) = items.recv() {
        writeln!(writer, "{}", line(&entry, bodies, &mut markup))?;
        for item in items.try_iter() {
            match item {
                Item::Entry(entry) => writeln!(writer, "{}", line(&entry, bodies, &mut markup))?,
                Item::End => return writer.flush(),
            }
        }
        // Nothing waits, so that whoever reads along sees all of it.
        writer.flush()?;
    }
    Ok(())
}

fn line(entry: &Entry, bodies: Bodies, markup: &mut Streams) -> String {
    let text = String::from_utf8_lossy(&entry.message);
    let message = match (bodies, entry.protocol) {
        (Bodies::Written, _) => text.into_owned(),
        (Bodies::Redacted, Protocol::Sip) => without_body(&text),
        (Bodies::Redacted, Protocol::Xmpp) => markup.of(entry).redact(&text),
    };
    let direction = match entry.direction {
        Direction::Inbound => "inbound",
        Direction::Outbound => "outbound",
    };
    let protocol = match entry.protocol {
        Protocol::Sip => "sip",
        Protocol::Xmpp => "xmpp",
    };
    json!({
        "time": rfc3339(entry.time),
        "direction": direction,
        "peer": entry.peer,
        "protocol": protocol,
        "message": message,
    })
    .to_string()
}

/// Where each stream of XMPP stands, which comes in pieces: by its peer and direction.
#[derive(Debug, Default)]
struct Streams(BTreeMap<(String, bool), Markup>);

impl Streams {
    fn of(&mut self, entry: &Entry) -> &mut Markup {
        // Those that ended are not told of. A stream that is forgotten goes on as between two tags.
        if self.0.len() >= MAX_STREAMS {
            self.0.clear();
        }
        let is_inbound = entry.direction == Direction::Inbound;
        self.0.entry((entry.peer.clone(), is_inbound)).or_default()
    }
}

/// A SIP message without its body, and without the headers in which a text of a user may stand.
fn without_body(message: &str) -> String {
    let (head, body) = message.split_once("\r\n\r\n").unwrap_or((message, ""));
    let mut shown = String::with_capacity(head.len());
    let mut is_text = false;
    for line in head.split("\r\n") {
        // A folded line belongs to the header before it (RFC 3261 §7.3.1).
        let is_folded = line.starts_with([' ', '\t']);
        if is_folded && is_text {
            continue;
        }
        let name = line.split_once(':').map(|(name, _)| name.trim());
        is_text = name.is_some_and(|name| {
            TEXT_HEADERS
                .iter()
                .any(|one| one.eq_ignore_ascii_case(name))
        });
        match name {
            Some(name) if is_text => {
                shown.push_str(name);
                shown.push_str(": [redacted]");
            }
            Some(_) | None => shown.push_str(line),
        }
        shown.push_str("\r\n");
    }
    shown.push_str("\r\n");
    if !body.is_empty() {
        shown.push_str(&format!("[{} bytes]", body.len()));
    }
    shown
}

/// The first text of a session of Microsoft's stands in `Ms-Text-Format`.
const TEXT_HEADERS: [&str; 3] = ["Ms-Text-Format", "Subject", "s"];
/// Streams of XMPP whose place is remembered.
const MAX_STREAMS: usize = 4096;
/// Messages that wait for the disk.
const MAX_QUEUED: usize = 1024;
/// Longer ones are not written.
const MAX_MESSAGE_BYTES: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn entry(protocol: Protocol, message: &[u8]) -> Entry {
        Entry {
            time: UNIX_EPOCH + Duration::from_millis(1_800_000_000_250),
            direction: Direction::Inbound,
            peer: "192.0.2.1:5061".to_owned(),
            protocol,
            message: message.to_owned(),
        }
    }

    #[test]
    fn a_line_is_one_object_whatever_the_message_holds() {
        let one = entry(Protocol::Xmpp, b"<body>a\"\n\xFF</body>");
        assert_eq!(
            line(&one, Bodies::Written, &mut Streams::default()),
            "{\"direction\":\"inbound\",\"message\":\"<body>a\\\"\\n\u{FFFD}</body>\",\
             \"peer\":\"192.0.2.1:5061\",\"protocol\":\"xmpp\",\
             \"time\":\"2027-01-15T08:00:00.250Z\"}"
        );
    }

    #[test]
    fn a_stanza_in_pieces_is_read_on_where_its_stream_stands() {
        let mut streams = Streams::default();
        let mut shown = |direction, piece: &str| {
            let mut one = entry(Protocol::Xmpp, piece.as_bytes());
            one.direction = direction;
            let text = line(&one, Bodies::Redacted, &mut streams);
            let value: serde_json::Value = serde_json::from_str(&text).unwrap();
            value["message"].as_str().unwrap().to_owned()
        };
        assert_eq!(shown(Direction::Inbound, "<body><![CDA"), "<body>");
        assert_eq!(shown(Direction::Outbound, "TA"), "[2 bytes]");
        assert_eq!(shown(Direction::Inbound, "TA[<secret/>]"), "[10 bytes]");
        assert_eq!(shown(Direction::Inbound, "]></body>"), "</body>");
    }

    #[test]
    fn of_a_sip_message_the_head_is_left_without_texts() {
        let message = "MESSAGE sip:a@b.example SIP/2.0\r\nms-text-format: text/plain;ms-body=SGk=\r\n \
                       more\r\nCall-ID: 1\r\n folded\r\nSubject: hello\r\n\r\nWherefore";
        assert_eq!(
            without_body(message),
            "MESSAGE sip:a@b.example SIP/2.0\r\nms-text-format: [redacted]\r\nCall-ID: 1\r\n \
             folded\r\nSubject: [redacted]\r\n\r\n[9 bytes]"
        );
        assert_eq!(
            without_body("ACK x SIP/2.0\r\n\r\n"),
            "ACK x SIP/2.0\r\n\r\n"
        );
    }

    #[test]
    fn what_is_recorded_is_in_the_file_and_what_is_too_long_is_counted() {
        let folder = comity_testkit::site::Site::new("tap");
        let path = folder.directory().join("tap.jsonl");
        let tap = Tap::open(&path, Bodies::Redacted).unwrap();
        let time = UNIX_EPOCH;
        let long = vec![b'a'; MAX_MESSAGE_BYTES + 1];
        tap.record(
            time,
            Direction::Outbound,
            "p",
            Protocol::Sip,
            b"ACK\r\n\r\n",
        );
        tap.record(time, Direction::Outbound, "p", Protocol::Sip, &long);
        assert_eq!(tap.dropped(), 1);
        tap.finish().unwrap();
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "{\"direction\":\"outbound\",\"message\":\"ACK\\r\\n\\r\\n\",\"peer\":\"p\",\
             \"protocol\":\"sip\",\"time\":\"1970-01-01T00:00:00.000Z\"}\n"
        );
    }
}

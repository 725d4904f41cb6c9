//! The messages that are read.

use bytes::Bytes;

use crate::parsers::{Measure, Parser, Read};
use crate::seen::Seen;

/// Messages, and how they are read.
#[derive(Debug)]
pub(crate) struct Traffic {
    messages: Vec<Bytes>,
    read: Read,
    /// How often the messages are read in one round.
    passes: usize,
}

impl Traffic {
    /// The messages that `limited_by` can read, for `parser`.
    pub(crate) fn new(parser: &Parser, measure: Measure, limited_by: &Parser) -> Self {
        let readable = MESSAGES.iter().filter(|message| message.suits(limited_by));
        Self {
            messages: readable.map(Message::bytes).collect(),
            read: parser.read(measure),
            passes: PASSES,
        }
    }

    /// One message.
    pub(crate) fn of_one(message: Vec<u8>, read: Read) -> Self {
        Self {
            messages: vec![message.into()],
            read,
            passes: 1,
        }
    }

    /// The same messages, read so many times in one round.
    pub(crate) fn with_passes(self, passes: usize) -> Self {
        Self { passes, ..self }
    }

    /// Reads all messages for one round; gives how much was seen in them.
    pub(crate) fn read(&self) -> usize {
        let mut seen = 0;
        for _ in 0..self.passes {
            for message in &self.messages {
                seen += (self.read)(message).expect("a readable message").sum();
            }
        }
        seen
    }

    /// How many messages there are.
    pub(crate) fn messages(&self) -> usize {
        self.messages.len()
    }

    /// How many messages are read in one round.
    pub(crate) fn reads(&self) -> usize {
        self.passes * self.messages.len()
    }
}

/// The traffic of that name: `PARSER/MEASURE/PARSER`, the last of which decides what is readable.
pub(crate) fn named(subject: &str) -> Option<Traffic> {
    let mut parts = subject.split('/');
    let parser = Parser::named(parts.next()?)?;
    let measure = Measure::named(parts.next()?)?;
    let limited_by = Parser::named(parts.next()?)?;
    Some(Traffic::new(parser, measure, limited_by))
}

/// The name of that traffic.
pub(crate) fn name(parser: &Parser, measure: Measure, limited_by: &Parser) -> String {
    format!("{}/{}/{}", parser.name, measure.name(), limited_by.name)
}

/// How much there is to read.
pub(crate) fn summary() -> String {
    format!("{CORPUS} messages of {:.0} bytes in the mean", mean_bytes())
}

/// The mean size of a message.
fn mean_bytes() -> f64 {
    let total: usize = MESSAGES.iter().map(|message| message.bytes.len()).sum();
    total as f64 / CORPUS as f64
}

/// A message of the corpus.
#[derive(Debug)]
struct Message {
    bytes: &'static [u8],
    /// What is in it.
    expected: Seen,
}

impl Message {
    /// Whether a parser sees what is there.
    fn suits(&self, parser: &Parser) -> bool {
        let message = self.bytes();
        let body = Seen {
            body: self.expected.body,
            ..Seen::default()
        };
        parser.read(Measure::Lazy)(&message) == Some(body)
            && parser.read(Measure::Full)(&message) == Some(self.expected)
    }

    /// The message as it comes from a socket, in a buffer of its own.
    fn bytes(&self) -> Bytes {
        Bytes::copy_from_slice(self.bytes)
    }
}

macro_rules! message {
    ($name:literal, $body:literal, $values:literal, $text:literal, $numbers:literal) => {
        Message {
            bytes: include_bytes!(concat!("../messages/", $name, ".sip")),
            expected: Seen {
                body: $body,
                values: $values,
                text: $text,
                numbers: $numbers,
            },
        }
    };
}

/// How many messages there are in all.
pub(crate) const CORPUS: usize = MESSAGES.len();

const MESSAGES: [Message; 20] = [
    message!("01-invite-proxy-authorization", 211, 2, 53, 10403),
    message!("02-invite-through-proxies", 133, 5, 112, 344723),
    message!("03-trying", 0, 1, 53, 5062),
    message!("04-ringing-six-vias", 0, 7, 159, 344525),
    message!("05-ok-invite", 139, 3, 78, 329481),
    message!("06-ack-route-set", 0, 4, 54, 334473),
    message!("07-bye-route-set", 0, 4, 57, 20545),
    message!("08-cancel", 0, 2, 53, 5132),
    message!("09-options-compact", 0, 2, 42, 73294),
    message!("10-register-authorization", 0, 2, 55, 73919),
    message!("11-unauthorized", 0, 1, 65, 37837),
    message!("12-message-page-mode", 79, 3, 86, 64844),
    message!("13-lync-message-in-session", 34, 1, 68, 10226),
    message!("14-lync-subscribe", 0, 3, 90, 52826),
    message!("15-lync-notify-pidf", 387, 4, 77, 20702),
    message!("16-lync-benotify", 290, 3, 77, 15549),
    message!("17-lync-invite-edge", 166, 3, 90, 52992),
    message!("18-lync-forbidden", 0, 2, 48, 59616),
    message!("19-lync-server-timeout", 0, 2, 48, 59616),
    message!("20-publish-compact", 485, 1, 41, 36569),
];

/// Few, because callgrind is slow; the differences of counts are exact.
const PASSES: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parsers::PARSERS;

    #[test]
    fn messages_have_sizes_like_those_on_the_wire() {
        for message in &MESSAGES {
            let size = message.bytes.len();
            assert!((300..=1500).contains(&size), "{size} bytes");
        }
        assert!((740.0..=772.0).contains(&mean_bytes()), "{}", mean_bytes());
    }

    #[test]
    fn messages_have_crlf_line_ends_and_a_right_content_length() {
        for message in &MESSAGES {
            let text = str::from_utf8(message.bytes).expect("ASCII");
            let (head, body) = text.split_once("\r\n\r\n").expect("an end of the head");
            assert!(!head.replace("\r\n", "").contains(['\r', '\n']), "{head}");
            let lengths: Vec<&str> = head.split("\r\n").filter_map(content_length).collect();
            assert_eq!(lengths, [body.len().to_string()], "{head}");
        }
    }

    #[test]
    fn we_read_every_message_right() {
        assert!(MESSAGES.iter().all(|message| message.suits(&PARSERS[0])));
    }

    fn content_length(line: &str) -> Option<&str> {
        let (name, value) = line.split_once(':')?;
        let names = ["content-length", "l"];
        let names_it = names.iter().any(|known| name.eq_ignore_ascii_case(known));
        names_it.then(|| value.trim())
    }
}

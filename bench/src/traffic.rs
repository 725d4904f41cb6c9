//! Seeded traffic between two servers.

use std::fmt;

use comity_machine::Random;

/// One direction of a stream, from its header on.
#[derive(Debug)]
pub(crate) struct Traffic {
    pub(crate) bytes: Vec<u8>,
    pub(crate) stanzas: usize,
}

impl fmt::Display for Traffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} stanzas, {} bytes", self.stanzas, self.bytes.len())
    }
}

/// About 1.5 MB: 1565 messages, 783 presences and 406 iqs, of which 82 carry 2 to 8 kB of base64.
pub(crate) fn mixed() -> Traffic {
    let mut random = Random::from_seed([1; 32]);
    let mut kinds: Vec<Kind> = [
        (1565, Kind::Message),
        (783, Kind::Presence),
        (324, Kind::Query),
        (82, Kind::Photo),
    ]
    .into_iter()
    .flat_map(|(count, kind)| std::iter::repeat_n(kind, count))
    .collect();
    for last in (1..kinds.len()).rev() {
        kinds.swap(last, below(&mut random, last + 1));
    }
    let stanzas: Vec<String> = kinds
        .iter()
        .enumerate()
        .map(|(number, kind)| kind.write(number, &mut random))
        .collect();
    stream(&stanzas)
}

/// Messages of 185 bytes each.
pub(crate) fn short() -> Traffic {
    messages(SHORT_STANZAS)
}

/// So many messages of 185 bytes each.
pub(crate) fn messages(count: usize) -> Traffic {
    let mut random = Random::from_seed([2; 32]);
    let stanzas: Vec<String> = (0..count)
        .map(|number| {
            let from = name(&mut random);
            let start = format!(
                "<message from='{from}@{REMOTE}/phone' to='{}@{LOCAL}' type='chat' \
                 id='m{number}'><body>",
                name(&mut random)
            );
            let end = "</body></message>";
            let room = SHORT_BYTES - start.len() - end.len();
            let text: String = text(&mut random, room).chars().take(room).collect();
            format!("{start}{text}{end}")
        })
        .collect();
    stream(&stanzas)
}

/// The header that opens the stream of [`REMOTE`] to [`LOCAL`].
pub(crate) const HEADER: &str = "<?xml version='1.0'?><stream:stream xmlns='jabber:server' \
     xmlns:stream='http://etherx.jabber.org/streams' xmlns:db='jabber:server:dialback' \
     from='capulet.example' to='montague.example' version='1.0'>";
pub(crate) const LOCAL: &str = "montague.example";
pub(crate) const REMOTE: &str = "capulet.example";

/// What a driver reads from its socket at once.
pub(crate) const PIECE_BYTES: usize = 4096;

#[derive(Clone, Copy)]
enum Kind {
    Message,
    Presence,
    Query,
    Photo,
}

impl Kind {
    fn write(self, number: usize, random: &mut Random) -> String {
        let from = format!("{}@{REMOTE}/{}", name(random), hex(random, 8));
        let to = format!("{}@{LOCAL}", name(random));
        match self {
            Self::Message => format!(
                "<message from='{from}' to='{to}' type='chat' id='{id}'><body>{}</body>\
                 <active xmlns='http://jabber.org/protocol/chatstates'/>\
                 <request xmlns='urn:xmpp:receipts'/>\
                 <origin-id xmlns='urn:xmpp:sid:0' id='{id}'/></message>",
                text_with_references(random),
                id = hex(random, 16),
            ),
            Self::Presence => format!(
                "<presence from='{from}' to='{to}'><show>away</show><priority>{}</priority>\
                 <status>{}</status><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' \
                 node='https://client.example/' ver='{}='/>\
                 <x xmlns='vcard-temp:x:update'><photo>{}</photo></x></presence>",
                below(random, 100),
                text(random, 20),
                base64(random, 27),
                hex(random, 40),
            ),
            Self::Query => format!(
                "<iq from='{from}' to='{to}' type='get' id='q{number}' xml:lang='en'>\
                 <query xmlns='http://jabber.org/protocol/disco#info' \
                 node='https://client.example/#{}='/></iq>",
                base64(random, 27),
            ),
            Self::Photo => {
                let len = 2048 + below(random, 6144);
                format!(
                    "<iq from='{from}' to='{to}' type='result' id='v{number}'>\
                     <vCard xmlns='vcard-temp'><FN>{}</FN><PHOTO><TYPE>image/png</TYPE><BINVAL>\
                     {}</BINVAL></PHOTO></vCard></iq>",
                    text(random, 12),
                    base64(random, len),
                )
            }
        }
    }
}

fn stream(stanzas: &[String]) -> Traffic {
    let bytes = [HEADER, &stanzas.concat(), "</stream:stream>"].concat();
    Traffic {
        bytes: bytes.into_bytes(),
        stanzas: stanzas.len(),
    }
}

/// Words of at least `min` characters in all.
fn text(random: &mut Random, min: usize) -> String {
    let mut text = String::new();
    while text.chars().count() < min {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(WORDS[below(random, WORDS.len())]);
    }
    text
}

/// A chat message, of which one in four needs a reference.
fn text_with_references(random: &mut Random) -> String {
    let min = 20 + below(random, 160);
    let text = text(random, min);
    match below(random, 4) {
        0 => format!("{text} &amp; {}", WORDS[below(random, WORDS.len())]),
        _ => text,
    }
}

fn name(random: &mut Random) -> String {
    let len = 5 + below(random, 5);
    pick(random, len, b"abcdefghijklmnopqrstuvwxyz")
}

fn hex(random: &mut Random, len: usize) -> String {
    pick(random, len, b"0123456789abcdef")
}

fn base64(random: &mut Random, len: usize) -> String {
    let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    pick(random, len, digits)
}

fn pick(random: &mut Random, len: usize, from: &[u8]) -> String {
    (0..len)
        .map(|_| char::from(from[below(random, from.len())]))
        .collect()
}

fn below(random: &mut Random, bound: usize) -> usize {
    random.below(bound as u64) as usize
}

/// One in eight is not ASCII.
const WORDS: [&str; 24] = [
    "wherefore",
    "art",
    "thou",
    "Romeo?",
    "deny",
    "thy",
    "father",
    "and",
    "refuse",
    "name;",
    "or",
    "if",
    "wilt",
    "not,",
    "be",
    "but",
    "sworn",
    "my",
    "love,",
    "I'll",
    "no",
    "caf\u{e9}",
    "\u{43b}\u{44e}\u{431}\u{43e}\u{432}\u{44c}",
    "\u{1f339}",
];
const SHORT_BYTES: usize = 185;
const SHORT_STANZAS: usize = 4000;

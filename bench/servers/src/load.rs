use std::io::{self, Write};

use comity_machine::Random;

use crate::domain;
use crate::stream::Stream;

/// How the load is cut into TLS records.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Records {
    /// Each as long as it can be.
    Full,
    /// One for each stanza.
    Short,
}

impl Records {
    pub(crate) const ALL: [Self; 2] = [Self::Full, Self::Short];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Full => "full records",
            Self::Short => "a record each",
        }
    }

    /// The name in one word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Short => "short",
        }
    }
}

/// Stanzas that no server answers, and one that each does.
pub(crate) struct Load {
    stanzas: Vec<String>,
    last_id: String,
    records: Records,
}

impl Load {
    pub(crate) fn new(to: &str, stanzas: usize, records: Records) -> Self {
        let mut random = Random::from_seed([1; 32]);
        let mut load = Self {
            stanzas: (0..stanzas).map(|_| stanza(to, &mut random)).collect(),
            last_id: hex(&mut random, 8),
            records,
        };
        load.stanzas.push(ping(to, &load.last_id));
        load
    }

    pub(crate) fn stanzas(&self) -> usize {
        self.stanzas.len()
    }

    /// Bytes of a stanza on average.
    pub(crate) fn mean_bytes(&self) -> usize {
        self.stanzas.iter().map(String::len).sum::<usize>() / self.stanzas.len()
    }

    /// The id of the stanza that is answered.
    pub(crate) fn last_id(&self) -> &str {
        &self.last_id
    }

    pub(crate) fn write(&self, stream: &mut Stream) -> io::Result<()> {
        match self.records {
            // rustls cuts what is longer than a record.
            Records::Full => stream.write_all(self.stanzas.concat().as_bytes())?,
            Records::Short => {
                for stanza in &self.stanzas {
                    stream.write_all(stanza.as_bytes())?;
                }
            }
        }
        stream.flush()
    }
}

/// A request that every server answers.
pub(crate) fn ping(to: &str, id: &str) -> String {
    let from = domain::NAME;
    format!("<iq from='{from}' to='{to}' type='get' id='{id}'><ping xmlns='urn:xmpp:ping'/></iq>")
}

/// A message in four of seven cases, presence in two, the result of an iq in one.
fn stanza(to: &str, random: &mut Random) -> String {
    let (from, resource) = (name(random), hex(random, 8));
    let (from, to) = (
        format!("{from}@{}/{resource}", domain::NAME),
        format!("{}@{to}", pick(&USERS, random)),
    );
    match random.below(7) {
        0..4 => format!(
            "<message from='{from}' to='{to}' type='headline' id='{}'><body>{}</body></message>",
            hex(random, 12),
            text(random),
        ),
        4..6 => format!(
            "<presence from='{from}' to='{to}'><show>away</show>\
             <c xmlns='http://jabber.org/protocol/caps' hash='sha-1' \
             node='https://client.example/' ver='{}='/></presence>",
            hex(random, 27),
        ),
        _ => format!(
            "<iq from='{from}' to='{to}' type='result' id='{}'>\
             <query xmlns='jabber:iq:version'><name>client</name><version>{}</version></query></iq>",
            hex(random, 12),
            hex(random, 8),
        ),
    }
}

fn text(random: &mut Random) -> String {
    let words = 2 + random.below(13);
    let words: Vec<&str> = (0..words).map(|_| pick(&WORDS, random)).collect();
    words.join(" ")
}

fn pick(words: &[&'static str], random: &mut Random) -> &'static str {
    words[random.below(words.len() as u64) as usize]
}

fn name(random: &mut Random) -> String {
    let len = 5 + random.below(5);
    (0..len)
        .map(|_| char::from(b'a' + random.below(26) as u8))
        .collect()
}

fn hex(random: &mut Random, len: usize) -> String {
    (0..len)
        .map(|_| char::from(b"0123456789abcdef"[random.below(16) as usize]))
        .collect()
}

/// Who is written to.
pub(crate) const USERS: [&str; 8] = [
    "balthasar",
    "benvolio",
    "juliet",
    "laurence",
    "mercutio",
    "nurse",
    "romeo",
    "tybalt",
];
const WORDS: [&str; 12] = [
    "wherefore",
    "art",
    "thou",
    "Romeo?",
    "deny",
    "thy",
    "father",
    "&amp;",
    "refuse",
    "thy",
    "name;",
    "caf\u{e9}",
];

//! The requests of the load.

use std::net::SocketAddr;

use comity_machine::Random;

use crate::load::Transport;

/// Writes requests, each with a key of its own in its branch, Call-ID and From tag.
pub(crate) struct Messages(Vec<Template>);

impl Messages {
    /// Requests that say they come from `from`.
    pub(crate) fn new(transport: Transport, from: SocketAddr) -> Self {
        let mut random = Random::from_seed([1; 32]);
        Self(
            (0..TEMPLATES)
                .map(|_| Template::new(transport, from, &mut random))
                .collect(),
        )
    }

    /// Appends the request of this key, always the same for the same key.
    pub(crate) fn write(&self, key: Key, out: &mut Vec<u8>) {
        let template = &self.0[key.index() as usize % self.0.len()];
        let start = out.len();
        out.extend_from_slice(&template.bytes);
        let digits = key.digits();
        for at in &template.keys {
            out[start + at..][..digits.len()].copy_from_slice(&digits);
        }
    }
}

/// What tells a request from all others: its index and a number made from it, so that neighbours
/// have little in common.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Key(u32);

impl Key {
    pub(crate) fn new(index: u32) -> Self {
        Self(index)
    }

    pub(crate) fn index(self) -> u32 {
        self.0
    }

    /// Reads what `digits` gives.
    pub(crate) fn read(digits: &[u8]) -> Option<Self> {
        let digits = std::str::from_utf8(digits.get(..KEY_DIGITS)?).ok()?;
        let number = u64::from_str_radix(digits, 16).ok()?;
        let key = Self(number as u32);
        (key.number() == number).then_some(key)
    }

    fn digits(self) -> [u8; KEY_DIGITS] {
        let number = self.number();
        std::array::from_fn(|at| {
            let nibble = number >> (60 - 4 * at) & 15;
            b"0123456789abcdef"[nibble as usize]
        })
    }

    fn number(self) -> u64 {
        let mixed = u64::from(self.0 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 32) << 32 | u64::from(self.0)
    }
}

/// Bytes of a request over UDP on average.
pub(crate) fn mean_bytes() -> usize {
    let from = SocketAddr::from(([127, 127, 127, 127], 20_000));
    let templates = Messages::new(Transport::Udp, from).0;
    templates
        .iter()
        .map(|template| template.bytes.len())
        .sum::<usize>()
        / templates.len()
}

/// A request, and where in it keys stand.
struct Template {
    bytes: Vec<u8>,
    keys: Vec<usize>,
}

impl Template {
    fn new(transport: Transport, from: SocketAddr, random: &mut Random) -> Self {
        let text = text(transport, from, random);
        Self {
            keys: text.match_indices(PLACE).map(|(at, _)| at).collect(),
            bytes: text.into_bytes(),
        }
    }
}

/// There is no Contact: a MESSAGE is not to have one (RFC 3428 §4).
fn text(transport: Transport, from: SocketAddr, random: &mut Random) -> String {
    let (sender, receiver) = (pick(&USERS, random), pick(&USERS, random));
    let words: Vec<&str> = (0..4 + random.below(12))
        .map(|_| pick(&WORDS, random))
        .collect();
    let body = words.join(" ");
    format!(
        "MESSAGE sip:{receiver}@{DOMAIN} SIP/2.0\r\n\
         Via: SIP/2.0/{via} {from};branch={COOKIE}{PLACE};rport\r\n\
         From: \"{sender}\" <sip:{sender}@load.example>;tag={PLACE}\r\n\
         To: <sip:{receiver}@{DOMAIN}>\r\n\
         Call-ID: {PLACE}@load.example\r\n\
         CSeq: 1 MESSAGE\r\n\
         {AFTER_ECHOED}: 70\r\n\
         Date: Sun, 22 Nov 2026 04:50:00 GMT\r\n\
         User-Agent: load/1.0\r\n\
         Content-Type: text/plain;charset=UTF-8\r\n\
         Content-Length: {len}\r\n\
         \r\n\
         {body}",
        via = transport.via(),
        len = body.len(),
    )
}

fn pick(words: &[&'static str], random: &mut Random) -> &'static str {
    words[random.below(words.len() as u64) as usize]
}

/// Whom the requests are for.
pub(crate) const DOMAIN: &str = "echo.example";
/// What a branch starts with.
pub(crate) const COOKIE: &str = "z9hG4bK";
/// The first header that an answer does not repeat.
pub(crate) const AFTER_ECHOED: &str = "Max-Forwards";
const KEY_DIGITS: usize = 16;
/// Where a key goes.
const PLACE: &str = "0123456789abcdef";
const TEMPLATES: usize = 64;
const USERS: [&str; 8] = [
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
    "&",
    "refuse",
    "thy",
    "name;",
    "caf\u{e9}",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn from() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 20_000))
    }

    #[test]
    fn key_is_read_from_its_digits_and_nothing_else() {
        for index in [0, 1, 9, 199_999, u32::MAX - 1] {
            let digits = Key::new(index).digits();
            assert_eq!(Key::read(&digits), Some(Key::new(index)));
            assert_eq!(Key::read(&digits[1..]), None);
        }
        let mut digits = Key::new(7).digits();
        digits[0] ^= 1;
        assert_eq!(Key::read(&digits), None);
    }

    #[test]
    fn request_has_its_key_in_branch_tag_and_call_id() {
        let mut out = b"before".to_vec();
        Messages::new(Transport::Udp, from()).write(Key::new(3), &mut out);
        let text = String::from_utf8(out.split_off(6)).unwrap();
        let key = String::from_utf8(Key::new(3).digits().to_vec()).unwrap();
        let via = format!("Via: SIP/2.0/UDP 127.0.0.1:20000;branch=z9hG4bK{key};rport\r\n");
        for expected in [via, format!(">;tag={key}\r\n"), format!("Call-ID: {key}@")] {
            assert!(text.contains(&expected), "{text}");
        }
        assert!(!text.contains(PLACE));
    }

    #[test]
    fn requests_are_of_the_promised_size_and_say_the_length_of_their_body() {
        let messages = Messages::new(Transport::Tcp, from());
        for index in 0..TEMPLATES as u32 {
            let mut out = Vec::new();
            messages.write(Key::new(index), &mut out);
            assert!((400..=500).contains(&out.len()), "{}", out.len());
            let text = String::from_utf8(out).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            assert!(head.ends_with(&format!("Content-Length: {}", body.len())));
        }
        assert!((440..480).contains(&mean_bytes()), "{}", mean_bytes());
    }
}

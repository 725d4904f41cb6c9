//! Bytes that are nearly right.

use std::net::SocketAddr;

use comity_machine::Random;

use crate::probe;
use crate::servers::{DOMAIN, XMPP_DOMAIN};

/// A stream that is broken somewhere.
pub(crate) fn stream(random: &mut Random) -> Vec<u8> {
    let rest = [
        "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
        "<db:result from='peer.test' to='sip.test'>00ff</db:result>",
        "<message from='a@peer.test' to='b@sip.test'><body>hello</body></message>",
        "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>",
        "<iq type='get' id='1' from='peer.test' to='sip.test'><ping xmlns='urn:xmpp:ping'/></iq>",
    ];
    let mut whole = probe::header();
    for _ in 0..=random.below(3) {
        whole.push_str(pick(random, &rest));
    }
    broken(
        random,
        whole.into_bytes(),
        &[
            "<",
            ">",
            "&",
            "'",
            "<!DOCTYPE a>",
            "<!--",
            "<?a?>",
            "]]>",
            "\0",
            "\u{fffe}",
        ],
    )
}

/// A SIP message that is broken somewhere.
pub(crate) fn message(random: &mut Random, to: SocketAddr) -> Vec<u8> {
    let method = pick(
        random,
        &[
            "MESSAGE",
            "INVITE",
            "SUBSCRIBE",
            "NOTIFY",
            "ACK",
            "CANCEL",
            "REGISTER",
        ],
    );
    let body = "hello\r\n";
    let number = random.below(1_000_000);
    let whole = format!(
        "{method} sip:a@{XMPP_DOMAIN} SIP/2.0\r\nVia: SIP/2.0/TCP {ip}:5060;branch=z9hG4bK{number};rport\r\n\
         From: \"B\" <sip:b@{DOMAIN}>;tag={number}\r\nTo: <sip:a@{XMPP_DOMAIN}>\r\nCall-ID: {number}@{ip}\r\n\
         CSeq: {number} {method}\r\nMax-Forwards: 70\r\nContact: <sip:b@{ip}:5060;transport=tcp>\r\n\
         Event: presence\r\nExpires: 3600\r\nContent-Type: text/plain\r\nContent-Length: {len}\r\n\r\n{body}",
        ip = to.ip(),
        len = body.len(),
    );
    broken(
        random,
        whole.into_bytes(),
        &[
            "\r\n",
            ":",
            ";",
            ",",
            "<",
            "\"",
            "\0",
            "99999999999",
            "-1",
            " \t",
        ],
    )
}

/// The same bytes with some cut, doubled, changed or put in.
fn broken(random: &mut Random, mut bytes: Vec<u8>, words: &[&str]) -> Vec<u8> {
    for _ in 0..=random.below(3) {
        let at = below(random, bytes.len());
        match random.below(5) {
            0 => bytes.truncate(at),
            1 => {
                let word = pick(random, words).bytes();
                bytes.splice(at..at, word);
            }
            2 => bytes[at] = random.bytes::<1>()[0],
            3 => {
                let end = (at + below(random, 200)).min(bytes.len());
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
            _ => {
                let end = (at + below(random, 20)).min(bytes.len());
                bytes.drain(at..end);
            }
        }
        if bytes.is_empty() {
            bytes.push(b' ');
        }
    }
    bytes
}

fn pick<'a>(random: &mut Random, words: &[&'a str]) -> &'a str {
    words[below(random, words.len())]
}

/// A number below `bound`, which is not 0.
fn below(random: &mut Random, bound: usize) -> usize {
    random.below(bound.max(1) as u64) as usize
}

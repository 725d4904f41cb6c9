//! Descriptions of sessions, as far as texts over SIP need them ([MS-SDP] 3.1.5.3, RFC 3264).

use bytes::Bytes;

/// The type of a description.
pub(crate) const CONTENT_TYPE: &str = "application/sdp";

/// The offer of a session in which texts travel as MESSAGE.
pub(crate) fn offer() -> Bytes {
    description("m=message 5060 sip null\r\n")
}

/// The answer to an offer: its lines of texts as they are, all other media refused. `None` if nothing
/// is left.
pub(crate) fn answer(offer: &[u8]) -> Option<Bytes> {
    let offer = std::str::from_utf8(offer).ok()?;
    let media = offer.lines().filter_map(|line| line.strip_prefix("m="));
    let mut answered = String::new();
    let mut takes_texts = false;
    for line in media.take(MAX_MEDIA) {
        let mut words = line.split_ascii_whitespace();
        let (kind, _port, protocol) = (words.next()?, words.next()?, words.next()?);
        let is_text = matches!(kind, "message" | "x-ms-message") && protocol == "sip";
        let format = words.next().unwrap_or("null");
        if is_text && !takes_texts {
            takes_texts = true;
            answered.push_str(&format!("m={kind} 5060 sip {format}\r\n"));
        } else {
            answered.push_str(&format!("m={kind} 0 {protocol} {format}\r\n"));
        }
    }
    takes_texts.then(|| description(&answered))
}

fn description(media: &str) -> Bytes {
    // The address and the port mean nothing: texts go where the requests of the dialog go.
    format!("v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=session\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n{media}{ACCEPT_TYPES}")
        .into()
}

const ACCEPT_TYPES: &str = "a=accept-types:text/plain text/html text/rtf multipart/alternative \
    multipart/related application/im-iscomposing+xml\r\n";

/// Media of one offer that are answered; SIP clients offer three at most.
const MAX_MEDIA: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_texts_is_answered_as_it_is_and_others_are_refused() {
        for (offer, expected) in [
            (
                "m=message 5060 sip null\r\n",
                Some("m=message 5060 sip null\r\n"),
            ),
            (
                "m=x-ms-message 5060 sip null\r\n",
                Some("m=x-ms-message 5060 sip null\r\n"),
            ),
            (
                "m=message 5060 sip sip:juliet@a.example\n",
                Some("m=message 5060 sip sip:juliet@a.example\r\n"),
            ),
            (
                "m=audio 40000 RTP/SAVP 0 8\r\nm=message 5060 sip null\r\nm=message 5061 sip null\r\n",
                Some("m=audio 0 RTP/SAVP 0\r\nm=message 5060 sip null\r\nm=message 0 sip null\r\n"),
            ),
            ("m=message 2855 TCP/MSRP *\r\n", None),
            ("m=message\r\n", None),
            ("", None),
        ] {
            let found = answer(offer.as_bytes());
            let head =
                "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=session\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n";
            let expected = expected.map(|media| format!("{head}{media}{ACCEPT_TYPES}"));
            assert_eq!(
                found.as_deref(),
                expected.as_deref().map(str::as_bytes),
                "{offer}"
            );
        }
        assert_eq!(answer(b"m=\xff"), None);
    }

    #[test]
    fn our_own_offer_can_be_answered() {
        assert_eq!(answer(&offer()), Some(offer()));
    }
}

//! Every stream error of RFC 6120 §4.9.3: what brings it, in which state, and the bytes that the
//! peer gets.

use super::*;
use crate::Transport;
use crate::xml::text::escape;

/// How far a stream has come.
#[derive(Clone, Copy, Debug)]
enum At {
    /// A peer has connected.
    Connected,
    /// It has sent its header.
    Header,
    /// TLS is up, features are sent; its certificate proves nothing.
    Tls,
    /// It has proved its domain with its certificate.
    Proved,
    /// We have connected and sent our header.
    Initiating,
    /// We may send stanzas.
    Established,
}

impl At {
    fn host(self) -> Host {
        let config = Config {
            former_domains: Arc::new([name("old.example")].into()),
            ..config()
        };
        let mut host = match self {
            Self::Connected | Self::Header => Host::receiving(config),
            Self::Tls => Host::receiving(config).secured(None),
            Self::Proved => Host::receiving(config).secured(Some("b.example")),
            Self::Initiating => Host::initiating(config, Purpose::Stanzas),
            Self::Established => connected(
                Config {
                    acknowledgements: Switch::On,
                    ..config
                },
                Purpose::Stanzas,
                EXTERNAL,
            ),
        };
        match self {
            Self::Connected | Self::Tls | Self::Initiating => {}
            Self::Header => {
                host.feed(HEADER);
            }
            Self::Proved => {
                host.feed(AUTH).feed(HEADER);
            }
            Self::Established => {
                host.feed("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>")
                    .feed(HEADER.replace("version", "id='3' version"))
                    .feed(features("<sm xmlns='urn:xmpp:sm:3'/>"));
            }
        }
        host.sent();
        host.events();
        host
    }
}

/// What happens to the stream.
enum Input {
    Bytes(String),
    /// Nothing, for so long.
    Silence(Duration),
    Farewell(Farewell),
    /// The peer's certificate expires.
    Expiry,
}

fn bytes(text: &str) -> Input {
    Input::Bytes(text.to_owned())
}

fn header(old: &str, new: &str) -> Input {
    Input::Bytes(HEADER.replace(old, new))
}

/// A row: the condition, the state, the input, and what the error says behind its condition.
type Row = (StreamCondition, At, Input, &'static str);

#[expect(clippy::too_many_lines, reason = "a table")]
fn rows() -> Vec<Row> {
    use StreamCondition as C;
    let limits = Limits::default();
    let long = format!(
        "<message from='x@b.example' to='y@a.example'>{}</message>",
        "<x/>".repeat(65_536)
    );
    vec![
        (
            C::BadFormat,
            At::Connected,
            bytes("GET / HTTP/1.1\r\n"),
            "text between first-level elements",
        ),
        (
            C::BadNamespacePrefix,
            At::Proved,
            bytes("<p:message xmlns:p='jabber:server' from='x@b.example' to='y@a.example'/>"),
            "the content namespace has a prefix",
        ),
        (
            C::Conflict,
            At::Proved,
            Input::Farewell(Farewell::Conflict),
            "a newer stream takes the place of this one",
        ),
        (
            C::ConnectionTimeout,
            At::Tls,
            Input::Silence(limits.negotiation_timeout),
            "negotiation took too long",
        ),
        (
            C::HostGone,
            At::Connected,
            header("to='a.example'", "to='old.example'"),
            "this server no longer serves \"old.example\"",
        ),
        (
            C::HostUnknown,
            At::Connected,
            header("to='a.example'", "to='z.example'"),
            "this server does not serve \"z.example\"",
        ),
        (
            C::HostUnknown,
            At::Proved,
            bytes("<message from='x@b.example' to='y@z.example'/>"),
            "this server does not serve \"z.example\"",
        ),
        (
            C::ImproperAddressing,
            At::Connected,
            header(" to='a.example'", ""),
            "no 'to' address",
        ),
        (
            C::ImproperAddressing,
            At::Proved,
            bytes("<message from='x@b.example'/>"),
            "no 'to' address",
        ),
        (
            C::ImproperAddressing,
            At::Proved,
            bytes("<message from='' to='y@a.example'/>"),
            "a malformed 'from' address: the domainpart: the domain name is empty",
        ),
        (
            C::InternalServerError,
            At::Proved,
            Input::Farewell(Farewell::InternalError),
            "a fault of this server",
        ),
        (
            C::InvalidFrom,
            At::Proved,
            bytes("<message from='x@d.example' to='y@a.example'/>"),
            "the domain of 'from' was not proved on this stream",
        ),
        (
            C::InvalidNamespace,
            At::Connected,
            header("http://etherx.jabber.org/streams", "http://wrong.example/"),
            "the stream namespace is not http://etherx.jabber.org/streams",
        ),
        (
            C::InvalidNamespace,
            At::Connected,
            header("'jabber:server'", "'jabber:client'"),
            "the content namespace is not the one that is served here",
        ),
        (
            C::InvalidNamespace,
            At::Proved,
            bytes("<message xmlns='jabber:client' from='x@b.example' to='y@a.example'/>"),
            "the content namespace is not the one that is served here",
        ),
        (
            C::InvalidXml,
            At::Proved,
            bytes("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"),
            "an element of the negotiation at the wrong time",
        ),
        (
            C::NotAuthorized,
            At::Tls,
            bytes(MESSAGE),
            "a stanza before authentication",
        ),
        (
            C::NotAuthorized,
            At::Connected,
            header("from='b.example'", "from='a.example'"),
            "the header's 'from' is a domain of this server",
        ),
        (
            C::NotAuthorized,
            At::Proved,
            bytes("<message from='x@b.example' to='y@c.example'/>"),
            "the domain of 'to' was not proved together with that of 'from' on this stream",
        ),
        (
            C::NotWellFormed,
            At::Proved,
            bytes("<message></presence>"),
            "an end tag that does not match its start tag",
        ),
        (
            C::NotWellFormed,
            At::Proved,
            bytes("<message><foo:body/></message>"),
            "an undeclared namespace prefix",
        ),
        (
            C::PolicyViolation,
            At::Header,
            bytes(MESSAGE),
            "TLS is required first",
        ),
        (
            C::PolicyViolation,
            At::Proved,
            Input::Bytes(long.replace("<x/>", "abcd")),
            "a first-level element longer than 262144 bytes",
        ),
        (
            C::PolicyViolation,
            At::Proved,
            Input::Bytes(long),
            "more than 8192 elements in a first-level element",
        ),
        (
            C::Reset,
            At::Connected,
            Input::Expiry,
            "the peer's certificate has expired",
        ),
        (
            C::ResourceConstraint,
            At::Header,
            bytes(""),
            "more than 16384 bytes before an answer",
        ),
        (
            C::RestrictedXml,
            At::Proved,
            bytes("<message><!--"),
            "a comment",
        ),
        (
            C::RestrictedXml,
            At::Connected,
            bytes("<!DOCTYPE x>"),
            "a document type declaration",
        ),
        (
            C::RestrictedXml,
            At::Proved,
            bytes("<message><?x y?>"),
            "a processing instruction",
        ),
        (
            C::RestrictedXml,
            At::Proved,
            bytes("<message>&nbsp;"),
            "a reference to an entity that is not predefined",
        ),
        (
            C::SeeOtherHost,
            At::Proved,
            Input::Farewell(Farewell::SeeOtherHost("other.example:5270".into())),
            "the domain is served at other.example:5270",
        ),
        (
            C::SystemShutdown,
            At::Proved,
            Input::Farewell(Farewell::Shutdown),
            "this server stops",
        ),
        (
            C::UndefinedCondition,
            At::Established,
            bytes("<a xmlns='urn:xmpp:sm:3' h='7'/>"),
            "7 stanzas acknowledged, 0 sent",
        ),
        (
            C::UnsupportedEncoding,
            At::Connected,
            bytes("<?xml version='1.0' encoding='UTF-16'?>"),
            "an encoding other than UTF-8",
        ),
        (
            C::UnsupportedFeature,
            At::Initiating,
            Input::Bytes(
                HEADER.replace("version", "id='1' version")
                    + "<stream:features><x xmlns='urn:xmpp:example'><required/></x></stream:features>",
            ),
            "the required feature \"urn:xmpp:example\" is not supported",
        ),
        (
            C::UnsupportedStanzaType,
            At::Proved,
            bytes("<pubsub xmlns='jabber:server'/>"),
            "a first-level element that is neither a stanza nor part of the negotiation",
        ),
        (
            C::UnsupportedStanzaType,
            At::Proved,
            bytes("<x xmlns='urn:xmpp:example'/>"),
            "a first-level element that is neither a stanza nor part of the negotiation",
        ),
        (
            C::UnsupportedVersion,
            At::Connected,
            header("version='1.0'", "version='11.0'"),
            "the version of XMPP is not supported",
        ),
        (
            C::UnsupportedVersion,
            At::Initiating,
            header("version='1.0'", "id='1' version='2.0'"),
            "the version of XMPP is not supported",
        ),
    ]
}

/// The error behind our header, if that had to be sent first (RFC 6120 §4.9.1.2).
fn error(condition: StreamCondition, text: &str) -> String {
    let host = text.strip_prefix("the domain is served at ");
    let element = match host {
        Some(host) => {
            format!(
                "<see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>{host}</see-other-host>"
            )
        }
        None => format!("<{condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"),
    };
    let detail = if text.starts_with("a first-level element longer") {
        "<stanza-too-big xmlns='urn:xmpp:errors'/>"
    } else if condition == StreamCondition::UndefinedCondition {
        "<handled-count-too-high xmlns='urn:xmpp:sm:3' h='7' send-count='0'/>"
    } else {
        ""
    };
    let mut escaped = String::new();
    escape(text, &mut escaped);
    format!(
        "<stream:error>{element}<text xmlns='urn:ietf:params:xml:ns:xmpp-streams' \
         xml:lang='en'>{escaped}</text>{detail}</stream:error></stream:stream>"
    )
}

#[test]
fn each_condition_comes_where_the_rfc_says_so() {
    let mut seen = Vec::new();
    for (condition, at, input, text) in rows() {
        let mut host = match input {
            Input::Expiry => expired(),
            Input::Bytes(_) | Input::Silence(_) | Input::Farewell(_) => at.host(),
        };
        match input {
            Input::Bytes(bytes) if bytes.is_empty() => overfill(&mut host),
            Input::Bytes(bytes) => {
                host.feed(bytes);
            }
            Input::Silence(time) => {
                host.pass(time);
            }
            Input::Farewell(farewell) => {
                host.stream.dismiss(host.now, farewell);
                host.settle();
            }
            Input::Expiry => {}
        }
        let sent = host.sent();
        let expected = error(condition, text);
        let Some(before) = sent.strip_suffix(&expected) else {
            panic!("{condition} at {at:?}:\n{sent}\n{expected}");
        };
        let header_first =
            matches!(at, At::Connected) && !matches!(condition, StreamCondition::Reset);
        assert_eq!(
            before.starts_with("<?xml version='1.0'?><stream:stream "),
            header_first,
            "{condition} at {at:?}: {before}"
        );
        seen.push(condition);
    }
    seen.sort_unstable();
    seen.dedup();
    // `remote-connection-failed` goes to peers from before dialback errors; a test of its own shows
    // it.
    seen.push(StreamCondition::RemoteConnectionFailed);
    seen.sort_unstable();
    assert_eq!(seen, StreamCondition::ALL);
}

/// Sends more than may be held for an answer.
fn overfill(host: &mut Host) {
    *host = Host::receiving(config());
    host.stream.handle_input(host.now, HEADER.as_bytes());
    let _question = host.stream.poll_event();
    let spaces = " ".repeat(Limits::default().max_held_bytes + 1);
    host.stream.handle_input(host.now, spaces.as_bytes());
    while host.stream.poll_transmit(&mut host.sent).is_some() {}
    let text = String::from_utf8(std::mem::take(&mut host.sent)).unwrap();
    let (_header, error) = text.split_once("xml:lang='en'>").unwrap();
    host.sent = error.as_bytes().to_vec();
}

/// A stream whose peer's certificate has just expired.
fn expired() -> Host {
    let config = Config {
        transport: Transport::DirectTls,
        ..config()
    };
    let mut stream = Stream::receive(origin(), config, [1; 32]);
    stream.handle_tls_established(origin(), PeerCertificate::Presented);
    stream.handle_input(origin(), HEADER.as_bytes());
    let mut host = Host {
        stream,
        now: origin(),
        sent: Vec::new(),
        transmitted: 0,
        events: Vec::new(),
        decision: Decision::Allow(Security::ENCRYPTED.into()),
        certified: None,
    };
    while let Some(event) = host.stream.poll_event() {
        if let Event::Authorize { query, .. } = event {
            host.stream.handle_decision(host.now, query, &host.decision);
        } else if let Event::Authenticate { query, .. } = event {
            let verdict = Verdict::Trusted {
                matched_by: "b.example".into(),
                expires_in: Some(Duration::from_secs(1)),
            };
            host.stream.handle_verdict(host.now, query, &verdict);
        }
    }
    host.feed(AUTH).feed(HEADER);
    host.sent();
    host.pass(Duration::from_secs(1));
    host
}

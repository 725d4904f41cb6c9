use comity_xmpp::stream::{Config, Decision, Event, Pair, Purpose, Stream};
use comity_xmpp::{Stanza, ns};

use crate::oracle::proof::{self, DIALBACK, confirm};
use crate::program::Program;
use crate::script::domain;
use crate::wire::text;
use crate::xml::{Attribute, Reading, Seen, joined, unlimited};

/// Takes stanzas from one stream and sends them on another, whose header declares less.
///
/// The input is the length of what stands in the header of the first besides the usual, that, and
/// what comes after the key of the peer was confirmed. What is read at the other end is what came.
pub fn stanza_forward(data: &[u8]) {
    let mut program = Program::new(data);
    let declarations = program.bytes();
    let stanzas = program.rest();
    let header = [HEADER.as_bytes(), declarations, b">"].concat();
    let Some(mut inbound) = authorized(&header) else {
        return;
    };
    inbound.handle_input(comity_testkit::origin(), stanzas);
    let came = Reading::of([&*header, stanzas], unlimited(), false);
    let lang = came.seen.first().map_or_else(Vec::new, langs);
    let mut came = came
        .elements
        .iter()
        .filter(|element| is_stanza(&element.seen));
    while let Some(event) = inbound.poll_event() {
        match event {
            Event::Stanza { stanza, .. } => {
                let mut came = joined(&came.next().expect("a stanza that came").seen);
                inherit(&mut came, &lang);
                assert_eq!(forward(&stanza), came);
                assert_eq!(element(&stanza), came);
            }
            Event::Dropped(_) => {
                came.next();
            }
            _ => {}
        }
    }
}

/// Gives a stanza without a language that of its stream (RFC 6120 §4.7.4).
fn inherit(stanza: &mut [Seen], lang: &[Attribute]) {
    if let Some(start) = stanza.first_mut()
        && langs(start).is_empty()
        && let Seen::Start { attributes, .. } = start
    {
        attributes.extend_from_slice(lang);
        attributes.sort_unstable();
    }
}

/// The `xml:lang` of a start tag, if it has one.
fn langs(start: &Seen) -> Vec<Attribute> {
    let Seen::Start { attributes, .. } = start else {
        return Vec::new();
    };
    let is_lang = |(namespace, name, _): &&Attribute| namespace == ns::XML && name == "lang";
    attributes.iter().filter(is_lang).cloned().collect()
}

/// What is read of the stanza as an element.
fn element(stanza: &Stanza) -> Vec<Seen> {
    let mut written = String::new();
    stanza.element().write("", &mut written);
    let stream = format!("<r>{written}</r>");
    let read = Reading::of([stream.as_bytes()], unlimited(), false);
    joined(&read.elements.first().expect("an element").seen)
}

/// A stream on which the peer has proved its domain; `None` if it was refused.
fn authorized(header: &[u8]) -> Option<Stream> {
    let now = comity_testkit::origin();
    let mut stream = Stream::receive(now, config(), [1; 32]);
    let key =
        "<d:result xmlns:d='jabber:server:dialback' from='c.example' to='a.example'>k</d:result>";
    stream.handle_input(now, header);
    let mut sent = false;
    while let Some(event) = stream.poll_event() {
        match event {
            Event::Authorize { query, .. } => {
                stream.handle_decision(now, query, &Decision::Allow(DIALBACK.into()));
                if !std::mem::replace(&mut sent, true) {
                    stream.handle_input(now, key.as_bytes());
                }
            }
            Event::Verify { query, request } => {
                stream.handle_verification(now, query, &confirm(&request));
            }
            Event::Authorized(_) => return Some(stream),
            Event::Closed(_) => return None,
            other => panic!("{other:?}"),
        }
    }
    None
}

/// What is read where the stanza arrives.
fn forward(stanza: &Stanza) -> Vec<Seen> {
    let now = comity_testkit::origin();
    let (local, remote) = stanza.domains();
    let pair = Pair {
        local: local.clone(),
        remote: remote.clone(),
    };
    let answers = format!(
        "<s:stream xmlns='jabber:server' xmlns:s='{}' xmlns:db='{}' id='1' version='1.0'>\
         <s:features/><db:result from='{remote}' to='{local}' type='valid'/>",
        ns::STREAM,
        ns::DIALBACK,
    );
    let mut outbound = Stream::initiate(now, config(), pair, Purpose::Stanzas, [2; 32]);
    outbound.handle_input(now, answers.as_bytes());
    assert_eq!(outbound.send(now, stanza), Ok(()));
    let mut bytes = Vec::new();
    outbound.poll_transmit(&mut bytes);
    let arrived = Reading::of([&*bytes], unlimited(), false);
    assert_eq!(arrived.error, None, "{}", text(&bytes));
    let mut stanzas = arrived
        .elements
        .iter()
        .filter(|element| is_stanza(&element.seen));
    let stanza = stanzas.next().expect("a stanza");
    assert!(stanzas.next().is_none(), "{}", text(&bytes));
    joined(&stanza.seen)
}

fn is_stanza(seen: &[Seen]) -> bool {
    let Some(Seen::Start {
        namespace, name, ..
    }) = seen.first()
    else {
        return false;
    };
    namespace == ns::SERVER && ["message", "presence", "iq"].contains(&&**name)
}

fn config() -> Config {
    let mut config = proof::config();
    config.domains = std::sync::Arc::new([domain(0)].into());
    config
}

const HEADER: &str = "<stream:stream xmlns='jabber:server' from='c.example' to='a.example' \
                      xmlns:stream='http://etherx.jabber.org/streams' version='1.0' ";

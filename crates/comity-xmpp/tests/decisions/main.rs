//! The decision table, cell by cell and setting by setting, against the machines themselves.
#![cfg(test)]

mod cells;
mod matrix;

use std::sync::Arc;

use comity_identity::DomainName;
use comity_testkit::origin;
use comity_xmpp::DialbackSecret;
use comity_xmpp::decision::Abilities;
use comity_xmpp::stream::{
    Config, DialbackProof, Event, Pair, Stream, Switch, Verification, VerifyRequest,
};

fn name(text: &str) -> DomainName {
    text.parse().unwrap()
}

/// `a.example`, which connects, and `b.example`, seen from the former.
fn pair() -> Pair {
    Pair {
        local: name("a.example"),
        remote: name("b.example"),
    }
}

fn switch(on: bool) -> Switch {
    if on { Switch::On } else { Switch::Off }
}

/// A configuration of `domain` that is ready for `own`.
fn config(domain: &str, own: Abilities) -> Config {
    let mut config = Config::default();
    config.domains = Arc::new([name(domain)].into());
    config.starttls = switch(own.starttls);
    config.external_inbound = switch(own.external);
    config.external_outbound = switch(own.external);
    config.bidi = switch(own.bidi);
    config.acknowledgements = Switch::Off;
    config.dialback = own.dialback.then(|| DialbackSecret::new(b"secret"));
    config
}

/// The proof that the authoritative server makes of `request`, asked by `asker`.
fn proof_of(mut asker: Stream, request: VerifyRequest) -> DialbackProof {
    let now = origin();
    asker.verify(now, request.clone()).unwrap();
    let VerifyRequest { pair, id, .. } = request;
    let Pair { local, remote } = pair;
    let answer = format!(
        "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' \
         xmlns:db='jabber:server:dialback' from='{remote}' to='{local}' id='1' version='1.0'>\
         <stream:features/><db:verify from='{remote}' to='{local}' id='{id}' type='valid'/>"
    );
    asker.handle_input(now, answer.as_bytes());
    match asker.poll_event() {
        Some(Event::Verified {
            verification: Verification::Valid(proof),
            ..
        }) => proof,
        other => panic!("not verified: {other:?}"),
    }
}

//! Requests for the verification of dialback keys, and proofs, as real streams make them.

use comity_xmpp::stream::{
    Config, Decision, Event, Pair, Purpose, Stream, Verification, VerifyRequest,
};
use comity_xmpp::{CertificateRule, DialbackSecret, Security, TlsMode};

/// What a stream of ours asks when the peer sends it a key for `pair`.
pub(crate) fn request(pair: &Pair, seed: u8) -> VerifyRequest {
    let now = comity_testkit::origin();
    let mut config = config();
    config.domains = std::sync::Arc::new([pair.local.clone()].into());
    let mut stream = Stream::receive(now, config, [seed | 0x80; 32]);
    let Pair { local, remote } = pair;
    let input = format!(
        "<s:stream xmlns='jabber:server' xmlns:s='http://etherx.jabber.org/streams' \
         xmlns:db='jabber:server:dialback' to='{local}' version='1.0'>\
         <db:result from='{remote}' to='{local}'>k</db:result>"
    );
    stream.handle_input(now, input.as_bytes());
    while let Some(event) = stream.poll_event() {
        match event {
            Event::Authorize { query, .. } => {
                stream.handle_decision(now, query, &Decision::Allow(DIALBACK.into()));
            }
            Event::Verify { request, .. } => return request,
            other => panic!("{other:?}"),
        }
    }
    panic!("no key was asked about");
}

/// The proof that the authoritative server confirmed the key of `request`.
pub(crate) fn confirm(request: &VerifyRequest) -> Verification {
    let now = comity_testkit::origin();
    let pair = request.pair.clone();
    let Pair { local, remote } = &pair;
    let input = format!(
        "<s:stream xmlns='jabber:server' xmlns:s='http://etherx.jabber.org/streams' \
         xmlns:db='jabber:server:dialback' from='{remote}' id='1' version='1.0'><s:features/>\
         <db:verify from='{remote}' to='{local}' id='{}' type='valid'/>",
        request.id
    );
    let mut stream = Stream::initiate(now, config(), pair, Purpose::Verification, [0; 32]);
    assert_eq!(stream.verify(now, request.clone()), Ok(()));
    stream.handle_input(now, input.as_bytes());
    match stream.poll_event() {
        Some(Event::Verified { verification, .. }) => verification,
        other => panic!("{other:?}"),
    }
}

/// A stream that needs no TLS and proves domains by dialback.
pub(crate) fn config() -> Config {
    let mut config = Config::default();
    config.security = DIALBACK;
    config.dialback = Some(DialbackSecret::new(b"proof"));
    config
}

pub(crate) const DIALBACK: Security = Security {
    tls: TlsMode::Disabled,
    certificate: CertificateRule::Optional,
};

//! The side that connects, proves its domain and sends stanzas.

use base64ct::{Base64, Encoding};
use comity_machine::QueryId;

use super::core::{Core, Life};
use super::event::{Decision, Event, VerifyRequest};
use super::output::{HeaderText, StreamLimits};
use super::proof::{Authorized, Method, Pair, Verdict};
use super::reader::{Frame, Header};
use super::reason::{CloseReason, Rejection, Setback};
use super::{PeerCertificate, Purpose, SendError};
use crate::decision::{self, Abilities, Action, Channel, Facts, Proof, Refusal};
use crate::xml::Element;
use crate::{Authzid, TlsMode, Transport, ns};

#[derive(Debug)]
pub(super) struct Initiating {
    pair: Pair,
    purpose: Purpose,
    state: State,
    /// Whether our current header has been sent.
    opened: bool,
    authenticated: bool,
    /// What the peer's features offer, EXTERNAL only until it has failed.
    offers: Abilities,
    /// Whether they require STARTTLS.
    requires_tls: bool,
    /// Whether they offer acknowledgements (XEP-0198).
    offers_acknowledgements: bool,
    /// Whether they offer dialback errors, so that a refused pair does not end the stream.
    offers_errors: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    AwaitHeader,
    AwaitFeatures,
    /// STARTTLS was asked for.
    AwaitProceed,
    AwaitTls,
    /// The peer's certificate is being judged.
    AwaitVerdict(QueryId),
    /// The policy is asked whether stanzas may come back.
    AwaitDecision(QueryId, Proof),
    /// SASL EXTERNAL was asked for.
    AwaitSuccess,
    /// A dialback key was sent.
    AwaitResult,
    /// Stanzas or requests may be sent.
    Ready,
}

impl Initiating {
    pub(super) fn new(core: &mut Core, pair: Pair, purpose: Purpose) -> Self {
        let mut side = Self {
            pair,
            purpose,
            state: State::AwaitHeader,
            opened: false,
            authenticated: false,
            offers: Abilities::default(),
            requires_tls: false,
            offers_acknowledgements: false,
            offers_errors: false,
        };
        match core.config.transport {
            Transport::Tcp => side.open(core),
            Transport::DirectTls => side.state = State::AwaitTls,
        }
        side
    }

    pub(super) fn awaits_answer(&self) -> bool {
        matches!(
            self.state,
            State::AwaitVerdict(_) | State::AwaitDecision(..)
        )
    }

    pub(super) fn awaits_tls(&self) -> bool {
        self.state == State::AwaitTls
    }

    /// Whether our current header has been sent.
    pub(super) fn has_opened(&self) -> bool {
        self.opened
    }

    /// Whether a further pair may be asked for: it would not end the stream if it were refused.
    pub(super) fn takes_pairs(&self, pair: &Pair) -> bool {
        let ready = self.state == State::Ready && self.purpose == Purpose::Stanzas;
        ready && (self.offers_errors || self.pair.remote == pair.remote)
    }

    /// Sends our header, once for each stream.
    pub(super) fn open(&mut self, core: &mut Core) {
        if !self.opened {
            self.opened = true;
            core.output.header(HeaderText {
                from: Some(&self.pair.local.to_unicode()),
                to: Some(&self.pair.remote.to_unicode()),
                id: None,
                version: Some("1.0"),
            });
        }
    }

    pub(super) fn tls_established(&mut self, core: &mut Core, certificate: PeerCertificate) {
        self.opened = false;
        match certificate {
            PeerCertificate::Absent => self.await_header(core),
            PeerCertificate::Presented => {
                let query = core.ask_verdict(self.pair.remote.clone());
                self.state = State::AwaitVerdict(query);
            }
        }
    }

    fn await_header(&mut self, core: &mut Core) {
        self.open(core);
        self.state = State::AwaitHeader;
    }

    pub(super) fn verdict(&mut self, core: &mut Core, query: QueryId, verdict: &Verdict) {
        if self.state == State::AwaitVerdict(query) {
            core.note_verdict(self.pair.remote.clone(), verdict);
            self.await_header(core);
        }
    }

    /// Takes the answer to the question whether stanzas may come back on this stream.
    pub(super) fn decision(&mut self, core: &mut Core, query: QueryId, decision: &Decision) {
        let State::AwaitDecision(awaited, by) = self.state else {
            return;
        };
        if awaited != query {
            return;
        }
        // The peer's certificate is trusted, so the terms of every permission are met.
        if let Decision::Allow(_) = decision {
            core.bidi = true;
            core.output.bidi(core.own_limits());
        }
        self.authenticate(core, by);
    }

    pub(super) fn take(&mut self, core: &mut Core, frame: Frame) -> Result<(), Rejection> {
        let element = match frame {
            Frame::Header(header) if self.state == State::AwaitHeader => {
                return self.take_header(core, &header);
            }
            Frame::Stanza(stanza) => return core.take_stanza(stanza),
            Frame::Header(_) | Frame::Close => return Err(Rejection::UnexpectedElement),
            Frame::Element(element) => element,
        };
        match (self.state, element.namespace(), element.name()) {
            (State::AwaitFeatures, ns::STREAM, "features") => self.take_features(core, &element),
            (State::AwaitProceed, ns::TLS, "proceed") => {
                self.state = State::AwaitTls;
                Ok(())
            }
            (State::AwaitProceed, ns::TLS, "failure") => Err(core.refused(Refusal::TlsUnavailable)),
            (State::AwaitSuccess, ns::SASL, "success") => {
                self.authenticated = true;
                self.opened = false;
                core.restart();
                self.await_header(core);
                Ok(())
            }
            (State::AwaitSuccess, ns::SASL, "failure") => {
                // It goes on with dialback on the same stream (XEP-0178 §3).
                core.setback = Some(Setback::read_failure(&element));
                self.offers.external = false;
                self.offers.starttls = false;
                self.step(core)
            }
            (_, ns::DIALBACK, _) => self.take_dialback(core, &element),
            (State::Ready, ns::SM, _) => core.take_management(&element),
            _other => Err(Rejection::UnexpectedElement),
        }
    }

    fn take_dialback(&mut self, core: &mut Core, element: &Element) -> Result<(), Rejection> {
        match (element.name(), element.attribute("type").is_some()) {
            ("result", true) => {
                self.take_result(core, element);
                Ok(())
            }
            ("result", false) if core.bidi && self.state == State::Ready => core.take_key(element),
            // A stream that goes one way takes no keys.
            ("result", false) => Ok(()),
            ("verify", true) => {
                if self.state == State::Ready {
                    core.take_verification(element);
                }
                Ok(())
            }
            // Nothing may come between `<starttls/>` and the handshake, nor be told in clear text
            // where TLS is required.
            ("verify", false)
                if self.state == State::AwaitProceed
                    || core.channel == Channel::Plain
                        && core.terms.security.tls == TlsMode::Required =>
            {
                Ok(())
            }
            ("verify", false) => core.answer_verify(element),
            _unknown => Err(Rejection::UnexpectedElement),
        }
    }

    fn take_header(&mut self, core: &mut Core, header: &Header) -> Result<(), Rejection> {
        header.check_namespaces()?;
        let major = header.major_version();
        if !matches!(major, Some(0 | 1)) {
            return Err(Rejection::Version);
        }
        // What comes before TLS may come from anyone, and is forgotten anyway.
        if core.channel != Channel::Plain {
            let from = header.domain("from", header.from.as_deref())?;
            if from.is_some_and(|from| from != self.pair.remote) {
                return Err(Rejection::WrongPeer);
            }
        }
        core.id = header.id.as_deref().unwrap_or_default().into();
        if core.id.is_empty() {
            return Err(Rejection::NoId);
        }
        if major == Some(0) {
            return self.without_features(core);
        }
        self.state = State::AwaitFeatures;
        Ok(())
    }

    /// Goes on with a server from before XMPP 1.0, which sends no features.
    fn without_features(&mut self, core: &mut Core) -> Result<(), Rejection> {
        if self.authenticated {
            self.establish(core, Method::Certificate);
            return Ok(());
        }
        self.offers = Abilities::default();
        match decision::decide(&self.facts(core)).action {
            // It would not understand the request.
            Action::StartTls => Err(Rejection::Version),
            Action::Authenticate { .. } | Action::Refuse(_) | Action::Offer(_) => self.step(core),
        }
    }

    fn take_features(&mut self, core: &mut Core, features: &Element) -> Result<(), Rejection> {
        core.peer_limits = StreamLimits::read(features);
        self.offers_acknowledgements = features.child(ns::SM, "sm").is_some();
        let dialback = features.child(ns::DIALBACK_FEATURE, "dialback");
        let has_errors = |dialback: &Element| dialback.children().any(|it| it.name() == "errors");
        self.offers_errors = dialback.is_some_and(has_errors);
        if self.authenticated {
            self.establish(core, Method::Certificate);
            return Ok(());
        }
        let is_external =
            |child: &Element| child.is(ns::SASL, "mechanism") && child.text().trim() == "EXTERNAL";
        let mechanisms = features.child(ns::SASL, "mechanisms");
        let starttls = features.child(ns::TLS, "starttls");
        self.requires_tls = starttls.is_some_and(is_required);
        self.offers = Abilities {
            starttls: starttls.is_some(),
            external: mechanisms.is_some_and(|offered| offered.children().any(is_external)),
            dialback: dialback.is_some(),
            bidi: features.child(ns::BIDI_FEATURE, "bidi").is_some(),
        };
        if let Some(unknown) = self.unsupported(features) {
            return Err(Rejection::UnsupportedFeature(unknown));
        }
        self.step(core)
    }

    /// A feature that the peer requires, if there is nothing else that we could do (RFC 6120
    /// §4.9.3.23).
    fn unsupported(&self, features: &Element) -> Option<Box<str>> {
        let Abilities {
            starttls,
            external,
            dialback,
            bidi: _,
        } = self.offers;
        if starttls || external || dialback {
            return None;
        }
        let unknown = features.children().find(|feature| is_required(feature))?;
        Some(unknown.namespace().into())
    }

    fn facts(&self, core: &Core) -> Facts {
        let mut facts = core.facts();
        facts.offers = self.offers;
        facts.requires_tls = self.requires_tls;
        if self.purpose == Purpose::Verification {
            // To ask about a key nothing needs to be proved; the rules for the channel still hold.
            facts.own.external = false;
            facts.own.dialback = true;
            facts.own.bidi = false;
        }
        facts
    }

    fn step(&mut self, core: &mut Core) -> Result<(), Rejection> {
        match decision::decide(&self.facts(core)).action {
            Action::StartTls => {
                if !self.offers.starttls {
                    core.setback = Some(Setback::TlsNotOffered);
                }
                core.output.empty(ns::TLS, "starttls");
                self.state = State::AwaitProceed;
            }
            Action::Authenticate { by, bidi: true } if !core.bidi => {
                let query = core.queries.next_id();
                let pair = self.pair.clone();
                core.events.push_back(Event::Authorize { query, pair });
                self.state = State::AwaitDecision(query, by);
            }
            Action::Authenticate { by, .. } => self.authenticate(core, by),
            Action::Refuse(refusal) => return Err(core.refused(refusal)),
            Action::Offer(_) => return Err(core.refused(Refusal::NoMethod)),
        }
        Ok(())
    }

    fn authenticate(&mut self, core: &mut Core, by: Proof) {
        match by {
            Proof::External => {
                let identity = match core.terms.profile.authzid {
                    Authzid::Domain => {
                        Base64::encode_string(self.pair.local.to_unicode().as_bytes())
                    }
                    Authzid::Empty => "=".to_owned(),
                };
                core.output.sasl_auth(&identity);
                self.state = State::AwaitSuccess;
            }
            Proof::Dialback if self.purpose == Purpose::Verification => self.start_asking(core),
            Proof::Dialback => {
                core.send_key(&self.pair);
                self.state = State::AwaitResult;
            }
        }
    }

    /// Takes what the peer says about a key of ours.
    fn take_result(&mut self, core: &mut Core, element: &Element) {
        let refused = core.take_result(element);
        if refused.is_some_and(|pair| pair == self.pair) {
            core.close(CloseReason::Closed);
        } else if self.state == State::AwaitResult && core.outgoing.is_given(&self.pair) {
            self.become_ready(core);
        }
    }

    fn establish(&mut self, core: &mut Core, method: Method) {
        core.prove();
        core.establish(self.pair.clone(), method);
        self.become_ready(core);
    }

    fn become_ready(&mut self, core: &mut Core) {
        self.state = State::Ready;
        if core.bidi {
            let proof = core.certificate.take();
            let authorized =
                proof.and_then(|proof| Authorized::by_certificate(self.pair.clone(), proof));
            if let Some(authorized) = authorized {
                core.add_incoming(authorized);
            }
        }
        if self.offers_acknowledgements && core.wants_acknowledgements() {
            core.enable_acknowledgements();
        }
        core.send_requests();
    }

    fn start_asking(&mut self, core: &mut Core) {
        self.state = State::Ready;
        core.prove();
        core.send_requests();
    }

    pub(super) fn verify(
        &mut self,
        core: &mut Core,
        request: VerifyRequest,
    ) -> Result<(), SendError> {
        if core.life == Life::Open && request.pair != self.pair {
            return Err(SendError::OtherPair);
        }
        let unprotected = core.channel == Channel::Plain && self.state == State::Ready;
        if unprotected && request.security.tls == TlsMode::Required {
            return Err(SendError::Unprotected);
        }
        core.add_request(request, self.state == State::Ready)
    }
}

/// Whether a feature says that it has to be negotiated (RFC 6120 §4.3.2).
fn is_required(feature: &Element) -> bool {
    feature.children().any(|it| it.name() == "required")
}

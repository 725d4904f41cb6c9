//! The side that waits for a peer's header and offers features.

use base64ct::{Base64, Encoding};
use comity_identity::DomainName;
use comity_machine::QueryId;

use super::core::{Core, Life};
use super::event::{Decision, Event};
use super::output::{Feature, HeaderText, StreamLimits};
use super::proof::{Authorized, Pair, Verdict};
use super::reader::{Frame, Header};
use super::reason::{CloseReason, Farewell, Rejection};
use crate::decision::{self, Action, Channel, Offer, Refusal, StartTls};
use crate::xml::Element;
use crate::{TlsMode, ns};

#[derive(Debug, Default)]
pub(super) struct Receiving {
    state: State,
    /// What the header says, once it has been checked.
    local: Option<DomainName>,
    remote: Option<DomainName>,
    /// What our features offered.
    offered: Offer,
    /// Whether the peer may do nothing but ask about our dialback keys.
    verify_only: bool,
    /// Whether SASL EXTERNAL has succeeded.
    authenticated: bool,
    auth_attempts: usize,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    AwaitHeader,
    /// The policy is asked about the header's pair.
    AwaitDecision(QueryId),
    /// The certificate is asked about the header's domain.
    AwaitVerdict(QueryId),
    /// Features were sent.
    Open,
    /// STARTTLS was granted, or TLS comes first.
    AwaitTls,
}

impl Receiving {
    /// Waits for TLS before anything else (XEP-0368).
    pub(super) fn behind_tls() -> Self {
        Self {
            state: State::AwaitTls,
            ..Self::default()
        }
    }

    pub(super) fn awaits_answer(&self) -> bool {
        matches!(self.state, State::AwaitDecision(_) | State::AwaitVerdict(_))
    }

    pub(super) fn awaits_tls(&self) -> bool {
        matches!(self.state, State::AwaitTls)
    }

    /// Whether our header is the last that was sent.
    pub(super) fn has_opened(&self) -> bool {
        matches!(self.state, State::Open)
    }

    /// Forgets all that came in clear text (RFC 6120 §5.4.3.3).
    pub(super) fn tls_established(&mut self) {
        *self = Self::default();
    }

    pub(super) fn take(&mut self, core: &mut Core, frame: Frame) -> Result<(), Rejection> {
        match (&self.state, frame) {
            (State::AwaitHeader, Frame::Header(header)) => self.take_header(core, &header),
            (State::Open, Frame::Element(element)) => self.take_element(core, &element),
            (State::Open, Frame::Stanza(_)) if self.verify_only => Err(Rejection::Denied),
            (State::Open, Frame::Stanza(stanza)) => core.take_stanza(stanza),
            (
                State::AwaitHeader
                | State::AwaitDecision(_)
                | State::AwaitVerdict(_)
                | State::Open
                | State::AwaitTls,
                Frame::Header(_) | Frame::Element(_) | Frame::Stanza(_) | Frame::Close,
            ) => Err(Rejection::UnexpectedElement),
        }
    }

    fn take_header(&mut self, core: &mut Core, header: &Header) -> Result<(), Rejection> {
        header.check_namespaces()?;
        let was_for = self.local.take();
        let local = header.local(&core.config)?;
        self.local = Some(local.clone());
        let remote = header.domain("from", header.from.as_deref())?;
        // The header behind SASL names the pair that was authenticated.
        if self.authenticated
            && (was_for.as_ref() != Some(&local) || remote.is_some() && remote != self.remote)
        {
            return Err(Rejection::WrongPeer);
        }
        let is_ours = |remote: &DomainName| core.config.domains.contains(remote);
        if remote.as_ref().is_some_and(is_ours) {
            return Err(Rejection::LocalFrom);
        }
        match header.major_version() {
            Some(1) => core.incoming.knows_no_errors = false,
            // Servers from before XMPP 1.0 know neither features nor dialback errors.
            Some(0) => core.incoming.knows_no_errors = true,
            Some(_) | None => return Err(Rejection::Version),
        }
        if self.authenticated {
            self.open(core);
            return Ok(());
        }
        self.remote.clone_from(&remote);
        let Some(remote) = remote else {
            // Whoever it is will have to name a domain with its dialback key.
            return self.offer(core);
        };
        let query = core.queries.next_id();
        let pair = Pair { local, remote };
        core.events.push_back(Event::Authorize { query, pair });
        self.state = State::AwaitDecision(query);
        Ok(())
    }

    pub(super) fn decision(
        &mut self,
        core: &mut Core,
        query: QueryId,
        decision: &Decision,
    ) -> Result<(), Rejection> {
        match self.state {
            State::AwaitDecision(awaited) if awaited == query => {}
            State::AwaitHeader
            | State::AwaitDecision(_)
            | State::AwaitVerdict(_)
            | State::Open
            | State::AwaitTls => return Ok(()),
        }
        match decision {
            Decision::Deny => return Err(Rejection::Denied),
            Decision::Allow(terms) => core.terms = *terms,
            Decision::VerifyOnly(terms) => {
                core.terms = *terms;
                self.verify_only = true;
            }
            Decision::SeeOtherHost(_)
                if core.channel == Channel::Plain
                    && core.terms.security.tls != TlsMode::Disabled => {}
            Decision::SeeOtherHost(host) => {
                self.open_for_error(core);
                core.say_farewell(Farewell::SeeOtherHost(host.clone()));
                return Ok(());
            }
        }
        match (core.channel, &self.remote) {
            (Channel::Untrusted | Channel::Trusted, Some(remote)) => {
                self.state = State::AwaitVerdict(core.ask_verdict(remote.clone()));
                Ok(())
            }
            (Channel::Plain | Channel::Anonymous, _) | (_, None) => self.offer(core),
        }
    }

    pub(super) fn verdict(
        &mut self,
        core: &mut Core,
        query: QueryId,
        verdict: &Verdict,
    ) -> Result<(), Rejection> {
        match (&self.state, &self.remote) {
            (State::AwaitVerdict(awaited), Some(remote)) if *awaited == query => {
                core.note_verdict(remote.clone(), verdict);
                self.offer(core)
            }
            (
                State::AwaitHeader
                | State::AwaitDecision(_)
                | State::AwaitVerdict(_)
                | State::Open
                | State::AwaitTls,
                _,
            ) => Ok(()),
        }
    }

    /// Sends header and features, as the decision table has them.
    fn offer(&mut self, core: &mut Core) -> Result<(), Rejection> {
        let offer = match decision::decide(&core.facts()).action {
            Action::Offer(offer) => offer,
            Action::Refuse(refusal) => return Err(core.refused(refusal)),
            Action::StartTls | Action::Authenticate { .. } => {
                return Err(core.refused(Refusal::NoMethod));
            }
        };
        if core.incoming.knows_no_errors {
            match offer.starttls {
                StartTls::Required => return Err(Rejection::Version),
                StartTls::No | StartTls::Optional if !offer.dialback => {
                    return Err(core.refused(Refusal::NoMethod));
                }
                StartTls::No | StartTls::Optional => {}
            }
        }
        self.offered = offer;
        if self.verify_only {
            self.offered = Offer {
                starttls: offer.starttls,
                ..Offer::default()
            };
        }
        self.open(core);
        Ok(())
    }

    /// Opens the stream with the features that are left.
    fn open(&mut self, core: &mut Core) {
        self.send_header(core);
        if !core.incoming.knows_no_errors {
            let features = self.features(core);
            core.output.features(&features);
        }
        self.state = State::Open;
        core.establish_reverse();
    }

    fn features(&self, core: &Core) -> Vec<Feature> {
        let offer = self.offered;
        let mut features = Vec::new();
        match offer.starttls {
            StartTls::No => {}
            StartTls::Optional => features.push(Feature::STARTTLS),
            StartTls::Required => return vec![Feature::STARTTLS_REQUIRED],
        }
        let first = !self.authenticated;
        let offered = [
            (first && offer.external, Feature::EXTERNAL),
            // Behind SASL it adds pairs.
            (offer.dialback, Feature::DIALBACK),
            (first && offer.bidi, Feature::BIDI),
            (
                !self.verify_only && core.wants_acknowledgements(),
                Feature::ACKNOWLEDGEMENTS,
            ),
            (true, Feature::Limits(core.own_limits())),
        ];
        features.extend(offered.into_iter().filter_map(|(on, it)| on.then_some(it)));
        features
    }

    fn send_header(&mut self, core: &mut Core) {
        core.id = core.new_id();
        let wire = |name: &Option<DomainName>| name.as_ref().map(|name| name.to_unicode().into());
        let (from, to): (Option<String>, Option<String>) = (wire(&self.local), wire(&self.remote));
        core.output.header(HeaderText {
            from: Some(from.as_deref().unwrap_or_default()),
            to: to.as_deref(),
            id: Some(&core.id),
            version: (!core.incoming.knows_no_errors).then_some("1.0"),
        });
    }

    pub(super) fn open_for_error(&mut self, core: &mut Core) {
        match self.state {
            State::AwaitHeader | State::AwaitDecision(_) | State::AwaitVerdict(_) => {
                self.send_header(core);
            }
            State::Open | State::AwaitTls => {}
        }
    }

    fn take_element(&mut self, core: &mut Core, element: &Element) -> Result<(), Rejection> {
        if element.is(ns::TLS, "starttls") {
            return self.take_starttls(core);
        }
        core.check_tls()?;
        if self.verify_only && !element.is(ns::DIALBACK, "verify") {
            return Err(Rejection::Denied);
        }
        match (element.namespace(), element.name()) {
            (ns::SASL, "auth") => self.take_auth(core, element),
            (ns::SASL, "abort") => self.fail_auth(core, "aborted"),
            (ns::BIDI, "bidi") => self.take_bidi(core, element),
            // Some versions of ejabberd confuse the two namespaces; they get no stanzas back.
            (ns::BIDI_FEATURE, "bidi") => Ok(()),
            (ns::DIALBACK, _) => core.take_dialback(element),
            (ns::SM, _) => core.take_management(element),
            (ns::CLIENT, _) => Err(Rejection::ContentNamespace),
            (ns::SASL | ns::TLS | ns::STREAM, _) => Err(Rejection::UnexpectedElement),
            _other if core.is_proved() => Err(Rejection::UnsupportedElement),
            _other => Err(Rejection::NotAuthorized),
        }
    }

    fn take_starttls(&mut self, core: &mut Core) -> Result<(), Rejection> {
        if core.channel != Channel::Plain || core.is_proved() {
            return Err(Rejection::UnexpectedElement);
        }
        if core.terms.security.tls == TlsMode::Disabled || !core.config.starttls.is_on() {
            // RFC 6120 §5.4.2.2: a failure, and the end of the stream.
            core.output.empty(ns::TLS, "failure");
            let refusal = Refusal::TlsUnwanted;
            core.close(CloseReason::Rejected(core.refused(refusal)));
            return Ok(());
        }
        core.drop_keys();
        self.state = State::AwaitTls;
        Ok(())
    }

    /// Stanzas may go both ways once the peer has proved a pair (XEP-0288 §2.2).
    fn take_bidi(&self, core: &mut Core, element: &Element) -> Result<(), Rejection> {
        if !self.offered.bidi || core.is_proved() {
            return Err(Rejection::UnexpectedElement);
        }
        core.bidi = true;
        core.peer_limits = StreamLimits::read(element);
        Ok(())
    }

    /// SASL EXTERNAL (RFC 6120 §6, XEP-0178).
    fn take_auth(&mut self, core: &mut Core, element: &Element) -> Result<(), Rejection> {
        if self.authenticated {
            return Err(Rejection::UnexpectedElement);
        }
        if core.channel == Channel::Plain {
            return self.fail_auth(core, "encryption-required");
        }
        if element.attribute("mechanism") != Some("EXTERNAL") || !self.offered.external {
            return self.fail_auth(core, "invalid-mechanism");
        }
        let text = element.text();
        let identity = match text.trim() {
            "" | "=" => None,
            identity => match Base64::decode_vec(identity) {
                Ok(identity) => Some(identity),
                Err(_malformed) => return self.fail_auth(core, "incorrect-encoding"),
            },
        };
        let (Some(local), Some(remote)) = (&self.local, &self.remote) else {
            return self.fail_auth(core, "not-authorized");
        };
        let is_remote = |identity: Vec<u8>| {
            let identity = String::from_utf8(identity).unwrap_or_default();
            DomainName::parse(&identity).as_ref() == Ok(remote)
        };
        if !identity.is_none_or(is_remote) {
            return self.fail_auth(core, "invalid-authzid");
        }
        let pair = Pair {
            local: local.clone(),
            remote: remote.clone(),
        };
        let proof = core.certificate.take();
        let authorized = proof.and_then(|proof| Authorized::by_certificate(pair, proof));
        let Some(authorized) = authorized else {
            return self.fail_auth(core, "not-authorized");
        };
        core.output.empty(ns::SASL, "success");
        self.authenticated = true;
        core.drop_keys();
        core.add_incoming(authorized);
        core.restart();
        self.state = State::AwaitHeader;
        Ok(())
    }

    fn fail_auth(&mut self, core: &mut Core, condition: &str) -> Result<(), Rejection> {
        core.output.sasl_failure(condition);
        self.auth_attempts += 1;
        if self.auth_attempts >= core.config.limits.max_auth_attempts {
            return Err(Rejection::TooManyAttempts);
        }
        core.check_output()
    }
}

impl Core {
    /// An element of dialback on a stream that the peer opened (XEP-0220 §2).
    fn take_dialback(&mut self, element: &Element) -> Result<(), Rejection> {
        match (element.name(), element.attribute("type").is_some()) {
            ("result", false) => self.take_key(element),
            ("result", true) => {
                self.take_result(element);
                Ok(())
            }
            // An answer to a question that was never asked on this stream.
            ("verify", true) => Ok(()),
            ("verify", false) => self.answer_verify(element),
            _unknown if self.life != Life::Open => Ok(()),
            _unknown if self.is_proved() => Err(Rejection::UnsupportedElement),
            _unknown => Err(Rejection::NotAuthorized),
        }
    }

    pub(super) fn refused(&self, refusal: Refusal) -> Rejection {
        let reason = self.certificate_problem.clone();
        Rejection::Refused { refusal, reason }
    }
}

//! The side that waits for a peer's header and takes its stanzas.

mod keys;

use std::collections::BTreeMap;

use base64ct::{Base64, Encoding};
use comity_identity::DomainName;
use comity_machine::QueryId;

use self::keys::{Pending, PendingStage};
use crate::decision::{self, Availability, Channel, Facts, Offer};
use crate::stanza::{AddressError, ViewError};
use crate::stream::External;
use crate::stream::core::Core;
use crate::stream::event::{CloseReason, Decision, DropReason, Event, Rejection};
use crate::stream::output::{Addresses, Feature};
use crate::stream::proof::{Authorized, CertificateProof, Pair, Verdict};
use crate::stream::reader::{Frame, Header};
use crate::xml::Element;
use crate::{Security, Stanza, TlsMode, ns};

#[derive(Debug, Default)]
pub(in crate::stream) struct Receiving {
    state: State,
    /// What the header says, once it has been checked.
    local: Option<DomainName>,
    remote: Option<DomainName>,
    /// The id of our own header; empty until that is sent.
    id: Box<str>,
    /// The rules for the header's domain.
    security: Option<Security>,
    /// Proof by the certificate for the header's domain, for SASL EXTERNAL to spend.
    certificate: Option<CertificateProof>,
    /// Whether SASL EXTERNAL has succeeded.
    authenticated: bool,
    auth_attempts: usize,
    /// Dialback keys that came before anything was proved.
    early_keys: usize,
    pairs: BTreeMap<Pair, Authorized>,
    pending: BTreeMap<QueryId, Pending>,
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
    /// STARTTLS was granted.
    AwaitTls,
}

impl Receiving {
    pub(in crate::stream) fn awaits_answer(&self) -> bool {
        matches!(self.state, State::AwaitDecision(_) | State::AwaitVerdict(_))
    }

    pub(in crate::stream) fn awaits_tls(&self) -> bool {
        matches!(self.state, State::AwaitTls)
    }

    /// Whether our header is the last that was sent.
    pub(in crate::stream) fn has_opened(&self) -> bool {
        matches!(self.state, State::Open)
    }

    /// Forgets all that came in clear text (RFC 6120 §5.4.3.3).
    pub(in crate::stream) fn tls_established(&mut self) {
        *self = Self::default();
    }

    pub(in crate::stream) fn take(
        &mut self,
        core: &mut Core,
        frame: Frame,
    ) -> Result<(), Rejection> {
        match (&self.state, frame) {
            (State::AwaitHeader, Frame::Header(header)) => self.take_header(core, &header),
            (State::Open, Frame::Element(element)) => self.take_element(core, &element),
            (State::Open, Frame::Stanza(stanza)) => self.take_stanza(core, stanza),
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
        if !header.is_stream {
            return Err(Rejection::StreamNamespace);
        }
        if !header.is_for_servers() {
            return Err(Rejection::ContentNamespace);
        }
        let to = header.to.as_deref().ok_or(AddressError::Missing("to"))?;
        let malformed = |name, error| AddressError::Malformed(name, crate::JidError::Domain(error));
        let local = DomainName::parse(to).map_err(|error| malformed("to", error))?;
        if !core.config.domains.contains(&local) {
            return Err(Rejection::HostUnknown(to.into()));
        }
        let was_for = self.local.replace(local.clone());
        let remote = match header.from.as_deref() {
            Some(from) => Some(DomainName::parse(from).map_err(|error| malformed("from", error))?),
            None => None,
        };
        // The header behind SASL names the pair that was authenticated.
        if self.authenticated
            && (was_for.as_ref() != Some(&local) || remote.is_some() && remote != self.remote)
        {
            return Err(Rejection::WrongPeer);
        }
        if remote
            .as_ref()
            .is_some_and(|remote| core.config.domains.contains(remote))
        {
            return Err(Rejection::LocalFrom);
        }
        if header.major_version() != Some(1) {
            return Err(Rejection::Version);
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

    pub(in crate::stream) fn decision(
        &mut self,
        core: &mut Core,
        query: QueryId,
        decision: &Decision,
    ) -> Result<(), Rejection> {
        if let Some(pending) = self.take_pending(core, query, PendingStage::Decision) {
            return self.pending_decision(core, pending, decision);
        }
        match self.state {
            State::AwaitDecision(awaited) if awaited == query => {}
            State::AwaitHeader
            | State::AwaitDecision(_)
            | State::AwaitVerdict(_)
            | State::Open
            | State::AwaitTls => return Ok(()),
        }
        let Decision::Allow(security) = decision else {
            return Err(Rejection::Denied);
        };
        self.security = Some(*security);
        match (core.channel, &self.remote) {
            (Channel::Untrusted | Channel::Trusted, Some(remote)) => {
                self.state = State::AwaitVerdict(core.ask_verdict(remote.clone()));
                Ok(())
            }
            (Channel::Plain | Channel::Anonymous, _) | (_, None) => self.offer(core),
        }
    }

    pub(in crate::stream) fn verdict(
        &mut self,
        core: &mut Core,
        query: QueryId,
        verdict: &Verdict,
    ) -> Result<(), Rejection> {
        if let Some(pending) = self.take_pending(core, query, PendingStage::Verdict) {
            return self.pending_verdict(core, pending, verdict);
        }
        match (&self.state, &self.remote) {
            (State::AwaitVerdict(awaited), Some(remote)) if *awaited == query => {
                core.note_verdict(verdict);
                self.certificate = CertificateProof::new(remote.clone(), verdict);
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
        let dialback = core.config.dialback.is_some();
        let facts = Facts {
            channel: core.channel,
            external: (core.config.external_inbound == External::On).into(),
            dialback: dialback.into(),
            starttls: Availability::Yes,
            ..Facts::new(self.security.unwrap_or(core.config.security))
        };
        let features: &[Feature] = match decision::receiving(&facts) {
            Offer::StartTls => &[Feature::StartTlsRequired],
            Offer::StartTlsOrDialback => &[Feature::StartTls, Feature::Dialback],
            Offer::External if dialback => &[Feature::External, Feature::Dialback],
            Offer::External => &[Feature::External],
            Offer::Dialback => &[Feature::Dialback],
            Offer::Refuse(refusal) => {
                let reason = core.certificate_problem.clone();
                return Err(Rejection::Refused { refusal, reason });
            }
        };
        self.send_header(core);
        core.output.features(features);
        self.state = State::Open;
        Ok(())
    }

    /// Opens the stream behind SASL: more pairs may be added by dialback.
    fn open(&mut self, core: &mut Core) {
        self.send_header(core);
        let features: &[Feature] = if core.config.dialback.is_some() {
            &[Feature::Dialback]
        } else {
            &[]
        };
        core.output.features(features);
        self.state = State::Open;
    }

    fn send_header(&mut self, core: &mut Core) {
        self.id = core.new_id();
        let wire = |name: &Option<DomainName>| name.as_ref().map(|name| name.to_unicode().into());
        let (from, to): (Option<String>, Option<String>) = (wire(&self.local), wire(&self.remote));
        core.output.header(Addresses {
            from: Some(from.as_deref().unwrap_or_default()),
            to: to.as_deref(),
            id: Some(&self.id),
        });
    }

    pub(in crate::stream) fn open_for_error(&mut self, core: &mut Core) {
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
        self.check_tls(core)?;
        match (element.namespace(), element.name()) {
            (ns::SASL, "auth") => self.take_auth(core, element),
            (ns::SASL, "abort") => self.fail_auth(core, "aborted"),
            (ns::DIALBACK, "result") => self.take_key(core, element),
            // An answer to a question that was never asked on this stream.
            (ns::DIALBACK, "verify") if element.attribute("type").is_some() => Ok(()),
            (ns::DIALBACK, "verify") => core.answer_verify(element),
            (ns::CLIENT, _) => Err(Rejection::ContentNamespace),
            (ns::SASL | ns::TLS | ns::STREAM, _) => Err(Rejection::UnexpectedElement),
            _other if core.is_proved() => Err(Rejection::UnsupportedElement),
            _other => Err(Rejection::NotAuthorized),
        }
    }

    fn take_starttls(&mut self, core: &mut Core) -> Result<(), Rejection> {
        let security = self.security.unwrap_or(core.config.security);
        if core.channel != Channel::Plain || core.is_proved() {
            return Err(Rejection::UnexpectedElement);
        }
        if security.tls == TlsMode::Disabled {
            // RFC 6120 §5.4.2.2: a failure, and the end of the stream.
            core.output.empty(ns::TLS, "failure");
            core.close(CloseReason::Closed);
            return Ok(());
        }
        self.drop_keys(core);
        self.state = State::AwaitTls;
        Ok(())
    }

    /// Forgets the keys that are being verified: the stream that they came on is over, and an
    /// answer would stand outside the next one.
    fn drop_keys(&mut self, core: &mut Core) {
        for (query, _) in std::mem::take(&mut self.pending) {
            self.withdraw(core, query);
        }
    }

    /// SASL EXTERNAL (RFC 6120 §6, XEP-0178).
    fn take_auth(&mut self, core: &mut Core, element: &Element) -> Result<(), Rejection> {
        if self.authenticated {
            return Err(Rejection::UnexpectedElement);
        }
        if core.channel == Channel::Plain {
            return self.fail_auth(core, "encryption-required");
        }
        let offered = core.config.external_inbound == External::On && self.certificate.is_some();
        if element.attribute("mechanism") != Some("EXTERNAL") || !offered {
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
        let proof = self.certificate.take();
        let authorized = proof.and_then(|proof| Authorized::by_certificate(pair, proof));
        let Some(authorized) = authorized else {
            return self.fail_auth(core, "not-authorized");
        };
        core.output.empty(ns::SASL, "success");
        self.authenticated = true;
        self.drop_keys(core);
        self.add_pair(core, authorized);
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

    fn add_pair(&mut self, core: &mut Core, authorized: Authorized) {
        self.pairs
            .insert(authorized.pair().clone(), authorized.clone());
        core.prove();
        core.events.push_back(Event::Authorized(authorized));
    }

    /// Lets nothing but STARTTLS pass before TLS where it is required.
    fn check_tls(&self, core: &Core) -> Result<(), Rejection> {
        let security = self.security.unwrap_or(core.config.security);
        if core.channel == Channel::Plain && security.tls == TlsMode::Required {
            return Err(Rejection::TlsRequired);
        }
        Ok(())
    }

    fn take_stanza(
        &mut self,
        core: &mut Core,
        stanza: Result<Stanza, ViewError>,
    ) -> Result<(), Rejection> {
        self.check_tls(core)?;
        if self.pairs.is_empty() {
            return Err(Rejection::NotAuthorized);
        }
        let stanza = match stanza {
            Ok(stanza) => stanza,
            Err(ViewError::Prefixed) => return Err(Rejection::PrefixedStanza),
            Err(ViewError::Address(error)) if error.leaves_domain() => {
                let reason = DropReason::Address(error);
                core.events.push_back(Event::Dropped(reason));
                return Ok(());
            }
            Err(ViewError::Address(error)) => return Err(error.into()),
        };
        let (from, to) = stanza.domains();
        let pair = Pair {
            local: to.clone(),
            remote: from.clone(),
        };
        let Some(authorized) = self.pairs.get(&pair) else {
            return Err(self.refuse_pair(core, &pair));
        };
        let method = authorized.method();
        core.events.push_back(Event::Stanza { stanza, method });
        Ok(())
    }

    /// Which side of an unproved pair is at fault (RFC 6120 §8.1.1.2, §8.1.2.2).
    fn refuse_pair(&self, core: &Core, pair: &Pair) -> Rejection {
        if !self.pairs.keys().any(|proved| proved.remote == pair.remote) {
            Rejection::InvalidFrom
        } else if core.config.domains.contains(&pair.local) {
            Rejection::PairNotAuthorized
        } else {
            Rejection::HostUnknown(pair.local.as_str().into())
        }
    }
}

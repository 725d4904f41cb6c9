//! The side that connects, proves its domain and sends stanzas.

use std::time::Instant;

use base64ct::{Base64, Encoding};
use comity_identity::DomainName;
use comity_machine::QueryId;

use super::core::{Core, Life, Timer};
use super::event::{DropReason, Event, PairRefusal, Rejection, Verification, VerifyRequest};
use super::output::{Addresses, Content, Dialback};
use super::proof::{DialbackProof, Method, Pair, Verdict};
use super::reader::{Frame, Header};
use super::{External, PeerCertificate, Purpose, SendError};
use crate::decision::{self, Channel, Facts, Refusal, Step};
use crate::stanza::AddressError;
use crate::xml::Element;
use crate::{Stanza, StanzaCondition, TlsMode, ns};

#[derive(Debug)]
pub(super) struct Initiating {
    pair: Pair,
    purpose: Purpose,
    state: State,
    /// Whether our current header has been sent.
    opened: bool,
    /// The id that the peer gave the stream.
    id: Box<str>,
    authenticated: bool,
    /// Whether the peer offers SASL EXTERNAL on this stream and has not refused it.
    external_offered: bool,
    /// Requests that were sent and not answered, or wait for the stream to be ready, oldest first.
    requests: Vec<Request>,
}

#[derive(Debug)]
struct Request {
    request: VerifyRequest,
    /// When it has taken too long; never, if that is beyond the end of time.
    deadline: Option<Instant>,
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
            id: Box::default(),
            authenticated: false,
            external_offered: false,
            requests: Vec::new(),
        };
        side.open(core);
        side
    }

    pub(super) fn awaits_answer(&self) -> bool {
        matches!(self.state, State::AwaitVerdict(_))
    }

    pub(super) fn awaits_tls(&self) -> bool {
        self.state == State::AwaitTls
    }

    /// Whether our current header has been sent.
    pub(super) fn has_opened(&self) -> bool {
        self.opened
    }

    /// Sends our header, once for each stream.
    pub(super) fn open(&mut self, core: &mut Core) {
        if !self.opened {
            self.opened = true;
            core.output.header(Addresses {
                from: Some(&self.pair.local.to_unicode()),
                to: Some(&self.pair.remote.to_unicode()),
                id: None,
            });
        }
    }

    pub(super) fn tls_established(&mut self, core: &mut Core, certificate: PeerCertificate) {
        self.opened = false;
        self.id = Box::default();
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

    pub(super) fn verdict(
        &mut self,
        core: &mut Core,
        query: QueryId,
        verdict: &Verdict,
    ) -> Result<(), Rejection> {
        if self.state == State::AwaitVerdict(query) {
            core.note_verdict(verdict);
            self.await_header(core);
        }
        Ok(())
    }

    pub(super) fn take(&mut self, core: &mut Core, frame: Frame) -> Result<(), Rejection> {
        let element = match frame {
            Frame::Header(header) if self.state == State::AwaitHeader => {
                return self.take_header(core, &header);
            }
            // A stream carries stanzas one way (RFC 6120 §4.9.1.4).
            Frame::Stanza(_) => {
                let reason = DropReason::WrongDirection;
                core.events.push_back(Event::Dropped(reason));
                return Ok(());
            }
            Frame::Header(_) | Frame::Close => return Err(Rejection::UnexpectedElement),
            Frame::Element(element) => element,
        };
        match (self.state, element.namespace(), element.name()) {
            (State::AwaitFeatures, ns::STREAM, "features") => self.take_features(core, &element),
            (State::AwaitProceed, ns::TLS, "proceed") => {
                self.state = State::AwaitTls;
                Ok(())
            }
            (State::AwaitProceed, ns::TLS, "failure") => {
                Err(self.refuse(core, Refusal::TlsUnavailable))
            }
            (State::AwaitSuccess, ns::SASL, "success") => {
                self.authenticated = true;
                self.opened = false;
                core.restart();
                self.await_header(core);
                Ok(())
            }
            (State::AwaitSuccess, ns::SASL, "failure") => {
                // It goes on with dialback on the same stream (XEP-0178 §3).
                self.external_offered = false;
                self.step(core, false)
            }
            (_, ns::DIALBACK, "result") => {
                self.take_result(core, &element);
                Ok(())
            }
            (_, ns::DIALBACK, "verify") if element.attribute("type").is_some() => {
                self.take_verification(core, &element);
                Ok(())
            }
            // Nothing may come between `<starttls/>` and the handshake, nor be told in clear text
            // where TLS is required.
            (State::AwaitProceed, ns::DIALBACK, "verify") => Ok(()),
            (_, ns::DIALBACK, "verify")
                if core.channel == Channel::Plain
                    && core.config.security.tls == TlsMode::Required =>
            {
                Ok(())
            }
            (_, ns::DIALBACK, "verify") => core.answer_verify(&element),
            _other => Err(Rejection::UnexpectedElement),
        }
    }

    fn take_header(&mut self, core: &mut Core, header: &Header) -> Result<(), Rejection> {
        if !header.is_stream {
            return Err(Rejection::StreamNamespace);
        }
        if !header.is_for_servers() {
            return Err(Rejection::ContentNamespace);
        }
        if header.major_version() != Some(1) {
            return Err(Rejection::Version);
        }
        // What comes before TLS may come from anyone, and is forgotten anyway.
        if core.channel != Channel::Plain
            && let Some(from) = header.from.as_deref()
            && DomainName::parse(from)
                .map_err(crate::JidError::Domain)
                .map_err(|error| AddressError::Malformed("from", error))?
                != self.pair.remote
        {
            return Err(Rejection::WrongPeer);
        }
        self.id = header.id.as_deref().unwrap_or_default().into();
        if self.id.is_empty() {
            return Err(Rejection::NoId);
        }
        self.state = State::AwaitFeatures;
        Ok(())
    }

    fn take_features(&mut self, core: &mut Core, features: &Element) -> Result<(), Rejection> {
        if self.authenticated {
            self.establish(core, Method::Certificate);
            return Ok(());
        }
        self.external_offered = features
            .child(ns::SASL, "mechanisms")
            .is_some_and(|mechanisms| {
                mechanisms.children().any(|child| {
                    child.is(ns::SASL, "mechanism") && child.text().trim() == "EXTERNAL"
                })
            });
        let starttls = features.child(ns::TLS, "starttls").is_some();
        self.step(core, starttls)
    }

    fn step(&mut self, core: &mut Core, starttls: bool) -> Result<(), Rejection> {
        let external = core.config.external_outbound == External::On && self.external_offered;
        // To ask about a key nothing needs to be proved; the rules for the channel still hold.
        let asks = self.purpose == Purpose::Verification;
        let facts = Facts {
            channel: core.channel,
            external: (external && !asks).into(),
            dialback: (asks || core.config.dialback.is_some()).into(),
            starttls: starttls.into(),
            ..Facts::new(core.config.security)
        };
        match decision::initiating(&facts) {
            Step::StartTls => {
                core.output.empty(ns::TLS, "starttls");
                self.state = State::AwaitProceed;
            }
            Step::External => {
                let identity = Base64::encode_string(self.pair.local.to_unicode().as_bytes());
                core.output.sasl_auth(&identity);
                self.state = State::AwaitSuccess;
            }
            Step::Dialback if asks => self.start_asking(core),
            Step::Dialback => self.send_key(core),
            Step::Refuse(refusal) => return Err(self.refuse(core, refusal)),
        }
        Ok(())
    }

    fn refuse(&self, core: &Core, refusal: Refusal) -> Rejection {
        let reason = core.certificate_problem.clone();
        Rejection::Refused { refusal, reason }
    }

    fn send_key(&mut self, core: &mut Core) {
        let Pair { local, remote } = &self.pair;
        let key = core.config.dialback.as_ref();
        let key = key.map(|secret| secret.key(remote, local, &self.id));
        core.output.dialback(&Dialback {
            content: Content::Key(&key.unwrap_or_default()),
            ..Dialback::of("result", &self.pair)
        });
        self.state = State::AwaitResult;
        core.await_progress();
    }

    /// Takes what the peer says about our key (XEP-0220 §2.1.4).
    fn take_result(&mut self, core: &mut Core, element: &Element) {
        // An answer to something that was not asked proves nothing.
        if self.state != State::AwaitResult || !self.is_answer(element) {
            return;
        }
        let refusal = match element.attribute("type") {
            Some("valid") => return self.establish(core, Method::Dialback),
            Some("invalid") => PairRefusal::Invalid,
            Some("error") => PairRefusal::Error(error_condition(element)),
            Some(_) | None => return,
        };
        core.events.push_back(Event::Refused(refusal));
        core.close(super::CloseReason::Closed);
    }

    fn establish(&mut self, core: &mut Core, method: Method) {
        self.state = State::Ready;
        core.prove();
        let pair = self.pair.clone();
        core.events.push_back(Event::Established { pair, method });
        self.send_requests(core);
    }

    fn start_asking(&mut self, core: &mut Core) {
        self.state = State::Ready;
        core.prove();
        self.send_requests(core);
    }

    pub(super) fn send(&self, core: &mut Core, stanza: &Stanza) -> Result<(), SendError> {
        if core.life != Life::Open {
            return Err(SendError::Closed);
        }
        if self.state != State::Ready || self.purpose != Purpose::Stanzas {
            return Err(SendError::NotEstablished);
        }
        if stanza.domains() != (&self.pair.local, &self.pair.remote) {
            return Err(SendError::OtherPair);
        }
        if core.output.len() >= core.config.limits.max_output_bytes.authenticated {
            return Err(SendError::Full);
        }
        core.output.stanza(stanza);
        core.touch();
        Ok(())
    }

    pub(super) fn verify(
        &mut self,
        core: &mut Core,
        request: VerifyRequest,
    ) -> Result<(), SendError> {
        if core.life != Life::Open {
            return Err(SendError::Closed);
        }
        if request.pair != self.pair {
            return Err(SendError::OtherPair);
        }
        if self.requests.len() >= core.config.limits.max_pairs {
            return Err(SendError::Full);
        }
        if self.state == State::Ready {
            send_request(core, &request);
        }
        let wait = core.config.limits.verification_timeout;
        let deadline = core.now.checked_add(wait);
        self.requests.push(Request { request, deadline });
        self.arm_requests(core);
        Ok(())
    }

    /// Sets the timer to the oldest request.
    fn arm_requests(&self, core: &mut Core) {
        match self.requests.first().and_then(|oldest| oldest.deadline) {
            Some(deadline) => core.timers.set(Timer::Requests, deadline),
            None => core.timers.stop(Timer::Requests),
        }
    }

    /// Gives up on requests that the peer has not answered in time.
    pub(super) fn requests_timed_out(&mut self, core: &mut Core) {
        let now = core.now;
        let late = |asked: &mut Request| asked.deadline.is_some_and(|deadline| deadline <= now);
        for Request { request, .. } in self.requests.extract_if(.., late) {
            let verification = Verification::Failed(StanzaCondition::RemoteServerTimeout);
            core.events.push_back(Event::Verified {
                request,
                verification,
            });
        }
        self.arm_requests(core);
    }

    fn send_requests(&self, core: &mut Core) {
        for Request { request, .. } in &self.requests {
            send_request(core, request);
        }
    }

    /// Takes the answer of the authoritative server (XEP-0220 §2.1.3).
    fn take_verification(&mut self, core: &mut Core, element: &Element) {
        if self.state != State::Ready || !self.is_answer(element) {
            return;
        }
        let id = element.attribute("id").unwrap_or_default();
        let asked = |asked: &Request| &*asked.request.id == id;
        let Some(index) = self.requests.iter().position(asked) else {
            return;
        };
        let Request { request, .. } = self.requests.remove(index);
        self.arm_requests(core);
        let verification = match element.attribute("type") {
            Some("valid") => {
                Verification::Valid(DialbackProof::new(request.pair.clone(), request.id.clone()))
            }
            Some("error") => Verification::Failed(error_condition(element)),
            Some(_) | None => Verification::Invalid,
        };
        core.events.push_back(Event::Verified {
            request,
            verification,
        });
    }

    /// Whether the element goes from the peer's domain to ours.
    fn is_answer(&self, element: &Element) -> bool {
        let is = |name, domain: &DomainName| {
            let text = element.attribute(name).unwrap_or_default();
            DomainName::parse(text).as_ref() == Ok(domain)
        };
        is("from", &self.pair.remote) && is("to", &self.pair.local)
    }
}

fn send_request(core: &mut Core, request: &VerifyRequest) {
    core.output.dialback(&Dialback {
        id: Some(&request.id),
        content: Content::Key(&request.key),
        ..Dialback::of("verify", &request.pair)
    });
}

/// The condition inside a dialback error (XEP-0220 §2.4).
fn error_condition(element: &Element) -> StanzaCondition {
    element
        .children()
        .filter(|child| child.name() == "error")
        .flat_map(Element::children)
        .find_map(|child| StanzaCondition::from_name(child.name()))
        .unwrap_or(StanzaCondition::UndefinedCondition)
}

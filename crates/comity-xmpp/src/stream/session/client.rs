//! One session.

use comity_identity::DomainName;

use super::{ClientAuth, CloseReason, Config, SessionId, StartTls, StartTlsError};
use crate::StreamCondition;
use crate::ns;
use crate::stanza::AddressError;
use crate::stream::output::{Feature, HeaderText, Output};
use crate::stream::reader::{Frame, Header, Reader};
use crate::stream::{Rejection, Stage};
use crate::xml::Element;

/// A `jabber:client` stream on its way into TLS.
#[derive(Debug)]
pub(super) struct Session {
    reader: Reader,
    output: Output,
    state: State,
    /// The id that our header gives; none on a session with a server.
    id: Option<SessionId>,
    /// Which of our domains the client asked for.
    domain: Option<DomainName>,
    /// How TLS is to be started.
    parameters: Option<StartTls>,
    pub(super) timer: Option<u64>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    AwaitHeader,
    AwaitFeatures,
    /// The client has its features.
    AwaitRequest,
    /// TLS may be started.
    Ready,
    /// The server was asked for TLS.
    AwaitProceed,
    /// The last words in clear text wait to be sent.
    LeavingClearText,
    InTls,
    Over,
}

/// What a session's input has come to.
#[derive(Debug)]
pub(super) enum Step {
    None,
    Offered,
    Requested,
    End(CloseReason),
}

impl Session {
    pub(super) fn with_client(config: &Config, id: &SessionId) -> Self {
        Self {
            reader: Reader::new(config.xml),
            output: Output::default(),
            state: State::AwaitHeader,
            id: Some(id.clone()),
            domain: None,
            parameters: None,
            timer: None,
        }
    }

    pub(super) fn with_server(config: &Config, domain: &DomainName) -> Self {
        let mut output = Output::default();
        output.client_header(HeaderText {
            from: None,
            to: Some(&domain.to_unicode()),
            id: None,
            version: Some("1.0"),
        });
        Self {
            reader: Reader::new(config.xml),
            output,
            state: State::AwaitHeader,
            id: None,
            domain: Some(domain.clone()),
            parameters: None,
            timer: None,
        }
    }

    pub(super) fn start_tls(&mut self, parameters: StartTls) -> Result<(), StartTlsError> {
        match (&parameters, &self.id) {
            (StartTls::ToClient { .. }, None) | (StartTls::ToServer { .. }, Some(_)) => {
                return Err(StartTlsError::WrongDirection);
            }
            (StartTls::ToClient { key: None, .. }, Some(_)) => {
                return Err(StartTlsError::MissingPrivateKey);
            }
            (StartTls::ToClient { key: Some(_), .. }, Some(_))
            | (StartTls::ToServer { .. }, None) => {}
        }
        match self.state {
            State::Ready => {}
            State::AwaitHeader | State::AwaitFeatures | State::AwaitRequest | State::Over => {
                return Err(StartTlsError::NotReady);
            }
            State::AwaitProceed | State::LeavingClearText | State::InTls => {
                return Err(StartTlsError::AlreadyStarted);
            }
        }
        (self.state, self.parameters) = match parameters {
            StartTls::ToClient { .. } => {
                self.output.empty(ns::TLS, "proceed");
                (State::LeavingClearText, Some(parameters))
            }
            StartTls::ToServer { .. } => {
                self.output.empty(ns::TLS, "starttls");
                (State::AwaitProceed, Some(parameters))
            }
        };
        Ok(())
    }

    pub(super) fn handle_input(&mut self, config: &Config, input: &[u8]) -> Step {
        let mut rest = input;
        while !rest.is_empty() {
            if !self.wants_input() {
                // Whoever put clear text here wants it to be read as if it had been protected.
                return self.reject(Rejection::DataBeforeTls);
            }
            let step = match self.reader.next_frame(&mut rest) {
                Ok(Some(frame)) => self.take(config, frame),
                Ok(None) => Ok(Step::None),
                Err(error) => Err(error.into()),
            };
            match step {
                Err(rejection) => return self.reject(rejection),
                Ok(Step::None) => {}
                Ok(_) if !rest.is_empty() && !self.wants_input() => {
                    return self.reject(Rejection::DataBeforeTls);
                }
                Ok(step) => return step,
            }
        }
        Step::None
    }

    fn take(&mut self, config: &Config, frame: Frame) -> Result<Step, Rejection> {
        match (self.state, frame) {
            (_, Frame::Close) => Ok(self.closed_by_peer()),
            (_, Frame::Element(element)) if element.is(ns::STREAM, "error") => {
                Ok(self.closed_by_peer())
            }
            (State::AwaitHeader, Frame::Header(header)) => self.take_header(config, &header),
            (State::AwaitFeatures, Frame::Element(element)) => Ok(self.take_features(&element)),
            (State::AwaitRequest, Frame::Element(element)) => self.take_request(&element),
            (State::AwaitProceed, Frame::Element(element)) => self.take_proceed(&element),
            (
                State::AwaitHeader
                | State::AwaitFeatures
                | State::AwaitRequest
                | State::AwaitProceed
                | State::Ready
                | State::LeavingClearText
                | State::InTls
                | State::Over,
                Frame::Header(_) | Frame::Element(_) | Frame::Stanza(_),
            ) => Err(Rejection::UnexpectedElement),
        }
    }

    fn take_header(&mut self, config: &Config, header: &Header) -> Result<Step, Rejection> {
        header.check_client_namespaces()?;
        if self.id.is_none() {
            if header.major_version() != Some(1) {
                return Err(Rejection::Version);
            }
            self.state = State::AwaitFeatures;
            return Ok(Step::None);
        }
        let to = header.domain("to", header.to.as_deref())?;
        let to = to.ok_or(AddressError::Missing("to"))?;
        if !config.domains.contains(&to) {
            let text = header.to.as_deref().unwrap_or_default().into();
            return Err(Rejection::HostUnknown(text));
        }
        self.domain = Some(to);
        if header.major_version() != Some(1) {
            return Err(Rejection::Version);
        }
        self.send_header();
        self.output.features(&[Feature::STARTTLS_REQUIRED]);
        self.state = State::AwaitRequest;
        Ok(Step::None)
    }

    fn take_features(&mut self, features: &Element) -> Step {
        if features.is(ns::STREAM, "features") && features.child(ns::TLS, "starttls").is_some() {
            self.state = State::Ready;
            return Step::Offered;
        }
        self.say_goodbye();
        Step::End(CloseReason::NotOffered)
    }

    /// Nothing but the request for TLS comes before it (RFC 6120 §5.3.1).
    fn take_request(&mut self, element: &Element) -> Result<Step, Rejection> {
        if !element.is(ns::TLS, "starttls") {
            return Err(Rejection::TlsRequired);
        }
        self.state = State::Ready;
        Ok(Step::Requested)
    }

    fn take_proceed(&mut self, element: &Element) -> Result<Step, Rejection> {
        match (element.namespace(), element.name()) {
            (ns::TLS, "proceed") => {
                self.state = State::LeavingClearText;
                Ok(Step::None)
            }
            (ns::TLS, "failure") => Ok(Step::End(CloseReason::NotOffered)),
            _other => Err(Rejection::UnexpectedElement),
        }
    }

    fn closed_by_peer(&mut self) -> Step {
        self.say_goodbye();
        Step::End(CloseReason::PeerClosed)
    }

    fn send_header(&mut self) {
        let domain = self.domain.as_ref().map(|domain| domain.to_unicode());
        self.output.client_header(HeaderText {
            from: Some(domain.as_deref().unwrap_or_default()),
            to: None,
            id: self.id.as_ref().map(SessionId::as_str),
            version: Some("1.0"),
        });
    }

    /// Ends the stream with an error, which stands inside a stream (RFC 6120 §4.9.1.2).
    fn reject(&mut self, rejection: Rejection) -> Step {
        match self.state {
            State::AwaitHeader if self.id.is_some() => self.send_header(),
            State::AwaitHeader
            | State::AwaitFeatures
            | State::AwaitRequest
            | State::Ready
            | State::AwaitProceed => {}
            // The other side awaits a handshake.
            State::LeavingClearText | State::InTls | State::Over => {
                return Step::End(CloseReason::Rejected(rejection));
            }
        }
        let text = rejection.to_string();
        self.output
            .error(rejection.condition(), &text, rejection.detail());
        Step::End(CloseReason::Rejected(rejection))
    }

    /// Tells the other side that it took too long; gives what did.
    pub(super) fn time_out(&mut self) -> Stage {
        match self.state {
            State::LeavingClearText | State::InTls => return Stage::Tls,
            State::AwaitHeader if self.id.is_some() => self.send_header(),
            State::AwaitHeader
            | State::AwaitFeatures
            | State::AwaitRequest
            | State::Ready
            | State::AwaitProceed
            | State::Over => {}
        }
        let stage = Stage::Negotiation;
        self.output.error(
            StreamCondition::ConnectionTimeout,
            &format!("{stage} took too long"),
            crate::stream::output::Detail::None,
        );
        stage
    }

    /// Closes our direction, if it is open.
    pub(super) fn say_goodbye(&mut self) {
        match self.state {
            State::AwaitHeader if self.id.is_some() => {}
            State::AwaitHeader
            | State::AwaitFeatures
            | State::AwaitRequest
            | State::Ready
            | State::AwaitProceed => self.output.close(),
            State::LeavingClearText | State::InTls | State::Over => {}
        }
    }

    /// Ends the session; false if it was over.
    pub(super) fn end(&mut self) -> bool {
        let was_over = self.is_over();
        self.state = State::Over;
        !was_over
    }

    pub(super) fn is_over(&self) -> bool {
        self.state == State::Over
    }

    pub(super) fn is_in_tls(&self) -> bool {
        self.state == State::InTls
    }

    pub(super) fn wants_input(&self) -> bool {
        match self.state {
            State::AwaitHeader
            | State::AwaitFeatures
            | State::AwaitRequest
            | State::AwaitProceed => true,
            // A client that has asked for TLS says nothing more in clear text.
            State::Ready => self.id.is_none(),
            State::LeavingClearText | State::InTls | State::Over => false,
        }
    }

    /// Whether the handshake is worth nothing without a certificate of the client.
    pub(super) fn needs_certificate(&self) -> bool {
        matches!(
            self.parameters,
            Some(StartTls::ToClient {
                client_auth: ClientAuth::Required,
                ..
            })
        )
    }

    pub(super) fn drain(&mut self, buf: &mut Vec<u8>) -> usize {
        self.output.drain(buf)
    }

    /// Hands the connection to TLS, once all that was written is on its way.
    pub(super) fn enter_tls(&mut self) -> Option<StartTls> {
        if self.state != State::LeavingClearText {
            return None;
        }
        self.state = State::InTls;
        self.parameters.clone()
    }
}

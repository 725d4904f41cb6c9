//! A peer's SIP server: TLS, and its answer to OPTIONS or SUBSCRIBE.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use bytes::Bytes;
use comity_bridge::presence::{self, SipState};
use comity_identity::{Diagnosis, Finding, Host};
use comity_sip::diagnose::{self, Circumstances};
use comity_sip::header::{CSeq, ContentType, MaxForwards};
use comity_sip::{
    AddressBuilder, BuildError, Framer, FramerEvent, HeaderName, Limits, Message, Method, Request,
    RequestBuilder, Response, ResponseBuilder, StatusCode, Transport, UriBuf, UriBuilder, UriError,
    ViaBuilder,
};
use comity_trust::UnixTime;
use tokio::net::TcpStream;
use tokio::time::sleep_until;

use super::ActivityKind;
use super::channel::{Channel, Read};
use super::table::{CLOSED, NOT_SIP, NOTIFY_MISSING, OFFLINE, SIP_TIMED_OUT, SLOW};
use super::visit::{Learned, Visit};

/// Speaks with a server as a server of ours would.
pub(super) async fn converse(visit: &Visit<'_>, stream: TcpStream) -> Learned {
    let max_bytes = visit.context.config.limits.max_read_bytes;
    let mut conversation = Conversation {
        visit,
        channel: Channel::plain(stream, max_bytes),
        framer: Framer::new(Limits::default()),
        is_notified: false,
        learned: Learned::default(),
    };
    conversation.run().await;
    conversation.learned
}

/// One connection and what was learned on it.
struct Conversation<'a> {
    visit: &'a Visit<'a>,
    channel: Channel,
    framer: Framer,
    /// Whether a NOTIFY has come.
    is_notified: bool,
    learned: Learned,
}

/// What a request says of itself and its sender.
struct Draft {
    method: Method<'static>,
    from: UriBuf,
    to: UriBuf,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Reply {
    /// There is no response, and there will be none.
    Missing,
    /// The peer does not do it.
    Refused,
    /// The peer does it.
    Taken,
}

impl Conversation<'_> {
    /// Goes on as long as there is something to learn.
    async fn run(&mut self) {
        if self.transport() == Transport::Tls {
            let Self {
                visit,
                channel,
                learned,
                ..
            } = self;
            if visit.secure(channel, learned).await.is_err() {
                return;
            }
        }
        // A domain has a URI.
        let Ok(options) = self.options() else {
            return;
        };
        if self.ask(&options).await == Reply::Missing {
            return;
        }
        if let Some(subscribe) = self.subscription()
            && self.ask(&subscribe).await == Reply::Taken
        {
            self.await_notify().await;
        }
    }

    fn transport(&self) -> Transport {
        match self.visit.candidate.transport {
            comity_srv::Transport::Tls | comity_srv::Transport::StartTls => Transport::Tls,
            comity_srv::Transport::Tcp => Transport::Tcp,
            comity_srv::Transport::Udp => Transport::Udp,
        }
    }

    /// Notes something about the peer.
    fn note(&mut self, diagnosis: &'static Diagnosis, seen: impl Into<Cow<'static, str>>) {
        let subject = self.visit.subject.clone();
        self.learned
            .findings
            .push(Finding::new(diagnosis, subject, seen));
    }

    fn options(&self) -> Result<Draft, UriError> {
        let local = self.visit.context.config.local.as_ref();
        let to = UriBuilder::sip(&Host::Domain(self.visit.context.domain.clone())).build()?;
        let from = match local {
            Some(local) => UriBuilder::sip(&Host::Domain(local.clone())).build()?,
            None => to.clone(),
        };
        Ok(Draft {
            method: Method::Options,
            from,
            to,
        })
    }

    fn subscription(&self) -> Option<Draft> {
        let subscription = self.visit.context.config.subscribe.as_ref()?;
        Some(Draft {
            method: Method::Subscribe,
            from: subscription.watcher.clone(),
            to: subscription.presentity.clone(),
        })
    }

    /// Sends a request and takes the final response.
    async fn ask(&mut self, draft: &Draft) -> Reply {
        // What is built of URIs that were read cannot break.
        let Ok(request) = self.request(draft) else {
            return Reply::Missing;
        };
        let limit = self.visit.context.config.limits.response_timeout;
        let asked = Instant::now();
        self.channel.write(&request, limit).await;
        let deadline = asked + limit;
        loop {
            match self.next(deadline).await {
                Ok(Message::Response(response)) if !is_final(&response, draft.method) => {}
                Ok(Message::Response(response)) => {
                    return self.answered(draft.method, &response, asked.elapsed());
                }
                Ok(Message::Request(request)) => self.take_request(&request).await,
                Err(finding) => {
                    self.learned.answer = Some(finding.seen.clone().into());
                    self.learned.findings.push(finding);
                    return Reply::Missing;
                }
            }
        }
    }

    fn answered(&mut self, method: Method<'_>, response: &Response, took: Duration) -> Reply {
        let circumstances = self.circumstances();
        let findings = diagnose::response(&self.visit.subject, response, circumstances);
        self.learned.findings.extend(findings);
        if took > SLOWLY {
            let seen = format!("it took {} ms to answer {method}", took.as_millis());
            self.note(&SLOW, seen);
        }
        let status = response.status();
        self.learned.answer = Some(format!("{status} {}", response.reason()).into());
        if status.is_success() {
            Reply::Taken
        } else {
            Reply::Refused
        }
    }

    fn circumstances(&self) -> Circumstances {
        Circumstances {
            transport: self.transport(),
            now: Duration::from_secs(UnixTime::now().as_secs()),
        }
    }

    /// Waits for what the subscription brings: the first NOTIFY, if it comes on this connection.
    async fn await_notify(&mut self) {
        let limit = self.visit.context.config.limits.notify_timeout;
        let deadline = Instant::now() + limit;
        // It may have come before the response (RFC 6665 §4.1.2.4).
        while !self.is_notified {
            match self.next(deadline).await {
                Ok(Message::Request(request)) => self.take_request(&request).await,
                Ok(Message::Response(_)) => {}
                Err(_ended) => {
                    return self.note(&NOTIFY_MISSING, "no NOTIFY came");
                }
            }
        }
    }

    /// Answers a request of the peer, and looks at it if it is a NOTIFY.
    async fn take_request(&mut self, request: &Request) {
        let method = request.method();
        if method == Method::Ack {
            return;
        }
        let is_known = [Method::Notify, Method::Options].contains(&method);
        let status = if is_known {
            StatusCode::OK
        } else {
            StatusCode::NOT_IMPLEMENTED
        };
        let mut response = ResponseBuilder::new(request, status);
        if response.to_tag(&self.token()).is_ok() {
            let limit = self.visit.context.config.limits.response_timeout;
            self.channel.write(&response.finish(), limit).await;
        }
        if method != Method::Notify {
            return;
        }
        self.is_notified = true;
        let circumstances = self.circumstances();
        let notified = diagnose::notification(&self.visit.subject, request, circumstances);
        self.learned.findings.extend(notified);
        if looks_offline(request) {
            self.note(
                &OFFLINE,
                "the user's presence is closed, and says nothing else",
            );
        }
    }

    /// The next message, or why there is none.
    async fn next(&mut self, deadline: Instant) -> Result<Message, Finding> {
        let subject = self.visit.subject.clone();
        loop {
            match self.framer.poll_event() {
                Some(FramerEvent::Message(message)) => return Ok(message),
                Some(FramerEvent::KeepAlive) => continue,
                Some(FramerEvent::Rejected(_) | FramerEvent::Failed(_)) => {
                    return Err(Finding::new(&NOT_SIP, subject, "its answer is not SIP"));
                }
                None => {}
            }
            let read = async {
                tokio::select! {
                    read = self.channel.read() => Some(read),
                    () = sleep_until(deadline.into()) => None,
                }
            };
            let watch = &self.visit.context.watch;
            match watch.wait(ActivityKind::Request, &subject, read).await {
                Some(Read::Bytes(bytes)) => self.framer.handle_input(&bytes),
                Some(Read::Ended) => {
                    return Err(Finding::new(&CLOSED, subject, "it closed the connection"));
                }
                Some(Read::Alert(alert)) => {
                    return Err(comity_rustls::diagnose::alert(&subject, alert));
                }
                None => return Err(Finding::new(&SIP_TIMED_OUT, subject, "no answer in time")),
            }
        }
    }

    fn request(&self, draft: &Draft) -> Result<Bytes, BuildError> {
        let own = self.channel.local_address();
        let own = own.unwrap_or(self.visit.candidate.address);
        let transport = self.transport().name();
        let branch = format!("z9hG4bK{}", self.token());
        let host = Host::Ip(own.ip());
        let via = ViaBuilder::new(transport, &host, Some(own.port()), &branch)?.flag("rport")?;
        let from = AddressBuilder::new(draft.from.as_uri()).param("tag", &self.token())?;
        let mut request = RequestBuilder::new(draft.method, draft.to.as_uri())?;
        request
            .header(HeaderName::Via, via)?
            .header(HeaderName::MaxForwards, MaxForwards(70))?
            .header(HeaderName::From, from)?
            .header(HeaderName::To, AddressBuilder::new(draft.to.as_uri()))?
            .header(HeaderName::CallId, self.token())?
            .header(HeaderName::CSeq, CSeq::new(1, draft.method))?
            .header(
                HeaderName::Contact,
                format_args!("<sip:{own};transport={transport}>"),
            )?;
        if draft.method == Method::Subscribe {
            request
                .header(HeaderName::Event, "presence")?
                .header(HeaderName::Accept, presence::CONTENT_TYPE)?
                // The present state, and no more (RFC 6665 §4.4.3).
                .header(HeaderName::Expires, 0)?;
        }
        Ok(request.finish())
    }

    fn token(&self) -> String {
        let random = self.visit.context.random();
        let short = random.iter().take(TOKEN_BYTES);
        short.map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Whether this is the last response to our request of that method.
fn is_final(response: &Response, method: Method<'_>) -> bool {
    let cseq = response.headers().one::<CSeq<'_>>();
    !response.status().is_provisional() && cseq.is_ok_and(|cseq| cseq.method == method)
}

/// Whether a NOTIFY tells no more than a polite refusal does (RFC 3856 §6.6.2).
fn looks_offline(notify: &Request) -> bool {
    let content_type = notify.headers().optional::<ContentType<'_>>();
    let body = notify.body();
    if body.is_empty() {
        return false;
    }
    let limits = presence::Limits::default();
    let document = presence::read(content_type.ok().flatten(), &body, &limits);
    document.is_ok_and(|document| {
        let mut tuples = document.tuples.iter();
        let is_closed = |tuple: &presence::Tuple| {
            tuple.activity.state == SipState::Offline && tuple.notes.is_empty()
        };
        tuples.all(is_closed)
    })
}

/// Bytes of chance in a tag, a branch or a Call-ID.
const TOKEN_BYTES: usize = 12;
/// Longer than any two continents are apart.
const SLOWLY: Duration = Duration::from_secs(2);

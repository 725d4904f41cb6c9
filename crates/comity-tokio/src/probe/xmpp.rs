//! A peer's XMPP server: its streams, up to the proof of our domain.

use std::sync::Arc;
use std::time::Instant;

use comity_identity::DomainName;
use comity_srv::{Candidate, Transport};
use comity_trust::{CertificateDer, Reference, Role, Service, UnixTime, evaluate};
use comity_xmpp::diagnose::{self, Observer};
use comity_xmpp::stream::{
    CloseReason, Config, Decision, Event, Pair, PeerCertificate, Purpose, Switch, Verdict,
};
use comity_xmpp::{Jid, Security, Stanza, StanzaKind, Stream, Terms};
use tokio::net::TcpStream;

use super::ActivityKind;
use super::channel::{Channel, Read};
use super::visit::{Learned, Visit};
use crate::clock;

/// Speaks with a server as a server of ours would.
pub(super) async fn converse(visit: &Visit<'_>, stream: TcpStream) -> Learned {
    let conversation = Conversation::new(visit, stream).run().await;
    let Conversation {
        subject,
        observer,
        mut learned,
        ..
    } = conversation;
    let begins = transport(visit.candidate);
    let offered = diagnose::openings(subject, begins, observer.openings());
    learned.findings.extend(offered);
    learned.openings = observer.openings().to_vec();
    learned
}

/// Takes a connection up to the point where TLS begins; `None` if it does not come to that.
pub(super) async fn start_tls(visit: &Visit<'_>, stream: TcpStream) -> Option<TcpStream> {
    let mut conversation = Conversation::new(visit, stream);
    conversation.stops_at_tls = true;
    conversation.run().await.channel.take_plain()
}

/// One connection and what was learned on it.
struct Conversation<'a> {
    visit: &'a Visit<'a>,
    subject: &'a str,
    channel: Channel,
    machine: Stream,
    observer: Observer,
    /// When to give up, whatever the machine waits for.
    ends: Instant,
    /// Whether nothing but the way to the handshake is of interest.
    stops_at_tls: bool,
    /// Whether there is nothing more to learn.
    is_over: bool,
    learned: Learned,
}

impl<'a> Conversation<'a> {
    fn new(visit: &'a Visit<'a>, stream: TcpStream) -> Self {
        let context = visit.context;
        let limits = &context.config.limits;
        let (local, purpose) = match &context.config.local {
            Some(local) => (local.clone(), Purpose::Stanzas),
            // It proves nothing, so that nobody need have the name.
            None => (nobody(&context.domain), Purpose::Verification),
        };
        let mut config = Config::default();
        config.domains = Arc::new([local.clone()].into());
        config.security = Security::ENCRYPTED;
        config.bidi = Switch::Off;
        config.acknowledgements = Switch::Off;
        config.dialback.clone_from(&context.config.dialback);
        config.transport = transport(visit.candidate);
        config.limits.negotiation_timeout = limits.stream_timeout;
        config.limits.verification_timeout = limits.stream_timeout;
        config.limits.close_timeout = limits.close_timeout;
        let remote = context.domain.clone();
        let pair = Pair { local, remote };
        let now = Instant::now();
        let machine = Stream::initiate(now, config, pair, purpose, context.random());
        Self {
            visit,
            subject: &visit.subject,
            channel: Channel::plain(stream, limits.max_read_bytes),
            machine,
            observer: Observer::default(),
            ends: now + limits.stream_timeout + limits.handshake_timeout + limits.close_timeout,
            stops_at_tls: false,
            is_over: false,
            learned: Learned::default(),
        }
    }

    /// Goes on until the peer has taken the proof of our domain or has refused it, or as far as it
    /// gets.
    async fn run(mut self) -> Self {
        loop {
            self.flush().await;
            while let Some(event) = self.machine.poll_event() {
                self.act(event).await;
                if self.is_over {
                    return self;
                }
                self.flush().await;
            }
            if self.has_seen_enough() {
                self.machine.close(Instant::now());
                self.flush().await;
                return self;
            }
            self.read().await;
            if self.is_over {
                return self;
            }
        }
    }

    async fn flush(&mut self) {
        let mut bytes = Vec::new();
        while self.machine.poll_transmit(&mut bytes).is_some() {}
        if !bytes.is_empty() {
            let limit = self.visit.context.config.limits.stream_timeout;
            self.channel.write(&bytes, limit).await;
        }
    }

    async fn read(&mut self) {
        let due = self.machine.poll_timeout();
        let due = due.map_or(self.ends, |due| due.min(self.ends));
        let read = async {
            tokio::select! {
                read = self.channel.read() => Some(read),
                () = clock::until(Some(due)) => None,
            }
        };
        let watch = &self.visit.context.watch;
        let read = watch.wait(ActivityKind::Stream, self.subject, read).await;
        let now = Instant::now();
        match read {
            Some(Read::Bytes(bytes)) => {
                self.observer.handle_input(&bytes);
                self.machine.handle_input(now, &bytes);
            }
            Some(Read::Ended) => self.machine.handle_eof(now),
            Some(Read::Alert(alert)) => {
                let finding = comity_rustls::diagnose::alert(self.subject, alert);
                self.learned.answer = Some(finding.seen.clone().into());
                self.learned.findings.push(finding);
                self.is_over = true;
            }
            None => {
                self.machine.handle_timeout(now);
                self.is_over = now >= self.ends;
            }
        }
    }

    /// Without a domain to prove, the features behind TLS are the last thing to see, or a header
    /// that promises none (RFC 6120 §4.7.5).
    fn has_seen_enough(&self) -> bool {
        let openings = self.observer.openings();
        let is_secure = openings.len() > 1 || !self.is_plain_first();
        let has_said_all = openings.last().is_some_and(|last| {
            let header = last.header.as_ref();
            last.has_features || header.is_some_and(|header| header.version.is_none())
        });
        self.visit.context.config.local.is_none()
            && self.learned.tls.is_some()
            && is_secure
            && has_said_all
    }

    fn is_plain_first(&self) -> bool {
        transport(self.visit.candidate) == comity_xmpp::Transport::Tcp
    }

    async fn act(&mut self, event: Event) {
        let now = Instant::now();
        match event {
            Event::StartTls if self.stops_at_tls => self.is_over = true,
            Event::StartTls => self.secure().await,
            Event::Authenticate { query, domain } => {
                let verdict = self.judge(domain);
                self.machine.handle_verdict(now, query, &verdict);
            }
            Event::Authorize { query, .. } => {
                let allow = Decision::Allow(Terms::from(Security::ENCRYPTED));
                self.machine.handle_decision(now, query, &allow);
            }
            Event::Established { pair, .. } => self.knock(now, pair),
            Event::Refused { refusal, .. } => {
                self.learned.answer = Some(refusal.to_string().into());
                self.learned
                    .findings
                    .push(diagnose::refused(self.subject, &refusal));
                self.machine.close(now);
                self.flush().await;
                self.is_over = true;
            }
            Event::Closed(reason) => {
                self.closed(&reason);
                self.is_over = true;
            }
            // They belong to streams that carry stanzas.
            Event::Answer { .. }
            | Event::Authorized(_)
            | Event::Dropped(_)
            | Event::Sent { .. }
            | Event::Stanza { .. }
            | Event::Unacknowledged { .. }
            | Event::Verified { .. }
            | Event::Verify { .. }
            | Event::Withdrawn { .. }
            | _ => {}
        }
    }

    /// Sends a stanza that nobody answers, and closes: some servers look at their policy when the
    /// first one comes, and say what they have against it before they close too.
    fn knock(&mut self, now: Instant, pair: Pair) {
        self.learned.answer = Some("the peer takes our domain as proved".into());
        self.learned.is_proved = true;
        let [from, to] = [pair.local, pair.remote].map(Jid::from);
        let stanza = Stanza::new(StanzaKind::Iq, from, to);
        let stanza = stanza.with_type("result").with_id("probe");
        // If the stream cannot take it, it is closed all the same.
        let _ = self.machine.send(now, &stanza);
        self.machine.close(now);
    }

    fn closed(&mut self, reason: &CloseReason) {
        let is_refusal = matches!(reason, CloseReason::PeerError(_));
        if self.learned.is_proved && !is_refusal {
            return;
        }
        self.learned.is_proved = false;
        self.learned.answer = Some(reason.to_string().into());
        // The handshake itself has said why.
        if !matches!(reason.last(), CloseReason::TlsFailed(_)) {
            self.learned
                .findings
                .extend(diagnose::closed(self.subject, reason));
        }
    }

    async fn secure(&mut self) {
        let Self {
            visit,
            channel,
            learned,
            ..
        } = self;
        let secured = visit.secure(channel, learned).await;
        let now = Instant::now();
        if let Err(failure) = secured {
            return self.machine.handle_tls_failed(now, &failure.to_string());
        }
        if self.is_plain_first() {
            self.observer.handle_tls_established();
        }
        let certificate = if self.chain().is_empty() {
            PeerCertificate::Absent
        } else {
            PeerCertificate::Presented
        };
        self.machine.handle_tls_established(now, certificate);
    }

    /// What the peer presented.
    fn chain(&self) -> &[CertificateDer<'static>] {
        let tls = self.learned.tls.as_ref();
        tls.map_or(&[], |tls| &tls.peer_certificates)
    }

    /// What the peer's certificate proves to the stream.
    fn judge(&self, domain: DomainName) -> Verdict {
        let side = &self.visit.context.config.xmpp;
        let verdict = evaluate(
            self.chain(),
            UnixTime::now(),
            Role::Server,
            &Reference::service(domain, Service::XmppServer),
            &side.trust,
            &side.revocation_lists,
        );
        match verdict.outcome() {
            Ok(trusted) => Verdict::Trusted {
                matched_by: trusted.to_string().into(),
                expires_in: None,
            },
            Err(reason) => Verdict::Untrusted {
                reason: reason.to_string().into(),
            },
        }
    }
}

fn transport(candidate: &Candidate) -> comity_xmpp::Transport {
    match candidate.transport {
        Transport::Tls => comity_xmpp::Transport::DirectTls,
        Transport::StartTls | Transport::Tcp | Transport::Udp => comity_xmpp::Transport::Tcp,
    }
}

/// A domain that nobody has (RFC 6761 §6.4).
fn nobody(otherwise: &DomainName) -> DomainName {
    let nobody = "probe.invalid".parse();
    nobody.unwrap_or_else(|_never| otherwise.clone())
}

//! One address of a domain: who goes there, and what is brought back.

use std::sync::Arc;
use std::time::Instant;

use comity_identity::{Finding, Severity};
use comity_rustls::diagnose::{Handshake, HandshakeFailure};
use comity_srv::{Candidate, Messaging};
use comity_trust::{CertificateDer, Reference, Role, Service, UnixTime, diagnose, evaluate};
use comity_xmpp::diagnose::Opening;

use super::channel::Channel;
use super::secure::{self, Clients};
use super::{Context, Target, dial, sip, soften, xmpp};
use crate::TlsSession;
use crate::connection::describe;

/// Where to go, and with what.
#[derive(Debug)]
pub(super) struct Visit<'a> {
    pub(super) context: &'a Context,
    pub(super) clients: &'a Clients,
    pub(super) messaging: Messaging,
    pub(super) candidate: &'a Candidate,
    /// What findings are about.
    pub(super) subject: String,
}

/// What a conversation has brought.
#[derive(Debug, Default)]
pub(super) struct Learned {
    pub(super) handshake: Option<Handshake>,
    pub(super) tls: Option<TlsSession>,
    pub(super) openings: Vec<Opening>,
    /// How it ended, in one line.
    pub(super) answer: Option<Box<str>>,
    pub(super) findings: Vec<Finding>,
    /// Whether the peer took the proof of our domain.
    pub(super) is_proved: bool,
}

/// Looks at one address.
pub(super) async fn look_at(
    context: &Context,
    clients: &Clients,
    messaging: Messaging,
    candidate: Candidate,
) -> (Target, Vec<Finding>) {
    let (host, address) = (&candidate.target, candidate.address);
    let visit = Visit {
        context,
        clients,
        messaging,
        candidate: &candidate,
        subject: format!("{host} ({}) port {}", address.ip(), address.port()),
    };
    let started = Instant::now();
    let stream = match dial::connect(&visit).await {
        Ok(stream) => stream,
        Err(finding) => return (Target::new(messaging, candidate), vec![finding]),
    };
    let connected = started.elapsed();
    let conversation = async {
        match messaging {
            Messaging::Xmpp => xmpp::converse(&visit, stream).await,
            Messaging::Sip => sip::converse(&visit, stream).await,
        }
    };
    let (mut learned, mut observed) = tokio::join!(conversation, secure::others(&visit));
    observed.best = learned.handshake.take();
    let mut findings = std::mem::take(&mut learned.findings);
    findings.extend(comity_rustls::diagnose::tls(&visit.subject, &observed));
    if context.config.local.is_none() {
        // What a peer has against nobody in particular is no fault.
        let is_about_us = |one: &&mut Finding| ABOUT_US.iter().any(|id| one.id.starts_with(id));
        let about_us = findings.iter_mut().filter(is_about_us);
        about_us.for_each(|finding| finding.severity = Severity::Note);
    }
    if let Some(tls) = &learned.tls {
        let mut judged = visit.judge(&tls.peer_certificates);
        if learned.is_proved {
            // Where dialback does, stanzas go all the same.
            soften(&mut judged, Severity::Warning);
        }
        findings.extend(judged);
    }
    let mut target = Target::new(messaging, candidate);
    target.connected = Some(connected);
    target.tls = learned.tls;
    target.openings = learned.openings;
    target.answer = learned.answer;
    (target, findings)
}

impl Visit<'_> {
    /// Puts TLS on a channel, and notes how that went.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub(super) async fn secure(
        &self,
        channel: &mut Channel,
        learned: &mut Learned,
    ) -> Result<(), HandshakeFailure> {
        let stream = channel.take_plain().ok_or(HandshakeFailure::Closed)?;
        match secure::best(self, stream).await {
            Ok((stream, negotiated)) => {
                learned.handshake = Some(Handshake::Done(negotiated));
                learned.tls = Some(describe(stream.get_ref().1));
                channel.secured(stream);
                Ok(())
            }
            Err(broken) => {
                let failure = broken.failure.clone();
                learned.handshake = Some(broken.into());
                Err(failure)
            }
        }
    }

    /// What is wrong with the peer's certificate, for the one that it proves of those who would do.
    fn judge(&self, chain: &Arc<[CertificateDer<'static>]>) -> Vec<Finding> {
        let side = self.context.side(self.messaging);
        let (trust, crls) = (&side.trust, &side.revocation_lists);
        let (now, role) = (UnixTime::now(), Role::Server);
        let mut references = self.references();
        let is_proved = |one: &Reference| {
            let verdict = evaluate(chain, now, role, one, trust, crls);
            verdict.trusted().is_some()
        };
        let best = references.iter().position(is_proved).unwrap_or(0);
        let best = references.swap_remove(best);
        let mut findings =
            diagnose::certificate(&self.subject, chain, now, role, &best, trust, crls);
        if self.messaging == Messaging::Sip {
            // SIP servers are clients of each other, and prove themselves by certificates alone.
            let lacks_role = |one: &&mut Finding| one.id == "certificate-no-client-auth";
            for finding in findings.iter_mut().filter(lacks_role) {
                finding.severity = finding.severity.max(Severity::Warning);
            }
        }
        findings
    }

    /// Those whom the certificate may name; at least one.
    fn references(&self) -> Vec<Reference> {
        let Context { domain, config, .. } = self.context;
        if self.messaging == Messaging::Xmpp {
            return vec![Reference::service(domain.clone(), Service::XmppServer)];
        }
        let named = self.candidate.identities.iter();
        let names: Vec<_> = named.map(|one| one.name.clone()).collect();
        let names = if names.is_empty() {
            vec![domain.clone()]
        } else {
            names
        };
        let peers = &config.sip_peers;
        let peers = (!peers.is_empty()).then(|| Reference::peers(peers.iter().cloned()));
        names.into_iter().map(Reference::sip).chain(peers).collect()
    }
}

/// How the ids of findings begin that are about us in the eyes of the peer.
const ABOUT_US: [&str; 11] = [
    "ms-diagnostics",
    "sip-authentication-required",
    "sip-closed",
    "sip-forbidden",
    "tls-alert-access-denied",
    "tls-alert-bad-certificate",
    "tls-alert-certificate-required",
    "tls-certificate-refused",
    "xmpp-no-method",
    "xmpp-not-authorized",
    "xmpp-policy-violation",
];

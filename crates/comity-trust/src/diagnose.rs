//! What is wrong with a certificate, as [`Finding`]s: a peer's for whom it must name, our own for all
//! that we serve.

mod table;

use std::time::Duration;

use comity_identity::{Finding, Severity};
use rustls_pki_types::{CertificateDer, UnixTime};

pub use self::table::DIAGNOSES;
use self::table::{
    COVERAGE_MISSING, COVERAGE_SUPERFLUOUS, EXPIRED, EXPIRES_SOON, NO_CLIENT_AUTH, NO_FQDN,
    NO_SERVER_AUTH, of,
};
use crate::certificate::Certificate;
use crate::coverage::{BothRoles, Coverage};
use crate::evaluate;
use crate::identifier::{Identifier, NameList};
use crate::names::presented_names;
use crate::policy::Policy;
use crate::purpose::{EkuPolicy, Lacking, Purposes, Role};
use crate::reason::{Reason, Time};
use crate::reference::Reference;
use crate::revocation::RevocationLists;

/// Everything that is wrong with what a peer presented: all aspects at once, and what others than we
/// will object to. The arguments are those of [`evaluate`].
///
/// ```
/// use std::time::Duration;
///
/// use comity_testkit::mint::{Ca, Leaf};
/// use comity_trust::{CertificateDer, Policy, Reference, RevocationLists, Role, Service, UnixTime};
/// use comity_trust::diagnose;
///
/// let root = Ca::new("Example CA", [1; 32]).self_signed();
/// let peer = root.issue(&Leaf::new([2; 32]).dns("x.example"));
/// let chain: Vec<_> = peer.chain.into_iter().map(CertificateDer::from).collect();
/// let now = UnixTime::since_unix_epoch(Duration::from_secs(1_800_000_000));
/// let reference = Reference::service("x.example".parse()?, Service::XmppServer);
/// let policy = Policy::new(webpki::ALL_VERIFICATION_ALGS);
/// let crls = RevocationLists::new();
/// let findings =
///     diagnose::certificate("x.example", &chain, now, Role::Server, &reference, &policy, &crls);
/// assert_eq!(findings[0].id, "certificate-unknown-issuer");
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn certificate(
    subject: &str,
    chain: &[CertificateDer<'_>],
    now: UnixTime,
    role: Role,
    reference: &Reference,
    policy: &Policy,
    crls: &RevocationLists,
) -> Vec<Finding> {
    let verdict = evaluate(chain, now, role, reference, policy, crls);
    let reasons: Vec<_> = match verdict.outcome() {
        Ok(_) => Vec::new(),
        Err(worst) => {
            let checks = verdict.checks().iter();
            let all = checks.filter_map(|(_, status)| status.reason());
            // What ends the check at once belongs to no aspect.
            let others = all.filter(|reason| *reason != worst);
            std::iter::once(worst).chain(others).collect()
        }
    };
    let judged = reasons.iter();
    let mut findings: Vec<_> = judged
        .map(|reason| refused(subject, reason, chain, policy))
        .collect();
    if let Some(trusted) = verdict.trusted() {
        findings.extend(ends_soon(subject, trusted.valid_until(), now));
    }
    let is_about_purpose = |reason: &&Reason| matches!(reason, Reason::ExtendedKeyUsage { .. });
    if let Some(leaf) = chain
        .first()
        .filter(|_| !reasons.iter().any(is_about_purpose))
    {
        findings.extend(one_role(subject, leaf));
    }
    findings.sort();
    findings
}

/// What is wrong with a certificate of ours.
#[must_use]
pub fn coverage(subject: &str, coverage: &Coverage, now: UnixTime) -> Vec<Finding> {
    let mut findings: Vec<_> = coverage
        .missing
        .iter()
        .map(|need| {
            let expected = NameList::of(need.expected());
            Finding::new(
                &COVERAGE_MISSING,
                subject.to_owned(),
                format!("it lacks {need}"),
            )
            .with_remedy(format!("request a certificate that names {expected}"))
        })
        .collect();
    if !coverage.superfluous.is_empty() {
        let names = NameList::of(coverage.superfluous.clone());
        let seen = format!("it names {names}");
        findings.push(Finding::new(
            &COVERAGE_SUPERFLUOUS,
            subject.to_owned(),
            seen,
        ));
    }
    if coverage.both_roles == BothRoles::NotServed {
        let seen = "it lacks serverAuth or clientAuth";
        let finding = Finding::new(&NO_CLIENT_AUTH, subject.to_owned(), seen);
        // Ours has to serve whatever peers look at.
        findings.push(finding.with_severity(Severity::Warning));
    }
    if coverage.not_after < now {
        let seen = format!("it expired at {}", Time(coverage.not_after));
        findings.push(Finding::new(&EXPIRED, subject.to_owned(), seen));
    } else {
        findings.extend(ends_soon(subject, coverage.not_after, now));
    }
    findings.sort();
    findings
}

fn refused(
    subject: &str,
    reason: &Reason,
    chain: &[CertificateDer<'_>],
    policy: &Policy,
) -> Finding {
    let diagnosis = match (reason, chain) {
        (Reason::NameMismatch(_), [leaf, ..]) if !has_fqdn(leaf, policy) => &NO_FQDN,
        (Reason::ExtendedKeyUsage { lacking, .. }, _) => of_lacking(*lacking),
        (other, _) => of(other),
    };
    let finding = Finding::new(diagnosis, subject.to_owned(), reason.to_string());
    let finding = finding.with_severity(Severity::Error);
    match (reason, chain) {
        (Reason::UnknownIssuer, [_alone]) => finding.with_remedy(ALONE),
        _ => finding,
    }
}

/// Whether a certificate names anything that has a place in DNS, in its common name at least.
fn has_fqdn(leaf: &CertificateDer<'_>, policy: &Policy) -> bool {
    let names = presented_names(leaf, policy.limits.max_names).unwrap_or_default();
    names.iter().any(|name| match name {
        Identifier::CommonName(text) | Identifier::Dns(text) => {
            text.contains('.') && !text.contains(' ')
        }
        Identifier::Srv(_) | Identifier::Uri(_) | Identifier::Xmpp(_) => true,
        Identifier::Ip(_) => false,
    })
}

fn of_lacking(lacking: Lacking) -> &'static comity_identity::Diagnosis {
    match lacking {
        Lacking::Client => &NO_CLIENT_AUTH,
        Lacking::Both
        | Lacking::Either
        | Lacking::Server
        | Lacking::SipDomain
        | Lacking::SipDomainOrTls => &NO_SERVER_AUTH,
    }
}

/// A certificate that some peers refuse in one of the two roles that a federated server has.
fn one_role(subject: &str, leaf: &CertificateDer<'_>) -> Option<Finding> {
    let fields = Certificate::parse(leaf).ok()?;
    let purposes = Purposes::parse(fields.extended_key_usage().ok()?).ok()?;
    let lacking = EkuPolicy::Both.check(Role::Server, purposes).err()?;
    let seen = format!("it lacks the extended key usage {lacking}");
    Some(Finding::new(of_lacking(lacking), subject.to_owned(), seen))
}

fn ends_soon(subject: &str, valid_until: UnixTime, now: UnixTime) -> Option<Finding> {
    let left = valid_until.as_secs().checked_sub(now.as_secs())?;
    let left = Duration::from_secs(left);
    if left > SOON {
        return None;
    }
    let severity = if left > VERY_SOON {
        Severity::Note
    } else {
        Severity::Warning
    };
    let seen = format!("it is valid until {}", Time(valid_until));
    Some(Finding::new(&EXPIRES_SOON, subject.to_owned(), seen).with_severity(severity))
}

/// What to do about an unknown issuer where the server presents its own certificate and no other.
const ALONE: &str = "add the root certificate of the peer's CA to the store of trust for this protocol; if \
     that is there, let the server send the certificates of its intermediate CAs too";
const DAY: Duration = Duration::from_secs(86_400);
/// Most renewals are due before.
const SOON: Duration = DAY.saturating_mul(30);
/// Somebody has to act.
const VERY_SOON: Duration = DAY.saturating_mul(7);

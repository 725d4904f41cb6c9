use comity_identity::DomainName;

use super::chase::Chase;
use super::outcome::Failure;
use super::services::Set;
use crate::candidate::Dnssec;
use crate::message::{NaptrData, Question, RecordKind, RecordName};
use crate::service::{SipTransport, Transport};
use crate::trace::{PointerDropReason, Trace, TraceEntry};

/// The NAPTR records of a SIP domain (RFC 3263 §4.1).
#[derive(Debug)]
pub(crate) struct Pointers {
    chase: Chase,
    allowed: Vec<SipTransport>,
}

/// What they come to.
#[derive(Debug)]
pub(crate) enum Pointed {
    /// The sets of SRV records, the preferred first, and the transport of the first.
    Sets {
        sets: Vec<Set>,
        first: SipTransport,
    },
    /// No record is about SIP: what is supported has to be asked for.
    Nowhere,
    Failed(Failure),
}

impl Pointers {
    pub(crate) fn new(domain: &DomainName, allowed: Vec<SipTransport>) -> Self {
        let name = RecordName::from(domain);
        let kind = RecordKind::Naptr;
        Self {
            chase: Chase::new(Question { name, kind }),
            allowed,
        }
    }

    pub(crate) fn chase_mut(&mut self) -> &mut Chase {
        &mut self.chase
    }

    /// Whether DNS has proved what the records say, or that there are none.
    pub(crate) fn dnssec(&self) -> Dnssec {
        self.chase.dnssec()
    }

    pub(crate) fn allowed(&self) -> &[SipTransport] {
        &self.allowed
    }

    /// What a complete search has found; `None` before.
    pub(crate) fn conclude(&self, trace: &mut Trace) -> Option<Pointed> {
        let end = self.chase.end()?;
        if let Some(failure) = end.failure() {
            return Some(Pointed::Failed(failure.clone()));
        }
        let found = end.pointers().unwrap_or_default();
        let mut about_sip: Vec<_> = found.iter().filter(|data| is_about_sip(data)).collect();
        if about_sip.is_empty() {
            return Some(Pointed::Nowhere);
        }
        // Where the domain has no preference we have one. The rest of the record only makes the order
        // the same for the same records.
        about_sip.sort_by_key(|data| {
            let transport = SipTransport::of_naptr(&data.service);
            let is_same = |allowed: &SipTransport| Some(*allowed) == transport;
            let place = self.allowed.iter().position(is_same);
            let place = place.unwrap_or(self.allowed.len());
            (data.order, data.preference, place, *data)
        });
        let (sets, first) = self.sets(&about_sip, trace);
        Some(match first {
            Some(first) => Pointed::Sets { sets, first },
            None => Pointed::Failed(Failure::NoUsableRecord),
        })
    }

    fn sets(&self, found: &[&NaptrData], trace: &mut Trace) -> (Vec<Set>, Option<SipTransport>) {
        let mut sets = Vec::new();
        let mut seen: Vec<(SipTransport, &RecordName)> = Vec::new();
        for data in found {
            let reason = match self.judge(data) {
                Ok(_) if sets.len() >= MAX_SETS => PointerDropReason::Limit,
                Ok(transport) if !seen.contains(&(transport, &data.replacement)) => {
                    seen.push((transport, &data.replacement));
                    trace.push(TraceEntry::Pointed {
                        transport: transport.into(),
                        to: data.replacement.clone(),
                    });
                    let (name, transport) = (data.replacement.clone(), Transport::from(transport));
                    sets.push(Set::new(name, transport, self.chase.dnssec()));
                    continue;
                }
                Ok(_) => PointerDropReason::Duplicate,
                Err(reason) => reason,
            };
            trace.push(TraceEntry::PointerDropped {
                service: shown(&data.service),
                to: data.replacement.clone(),
                reason,
            });
        }
        (sets, seen.first().map(|(transport, _)| *transport))
    }

    fn judge(&self, data: &NaptrData) -> Result<SipTransport, PointerDropReason> {
        let transport = SipTransport::of_naptr(&data.service);
        let transport = transport.filter(|transport| self.allowed.contains(transport));
        let transport = transport.ok_or(PointerDropReason::Service)?;
        let is_terminal = data.flags.eq_ignore_ascii_case(b"s") && !data.has_regexp;
        if !is_terminal || data.replacement.is_root() {
            return Err(PointerDropReason::Form);
        }
        Ok(transport)
    }
}

/// As much of a service field as an operator needs to find the record.
fn shown(service: &[u8]) -> String {
    let start = service.get(..MAX_SHOWN_BYTES).unwrap_or(service);
    String::from_utf8_lossy(start).into_owned()
}

/// Others use NAPTR records too, ENUM and `RADIUS` among them.
fn is_about_sip(data: &NaptrData) -> bool {
    let starts = |prefix: &[u8]| {
        let found = data.service.get(..prefix.len());
        found.is_some_and(|found| found.eq_ignore_ascii_case(prefix))
    };
    starts(b"SIP+D2") || starts(b"SIPS+D2")
}

/// More than there are transports, since each may have several places.
const MAX_SETS: usize = 8;
const MAX_SHOWN_BYTES: usize = 32;

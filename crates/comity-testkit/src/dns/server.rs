use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use hickory_proto::op::Message;
use hickory_proto::rr::rdata::{A, AAAA, CNAME, SRV};
use hickory_proto::rr::{RData, Record, RecordType};

use super::fault::{Fault, When};
use super::forge::forge;
use super::request::{Request, refusal};
use super::wire::name;
use super::zone::{Zone, soa};

/// A name server that answers from a table and fails as scripted.
#[derive(Clone, Debug)]
pub struct FakeDns {
    zone: Zone,
    ttl: u32,
    negative_ttl: (u32, u32),
    authentic: bool,
    scripts: Vec<(When, Fault)>,
    questions: Vec<Question>,
}

/// One query that reached the server.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Question {
    /// The name in the case of the query, without its last dot.
    pub name: String,
    /// The type asked for.
    pub record_type: RecordType,
    /// How the query came.
    pub transport: Transport,
    /// The id of the message.
    pub id: u16,
    /// The UDP payload size in the query's OPT record, if it has one.
    pub edns_payload: Option<u16>,
}

/// How a query comes, and its answer goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "plain DNS knows no other")]
pub enum Transport {
    /// One datagram each.
    Udp,
    /// A stream of messages; [`frame`](super::frame) and [`unframe`](super::unframe) do the
    /// lengths.
    Tcp,
}

impl FakeDns {
    /// A server that knows no name.
    #[must_use]
    pub fn new() -> Self {
        Self {
            zone: Zone::default(),
            ttl: 300,
            negative_ttl: (300, 60),
            authentic: false,
            scripts: Vec::new(),
            questions: Vec::new(),
        }
    }

    /// Adds an SRV record. The target `.` says that the service is not offered.
    ///
    /// # Panics
    ///
    /// If a name is no domain name; so do all methods here that take one.
    #[must_use]
    pub fn srv(self, owner: &str, priority: u16, weight: u16, port: u16, target: &str) -> Self {
        let data = SRV::new(priority, weight, port, name(target));
        self.data(owner, RData::SRV(data))
    }

    /// Adds an A record.
    #[must_use]
    pub fn a(self, owner: &str, address: impl Into<Ipv4Addr>) -> Self {
        self.data(owner, RData::A(A(address.into())))
    }

    /// Adds an AAAA record.
    #[must_use]
    pub fn aaaa(self, owner: &str, address: impl Into<Ipv6Addr>) -> Self {
        self.data(owner, RData::AAAA(AAAA(address.into())))
    }

    /// Adds a CNAME record, which answers for every type that `owner` has no record of.
    #[must_use]
    pub fn cname(self, owner: &str, target: &str) -> Self {
        self.data(owner, RData::CNAME(CNAME(name(target))))
    }

    /// Adds a record of any type with the TTL of [`ttl`](Self::ttl).
    #[must_use]
    pub fn data(self, owner: &str, data: RData) -> Self {
        let record = Record::from_rdata(name(owner), self.ttl, data);
        self.record(record)
    }

    /// Adds a record as it is.
    #[must_use]
    pub fn record(mut self, record: Record) -> Self {
        self.zone.add(record);
        self
    }

    /// Sets the TTL in seconds of records that are added after this; 300 at first.
    #[must_use]
    pub fn ttl(mut self, seconds: u32) -> Self {
        self.ttl = seconds;
        self
    }

    /// Sets the TTL and the MINIMUM field, in seconds, of the SOA in negative answers; 300 and 60
    /// at first.
    #[must_use]
    pub fn negative_ttl(mut self, ttl: u32, minimum: u32) -> Self {
        self.negative_ttl = (ttl, minimum);
        self
    }

    /// Sets the AD bit in every true answer, as a validating resolver does (RFC 4035 §3.2.3).
    #[must_use]
    pub fn authentic(mut self) -> Self {
        self.authentic = true;
        self
    }

    /// Scripts a fault. Where several apply, the one added first acts.
    #[must_use]
    pub fn fault(mut self, when: When, fault: Fault) -> Self {
        self.scripts.push((when, fault));
        self
    }

    /// Forgets all scripted faults.
    pub fn heal(&mut self) {
        self.scripts.clear();
    }

    /// The queries that came, the earliest first.
    #[must_use]
    pub fn questions(&self) -> &[Question] {
        &self.questions
    }

    /// Answers the DNS message `query`: no message, one, or several to be sent in this order.
    ///
    /// What is no query with one question is answered with FORMERR.
    pub fn answer(&mut self, transport: Transport, query: &[u8]) -> Vec<Vec<u8>> {
        let Some(request) = Request::read(transport, query) else {
            return vec![refusal(query)];
        };
        self.questions.push(request.question());
        let nth = self.questions.len();
        let asked = (&request.query.name, request.query.query_type);
        let fault = self
            .scripts
            .iter_mut()
            .find_map(|(when, fault)| when.applies(nth, transport, asked).then_some(&*fault))
            .cloned();
        let truth = self.truth(&request);
        match fault {
            None => vec![request.send(&truth)],
            Some(fault) => forge(&request, truth, nth, fault),
        }
    }

    /// The answer without a fault.
    fn truth(&self, request: &Request) -> Message {
        let found = self
            .zone
            .find(&request.query.name, request.query.query_type);
        let mut message = request.reply(found.code);
        message.metadata.authentic_data = self.authentic;
        message.answers = found.answers;
        if found.negative {
            let (ttl, minimum) = self.negative_ttl;
            message.authorities = vec![soa(&found.last, ttl, minimum)];
        }
        message
    }
}

impl Default for FakeDns {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for Question {
    /// The name in lower case, the type and the transport: `b.example SRV over UDP`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let transport = match self.transport {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
        };
        let name = self.name.to_ascii_lowercase();
        write!(f, "{name} {} over {transport}", self.record_type)
    }
}

#[cfg(test)]
mod tests;

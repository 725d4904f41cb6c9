mod draw;

use std::collections::BTreeSet;

use comity_srv::{
    Candidate, Config, Event, Failure, Outcome, Provenance, Resolver, Selection, Service,
    ServiceRecord, Transport, literal_order, weighted_order,
};
use comity_testkit::dns::{self, FakeDns};

use crate::program::Program;

/// Puts records in order, and resolves a domain that has them.
///
/// The first byte says how, the next four the seed, and each record is two or four bytes. The order
/// has every record once, by priority, and is the same for the same seed whatever order they came
/// in. Any two records stand to each other as they do alone; only the proportion of weights counts,
/// a weight of 0 is 1/256, and a heavier record is never later. The algorithm of RFC 2782 is the one
/// of its text. A resolution tries what can be used in this order, each once, and a `.` alone is a
/// refusal.
pub fn srv_select(data: &[u8]) {
    let mut program = Program::new(data);
    let mode = program.byte();
    let quarter = [(); 4].map(|()| program.byte());
    let seed: [u8; 32] = std::array::from_fn(|at| {
        let round = u8::try_from(at / 4).unwrap_or_default();
        quarter[at % 4].wrapping_mul(round | 1).wrapping_add(round)
    });
    let mut zone = Zone::new(mode);
    while !program.is_over() && zone.len() < MAX_RECORDS {
        zone.add(&mut program);
    }
    draw::check(&zone.hosts(), &seed);
    zone.resolve(&seed);
}

/// What a domain publishes.
struct Zone {
    dns: FakeDns,
    service: Service,
    selection: Selection,
    has_address: bool,
    /// The records of each set, as they were added.
    sets: Vec<(Transport, Vec<Published>)>,
}

/// A record; `None` stands for the target `.`.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Published {
    priority: u16,
    weight: u16,
    port: u16,
    host: Option<usize>,
}

impl Zone {
    fn new(mode: u8) -> Self {
        let all = HOSTS.iter().zip(1..).filter(|(host, _)| **host != GONE);
        let dns = all.fold(FakeDns::new(), |dns, (host, last)| {
            dns.a(host, [192, 0, 2, last])
        });
        let has_address = mode & 1 != 0;
        let dns = match has_address {
            true => dns.a(DOMAIN, [192, 0, 2, 99]),
            false => dns,
        };
        let sets = match mode & 2 {
            0 => vec![(Transport::StartTls, Vec::new())],
            _ => vec![
                (Transport::StartTls, Vec::new()),
                (Transport::Tls, Vec::new()),
            ],
        };
        Self {
            dns,
            service: match mode & 2 {
                0 => Service::XmppServer,
                _ => Service::XmppServerWithDirectTls,
            },
            selection: match mode & 4 {
                0 => Selection::Proportional,
                _ => Selection::Rfc2782,
            },
            has_address,
            sets,
        }
    }

    fn len(&self) -> usize {
        self.sets.iter().map(|(_, records)| records.len()).sum()
    }

    fn add(&mut self, program: &mut Program<'_>) {
        let (kind, weight) = (program.byte(), program.byte());
        let host = match kind & 7 {
            7 => None,
            choice => Some(usize::from(choice) % HOSTS.len()),
        };
        let port = match kind >> 3 & 3 {
            0 => 0,
            1 => 443,
            _ => 5269,
        };
        let weight = match weight {
            0..0xC0 => u16::from(weight) / 4,
            _ => program.word(),
        };
        let record = Published {
            priority: u16::from(kind >> 5 & 1),
            weight,
            port,
            host,
        };
        let set = usize::from(kind >> 6) % self.sets.len();
        let (transport, records) = &mut self.sets[set];
        let owner = match transport {
            Transport::Tls => format!("_xmpps-server._tcp.{DOMAIN}"),
            _ => format!("_xmpp-server._tcp.{DOMAIN}"),
        };
        let target = record.host.map_or(".", |host| HOSTS[host]);
        let dns = std::mem::take(&mut self.dns);
        self.dns = dns.srv(&owner, record.priority, weight, port, target);
        records.push(record);
    }

    /// Every record whose target is a host, whatever its port.
    fn hosts(&self) -> Vec<ServiceRecord> {
        let all = self.sets.iter().flat_map(|(_, records)| records);
        all.filter_map(Published::record).collect()
    }

    /// The records of one set that can be used, each once.
    fn usable(&self, set: usize) -> Vec<ServiceRecord> {
        let records: BTreeSet<_> = self.sets[set].1.iter().collect();
        let usable = records.into_iter().filter(|record| record.port != 0);
        usable.filter_map(Published::record).collect()
    }

    fn resolve(&mut self, seed: &[u8; 32]) {
        let (outcome, found) = self.run(seed);
        assert_eq!((&outcome, &found), (&self.run(seed).0, &self.run(seed).1));
        let usable = self.sets.iter().enumerate();
        let usable: Vec<_> = usable.map(|(set, _)| self.usable(set)).collect();
        let published = self.sets.iter().flat_map(|(_, records)| records);
        let published: Vec<_> = published.collect();
        if published.is_empty() {
            return self.check_fallback(&outcome, &found);
        }
        if usable.iter().all(Vec::is_empty) {
            let is_refused = published.iter().all(|record| record.host.is_none());
            let nothing = match is_refused {
                true => Outcome::Refused,
                false => Outcome::Failed(Failure::NoUsableRecord),
            };
            return assert_eq!(outcome, nothing);
        }
        self.check_found(&outcome, &found, &usable, seed);
    }

    /// The outcome, and the candidates of all priorities.
    fn run(&mut self, seed: &[u8; 32]) -> (Outcome, Vec<Candidate>) {
        let now = comity_testkit::origin();
        let mut config = Config::new(vec!["192.0.2.53:53".parse().expect("an address")]);
        config.selection = self.selection;
        // What comes out of the resolver by chance is not what is looked at.
        let mut resolver = Resolver::new(now, config, [1; 32]);
        let domain = DOMAIN.parse().expect("a domain name");
        let mut query = resolver
            .resolve_in_order(now, &domain, self.service.clone(), *seed)
            .expect("room");
        let mut first = None;
        let mut found = Vec::new();
        loop {
            let mut buf = Vec::new();
            while let Some(transmit) = resolver.poll_transmit(&mut buf) {
                for answer in self.dns.answer(dns::Transport::Udp, &buf) {
                    resolver.handle_input(now, transmit.socket, &answer);
                }
                buf.clear();
            }
            let event = resolver.poll_event().expect("all is answered");
            let Event::Resolved {
                query: ended,
                outcome,
                rest,
                ..
            } = event
            else {
                continue;
            };
            assert_eq!(ended, query);
            if let Outcome::Candidates(some) = &outcome {
                found.extend(some.iter().cloned());
            }
            let outcome = first.get_or_insert(outcome);
            match rest {
                Some(rest) => query = resolver.resolve_rest(now, rest).expect("room"),
                None => return (outcome.clone(), found),
            }
        }
    }

    fn check_fallback(&self, outcome: &Outcome, found: &[Candidate]) {
        if !self.has_address {
            return assert_eq!(*outcome, Outcome::Absent);
        }
        let [one] = found else {
            panic!("{found:?}");
        };
        let address = "192.0.2.99:5269".parse().expect("an address");
        assert_eq!(
            (one.address, one.provenance),
            (address, Provenance::Fallback)
        );
    }

    fn check_found(
        &self,
        outcome: &Outcome,
        found: &[Candidate],
        usable: &[Vec<ServiceRecord>],
        seed: &[u8; 32],
    ) {
        assert!(found.is_sorted_by_key(|one| one.priority), "{found:?}");
        let seen = found.iter().map(|one| {
            let record = ServiceRecord {
                priority: one.priority,
                weight: one.weight,
                port: one.address.port(),
                target: one.target.clone(),
            };
            assert_eq!(one.provenance, Provenance::ServiceRecord);
            (one.transport, record)
        });
        let seen: Vec<_> = seen.collect();
        let of_set = |wanted: Transport| {
            let records = seen.iter().filter(move |(set, _)| *set == wanted);
            records.map(|(_, record)| record.clone())
        };
        let mut expected_len = 0;
        for ((transport, _), usable) in self.sets.iter().zip(usable) {
            let places: BTreeSet<_> = usable
                .iter()
                .filter(|one| is_there(one))
                .map(place)
                .collect();
            let found: Vec<_> = of_set(*transport).collect();
            assert_eq!(found.iter().map(place).collect::<BTreeSet<_>>(), places);
            assert!(found.iter().all(|one| usable.contains(one)), "{found:?}");
            expected_len += places.len();
        }
        assert_eq!(found.len(), expected_len, "an endpoint comes twice");
        if expected_len == 0 {
            assert_eq!(*outcome, Outcome::Failed(Failure::NoAddress));
        }
        if let [usable] = usable {
            let order = match self.selection {
                Selection::Rfc2782 => literal_order(usable.clone(), seed),
                _ => weighted_order(usable.clone(), seed),
            };
            let mut places = BTreeSet::new();
            let order = order.into_iter().filter(is_there);
            let order: Vec<_> = order.filter(|one| places.insert(place(one))).collect();
            let found: Vec<_> = of_set(Transport::StartTls).collect();
            assert_eq!(found, order);
        }
    }
}

impl Published {
    fn record(&self) -> Option<ServiceRecord> {
        Some(ServiceRecord {
            priority: self.priority,
            weight: self.weight,
            port: self.port,
            target: HOSTS[self.host?].parse().expect("a domain name"),
        })
    }
}

/// Where a connection goes.
fn place(record: &ServiceRecord) -> (String, u16) {
    (record.target.to_string(), record.port)
}

fn is_there(record: &ServiceRecord) -> bool {
    record.target.as_str() != GONE
}

const DOMAIN: &str = "b.example";

const GONE: &str = "h5.b.example";

const HOSTS: [&str; 6] = [
    "h0.b.example",
    "h1.b.example",
    "h2.b.example",
    "h3.b.example",
    "h4.b.example",
    GONE,
];

/// The endpoints that a resolution may find are more.
const MAX_RECORDS: usize = 12;

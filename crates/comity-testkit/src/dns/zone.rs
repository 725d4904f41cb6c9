use std::collections::BTreeMap;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::rdata::SOA;
use hickory_proto::rr::{Name, RData, Record, RecordType};

use super::wire::name;

/// The names that the server knows, in lower case, and their records.
#[derive(Clone, Debug, Default)]
pub(super) struct Zone {
    records: BTreeMap<Name, Vec<Record>>,
}

/// What the zone says to one question.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) code: ResponseCode,
    /// The CNAMEs on the way, then the records asked for.
    pub(super) answers: Vec<Record>,
    /// The name at the end of the CNAMEs.
    pub(super) last: Name,
    /// Whether `last` has no record of the type asked for.
    pub(super) negative: bool,
}

impl Zone {
    pub(super) fn add(&mut self, record: Record) {
        let owner = record.name.to_lowercase();
        self.records.entry(owner).or_default().push(record);
    }

    /// Answers a question for `asked`, following at most [`MAX_CNAMES`] CNAMEs.
    pub(super) fn find(&self, asked: &Name, record_type: RecordType) -> Found {
        let mut found = Found {
            code: ResponseCode::NoError,
            answers: Vec::new(),
            last: asked.clone(),
            negative: false,
        };
        for _ in 0..MAX_CNAMES {
            let owned = self.owned_by(&found.last);
            let wanted: Vec<_> = of_type(owned, record_type, &found.last).collect();
            if !wanted.is_empty() {
                found.answers.extend(wanted);
                return found;
            }
            let Some(alias) = of_type(owned, RecordType::CNAME, &found.last).next() else {
                found.negative = true;
                if !self.knows(&found.last) {
                    found.code = ResponseCode::NXDomain;
                }
                return found;
            };
            if let RData::CNAME(target) = &alias.data {
                found.last = target.0.clone();
            }
            found.answers.push(alias);
        }
        found
    }

    fn owned_by(&self, owner: &Name) -> &[Record] {
        self.records
            .get(&owner.to_lowercase())
            .map_or(&[], Vec::as_slice)
    }

    /// A name with names below it exists, even if it owns no record (RFC 8020 §2).
    fn knows(&self, asked: &Name) -> bool {
        self.records.keys().any(|owner| asked.zone_of(owner))
    }
}

/// The SOA of the zone around `owner`, which is taken to be its last two labels.
pub(super) fn soa(owner: &Name, ttl: u32, minimum: u32) -> Record {
    let apex = owner.trim_to(2).to_lowercase();
    let data = SOA::new(
        name("ns.invalid"),
        name("hostmaster.invalid"),
        1,
        3600,
        600,
        86_400,
        minimum,
    );
    Record::from_rdata(apex, ttl, RData::SOA(data))
}

/// The records of one type, spelt with the owner name of the question.
fn of_type<'a>(
    records: &'a [Record],
    record_type: RecordType,
    owner: &'a Name,
) -> impl Iterator<Item = Record> + 'a {
    records
        .iter()
        .filter(move |record| record.record_type() == record_type)
        .cloned()
        .map(move |mut record| {
            record.name = owner.clone();
            record
        })
}

const MAX_CNAMES: usize = 16;

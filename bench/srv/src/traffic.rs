//! What is done with the response.

use std::hint::black_box;

use comity_srv::{Published, RecordName, ServiceRecord, service_records, weighted_order};
use hickory_proto::op::Message;

use crate::cares;
use crate::response::{OWNER, response};

/// A response, and what is read in it.
#[derive(Debug)]
pub(crate) struct Traffic {
    response: Vec<u8>,
    owner: RecordName,
    records: Vec<ServiceRecord>,
}

/// What can be done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Task {
    /// c-ares parses the answers.
    Cares,
    /// We parse and order the SRV records.
    Comity,
    /// We parse the SRV records.
    Parse,
    /// We order them.
    Order,
    /// hickory-proto parses the message.
    Hickory,
}

impl Task {
    pub(crate) const ALL: [Self; 5] = [
        Self::Cares,
        Self::Comity,
        Self::Parse,
        Self::Order,
        Self::Hickory,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Cares => "c-ares-parse",
            Self::Comity => "comity-parse-and-order",
            Self::Parse => "comity-parse",
            Self::Order => "comity-order",
            Self::Hickory => "hickory-proto-parse",
        }
    }

    /// The task of that name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|task| task.name() == name)
    }

    /// What does it for one round; gives how much was seen.
    pub(crate) fn reader(self) -> fn(&Traffic) -> usize {
        match self {
            Self::Cares => |traffic| traffic.read(Self::Cares),
            Self::Comity => |traffic| traffic.read(Self::Comity),
            Self::Parse => |traffic| traffic.read(Self::Parse),
            Self::Order => |traffic| traffic.read(Self::Order),
            Self::Hickory => |traffic| traffic.read(Self::Hickory),
        }
    }
}

impl Traffic {
    pub(crate) fn new() -> Self {
        let domain = OWNER[2..].join(".").parse().expect("a domain");
        let owner = RecordName::below(&OWNER[..2], &domain).expect("a short name");
        let response = response();
        let records = parse(&response, &owner);
        Self {
            response,
            owner,
            records,
        }
    }

    fn read(&self, task: Task) -> usize {
        let mut seen = 0;
        for _ in 0..PASSES {
            seen += black_box(self.read_once(task));
        }
        seen
    }

    fn read_once(&self, task: Task) -> usize {
        let response = black_box(self.response.as_slice());
        match task {
            Task::Cares => cares::parse(response),
            Task::Comity => sum(&weighted_order(parse(response, &self.owner), &SEED)),
            Task::Parse => sum(&parse(response, &self.owner)),
            Task::Order => sum(&weighted_order(self.records.clone(), &SEED)),
            Task::Hickory => {
                let message = Message::from_vec(response).expect("a readable response");
                message.answers.len() + message.additionals.len()
            }
        }
    }
}

fn parse(response: &[u8], owner: &RecordName) -> Vec<ServiceRecord> {
    match service_records(response, owner) {
        Ok(Published::Records(records)) => records,
        other => panic!("{other:?}"),
    }
}

fn sum(records: &[ServiceRecord]) -> usize {
    let first = |record: &ServiceRecord| record.target.as_str().as_bytes()[0];
    let one = |record| usize::from(first(record)) + usize::from(record.port);
    records.iter().map(one).sum()
}

/// How often the response is read in one round.
pub(crate) const PASSES: usize = 100;

const SEED: [u8; 32] = [7; 32];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parser_sees_the_same_records() {
        let traffic = Traffic::new();
        let cares = traffic.read_once(Task::Cares);
        assert_eq!(cares, 10 * (usize::from(b'x') + 5269));
        for task in [Task::Comity, Task::Parse, Task::Order] {
            assert_eq!(traffic.read_once(task), cares);
        }
        assert_eq!(traffic.read_once(Task::Hickory), 30);
    }

    #[test]
    fn tasks_are_found_by_their_names() {
        for task in Task::ALL {
            assert_eq!(Task::named(task.name()), Some(task));
        }
        assert_eq!(Task::named("none"), None);
    }
}

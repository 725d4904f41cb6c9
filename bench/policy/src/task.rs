//! What is done.

use std::hint::black_box;

use comity_identity::{Assurance, Direction, DomainName};
use comity_policy::{Address, Facts, Policy, Protocol, Stage, Topic, Verdict};
use comity_testkit::heap;

use crate::rules;

/// What can be done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Task {
    /// Decides over so many rules.
    Decide,
    /// Loads so many exceptions, one in each line.
    LoadBlock,
    /// The same as an array of strings.
    LoadArray,
    /// Loads so many rules of users.
    LoadUsers,
    /// Loads so many entries of the access list.
    LoadAcl,
    /// Refuses a domain of so many bytes.
    LongDomain,
    /// Refuses a pattern of so many bytes, all stars.
    Stars,
    /// The same with dots between them.
    DottedStars,
    /// Refuses so many lines with an error.
    Errors,
}

impl Task {
    pub(crate) const ALL: [Self; 9] = [
        Self::Decide,
        Self::LoadBlock,
        Self::LoadArray,
        Self::LoadUsers,
        Self::LoadAcl,
        Self::LongDomain,
        Self::Stars,
        Self::DottedStars,
        Self::Errors,
    ];

    /// The function whose instructions count.
    pub(crate) const MEASURED: &str = "comity_bench_policy::task::measured";

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|task| task.name() == name)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Decide => "decide",
            Self::LoadBlock => "load-block",
            Self::LoadArray => "load-array",
            Self::LoadUsers => "load-users",
            Self::LoadAcl => "load-acl",
            Self::LongDomain => "long-domain",
            Self::Stars => "stars",
            Self::DottedStars => "dotted-stars",
            Self::Errors => "errors",
        }
    }

    /// A small and a large size.
    pub(crate) fn sizes(self) -> [usize; 2] {
        match self {
            Self::Decide => [10, 1_000_000],
            Self::LoadBlock => [250_000, 1_000_000],
            Self::LoadArray | Self::LoadUsers | Self::LoadAcl | Self::Errors => [50_000, 200_000],
            Self::LongDomain | Self::Stars | Self::DottedStars => [1 << 18, 1 << 20],
        }
    }

    /// Does it, and tells how many bytes it had on the heap at most.
    pub(crate) fn run(self, size: usize) -> usize {
        let text = self.text(size);
        if self == Self::Decide {
            let policy = Policy::from_toml(&text).expect("rules that agree");
            drop(text);
            return decide(&policy, size);
        }
        let (loaded, stats) = heap::measure(|| measured(|| Policy::from_toml(&text).is_ok()));
        assert_eq!(loaded, self.is_taken(), "{}", self.name());
        stats.peak_bytes
    }

    fn text(self, size: usize) -> String {
        match self {
            Self::Decide | Self::LoadBlock => rules::block(size),
            Self::LoadArray => rules::array(size),
            Self::LoadUsers => rules::users(size),
            Self::LoadAcl => rules::acl(size),
            Self::LongDomain => rules::pattern(&"x".repeat(size)),
            Self::Stars => rules::pattern(&"*".repeat(size)),
            Self::DottedStars => rules::pattern(&"*.".repeat(size / 2)),
            Self::Errors => rules::errors(size),
        }
    }

    fn is_taken(self) -> bool {
        match self {
            Self::Decide | Self::LoadBlock | Self::LoadArray | Self::LoadUsers | Self::LoadAcl => {
                true
            }
            Self::LongDomain | Self::Stars | Self::DottedStars | Self::Errors => false,
        }
    }
}

/// Decides about [`ASKED`] domains, a third of which has a rule of its own, a third lies below a
/// wildcard, and a third has none.
fn decide(policy: &Policy, rules: usize) -> usize {
    let local: DomainName = rules::LOCAL.parse().expect("a domain name");
    let remote: Vec<DomainName> = (0..ASKED)
        .map(|number| rules::asked(number, rules))
        .collect();
    let users: Vec<Address> = remote
        .iter()
        .map(|domain| Address::new("romeo", domain.clone()).expect("an address"))
        .collect();
    let owner = Address::new("juliet", local.clone()).expect("an address");
    let facts: Vec<Facts<'_>> = remote
        .iter()
        .zip(&users)
        .map(|(remote, user)| {
            Facts::between(Protocol::Xmpp, &local, remote, Direction::Inbound)
                .at(Stage::Stanza, Assurance::Certified)
                .users(&owner, user, Topic::Message)
        })
        .collect();
    let (allowed, stats) = heap::measure(|| {
        measured(|| {
            let mut allowed = 0;
            for facts in &facts {
                let decision = policy.decide(black_box(facts));
                black_box(&decision);
                allowed += usize::from(decision.verdict == Verdict::Allow);
            }
            allowed
        })
    });
    // Under default deny, those for whom there is a rule.
    assert_eq!(allowed, ASKED / 3 * 2);
    stats.peak_bytes
}

/// Where callgrind begins and ends to count.
#[inline(never)]
fn measured<T>(task: impl FnOnce() -> T) -> T {
    let value = task();
    // Callgrind does not see the end of a function that jumps into another one.
    black_box(());
    value
}

/// How many decisions are made.
pub(crate) const ASKED: usize = 9_999;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_are_found_by_their_names() {
        for task in Task::ALL {
            assert_eq!(Task::named(task.name()), Some(task));
        }
        assert_eq!(Task::named("none"), None);
    }

    #[test]
    fn every_task_has_its_outcome() {
        for task in Task::ALL {
            task.run(2_000);
        }
    }
}

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use crate::message::{Answer, Ending, Question, RecordKind, RecordName};
use crate::plan::Failure;

/// Answers by question, until they expire.
///
/// It holds what DNS said and nothing about how connections went, so that the failure of one
/// resolution never changes another.
#[derive(Debug)]
pub(crate) struct Cache {
    max_records: usize,
    /// The cost of all entries.
    records: usize,
    entries: BTreeMap<Key, Entry>,
    expiries: BTreeSet<(Instant, Key)>,
}

/// A name that does not exist has no record of any type; everything else is known by type
/// (RFC 2308 §5).
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Key {
    name: RecordName,
    kind: Option<RecordKind>,
}

#[derive(Debug)]
struct Entry {
    expiry: Instant,
    known: Known,
}

/// An answer, or that there was none.
pub(crate) type Known = Result<Arc<Answer>, Failure>;

impl Cache {
    pub(crate) fn new(max_records: usize) -> Self {
        Self {
            max_records,
            records: 0,
            entries: BTreeMap::new(),
            expiries: BTreeSet::new(),
        }
    }

    pub(crate) fn get(&self, now: Instant, question: &Question) -> Option<&Known> {
        [Some(question.kind), None].into_iter().find_map(|kind| {
            let name = question.name.clone();
            let entry = self.entries.get(&Key { name, kind })?;
            (now < entry.expiry).then_some(&entry.known)
        })
    }

    /// Keeps `answer` for its time to live, if it has one.
    pub(crate) fn insert(&mut self, now: Instant, question: &Question, answer: &Arc<Answer>) {
        let Some(expiry) = answer.ttl.and_then(|ttl| now.checked_add(ttl)) else {
            return;
        };
        let is_whole_name = answer.ending == Ending::NoName && answer.aliases.is_empty();
        let kind = (!is_whole_name).then_some(question.kind);
        self.keep(now, question, kind, expiry, Ok(Arc::clone(answer)));
    }

    /// Keeps that there was no answer until `expiry`.
    pub(crate) fn insert_failure(
        &mut self,
        now: Instant,
        question: &Question,
        failure: &Failure,
        expiry: Instant,
    ) {
        self.keep(
            now,
            question,
            Some(question.kind),
            expiry,
            Err(failure.clone()),
        );
    }

    fn keep(
        &mut self,
        now: Instant,
        question: &Question,
        kind: Option<RecordKind>,
        expiry: Instant,
        known: Known,
    ) {
        let name = question.name.clone();
        let key = Key { name, kind };
        self.remove(&key);
        self.records = self.records.saturating_add(cost(&known));
        self.expiries.insert((expiry, key.clone()));
        self.entries.insert(key, Entry { expiry, known });
        self.evict(now);
    }

    /// Removes what has expired, and then what expires first until the rest fits.
    fn evict(&mut self, now: Instant) {
        while let Some((expiry, key)) = self.expiries.first() {
            if *expiry > now && self.records <= self.max_records {
                return;
            }
            let key = key.clone();
            self.remove(&key);
        }
    }

    fn remove(&mut self, key: &Key) {
        if let Some(entry) = self.entries.remove(key) {
            self.records = self.records.saturating_sub(cost(&entry.known));
            self.expiries.remove(&(entry.expiry, key.clone()));
        }
    }
}

fn cost(known: &Known) -> usize {
    let Ok(answer) = known else {
        return 1;
    };
    let records = match &answer.ending {
        Ending::Services(records) => records.len(),
        Ending::Pointers(records) => records.len(),
        Ending::Addresses(addresses) => addresses.len(),
        Ending::Alias
        | Ending::NoData
        | Ending::NoName
        | Ending::AliasLoop
        | Ending::TooManyAliases => 0,
    };
    records
        .saturating_add(answer.aliases.len())
        .saturating_add(1)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use comity_identity::DomainName;
    use comity_testkit::origin;

    use super::*;
    use crate::candidate::Dnssec;

    fn question(text: &str, kind: RecordKind) -> Question {
        let name = RecordName::from(&DomainName::parse(text).unwrap());
        Question { name, kind }
    }

    fn answer(ending: Ending, seconds: u64) -> Answer {
        Answer {
            aliases: Vec::new(),
            ending,
            ttl: Some(Duration::from_secs(seconds)),
            dnssec: Dnssec::Unchecked,
        }
    }

    fn addresses(count: u8, seconds: u64) -> Arc<Answer> {
        let list = (0..count).map(|host| [192, 0, 2, host].into()).collect();
        Arc::new(answer(Ending::Addresses(list), seconds))
    }

    fn missing(ending: Ending) -> Arc<Answer> {
        Arc::new(answer(ending, 60))
    }

    #[test]
    fn an_answer_lives_until_its_time_and_no_longer() {
        let now = origin();
        let mut cache = Cache::new(10);
        let asked = question("b.example", RecordKind::A);
        cache.insert(now, &asked, &addresses(1, 60));
        let at = |millis| now + Duration::from_millis(millis);
        assert_eq!(cache.get(at(59_999), &asked), Some(&Ok(addresses(1, 60))));
        assert_eq!(cache.get(at(60_000), &asked), None);
        assert_eq!(
            cache.get(now, &question("b.example", RecordKind::Aaaa)),
            None
        );
    }

    #[test]
    fn a_missing_name_has_no_record_of_any_type_and_missing_data_only_of_one() {
        let now = origin();
        let mut cache = Cache::new(10);
        let (v4, v6) = (
            question("b.example", RecordKind::A),
            question("b.example", RecordKind::Aaaa),
        );
        cache.insert(now, &v4, &missing(Ending::NoData));
        assert_eq!(cache.get(now, &v6), None);
        cache.insert(now, &v4, &missing(Ending::NoName));
        assert_eq!(cache.get(now, &v6), Some(&Ok(missing(Ending::NoName))));
        assert_eq!(cache.get(now, &v4), Some(&Ok(missing(Ending::NoData))));
    }

    #[test]
    fn a_missing_alias_target_says_nothing_about_other_types() {
        let now = origin();
        let mut cache = Cache::new(10);
        let mut missing = answer(Ending::NoName, 60);
        missing
            .aliases
            .push(question("c.example", RecordKind::A).name);
        cache.insert(
            now,
            &question("b.example", RecordKind::A),
            &Arc::new(missing),
        );
        assert_eq!(
            cache.get(now, &question("b.example", RecordKind::Aaaa)),
            None
        );
    }

    #[test]
    fn what_has_no_time_to_live_is_not_kept() {
        let now = origin();
        let mut cache = Cache::new(10);
        let asked = question("b.example", RecordKind::A);
        let forgotten = Answer {
            ttl: None,
            ..answer(Ending::NoData, 0)
        };
        cache.insert(now, &asked, &Arc::new(forgotten));
        assert_eq!(cache.get(now, &asked), None);
    }

    #[test]
    fn a_failure_is_kept_for_its_question_until_its_time() {
        let now = origin();
        let mut cache = Cache::new(10);
        let asked = question("b.example", RecordKind::A);
        let until = now + Duration::from_secs(15);
        cache.insert_failure(now, &asked, &Failure::Timeout, until);
        assert_eq!(cache.get(now, &asked), Some(&Err(Failure::Timeout)));
        assert_eq!(cache.get(until, &asked), None);
        assert_eq!(
            cache.get(now, &question("b.example", RecordKind::Aaaa)),
            None
        );
        cache.insert(now, &asked, &addresses(1, 60));
        assert_eq!(cache.get(now, &asked), Some(&Ok(addresses(1, 60))));
    }

    #[test]
    fn the_cache_is_full_at_its_limit_and_drops_what_expires_first() {
        let now = origin();
        let mut cache = Cache::new(6);
        let [a, b, c] =
            ["a.example", "b.example", "c.example"].map(|name| question(name, RecordKind::A));
        cache.insert(now, &a, &addresses(1, 60));
        cache.insert(now, &b, &addresses(1, 30));
        cache.insert(now, &c, &addresses(1, 90));
        assert_eq!(cache.records, 6);
        assert!(cache.get(now, &b).is_some());
        cache.insert(now, &a, &addresses(2, 60));
        assert_eq!((cache.records, cache.entries.len()), (5, 2));
        assert_eq!(cache.get(now, &b), None);
        cache.insert(now, &b, &addresses(9, 30));
        assert_eq!(cache.get(now, &b), None, "larger than the whole cache");
        assert_eq!(cache.entries.len(), cache.expiries.len());
    }

    #[test]
    fn an_answer_is_kept_if_the_cache_could_hold_it_alone() {
        let now = origin();
        let asked = question("a.example", RecordKind::A);
        let kept = [3, 4, 5].map(|limit| {
            let mut cache = Cache::new(limit);
            // It counts as one more than its records.
            cache.insert(now, &asked, &addresses(3, 60));
            (cache.get(now, &asked).is_some(), cache.records)
        });
        assert_eq!(kept, [(false, 0), (true, 4), (true, 4)]);
    }

    #[test]
    fn the_expired_leave_when_something_new_comes() {
        let now = origin();
        let mut cache = Cache::new(100);
        for host in 0..9 {
            cache.insert(
                now,
                &question(&format!("h{host}.example"), RecordKind::A),
                &addresses(1, 5),
            );
        }
        let after = now + Duration::from_secs(5);
        cache.insert(
            after,
            &question("b.example", RecordKind::A),
            &addresses(1, 5),
        );
        assert_eq!((cache.records, cache.entries.len()), (2, 1));
    }
}

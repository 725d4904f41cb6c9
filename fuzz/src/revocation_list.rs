use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock};

use comity_testkit::mint::{Authority, Ca, Leaf};
use comity_trust::{
    Added, CertificateDer, Policy, Reason, Reference, Revocation, RevocationListError,
    RevocationLists, Role, Trusted, Verdict, evaluate,
};

use crate::certificate_names::{NOW, check, check_text, time};
use crate::program::Program;

/// Judges two certificates, one by the root and one by an intermediate, with lists that these issue
/// and lists that were changed on the way.
///
/// Only what an issuer signed is taken for a list of his, and only where his certificate is at hand.
/// What the newest list of an issuer revokes is never trusted, in whatever order lists come and
/// whatever else comes; what no list revokes is. Where lists are required, nothing is trusted
/// without the current list of each issuer, or longer than that is current.
pub fn revocation_list(data: &[u8]) {
    let mut program = Program::new(data);
    let mut known = Known::default();
    let mut lists = RevocationLists::new();
    for _ in 0..MAX_STEPS {
        if program.is_over() {
            break;
        }
        match program.byte() % 8 {
            0..=3 => known.issue(&mut program, &mut lists),
            4 | 5 => change(&mut program, &mut lists),
            6 => refuse(program.bytes(), &mut lists),
            _ => known.remove(program.byte(), &mut lists),
        }
        assert_eq!(lists.len(), known.newest.len());
        assert_eq!(lists.is_empty(), known.newest.is_empty());
    }
    known.check(&lists);
}

/// What a reader knows of the lists who keeps those that were issued: the newest of each issuer.
#[derive(Debug, Default)]
struct Known {
    newest: BTreeMap<Issuer, List>,
}

/// Who issues lists.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Issuer {
    Root,
    Intermediate,
    /// Another CA that calls itself as the root does.
    Namesake,
}

impl Issuer {
    const ALL: [Self; 3] = [Self::Root, Self::Intermediate, Self::Namesake];

    fn read(byte: u8) -> Self {
        match byte & 3 {
            0 | 1 => Self::Root,
            2 => Self::Intermediate,
            _ => Self::Namesake,
        }
    }

    fn authority(self) -> &'static Authority {
        let world = world();
        match self {
            Self::Root => &world.root,
            Self::Intermediate => &world.intermediate,
            Self::Namesake => &world.namesake,
        }
    }

    fn certificate(self) -> CertificateDer<'static> {
        self.authority().certificate().into()
    }

    /// Whether both have one name.
    fn is_like(self, other: Self) -> bool {
        (self == Self::Intermediate) == (other == Self::Intermediate)
    }
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct List {
    number: u64,
    this_update: u64,
    next_update: u64,
    /// Bit 0 is for the leaf of the root, bit 1 for the intermediate, bit 2 for its leaf.
    revoked: u8,
}

impl List {
    fn read(program: &mut Program<'_>) -> (Issuer, Self) {
        let byte = program.byte();
        let choice = usize::from(program.byte());
        let list = Self {
            number: NUMBERS[choice & 3],
            this_update: THIS_UPDATES[choice >> 2 & 3],
            next_update: NEXT_UPDATES[choice >> 4 & 3],
            revoked: byte >> 2 & 7,
        };
        (Issuer::read(byte), list)
    }

    /// The list as its issuer signs it, which takes long and so is done once.
    fn der(self, issuer: Issuer) -> Vec<u8> {
        static SIGNED: Mutex<BTreeMap<(Issuer, List), Vec<u8>>> = Mutex::new(BTreeMap::new());
        let mut signed = SIGNED.lock().expect("no panic while it is held");
        let der = signed.entry((issuer, self));
        der.or_insert_with(|| self.sign(issuer)).clone()
    }

    fn sign(self, issuer: Issuer) -> Vec<u8> {
        let world = world();
        let all = [&world.leaf, &world.issuer, &world.below];
        let revoked = all.into_iter().zip(0..);
        let revoked = revoked.filter(|(_, bit)| self.revoked >> bit & 1 == 1);
        let revoked: Vec<_> = revoked.map(|(der, _)| der.as_slice()).collect();
        let authority = issuer.authority();
        authority.crl(self.number, self.this_update, self.next_update, &revoked)
    }
}

impl Known {
    /// Adds a list as it was issued, where the certificates of some issuers are at hand.
    fn issue(&mut self, program: &mut Program<'_>, lists: &mut RevocationLists) {
        let (issuer, list) = List::read(program);
        let absent = program.byte();
        let at_hand = Issuer::ALL.into_iter().zip(0..);
        let at_hand = at_hand.filter(|(_, bit)| absent >> bit & 1 == 0);
        let at_hand: Vec<_> = at_hand.map(|(issuer, _)| issuer).collect();
        let age = |list: &List| (list.number, list.this_update);
        let old = self.newest.get(&issuer);
        let is_newer = old.is_none_or(|old| age(old) < age(&list));
        let expected = if at_hand.contains(&issuer) && is_newer {
            self.newest.insert(issuer, list);
            Ok(Added::Newest)
        } else if at_hand.contains(&issuer) {
            Ok(Added::Outdated)
        } else if at_hand.iter().any(|other| other.is_like(issuer)) {
            Err(RevocationListError::Signature)
        } else {
            Err(RevocationListError::UnknownIssuer)
        };
        let at_hand: Vec<_> = at_hand.into_iter().map(Issuer::certificate).collect();
        let added = lists.add(&list.der(issuer), &at_hand, webpki::ALL_VERIFICATION_ALGS);
        assert_eq!(added, expected, "{list:?} of {issuer:?}, {self:?}");
    }

    fn remove(&mut self, byte: u8, lists: &mut RevocationLists) {
        let issuer = Issuer::read(byte);
        let removed = lists.remove(&issuer.certificate());
        let known = self.newest.remove(&issuer);
        assert_eq!(removed, usize::from(known.is_some()));
    }

    fn check(&self, lists: &RevocationLists) {
        let world = world();
        let chains = [
            (vec![&world.leaf], &[(Issuer::Root, 1)][..]),
            (
                vec![&world.below, &world.issuer],
                &[(Issuer::Root, 2), (Issuer::Intermediate, 4)],
            ),
        ];
        for (chain, links) in chains {
            let newest = links.iter().map(|(issuer, bit)| {
                let list = self.newest.get(issuer)?;
                Some((list.next_update, list.revoked & bit != 0))
            });
            let newest: Vec<_> = newest.collect();
            let is_revoked = newest.iter().flatten().any(|(_, revoked)| *revoked);
            let next = newest.iter().map(|list| list.map(|(next, _)| next));
            let next: Option<Vec<_>> = next.collect();
            let until = next.and_then(|next| next.into_iter().min());
            let verdict = judge(&chain, Revocation::IfListed, lists);
            assert_eq!(
                verdict.trusted().is_none(),
                is_revoked,
                "{self:?}: {verdict}"
            );
            let is_said = matches!(verdict.reason(), Some(Reason::Revoked { .. }));
            assert_eq!(is_said, is_revoked, "{self:?}: {verdict}");
            let verdict = judge(&chain, Revocation::Required, lists);
            let is_current = until.is_some_and(|until| until > NOW);
            let ends = verdict.trusted().map(Trusted::valid_until);
            assert_eq!(
                ends.is_some(),
                is_current && !is_revoked,
                "{self:?}: {verdict}"
            );
            let last = until.map(|until| time(until - 1));
            assert!(ends.is_none() || ends == last, "{self:?}: {verdict}");
        }
    }
}

/// Adds a list of which bytes were changed.
fn change(program: &mut Program<'_>, lists: &mut RevocationLists) {
    let (issuer, list) = List::read(program);
    let issued = list.der(issuer);
    let mut der = issued.clone();
    for _ in 0..=program.byte() % 4 {
        let place = usize::from(program.word()) % der.len();
        der[place] ^= program.byte();
    }
    if der != issued {
        refuse(&der, lists);
    }
}

/// Adds what nobody issued.
fn refuse(der: &[u8], lists: &mut RevocationLists) {
    let issuers = Issuer::ALL.map(Issuer::certificate);
    let added = lists.add(der, &issuers, webpki::ALL_VERIFICATION_ALGS);
    check_text(&added.expect_err("nobody signed it").to_string());
}

fn judge(chain: &[&Vec<u8>], revocation: Revocation, lists: &RevocationLists) -> Verdict {
    let mut policy = world().policy.clone();
    policy.revocation = revocation;
    let chain: Vec<_> = chain
        .iter()
        .map(|der| CertificateDer::from(der.as_slice()))
        .collect();
    let reference = Reference::dns("b.example".parse().expect("a domain name"));
    let verdict = evaluate(&chain, time(NOW), Role::Server, &reference, &policy, lists);
    check(&verdict);
    verdict
}

struct World {
    root: Authority,
    namesake: Authority,
    intermediate: Authority,
    policy: Policy,
    /// What the root issued.
    leaf: Vec<u8>,
    issuer: Vec<u8>,
    /// What the intermediate issued.
    below: Vec<u8>,
}

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let root = Ca::new("Fuzz", [1; 32]).self_signed();
        let intermediate = root.delegate(&Ca::new("Issuer", [6; 32]));
        let mut policy = Policy::new(webpki::ALL_VERIFICATION_ALGS);
        let anchor = root.certificate().into();
        policy.store.add_anchor(&anchor).expect("a CA");
        let leaf = |authority: &Authority, seed| {
            let leaf = Leaf::new([seed; 32]).dns("b.example");
            authority.issue(&leaf).chain.swap_remove(0)
        };
        World {
            leaf: leaf(&root, 2),
            issuer: intermediate.certificate().to_vec(),
            below: leaf(&intermediate, 7),
            namesake: Ca::new("Fuzz", [13; 32]).self_signed(),
            root,
            intermediate,
            policy,
        }
    })
}

/// The lists that this target starts from.
#[must_use]
pub fn seed_lists() -> Vec<(&'static str, Vec<u8>)> {
    // 0 is an issued list, then whose and what it revokes, its number and times, and who is absent.
    let list = |whose: u8, number: u8| [0, whose, 0x30 | number, 0];
    let (root, intermediate, namesake) = (0, 2, 3);
    let der = List {
        number: 7,
        this_update: NOW - DAY,
        next_update: NOW + DAY,
        revoked: 7,
    }
    .der(Issuer::Root);
    // The length is one byte, and the list is longer.
    let start = &der[..der.len().min(255)];
    let anything = [&[6, u8::try_from(start.len()).unwrap_or(0)], start].concat();
    vec![
        ("clear", [list(root, 0), list(intermediate, 0)].concat()),
        ("leaf", list(root | 4, 0).to_vec()),
        ("issuer", list(root | 8, 0).to_vec()),
        (
            "below",
            [list(root, 0), list(intermediate | 16, 0)].concat(),
        ),
        ("taken-back", [list(root | 4, 0), list(root, 1)].concat()),
        ("outdated", [list(root | 4, 1), list(root, 0)].concat()),
        ("namesake", [list(root | 4, 0), list(namesake, 1)].concat()),
        ("expired", vec![0, root, 0x10, 0]),
        ("changed", vec![4, root, 0x30, 0, 0, 60, 1]),
        ("removed", [&list(root | 4, 0)[..], &[7, root]].concat()),
        ("absent", vec![0, root, 0x30, 5, 0, root, 0x30, 1]),
        ("anything", anything),
    ]
}

const MAX_STEPS: usize = 8;
const NUMBERS: [u64; 4] = [1, 2, 0x80, 0x100];
const THIS_UPDATES: [u64; 4] = [NOW - 2 * DAY, NOW - DAY, NOW, NOW + DAY];
const NEXT_UPDATES: [u64; 4] = [NOW - DAY, NOW, NOW + 1, NOW + DAY];
const DAY: u64 = 24 * 60 * 60;

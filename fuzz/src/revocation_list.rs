mod points;

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock};

use comity_testkit::mint::{Authority, Ca, Leaf};
use comity_trust::{
    Added, CertificateDer, Policy, Reason, Reference, Revocation, RevocationListError,
    RevocationLists, Role, Status, Trusted, Verdict, evaluate,
};

use crate::certificate_names::{NOW, check, check_text, time};
use crate::program::Program;
use points::{CertificatePoint, Kind, OF_CERTIFICATES, OF_LISTS};

/// Judges certificates by the root and by an intermediate, each with its own distribution points,
/// with lists that these issue and lists that were changed on the way.
///
/// Only what an issuer signed is taken for a list of his, only where his certificate is at hand, and
/// only if it is of a kind that is supported. What the newest list of an issuer and point revokes is
/// never trusted, in whatever order lists come and whatever else comes; what no list revokes is.
/// Where lists are required, nothing is trusted without a current list about it of each issuer, or
/// longer than the last of these is current.
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
            _ => known.remove(&mut program, &mut lists),
        }
        assert_eq!(lists.len(), known.newest.len());
        assert_eq!(lists.is_empty(), known.newest.is_empty());
    }
    known.check(&lists);
}

/// What a reader knows of the lists who keeps those that were issued: the newest of each issuer and
/// point.
#[derive(Debug, Default)]
struct Known {
    newest: BTreeMap<(Issuer, Option<usize>), List>,
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
    number: Option<u64>,
    this_update: u64,
    next_update: u64,
    /// Bit 0 is for the leaves of the root, bit 1 for the intermediate, bit 2 for its leaf.
    revoked: u8,
    /// Which of [`OF_LISTS`], if any.
    point: Option<usize>,
}

impl List {
    fn read(program: &mut Program<'_>) -> (Issuer, Self) {
        let byte = program.byte();
        let choice = usize::from(program.byte());
        let point = choice >> 6 << 3 | usize::from(byte >> 5);
        let list = Self {
            number: Some(NUMBERS[choice & 3]),
            this_update: THIS_UPDATES[choice >> 2 & 3],
            next_update: NEXT_UPDATES[choice >> 4 & 3],
            revoked: byte >> 2 & 7,
            // The first place is of lists without a point.
            point: point.checked_sub(1).filter(|point| *point < OF_LISTS.len()),
        };
        (Issuer::read(byte), list)
    }

    fn kind(self) -> Kind {
        let point = self.point.map(|point| OF_LISTS[point].kind());
        point.unwrap_or(Kind::Used)
    }

    fn covers(self, link: &Link) -> bool {
        self.point
            .is_none_or(|point| OF_LISTS[point].covers(link.points, link.is_ca))
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
        let leaves = world.leaves.iter().map(|leaf| (leaf, 0));
        let all = leaves.chain([(&world.issuer, 1), (&world.below, 2)]);
        let revoked = all.filter(|(_, bit)| self.revoked >> bit & 1 == 1);
        let revoked: Vec<_> = revoked.map(|(der, _)| der.as_slice()).collect();
        let authority = issuer.authority();
        let number = self.number.unwrap_or_default();
        let der = authority.crl(number, self.this_update, self.next_update, &revoked);
        let mut changes = Vec::new();
        if self.number.is_none() {
            changes.push((CRL_NUMBER, None));
        }
        if let Some(point) = self.point {
            changes.push((ISSUING_DISTRIBUTION_POINT, Some(OF_LISTS[point].der())));
        }
        match changes.is_empty() {
            true => der,
            false => authority.crl_with(&der, &changes),
        }
    }
}

/// A certificate below another.
struct Link {
    issuer: Issuer,
    /// Which bit of a list revokes it.
    bit: u8,
    points: &'static [CertificatePoint],
    is_ca: bool,
}

impl Known {
    /// Adds a list as it was issued, where the certificates of some issuers are at hand.
    fn issue(&mut self, program: &mut Program<'_>, lists: &mut RevocationLists) {
        let (issuer, mut list) = List::read(program);
        let absent = program.byte();
        if absent & 0x80 != 0 {
            list.number = None;
        }
        let at_hand = Issuer::ALL.into_iter().zip(0..);
        let at_hand = at_hand.filter(|(_, bit)| absent >> bit & 1 == 0);
        let at_hand: Vec<_> = at_hand.map(|(issuer, _)| issuer).collect();
        let expected = self.expected(issuer, list, &at_hand);
        if expected == Ok(Added::Newest) {
            self.newest.insert((issuer, list.point), list);
        }
        let at_hand = at_hand.into_iter().map(Issuer::certificate);
        // What is no certificate is of no use, and no hindrance.
        let at_hand: Vec<_> = [CertificateDer::from(&b"\x30"[..])]
            .into_iter()
            .chain(at_hand)
            .collect();
        let added = lists.add(&list.der(issuer), &at_hand, webpki::ALL_VERIFICATION_ALGS);
        assert_eq!(added, expected, "{list:?} of {issuer:?}, {self:?}");
    }

    /// What becomes of a list as it was issued.
    fn expected(
        &self,
        issuer: Issuer,
        list: List,
        at_hand: &[Issuer],
    ) -> Result<Added, RevocationListError> {
        let age = |list: &List| (list.number, list.this_update);
        let old = self.newest.get(&(issuer, list.point));
        let is_newer = old.is_none_or(|old| age(old) < age(&list));
        match list.kind() {
            Kind::Unsupported => Err(RevocationListError::Unsupported),
            Kind::Malformed => Err(RevocationListError::Malformed),
            Kind::Used if at_hand.contains(&issuer) => match is_newer {
                true => Ok(Added::Newest),
                false => Ok(Added::Outdated),
            },
            Kind::Used if at_hand.iter().any(|other| other.is_like(issuer)) => {
                Err(RevocationListError::Signature)
            }
            Kind::Used => Err(RevocationListError::UnknownIssuer),
        }
    }

    /// Removes all lists, or those of an issuer, or of nobody.
    fn remove(&mut self, program: &mut Program<'_>, lists: &mut RevocationLists) {
        let byte = program.byte();
        if byte & 0x80 != 0 {
            lists.clear();
            return self.newest.clear();
        }
        let nobody = CertificateDer::from(&b"\x30"[..]);
        assert_eq!(lists.remove(&nobody), 0);
        let issuer = Issuer::read(byte);
        let removed = lists.remove(&issuer.certificate());
        let before = self.newest.len();
        self.newest.retain(|(of, _), _| *of != issuer);
        assert_eq!(removed, before - self.newest.len());
    }

    fn check(&self, lists: &RevocationLists) {
        let world = world();
        let points = OF_CERTIFICATES.iter();
        for (leaf, points) in world.leaves.iter().zip(points) {
            self.check_chain(lists, &[leaf], &[Link::leaf(Issuer::Root, 0, points)]);
        }
        let [of_issuer, of_leaf, ..] = OF_CERTIFICATES;
        let issuer = Link {
            is_ca: true,
            ..Link::leaf(Issuer::Root, 1, of_issuer)
        };
        let below = Link::leaf(Issuer::Intermediate, 2, of_leaf);
        self.check_chain(lists, &[&world.below, &world.issuer], &[below, issuer]);
    }

    fn check_chain(&self, lists: &RevocationLists, chain: &[&Vec<u8>], links: &[Link]) {
        let of = |link: &Link| {
            let own = self.newest.iter();
            let own = own.filter(|((issuer, _), _)| *issuer == link.issuer);
            own.map(|(_, list)| *list).collect::<Vec<_>>()
        };
        let revokes = |link: &Link| {
            of(link)
                .iter()
                .any(|list| list.revoked >> link.bit & 1 == 1)
        };
        let is_revoked = links.iter().any(revokes);
        // The last list about each certificate, and the first of these.
        let covered = links.iter().map(|link| {
            let own = of(link).into_iter().filter(|list| list.covers(link));
            own.map(|list| list.next_update).max()
        });
        let until = covered.collect::<Option<Vec<_>>>();
        let until = until.and_then(|all| all.into_iter().min());

        let verdict = judge(chain, Revocation::IfListed, lists);
        let is_trusted = verdict.trusted().is_some();
        assert_eq!(is_trusted, !is_revoked, "{self:?}: {verdict}");
        let is_said = matches!(verdict.reason(), Some(Reason::Revoked { .. }));
        assert_eq!(is_said, is_revoked, "{self:?}: {verdict}");
        if is_trusted {
            let is_passed = verdict.checks().revocation == Status::Passed;
            assert_eq!(is_passed, until.is_some(), "{self:?}: {verdict}");
        }
        let verdict = judge(chain, Revocation::Required, lists);
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

impl Link {
    fn leaf(issuer: Issuer, bit: u8, points: &'static [CertificatePoint]) -> Self {
        Self {
            issuer,
            bit,
            points,
            is_ca: false,
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
    /// What the root issued: a leaf for each of [`OF_CERTIFICATES`], and the intermediate.
    leaves: Vec<Vec<u8>>,
    issuer: Vec<u8>,
    /// What the intermediate issued.
    below: Vec<u8>,
}

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let root = Ca::new("Fuzz", [1; 32]).self_signed();
        let [of_issuer, of_below, ..] = OF_CERTIFICATES;
        let issuer = Ca::new("Issuer", [6; 32]);
        let intermediate =
            root.delegate(&issuer.extension(DISTRIBUTION_POINTS, points::der_of(of_issuer)));
        let mut policy = Policy::new(webpki::ALL_VERIFICATION_ALGS);
        let anchor = root.certificate().into();
        policy.store.add_anchor(&anchor).expect("a CA");
        let leaf = |authority: &Authority, seed, points: &[CertificatePoint]| {
            let mut leaf = Leaf::new([seed; 32]).dns("b.example");
            if !points.is_empty() {
                leaf = leaf.extension(DISTRIBUTION_POINTS, points::der_of(points));
            }
            authority.issue(&leaf).chain.swap_remove(0)
        };
        let leaves = OF_CERTIFICATES.iter().zip(20..);
        World {
            leaves: leaves
                .map(|(points, seed)| leaf(&root, seed, points))
                .collect(),
            issuer: intermediate.certificate().to_vec(),
            below: leaf(&intermediate, 7, of_below),
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
        number: Some(7),
        this_update: NOW - DAY,
        next_update: NOW + DAY,
        revoked: 7,
        point: None,
    }
    .der(Issuer::Root);
    // Each point by itself, and pairs of them for the chain of two.
    let at = |whose: u8, point: u8, next: u8| {
        [0, whose | (point & 7) << 5, next | (point & 0x18) << 3, 0]
    };
    let alone = POINT_SEEDS.iter().zip(1..);
    let alone = alone.map(|(name, point)| {
        (
            *name,
            [at(root, point, 0x30), at(intermediate, point, 0x20)].concat(),
        )
    });
    // The length is one byte, and the list is longer.
    let start = &der[..der.len().min(255)];
    let anything = [&[6, u8::try_from(start.len()).unwrap_or(0)], start].concat();
    let seeds = vec![
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
        ("cleared", [&list(root | 4, 0)[..], &[7, 0x80]].concat()),
        (
            "without-number",
            vec![
                0,
                root,
                0x31,
                0x80,
                0,
                root | 4,
                0x35,
                0x80,
                0,
                root,
                0x30,
                0,
            ],
        ),
        ("anything", anything),
        // The last of two lists about a certificate counts, whichever came first.
        (
            "two-points",
            [
                at(root, 1, 0x20),
                at(root, 2, 0x30),
                at(intermediate, 4, 0x30),
            ]
            .concat(),
        ),
        (
            "point-and-all",
            [at(root, 2, 0x30), list(root, 0), at(intermediate, 4, 0)].concat(),
        ),
        (
            "point-replaced",
            [at(root | 4, 1, 0x30), at(root, 1, 0x31)].concat(),
        ),
        (
            "point-elsewhere",
            [at(root | 4, 4, 0x30), list(root, 1)].concat(),
        ),
        (
            "points-removed",
            [&at(root, 1, 0x30)[..], &at(root, 4, 0x30), &[7, root]].concat(),
        ),
    ];
    seeds.into_iter().chain(alone).collect()
}

/// What each of [`OF_LISTS`] is.
const POINT_SEEDS: [&str; OF_LISTS.len()] = [
    "point",
    "point-users",
    "point-cas",
    "point-of-two",
    "point-backwards",
    "point-of-two-cas",
    "point-without-uri",
    "point-of-many",
    "point-nobody",
    "point-relative",
    "point-nameless-users",
    "point-indirect",
    "point-nameless-indirect",
    "point-some-reasons",
    "point-attributes",
    "point-empty",
];

const CRL_NUMBER: &str = "2.5.29.20";
const ISSUING_DISTRIBUTION_POINT: &str = "2.5.29.28";
const DISTRIBUTION_POINTS: &str = "2.5.29.31";
const MAX_STEPS: usize = 8;
const NUMBERS: [u64; 4] = [1, 2, 0x80, 0x100];
const THIS_UPDATES: [u64; 4] = [NOW - 2 * DAY, NOW - DAY, NOW, NOW + DAY];
const NEXT_UPDATES: [u64; 4] = [NOW - DAY, NOW, NOW + 1, NOW + DAY];
const DAY: u64 = 24 * 60 * 60;

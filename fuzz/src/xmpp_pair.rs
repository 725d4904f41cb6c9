//! Two routers that write to each other over a network that delays, cuts and breaks.

// The simulation of comity-xmpp.
#[allow(dead_code, reason = "the simulation's own tests use more of it")]
#[path = "../../crates/comity-xmpp/tests/simulation/world.rs"]
mod world;

use std::collections::BTreeSet;
use std::time::Duration;

use comity_testkit::link::StreamPlan;
use comity_xmpp::Security;
use comity_xmpp::router::{Failure, Unacknowledged};
use comity_xmpp::stream::{Method, Switch};

use self::world::World;
use crate::program::Program;
use crate::wire::trace;

/// Runs a program on two domains that write to each other, and maybe one who says that he is one of
/// them.
///
/// What was taken arrives once and in order or comes back once, as far as the rules that both have
/// promise it; nothing arrives that is not proved as it must be; and both routers end.
pub fn xmpp_pair(data: &[u8]) {
    let mut program = Program::new(data);
    let mut rules = Rules::read(&mut program);
    trace(|| format!("{rules:?}"));
    let mut world = rules.world();
    let hosts = [0, 1].map(|end| world.host(DOMAINS[end], b"a secret", rules.security[end]));
    let impostor = rules
        .has_impostor
        .then(|| world.impostor(DOMAINS[1], b"another secret"));
    let mut sent = [0; 2];
    let mut lasted = LONG;
    for _ in 0..MAX_STEPS {
        if program.is_over() {
            break;
        }
        let step = program.byte();
        let from = usize::from(step & 1);
        match (step >> 1 & 3, impostor) {
            (0 | 1, _) => {
                world.send(hosts[from], DOMAINS[1 - from], &body(from, sent[from]));
                sent[from] += 1;
            }
            (3, Some(impostor)) if from == 0 => world.send(impostor, DOMAINS[0], "impostor"),
            (2 | 3, _) => {
                let unit = [1, 50, 1000, 60_000][usize::from(step >> 3 & 3)];
                let time = Duration::from_millis(unit * u64::from(program.byte()));
                world.run(time);
                lasted += time;
            }
            _ => unreachable!("two bits"),
        }
    }
    // What is sent while the other end gives up a stream that was idle may be in doubt.
    rules.is_steady &= lasted < IDLE;
    world.run(LONG);
    for host in hosts {
        world.close(host);
    }
    world.run(LONG);
    assert!(hosts.iter().all(|&host| world.is_closed(host)));
    rules.check(&world, sent);
}

/// What the two domains agree on, and what the network does.
#[derive(Debug)]
struct Rules {
    /// Whether certificates prove what they are asked for.
    is_certified: bool,
    security: [Security; 2],
    has_impostor: bool,
    bidi: Switch,
    acknowledgements: Switch,
    unacknowledged: Unacknowledged,
    /// How many targets that nobody listens on stand before the good one.
    dead_targets: usize,
    plan: StreamPlan,
    /// Whether no stream ends before everything has come to rest.
    is_steady: bool,
    seed: u8,
}

impl Rules {
    fn read(program: &mut Program<'_>) -> Self {
        let (bits, network) = (program.byte(), program.byte());
        let switch = |bit: u8| match bits >> bit & 1 {
            0 => Switch::On,
            _ => Switch::Off,
        };
        let security = |bit: u8| match bits >> bit & 1 {
            0 => Security::ENCRYPTED,
            _ => Security::CERTIFIED,
        };
        let is_certified = bits & 1 == 0;
        let is_steady = network >> 6 < 2;
        Self {
            is_certified,
            security: [security(1), security(2)],
            bidi: switch(3),
            acknowledgements: switch(4),
            unacknowledged: match bits >> 5 & 1 {
                0 => Unacknowledged::default(),
                _ => Unacknowledged::Resend,
            },
            // Whose certificates prove anything is no impostor.
            has_impostor: !is_certified && bits >> 6 & 1 == 1,
            dead_targets: usize::from(network & 3),
            plan: StreamPlan {
                jitter: Duration::from_millis([0, 5, 30, 200][usize::from(network >> 2 & 3)]),
                max_piece_bytes: [None, Some(1), Some(64), Some(1400)]
                    [usize::from(network >> 4 & 3)],
                break_after_bytes: match is_steady {
                    true => None,
                    false => Some(300 + 31 * usize::from(program.byte())),
                },
                ..StreamPlan::default()
            },
            is_steady,
            seed: program.byte(),
        }
    }

    fn world(&self) -> World {
        let mut world = World::new(self.plan, self.seed);
        world.certified = self.is_certified;
        world.dead_targets = self.dead_targets;
        world.config.stream.bidi = self.bidi;
        world.config.stream.acknowledgements = self.acknowledgements;
        world.config.unacknowledged = self.unacknowledged;
        world
    }

    /// Whether each can prove itself as the other asks.
    fn agree(&self) -> bool {
        self.is_certified || !self.security.contains(&Security::CERTIFIED)
    }

    fn check(&self, world: &World, sent: [usize; 2]) {
        if !self.is_certified {
            assert!(world.methods().iter().all(|how| *how == Method::Dialback));
        } else if self.security.contains(&Security::CERTIFIED) {
            assert!(
                world
                    .methods()
                    .iter()
                    .all(|how| *how == Method::Certificate)
            );
        }
        for (from, count) in sent.into_iter().enumerate() {
            let arrived = world.bodies(DOMAINS[1 - from]);
            let of_peer: BTreeSet<_> = (0..count).map(|number| body(from, number)).collect();
            assert!(arrived.iter().all(|body| of_peer.contains(body)));
            self.check_order(&arrived);
            for body in of_peer {
                let came = arrived.iter().filter(|other| **other == body).count();
                let told: Vec<_> = world
                    .undelivered
                    .iter()
                    .filter(|(other, _)| *other == body)
                    .map(|(_, failure)| failure)
                    .collect();
                self.check_fate(&body, came, &told);
            }
        }
    }

    /// Who sends again may say a thing twice, and says everything in order for the first time.
    fn check_order(&self, arrived: &[String]) {
        let mut seen = BTreeSet::new();
        let arrived: Vec<_> = arrived
            .iter()
            .filter(|body| seen.insert(*body) || !self.resends())
            .collect();
        assert!(
            arrived.is_sorted_by(|one, next| one < next),
            "out of order or twice: {arrived:?}"
        );
    }

    /// Whether every stanza is acknowledged: what goes back on a stream of the peer is not before the
    /// peer has asked for it.
    fn counts_all(&self) -> bool {
        self.acknowledgements == Switch::On && self.bidi == Switch::Off
    }

    fn resends(&self) -> bool {
        self.unacknowledged == Unacknowledged::Resend && self.acknowledgements == Switch::On
    }

    fn check_fate(&self, body: &str, came: usize, told: &[&Failure]) {
        let fate = format!("{body} came {came} times, and {told:?} was told");
        assert!(told.len() <= 1, "{fate}");
        if !self.agree() {
            assert_eq!((came, told.len()), (0, 1), "{fate}");
        } else if self.is_steady {
            assert_eq!((came, told.len()), (1, 0), "{fate}");
        } else if self.resends() {
            assert!(came + told.len() >= 1 || !self.counts_all(), "{fate}");
        } else if self.counts_all() {
            match told {
                // It may have arrived.
                [Failure::Unacknowledged] => assert!(came <= 1, "{fate}"),
                _ => assert_eq!(came + told.len(), 1, "{fate}"),
            }
        } else {
            // What was under way when a connection broke is lost, and nobody can know.
            let in_doubt = matches!(told, [Failure::Unacknowledged]);
            assert!(came + told.len() <= 1 || in_doubt, "{fate}");
        }
    }
}

/// What the `number`th message of a domain says; later ones are greater.
fn body(from: usize, number: usize) -> String {
    format!("{}{number:03}", ["a", "b"][from])
}

const DOMAINS: [&str; 2] = ["a.example", "b.example"];
const MAX_STEPS: usize = 100;
/// For everything to come to its end.
const LONG: Duration = Duration::from_secs(1200);
/// How long a stream is kept without a stanza.
const IDLE: Duration = Duration::from_secs(3600);

//! Two endpoints over a network that loses, doubles, delays and breaks.

mod user;
// The simulation of comity-sip.
#[allow(dead_code, reason = "the simulation's own tests use more of it")]
#[path = "../../../../crates/comity-sip/tests/endpoint/world.rs"]
mod world;

use std::time::Duration;

use comity_sip::endpoint::Counters;
use comity_sip::{Method, Subscribe, Transport, Uri};
use comity_testkit::link::{DatagramPlan, End};

use self::user::{User, Verdict};
use self::world::{World, name, target};
use crate::program::Program;
use crate::wire::trace;

/// Runs a program on two endpoints whose users write to each other, begin sessions and watch each
/// other.
///
/// Every request ends once, and with the answer that the other user gave, who hears of it once at the
/// most while its transaction lives; where nothing is lost it ends with that answer. Nothing is told
/// behind the end of a session or a subscription. When the network has recovered, whoever still watches knows the last state, and in the
/// end nothing is left at either.
pub fn sip_pair(data: &[u8]) {
    let mut program = Program::new(data);
    let plan = plan(&mut program);
    trace(|| format!("{plan:?}"));
    let mut run = Run {
        world: World::new(plan, program.byte()),
        users: ENDS.map(User::new),
        is_calm: plan.lost_per_mille == 0,
        asked: 0,
    };
    for _ in 0..MAX_STEPS {
        if program.is_over() {
            break;
        }
        run.step(&mut program);
    }
    run.end();
}

struct Run {
    world: World,
    users: [User; 2],
    /// Whether nothing was lost so far, and nothing can be.
    is_calm: bool,
    /// How many requests were made in all.
    asked: u32,
}

impl Run {
    fn step(&mut self, program: &mut Program<'_>) {
        let step = program.byte();
        let end = ENDS[usize::from(step >> 7)];
        let transport = TRANSPORTS[usize::from(step >> 5 & 3)];
        match step & 15 {
            0..3 => self.ask(end, transport, Verdict::of(program.byte())),
            3 | 4 => self.invite(end, transport, Verdict::of(program.byte())),
            5 | 6 => self.ask_within(end, Verdict::of(program.byte()), program.byte()),
            7 => self.bye(end, program.byte()),
            8 => self.subscribe(end, transport),
            9 => self.unsubscribe(end, program.byte()),
            10 => self.users[end as usize].publish(&mut self.world),
            11 => self.users[end as usize].answer_late(&mut self.world),
            12 => {
                self.is_calm = false;
                self.world.break_connections();
            }
            13 => {
                self.is_calm = false;
                self.world.refuses_connections ^= true;
            }
            _ => {
                let pace = PACES[usize::from(step >> 5 & 3)];
                for _ in 0..program.byte() {
                    self.go_on(pace);
                }
            }
        }
        self.go_on(Duration::ZERO);
    }

    /// Lets time pass, and the users react.
    fn go_on(&mut self, time: Duration) {
        self.world.run(time);
        for end in ENDS {
            for event in self.world.told(end) {
                trace(|| format!("{:?} {end:?} {event:?}", self.world.now));
                self.users[end as usize].follow(&mut self.world, event);
            }
        }
    }

    fn ask(&mut self, end: End, transport: Transport, verdict: Verdict) {
        let number = self.number();
        let (to, from) = uris(end, verdict);
        let sent = self.world.act(end, |now, endpoint| {
            let (to, from) = (uri(&to), uri(&from));
            let mut request = endpoint.compose(Method::Message, to, from).unwrap();
            let body = verdict.body(number).into();
            request.body("text/plain", body).unwrap();
            endpoint.send(now, &request, vec![target(end.other(), transport)])
        });
        self.users[end as usize].note(sent.unwrap(), number, verdict);
    }

    fn ask_within(&mut self, end: End, verdict: Verdict, which: u8) {
        let Some(session) = self.users[end as usize].session(which) else {
            return;
        };
        let number = self.number();
        let body = Some(("text/plain", verdict.body(number).into()));
        let sent = self.world.act(end, |now, endpoint| {
            endpoint.request_in(now, session, Method::Message, body)
        });
        // A session that is not there yet takes none.
        if let Ok(request) = sent {
            self.users[end as usize].note_within(request, number, verdict);
        }
    }

    fn invite(&mut self, end: End, transport: Transport, verdict: Verdict) {
        let (to, from) = uris(end, verdict);
        let session = self.world.act(end, |now, endpoint| {
            let (to, from) = (uri(&to), uri(&from));
            let request = endpoint.compose(Method::Invite, to, from).unwrap();
            endpoint.invite(now, &request, vec![target(end.other(), transport)])
        });
        self.users[end as usize].begin(session.unwrap());
    }

    fn bye(&mut self, end: End, which: u8) {
        if let Some(session) = self.users[end as usize].session(which) {
            self.users[end as usize].end(&mut self.world, session);
        }
    }

    fn subscribe(&mut self, end: End, transport: Transport) {
        let (resource, from) = uris(end, Verdict::of(0));
        let (resource, from) = (resource.parse().unwrap(), from.parse().unwrap());
        let mut wish = Subscribe::new(resource, from, "presence");
        wish.expires = EXPIRES;
        wish.targets = vec![target(end.other(), transport)];
        let subscription = self
            .world
            .act(end, |now, endpoint| endpoint.subscribe(now, wish));
        self.users[end as usize].watch(subscription.unwrap());
    }

    fn unsubscribe(&mut self, end: End, which: u8) {
        self.users[end as usize].unwatch(&mut self.world, which);
    }

    fn number(&mut self) -> u32 {
        self.asked += 1;
        self.asked
    }

    /// The network recovers, everybody ends what goes on, and all is looked at.
    fn end(mut self) {
        self.world.refuses_connections = false;
        self.world.replace_link(DatagramPlan::default());
        self.rest();
        let states = [0, 1].map(|end: usize| self.users[end].state());
        for (user, state) in self.users.iter().zip(states.into_iter().rev()) {
            user.check_watched(&state);
        }
        for end in ENDS {
            let user = &mut self.users[end as usize];
            user.unwatch_all(&mut self.world);
            for session in user.sessions() {
                user.end(&mut self.world, session);
            }
        }
        self.rest();
        let [a, b] = &self.users;
        a.check_answers(b, self.is_calm);
        b.check_answers(a, self.is_calm);
        assert!(self.world.is_quiet(), "transactions are left");
        for end in ENDS {
            self.users[end as usize].check_over();
            let endpoint = self.world.end(end);
            assert_eq!((endpoint.sessions(), endpoint.subscriptions()), (0, 0));
            let Counters {
                malformed,
                malformed_responses,
                overloaded,
                oversized,
                ..
            } = endpoint.counters();
            let faults = [malformed, malformed_responses, overloaded, oversized];
            assert_eq!(faults, [0; 4], "two of ours misunderstand each other");
        }
    }

    fn rest(&mut self) {
        for _ in 0..RESTS {
            for user in &mut self.users {
                user.answer_late(&mut self.world);
            }
            self.go_on(REST);
        }
    }
}

/// Whom an end writes to, which says how it is answered, and from whom.
fn uris(end: End, verdict: Verdict) -> (String, String) {
    let user = verdict.user();
    let to = format!("sip:{user}@{}", name(end.other()));
    (to, format!("sip:user@{}", name(end)))
}

fn uri(text: &str) -> Uri<'_> {
    Uri::parse(text).expect("a URI of ours")
}

fn plan(program: &mut Program<'_>) -> DatagramPlan {
    let byte = program.byte();
    DatagramPlan {
        latency: Duration::from_millis([0, 20, 300, 700][usize::from(byte & 3)]),
        jitter: Duration::from_millis([0, 5, 200, 900][usize::from(byte >> 2 & 3)]),
        lost_per_mille: [0, 0, 200, 700][usize::from(byte >> 4 & 3)],
        doubled_per_mille: [0, 100, 500, 1000][usize::from(byte >> 6)],
    }
}

const ENDS: [End; 2] = [End::A, End::B];
const TRANSPORTS: [Transport; 4] = [
    Transport::Udp,
    Transport::Udp,
    Transport::Tcp,
    Transport::Tls,
];
const PACES: [Duration; 4] = [
    Duration::from_millis(1),
    Duration::from_millis(20),
    Duration::from_millis(500),
    Duration::from_secs(3),
];
const EXPIRES: Duration = Duration::from_secs(100);
const MAX_STEPS: usize = 80;
/// How often, and after how long, the users look at the end of a program.
const RESTS: usize = 400;
const REST: Duration = Duration::from_secs(2);

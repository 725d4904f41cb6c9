mod ledger;
mod peer;
mod plain;
mod stanzas;
mod users;
mod wires;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use comity_bridge::{Bridge, Config, Event, StanzaId};
use comity_identity::DomainName;
use comity_machine::QueryId;
use comity_policy::{FederatedDomain, PeerKind, Policy, Switch, Verdict};
use comity_sip::Transport;
use comity_sip::endpoint::{Endpoint, Listener};
use comity_xmpp::{Stanza, StanzaCondition, StanzaError, StanzaKind};

use self::ledger::{Ledger, Pair};
use self::users::{SIP, XMPP, by_jid};
use self::wires::{Asked, Dialog, Wire};
use crate::program::Program;
use crate::wire::trace;

/// Runs a program of stanzas, SIP requests and answers, lost connections and time on a bridge with
/// its endpoint.
///
/// Every SIP message that comes out is of the lines that it must have, and every stanza of its tree,
/// whatever texts went in. What comes out is from the user who sent it, to whom he sent it, and goes
/// over no connection but one whose peer has proved the recipient's domain; nobody speaks for a
/// domain that he has not proved and that nobody vouches for. A text arrives or comes back, once,
/// and each request is answered once.
pub fn bridge_stanza(data: &[u8]) {
    let mut program = Program::new(data);
    let mut world = World::new(program.byte());
    for _ in 0..MAX_STEPS {
        if program.is_over() {
            break;
        }
        world.step(&mut program);
    }
    world.end();
}

struct World {
    now: Instant,
    bridge: Bridge,
    gateway: Endpoint,
    /// Whether a connection that the gateway wants is made.
    connects: bool,
    wires: Vec<Wire>,
    /// Requests of the gateway that wait for an answer.
    asked: Vec<Asked>,
    dialogs: Vec<Dialog>,
    ledger: Ledger,
    /// Stanzas of which the bridge wants to know what became, and whose text each one carries.
    unsent: Vec<(StanzaId, Option<Pair>)>,
    /// The ids of texts that left.
    left: Vec<(String, Pair)>,
    questions: Vec<(QueryId, DomainName, BTreeSet<DomainName>)>,
    vouched: BTreeSet<(DomainName, BTreeSet<DomainName>)>,
    next_number: usize,
}

impl World {
    fn new(mode: u8) -> Self {
        let now = comity_testkit::origin();
        let mut rules = comity_policy::Config::default();
        rules.local_domains.insert(name("xmpp.test"));
        rules.sip.enabled = Switch::On;
        rules.sip.default_verdict = Verdict::Deny;
        let kinds = [
            ("lync.test", PeerKind::Microsoft),
            ("sip.test", PeerKind::Standard),
        ];
        for (domain, kind) in kinds {
            let domain = FederatedDomain::new(name(domain), kind);
            rules.sip.domains.push(domain);
        }
        let policy = Policy::new(rules).expect("rules that agree");
        let listener = Listener::new(Transport::Tls, wires::address(1));
        let listener = listener.advertised(name("gw.xmpp.test").into(), 5061);
        let config = comity_bridge::endpoint_config(vec![listener]);
        Self {
            now,
            bridge: Bridge::new(Config::new("gw"), policy, [mode; 32]),
            gateway: Endpoint::new(now, config, [1; 32]),
            connects: mode & 1 == 0,
            wires: Vec::new(),
            asked: Vec::new(),
            dialogs: Vec::new(),
            ledger: Ledger::default(),
            unsent: Vec::new(),
            left: Vec::new(),
            questions: Vec::new(),
            vouched: BTreeSet::new(),
            next_number: 0,
        }
    }

    fn step(&mut self, program: &mut Program<'_>) {
        match program.byte() % 16 {
            0 | 1 => self.give_message(program),
            2 => self.give_presence(program),
            3 => self.give_iq(program),
            4 => self.call("MESSAGE", program),
            5 => self.call("SUBSCRIBE", program),
            6 => self.call("INVITE", program),
            7 | 8 => self.call_in_dialog(program),
            9 => self.answer(program),
            10 => self.tell(program),
            11 => self.identify(program),
            12 => self.jump(),
            13 => {
                self.now += Duration::from_millis(u64::from(program.word()) * 16);
                self.expire();
            }
            14 => self.mutter(program),
            _ => self.close(program),
        }
        self.drain();
    }

    /// Tells the bridge what became of a stanza of its own.
    fn tell(&mut self, program: &mut Program<'_>) {
        let choice = program.byte();
        if self.unsent.is_empty() {
            return;
        }
        let at = usize::from(choice >> 1) % self.unsent.len();
        let (id, pair) = self.unsent.remove(at);
        if choice & 1 == 0 {
            return self.bridge.handle_sent(self.now, &mut self.gateway, id);
        }
        let conditions = [
            StanzaCondition::RemoteServerNotFound,
            StanzaCondition::ItemNotFound,
            StanzaCondition::ResourceConstraint,
        ];
        let condition = conditions[usize::from(choice >> 1) % conditions.len()];
        let mut error = StanzaError::new(condition);
        error.text = Some(stanzas::xml_text(program.bytes()).into());
        self.notice(pair);
        self.bridge
            .handle_unsent(self.now, &mut self.gateway, id, &error);
    }

    /// A user of SIP may be told by a text that his text came to nothing.
    fn notice(&mut self, pair: Option<Pair>) {
        if let Some(pair) = pair {
            *self.ledger.notices.entry(pair).or_default() += 1;
        }
    }

    /// Answers the question who may speak for a domain.
    fn identify(&mut self, program: &mut Program<'_>) {
        let may_speak = program.byte() & 1 != 0;
        let Some((query, domain, proved)) = self.questions.pop() else {
            return;
        };
        if may_speak {
            if self.wires.iter().any(|wire| wire.is_raw) {
                self.ledger.muttered.insert(domain.to_string());
            }
            self.vouched.insert((domain, proved));
        }
        self.bridge
            .handle_identified(self.now, &mut self.gateway, query, may_speak);
    }

    fn jump(&mut self) {
        let timeouts = [self.bridge.poll_timeout(), self.gateway.poll_timeout()];
        if let Some(next) = timeouts.into_iter().flatten().min() {
            self.now = self.now.max(next);
        }
        self.expire();
    }

    fn expire(&mut self) {
        self.bridge.handle_timeout(self.now, &mut self.gateway);
        self.gateway.handle_timeout(self.now);
        self.drain();
    }

    /// Moves everything until nothing moves.
    fn drain(&mut self) {
        loop {
            let mut has_moved = self.transmit();
            while let Some(event) = self.gateway.poll_event() {
                self.handle_gateway(event);
                has_moved = true;
            }
            while let Some(event) = self.bridge.poll_event() {
                self.handle_bridge(event);
                has_moved = true;
            }
            if !has_moved {
                return;
            }
        }
    }

    fn handle_bridge(&mut self, event: Event) {
        trace(|| format!("{event:?}"));
        match event {
            Event::Stanza { stanza, id } => self.take(&stanza, id),
            Event::Relay { stanza, ticket } => self.ledger.relay(ticket, &stanza),
            Event::Settled(ticket) => self.ledger.settle(ticket),
            Event::Identify {
                query,
                domain,
                proved,
                ..
            } => {
                let proved: BTreeSet<_> = proved.into_iter().collect();
                assert!(!proved.contains(&domain), "{domain} is proved");
                self.questions.push((query, domain, proved));
            }
            Event::Dropped(_) => self.ledger.dropped += 1,
            Event::Refused(line) => assert!(!line.contains(char::is_control), "{line:?}"),
            Event::Store(_) | Event::Forget(_) | Event::Learned { .. } => {}
            Event::Collision { .. } => {}
            other => panic!("an event that this target does not know: {other:?}"),
        }
    }

    fn take(&mut self, stanza: &Stanza, id: Option<StanzaId>) {
        let (wires, vouched) = (&self.wires, &self.vouched);
        let may_speak = |wire: usize, sip: usize| {
            let (domain, proved) = (SIP[sip].domain(), &wires[wire].proved);
            proved.contains(&domain) || vouched.contains(&(domain, proved.clone()))
        };
        self.ledger.take(stanza, may_speak);
        let is_text = stanza.kind() == StanzaKind::Message && stanza.type_() != Some("error");
        let pair = by_jid(&XMPP, stanza.to()).zip(by_jid(&SIP, stanza.from()));
        let pair = pair.filter(|_| is_text);
        if let (Some(pair), Some(id)) = (pair, stanza.id()) {
            self.left.push((id.to_owned(), pair));
        }
        if let Some(id) = id {
            self.unsent.push((id, pair));
        }
    }

    /// Ends everything: what is open is closed, and every stanza leaves.
    fn end(&mut self) {
        self.bridge.close(self.now, &mut self.gateway);
        self.drain();
        while let Some((id, _)) = self.unsent.pop() {
            self.bridge.handle_sent(self.now, &mut self.gateway, id);
            self.drain();
        }
        let wires = &self.wires;
        self.ledger.end(|wire| wires[wire].is_open);
        let counts = self.bridge.counts();
        let left = [counts.letters, counts.queued_bytes, counts.questions];
        assert_eq!(left, [0; 3], "{counts:?}");
        assert_eq!(counts.held_requests, 0, "{counts:?}");
        let delivered = self.ledger.stanzas.iter();
        let delivered = delivered.filter(|given| given.delivered.is_some()).count();
        assert_eq!(u64::try_from(delivered), Ok(counts.texts_to_sip));
    }
}

fn name(name: &str) -> DomainName {
    name.parse().expect("a domain name")
}

const MAX_STEPS: usize = 100;

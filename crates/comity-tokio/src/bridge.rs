//! SIP and XMPP joined: a [`Bridge`] with a server of SIP on its one side and
//! streams of XMPP on the other.
//!
//! [`Gateway::start`] starts both. Who embeds it says by an [`Observer`] what is to be kept for the next
//! run, and learns what happens. It decides nothing: the rules are those of the policy, and what is
//! translated how is the bridge's.
//!
//! # One task
//!
//! The bridge lives on the task of the SIP server. Stanzas come to it one by one, so that a bridge that
//! is busy holds the streams back; what it has to send to them waits in a queue with an end, and is
//! refused to its sender beyond. A stanza is acknowledged to its peer (XEP-0198) when the bridge is done
//! with it, and a SIP request gets 200 when its stanza has left, so that neither side is told of
//! something that a crash could lose.

mod application;
mod pumps;
mod room;
mod sender;
mod side;
#[cfg(test)]
mod tests;
mod waiting;

pub use self::application::Joint;

use std::collections::BTreeMap;
use std::sync::Arc;

use comity_bridge::address::Collision;
use comity_bridge::{Bridge, Counts, Dropped, Fact};
use comity_identity::DomainName;
use comity_machine::Random;
use comity_policy::{Policy, Switch};
use comity_xmpp::Jid;
use rustls::crypto::CryptoProvider;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use self::room::Room;
use self::sender::Sender;
use self::side::Side;
use self::waiting::Waiting;
use crate::component::{self, Link};
use crate::locator::Locator;
use crate::{Event, Federation, StartError, sip};

/// A bridge between a SIP server and our XMPP streams.
///
/// It ends in order by [`shutdown`](Self::shutdown).
#[derive(Debug)]
pub struct Gateway {
    server: sip::Server<Joint>,
    side: Side,
    sender: JoinHandle<()>,
    pumps: Vec<JoinHandle<()>>,
}

/// What a gateway is made of.
#[derive(Debug)]
#[non_exhaustive]
pub struct Config {
    /// What is joined, and how.
    pub bridge: comity_bridge::Config,
    /// Who may, for the bridge. The streams have rules of their own, in `xmpp`: their local domains are
    /// those that the bridge speaks for.
    pub policy: comity_policy::Config,
    /// The server of SIP. Its endpoint should be that of [`comity_bridge::endpoint_config`].
    pub sip: sip::Config,
    /// The side of XMPP.
    pub xmpp: Xmpp,
    /// Who says where SIP domains are, what domains speak, and who may speak for them.
    pub locator: Locator,
    /// What a former run has kept.
    pub facts: Vec<Fact>,
    /// Stanzas that wait to be sent, half of them between the same two domains at most. 16,384; what is
    /// beyond is refused to its sender.
    pub max_outgoing: usize,
    /// The bytes that they keep in memory, again half of them between the same two domains at most.
    /// 64 MiB.
    pub max_outgoing_bytes: usize,
}

impl Config {
    /// A gateway of these parts that has kept nothing.
    #[must_use]
    pub fn new(
        bridge: comity_bridge::Config,
        policy: comity_policy::Config,
        sip: sip::Config,
        xmpp: Xmpp,
        locator: Locator,
    ) -> Self {
        Self {
            bridge,
            policy,
            sip,
            xmpp,
            locator,
            facts: Vec::new(),
            max_outgoing: 16_384,
            max_outgoing_bytes: 64 * 1024 * 1024,
        }
    }
}

/// How the users of XMPP are reached.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "the two ways that there are")]
pub enum Xmpp {
    /// By streams between servers: to one of ours, to all others, or both. Stanzas are acknowledged when
    /// the bridge is done with them.
    Streams(Box<crate::Config>),
    /// As components of a local server, one for each domain that the bridge speaks for (XEP-0114).
    Components(Vec<component::Config>),
}

/// Who keeps what a gateway has to know again, and learns what happens. It is called on the task that
/// serves everything, and must not hold that up.
pub trait Observer: Send {
    /// Keep this for the next run, in the place of what has the same key.
    fn store(&mut self, fact: Fact) {
        drop(fact);
    }

    /// Keep this no more.
    fn forget(&mut self, fact: Fact) {
        drop(fact);
    }

    /// Something was dropped by a rule.
    fn handle_dropped(&mut self, rule: Dropped) {
        let _ = rule;
    }

    /// Two users of SIP are one for those of XMPP.
    fn handle_collision(&mut self, address: &Jid, collision: &Collision) {
        let _ = (address, collision);
    }

    /// Something was refused: one line for the operator.
    fn handle_refused(&mut self, why: &str) {
        let _ = why;
    }

    /// Something for those who run the SIP server.
    fn handle_notice(&mut self, notice: sip::Notice) {
        drop(notice);
    }

    /// Something happened to the streams; stanzas are not among it.
    fn handle_stream(&mut self, event: &Event) {
        let _ = event;
    }

    /// Something happened to the link of a component; stanzas are not among it.
    fn handle_component(&mut self, domain: &DomainName, event: &component::Event) {
        let _ = (domain, event);
    }

    /// Whether [`handle_traffic`](Self::handle_traffic) is to be called.
    fn wants_traffic(&self) -> bool {
        false
    }

    /// A SIP message, decrypted.
    fn handle_traffic(&mut self, traffic: sip::Traffic<'_>) {
        let _ = traffic;
    }

    /// There is nothing to do for the moment.
    fn handle_idle(&mut self) {}
}

/// Why a gateway was not started.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GatewayError {
    /// The rules contradict each other.
    #[error("the policy: {0}")]
    Policy(#[from] comity_policy::ConfigErrors),
    /// The server of SIP does not start.
    #[error("SIP: {0}")]
    Sip(#[from] sip::StartError),
    /// The streams do not start.
    #[error("XMPP: {0}")]
    Xmpp(#[from] StartError),
}

impl Gateway {
    /// Starts both sides, on the current tokio runtime.
    ///
    /// # Errors
    ///
    /// What is wrong with the configuration, or which address cannot be listened on. Nothing is left
    /// running then.
    pub async fn start(
        mut config: Config,
        observer: Box<dyn Observer>,
    ) -> Result<Self, GatewayError> {
        let policy = Policy::new(config.policy)?;
        let mut random = Random::from_seed(seed(&config.sip.tls.provider)?);
        let bridge = Bridge::new(config.bridge, policy, random.seed());
        let (side, events) = start_side(config.xmpp, &mut random).await?;
        // What is in here has its place in the room.
        let (outgoing, to_send) = mpsc::unbounded_channel();
        let room = Room::new(config.max_outgoing, config.max_outgoing_bytes);
        let (questions, asked) = mpsc::unbounded_channel();
        let joint = Joint::new(bridge, side.clone(), observer, (outgoing, room), questions);
        let mut joint = joint.with_locator(config.locator.clone());
        joint.restore_later(config.facts);
        // All users of a domain are behind one connection, and may move at once.
        let limits = &mut config.sip.limits;
        limits.max_unsent_bytes = limits.max_unsent_bytes.max(MAX_BURST_BYTES);
        config.sip.locator = Some(config.locator.clone());
        let server = match sip::Server::start(config.sip, joint).await {
            Ok(server) => server,
            Err(error) => {
                side.shutdown().await;
                return Err(error.into());
            }
        };
        // What was kept comes back now, and does not wait for the first stanza or request. A server that
        // has ended already says so by itself.
        let begin =
            |now, endpoint: &mut _, joint: &mut Joint| joint.act(now, endpoint, |_, _, _| {});
        let _ = server.call(begin).await;
        let waiting = Waiting::new(
            config.max_outgoing.div_ceil(2),
            config.max_outgoing_bytes.div_ceil(2),
        );
        let sender = Sender::new(side.clone(), waiting);
        let sender = tokio::spawn(sender.run(to_send, server.clone()));
        let answer = pumps::answer(asked, config.locator, server.clone());
        let mut pumps = vec![tokio::spawn(answer)];
        match events {
            Events::Streams(events) => {
                pumps.push(tokio::spawn(pumps::bring(events, server.clone())));
            }
            Events::Components(events) => {
                for (domain, events) in events {
                    let server = server.clone();
                    let bring = pumps::bring_of_component(domain, events, server);
                    pumps.push(tokio::spawn(bring));
                }
            }
        }
        Ok(Self {
            server,
            side,
            sender,
            pumps,
        })
    }

    /// The server of SIP: its addresses, and what else it has.
    #[must_use]
    pub fn sip(&self) -> &sip::Server<Joint> {
        &self.server
    }

    /// The streams of XMPP, if there are any.
    #[must_use]
    pub fn xmpp(&self) -> Option<&Federation> {
        match &self.side {
            Side::Streams(federation) => Some(federation),
            Side::Components(_) => None,
        }
    }

    /// Puts other rules in the place of those that hold, for the bridge.
    ///
    /// # Errors
    ///
    /// What is wrong with them: nothing has changed then.
    pub async fn replace_policy(
        &self,
        policy: comity_policy::Config,
    ) -> Result<(), comity_policy::ConfigErrors> {
        let policy = Policy::new(policy)?;
        let replace = move |now, endpoint: &mut _, joint: &mut Joint| {
            joint.act(now, endpoint, |bridge, now, endpoint| {
                bridge.replace_policy(now, endpoint, policy);
            });
        };
        // One that has ended needs no rules.
        let _ = self.server.call(replace).await;
        Ok(())
    }

    /// Says whether domains that nobody has configured are looked for from now on.
    pub async fn set_discovery(&self, discovery: Switch) {
        let set = move |now, endpoint: &mut _, joint: &mut Joint| {
            joint.act(now, endpoint, |bridge, _, _| {
                bridge.set_discovery(discovery);
            });
        };
        let _ = self.server.call(set).await;
    }

    /// Forgets that a domain was learned.
    pub async fn unlearn(&self, domain: DomainName) {
        let forget = move |now, endpoint: &mut _, joint: &mut Joint| {
            joint.act(now, endpoint, |bridge, _, _| bridge.unlearn(&domain));
        };
        let _ = self.server.call(forget).await;
    }

    /// How much the bridge holds; `None` if the gateway has ended.
    pub async fn counts(&self) -> Option<Counts> {
        let (reply, answer) = tokio::sync::oneshot::channel();
        let count = move |_, _: &mut _, joint: &mut Joint| {
            let _ = reply.send(joint.counts());
        };
        self.server.call(count).await.ok()?;
        answer.await.ok()
    }

    /// Waits until one side has ended, for whatever reason.
    pub async fn ended(&self) {
        self.server.ended().await;
    }

    /// Ends sessions and streams in order, and returns when all have ended. Texts that wait are refused
    /// to their senders.
    pub async fn shutdown(self) {
        self.server.shutdown().await;
        // What the bridge said last leaves before the streams end.
        let _ = self.sender.await;
        self.side.shutdown().await;
        for pump in self.pumps {
            // They end by themselves, their channels being closed.
            let _ = pump.await;
        }
    }
}

/// What the ways of a side tell.
enum Events {
    Streams(mpsc::Receiver<Event>),
    Components(Vec<(DomainName, mpsc::Receiver<component::Event>)>),
}

async fn start_side(xmpp: Xmpp, random: &mut Random) -> Result<(Side, Events), GatewayError> {
    match xmpp {
        Xmpp::Streams(mut config) => {
            let rules = &mut config.router.stream;
            rules.acknowledge = comity_xmpp::stream::Acknowledge::WhenSettled;
            // A user of SIP who does not answer holds up nobody else on the stream: what waits is bounded
            // by the bridge.
            let limits = &mut rules.limits;
            limits.max_unsettled_stanzas = limits.max_unsettled_stanzas.max(MAX_UNSETTLED);
            let (federation, events) = Federation::start(*config).await?;
            Ok((Side::Streams(federation), Events::Streams(events)))
        }
        Xmpp::Components(configs) => {
            let mut links = BTreeMap::new();
            let mut all = Vec::with_capacity(configs.len());
            for config in configs {
                let (link, events) = Link::start(config, random.seed());
                all.push((link.domain().clone(), events));
                links.insert(link.domain().clone(), link);
            }
            Ok((Side::Components(links), Events::Components(all)))
        }
    }
}

/// What one SIP connection has not sent yet, before it is given up.
const MAX_BURST_BYTES: usize = 16 * 1024 * 1024;

/// Stanzas of one stream that the bridge is not done with, and those behind them.
const MAX_UNSETTLED: usize = 65_536;

fn seed(provider: &Arc<CryptoProvider>) -> Result<[u8; 32], GatewayError> {
    let mut seed = [0; 32];
    match provider.secure_random.fill(&mut seed) {
        Ok(()) => Ok(seed),
        Err(_) => Err(sip::StartError::Random.into()),
    }
}

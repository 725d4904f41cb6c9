//! What happens.

use std::error::Error;
use std::io;
use std::time::Duration;

use comity_identity::Direction::{Inbound, Outbound};
use comity_tokio::Event;
use comity_xmpp::router::Failure;
use comity_xmpp::xml::Element;
use comity_xmpp::{Stanza, StanzaCondition, StanzaKind, ns};
use tokio::time::timeout;

use super::cast::{Actor, Cast, Role};
use super::step::{Ending, Step, is_setback};
use super::transcript;

/// Plays every scene, and prints it.
pub(super) async fn play() -> Result<(), Box<dyn Error>> {
    let mut cast = Cast::assemble().await?;
    transcript::cast(&cast)?;
    for (number, scene) in SCENES.iter().enumerate() {
        transcript::title(number + 1, scene.title)?;
        scene.play(&mut cast).await?;
    }
    transcript::title(SCENES.len() + 1, "The servers stop")?;
    for (role, endings) in CURTAIN {
        stop(&mut cast, *role, endings).await?;
    }
    super::bridge::play(SCENES.len() + 2).await?;
    transcript::say(format_args!("\nEverything happened as it should."))?;
    Ok(())
}

/// Whether `error` says that whoever read the transcript has gone.
pub(crate) fn has_no_reader(error: &(dyn Error + 'static)) -> bool {
    let output = match error.downcast_ref::<Missing>() {
        Some(Missing::Output(output)) => Some(output),
        Some(_) | None => error.downcast_ref::<io::Error>(),
    };
    output.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// A message, and what comes of it.
struct Scene {
    title: &'static str,
    from: &'static str,
    to: &'static str,
    text: &'static str,
    sender: Role,
    /// Whose events are told, and which they have to be, in their order.
    tale: &'static [(Role, &'static [Step])],
}

impl Scene {
    async fn play(&self, cast: &mut Cast) -> Result<(), Box<dyn Error>> {
        let body = Element::new(ns::SERVER, "body").with_text(self.text);
        let stanza = Stanza::new(StanzaKind::Message, self.from.parse()?, self.to.parse()?)
            .with_type("chat")
            .with_payload(body);
        transcript::sent(&stanza)?;
        let sender = cast.actor(self.sender).ok_or(Missing::Actor(self.sender))?;
        sender.federation.send(stanza).await?;
        for (role, steps) in self.tale {
            let actor = cast.actor(*role).ok_or(Missing::Actor(*role))?;
            tell(actor, steps).await?;
        }
        expect_silence(cast)?;
        Ok(())
    }
}

/// What should have happened and did not.
#[derive(Debug, thiserror::Error)]
enum Missing {
    /// The transcript cannot be written.
    #[error(transparent)]
    Output(#[from] io::Error),
    #[error("{} takes no part", .0.domain())]
    Actor(Role),
    #[error("{}: {step:?} should have come, and nothing did", role.domain())]
    Step { role: Role, step: Step },
    #[error("{}: {step:?} should have come, and this did: {event}", role.domain())]
    OtherEvent {
        role: Role,
        step: Step,
        event: Box<Event>,
    },
    #[error("{}: nothing more should have come, and this did: {event}", role.domain())]
    Surplus { role: Role, event: Box<Event> },
}

/// Prints the events of one domain until all of `steps` have come, in their order.
async fn tell(actor: &mut Actor, steps: &[Step]) -> Result<(), Missing> {
    let role = actor.role;
    transcript::witness(role)?;
    for &step in steps {
        loop {
            let event = timeout(PATIENCE, actor.events.recv()).await;
            let Ok(Some(event)) = event else {
                return Err(Missing::Step { role, step });
            };
            transcript::event(&event)?;
            if step.is(&event) {
                break;
            }
            if is_setback(&event) {
                let event = Box::new(event);
                return Err(Missing::OtherEvent { role, step, event });
            }
        }
    }
    Ok(())
}

/// Fails if anybody has something more to tell.
fn expect_silence(cast: &mut Cast) -> Result<(), Missing> {
    for actor in cast.actors_mut() {
        if let Ok(event) = actor.events.try_recv() {
            let (role, event) = (actor.role, Box::new(event));
            return Err(Missing::Surplus { role, event });
        }
    }
    Ok(())
}

/// Stops the server of one domain, and tells how its connections end.
async fn stop(cast: &mut Cast, role: Role, endings: &[Ending]) -> Result<(), Missing> {
    let actor = cast.actor(role).ok_or(Missing::Actor(role))?;
    actor.federation.shutdown().await;
    let mut ends = Vec::new();
    while let Some(event) = actor.events.recv().await {
        let Event::Closed { connection, .. } = event else {
            let event = Box::new(event);
            return Err(Missing::Surplus { role, event });
        };
        ends.push((connection, event));
    }
    // They end side by side.
    ends.sort_by_key(|(connection, _)| *connection);
    if !ends.is_empty() {
        transcript::witness(role)?;
    }
    for (_, event) in &ends {
        transcript::event(event)?;
    }
    let mut ends = ends.into_iter();
    for &ending in endings {
        let step = Step::Closed(ending);
        match ends.next() {
            Some((_, event)) if step.is(&event) => {}
            Some((_, event)) => {
                let event = Box::new(event);
                return Err(Missing::OtherEvent { role, step, event });
            }
            None => return Err(Missing::Step { role, step }),
        }
    }
    match ends.next() {
        None => Ok(()),
        Some((_, event)) => {
            let event = Box::new(event);
            Err(Missing::Surplus { role, event })
        }
    }
}

/// The text of a message.
pub(super) fn body(stanza: &Stanza) -> Option<String> {
    let element = stanza.element();
    element.child(ns::SERVER, "body").map(Element::text)
}

/// What a server would give to the user whose stanza was not delivered.
pub(super) fn bounce(stanza: &Stanza, failure: &Failure) -> Option<Stanza> {
    stanza.error(failure.condition(), Some(&failure.to_string()))
}

const SCENES: &[Scene] = &[
    Scene {
        title: "Capulet writes to Montague",
        from: "juliet@capulet.example/balcony",
        to: "romeo@montague.example",
        text: "Art thou not Romeo, and a Montague?",
        sender: Role::Capulet,
        tale: &[
            (Role::Capulet, &opened(Role::Montague)),
            (
                Role::Montague,
                &received(Role::Capulet, "Art thou not Romeo, and a Montague?"),
            ),
        ],
    },
    Scene {
        title: "Montague answers, over the connection that stands",
        from: "romeo@montague.example/orchard",
        to: "juliet@capulet.example/balcony",
        text: "Neither, fair saint, if either thee dislike.",
        sender: Role::Montague,
        tale: &[
            (Role::Montague, &[Step::Allowed(Role::Capulet, Outbound)]),
            (
                Role::Capulet,
                &[Step::Message(
                    "Neither, fair saint, if either thee dislike.",
                )],
            ),
        ],
    },
    Scene {
        title: "Capulet writes again",
        from: "juliet@capulet.example/balcony",
        to: "romeo@montague.example/orchard",
        text: "How cam'st thou hither, tell me, and wherefore?",
        sender: Role::Capulet,
        tale: &[(
            Role::Montague,
            &[Step::Message(
                "How cam'st thou hither, tell me, and wherefore?",
            )],
        )],
    },
    Scene {
        title: "Policy keeps Capulet from writing to Mantua",
        from: "juliet@capulet.example/balcony",
        to: "apothecary@mantua.example",
        text: "What, ho! Apothecary!",
        sender: Role::Capulet,
        tale: &[(
            Role::Capulet,
            &[
                Step::Denied(Role::Mantua, Outbound),
                Step::Undelivered(Role::Mantua, StanzaCondition::Forbidden),
            ],
        )],
    },
    Scene {
        title: "Policy keeps Mantua from writing to Capulet",
        from: "apothecary@mantua.example/shop",
        to: "juliet@capulet.example",
        text: "Who calls so loud?",
        sender: Role::Mantua,
        tale: &[
            (
                Role::Mantua,
                &[
                    Step::Allowed(Role::Capulet, Outbound),
                    Step::Resolved(Role::Capulet),
                    Step::Dialling(Role::Capulet),
                    Step::Connected,
                    Step::Closed(Ending::PeerError),
                    Step::Undelivered(Role::Capulet, StanzaCondition::RemoteServerTimeout),
                ],
            ),
            (
                Role::Capulet,
                &[
                    Step::Accepted,
                    Step::Denied(Role::Mantua, Inbound),
                    Step::Closed(Ending::PolicyDenied),
                ],
            ),
        ],
    },
    Scene {
        title: "Verona has a certificate of an unknown CA: Capulet does not write to it",
        from: "juliet@capulet.example/balcony",
        to: "prince@verona.example",
        text: "Is there no pity sitting in the clouds?",
        sender: Role::Capulet,
        tale: &[
            (
                Role::Capulet,
                &[
                    Step::Allowed(Role::Verona, Outbound),
                    Step::Resolved(Role::Verona),
                    Step::Dialling(Role::Verona),
                    Step::Connected,
                    Step::Secured,
                    Step::Untrusted(Role::Verona),
                    Step::Closed(Ending::CertificateRefused),
                    Step::Undelivered(Role::Verona, StanzaCondition::RemoteServerTimeout),
                ],
            ),
            (
                Role::Verona,
                &[
                    Step::Accepted,
                    Step::Secured,
                    Step::Closed(Ending::PeerError),
                ],
            ),
        ],
    },
    Scene {
        title: "Nor does Capulet listen to Verona",
        from: "prince@verona.example/court",
        to: "juliet@capulet.example",
        text: "Rebellious subjects, enemies to peace!",
        sender: Role::Verona,
        tale: &[
            (
                Role::Verona,
                &[
                    Step::Allowed(Role::Capulet, Outbound),
                    Step::Resolved(Role::Capulet),
                    Step::Dialling(Role::Capulet),
                    Step::Connected,
                    Step::Secured,
                    Step::Trusted(Role::Capulet),
                    Step::Closed(Ending::PeerError),
                    Step::Undelivered(Role::Capulet, StanzaCondition::RemoteServerTimeout),
                ],
            ),
            (
                Role::Capulet,
                &[
                    Step::Accepted,
                    Step::Allowed(Role::Verona, Inbound),
                    Step::Secured,
                    Step::Untrusted(Role::Verona),
                    Step::Closed(Ending::CertificateRefused),
                ],
            ),
        ],
    },
];

/// What the server sees that opens a stream, on which both prove their domains and both may write.
const fn opened(peer: Role) -> [Step; 8] {
    [
        Step::Allowed(peer, Outbound),
        Step::Resolved(peer),
        Step::Dialling(peer),
        Step::Connected,
        Step::Secured,
        Step::Trusted(peer),
        Step::Established(peer),
        Step::Authorized(peer),
    ]
}

/// What the server sees to which a peer proves its domain and writes.
const fn received(peer: Role, text: &'static str) -> [Step; 7] {
    [
        Step::Accepted,
        Step::Allowed(peer, Inbound),
        Step::Secured,
        Step::Trusted(peer),
        Step::Authorized(peer),
        Step::Established(peer),
        Step::Message(text),
    ]
}

/// The servers in the order in which they stop. The connection between Capulet and Montague ends with
/// the first of them.
const CURTAIN: &[(Role, &[Ending])] = &[
    (Role::Capulet, &[Ending::ByUs]),
    (Role::Montague, &[Ending::ByPeer]),
    (Role::Verona, &[]),
    (Role::Mantua, &[]),
];

/// How long one event may take to come.
const PATIENCE: Duration = Duration::from_secs(5);

//! What happens in the second act, told by its two users.

use std::error::Error;
use std::io;
use std::time::{Duration, Instant};

use comity_sip::Uri;
use comity_sip::endpoint::Endpoint;
use comity_tokio::Event;
use comity_xmpp::xml::Element;
use comity_xmpp::{Presence, PresenceType, Show, Stanza, StanzaKind, ns};
use tokio::time::timeout;

use super::cast::{Cast, rules_of_bridge, rules_with_block};
use super::edge::{Edge, Seen};
use crate::demo::scenes::body;
use crate::demo::transcript::{say, title};

/// Plays the act, whose scenes are numbered on from `number`.
///
/// # Errors
///
/// What did not happen that should have.
pub(in crate::demo) async fn play(number: usize) -> Result<(), Box<dyn Error>> {
    say(format_args!(
        "\nCapulet speaks XMPP. Bohemia speaks SIP, as Microsoft's servers do. A gateway speaks SIP for"
    ))?;
    say(format_args!(
        "the one and XMPP for the other, over verified TLS on both sides."
    ))?;
    let mut cast = Cast::assemble().await?;
    title(number, "Juliet writes to Perdita of Bohemia, who answers")?;
    cast.write_and_answer().await?;
    title(number + 1, "Juliet wants to see when Perdita is there")?;
    cast.juliet_watches().await?;
    title(number + 2, "Perdita wants to see when Juliet is there")?;
    cast.perdita_watches().await?;
    title(
        number + 3,
        "Juliet blocks Perdita, who sees an offline user",
    )?;
    cast.block().await?;
    title(number + 4, "Autolycus has left Bohemia, and Juliet is told")?;
    cast.refuse().await?;
    cast.gateway.shutdown().await;
    cast.edge.shutdown().await;
    cast.capulet.shutdown().await;
    Ok(())
}

impl Cast {
    async fn write_and_answer(&mut self) -> Result<(), Box<dyn Error>> {
        self.juliet_writes(PERDITA, "Whence come you, cousin?")
            .await?;
        self.perdita_sees(&Seen::Session(JULIET_SIP.to_owned()))
            .await?;
        let text = "Whence come you, cousin?".to_owned();
        self.perdita_sees(&Seen::Text(JULIET_SIP.to_owned(), text))
            .await?;
        let answer = "From far away. Reverend sirs, for you there's rosemary.";
        let say = |now, endpoint: &mut Endpoint, edge: &mut Edge| edge.say(now, endpoint, answer);
        self.edge.call(say).await?;
        let stanza = self.juliet_gets().await?;
        expect(body(&stanza).as_deref() == Some(answer), "the answer")?;
        self.perdita_sees(&Seen::Answer(200)).await
    }

    async fn juliet_watches(&mut self) -> Result<(), Box<dyn Error>> {
        let presence = Presence::new(PresenceType::Subscribe);
        self.send(presence.stanza(JULIET.parse()?, PERDITA.parse()?))
            .await?;
        self.perdita_sees(&Seen::Watched(JULIET_SIP.to_owned()))
            .await?;
        let granted = Presence::try_from(&self.juliet_gets().await?)?;
        expect(
            granted.presence_type == PresenceType::Subscribed,
            "the permission",
        )?;
        let busy = Presence::try_from(&self.juliet_gets().await?)?;
        let status = busy.statuses.first().map(|status| &*status.text);
        expect(
            busy.show == Some(Show::Away) && status == Some("Busy"),
            "busy as away",
        )
    }

    async fn perdita_watches(&mut self) -> Result<(), Box<dyn Error>> {
        self.perdita_does(Edge::watch).await?;
        self.perdita_sees(&presence("pending", "")).await?;
        let asked = Presence::try_from(&self.juliet_gets().await?)?;
        expect(
            asked.presence_type == PresenceType::Subscribe,
            "the question",
        )?;
        let granted = Presence::new(PresenceType::Subscribed);
        self.send(granted.stanza(JULIET.parse()?, PERDITA.parse()?))
            .await?;
        self.perdita_sees(&presence("active", "closed")).await?;
        let probe = Presence::try_from(&self.juliet_gets().await?)?;
        expect(probe.presence_type == PresenceType::Probe, "the probe")?;
        let mut busy = Presence::new(PresenceType::Available);
        busy.show = Some(Show::Dnd);
        self.send(busy.stanza(AT_BALCONY.parse()?, PERDITA.parse()?))
            .await?;
        self.perdita_sees(&presence("active", "open, busy")).await
    }

    async fn block(&mut self) -> Result<(), Box<dyn Error>> {
        self.gateway.replace_policy(rules_with_block()?).await?;
        self.perdita_sees(&presence("active", "closed")).await?;
        self.perdita_does(Edge::page).await?;
        self.perdita_sees(&Seen::Answer(480)).await?;
        self.gateway.replace_policy(rules_of_bridge()?).await?;
        self.perdita_sees(&presence("active", "open, busy")).await?;
        let probe = Presence::try_from(&self.juliet_gets().await?)?;
        expect(probe.presence_type == PresenceType::Probe, "the probe")
    }

    async fn refuse(&mut self) -> Result<(), Box<dyn Error>> {
        self.juliet_writes(AUTOLYCUS, "Master pedlar, what ballads have you?")
            .await?;
        self.perdita_sees(&Seen::Refused).await?;
        let bounce = self.juliet_gets().await?;
        let text = bounce.stanza_error().and_then(|error| error.text);
        let expected = "404 Not Found; ms-diagnostics 1003 User does not exist";
        expect(text.as_deref() == Some(expected), "the refusal")
    }

    async fn juliet_writes(&self, to: &str, text: &str) -> Result<(), Box<dyn Error>> {
        let body = Element::new(ns::SERVER, "body").with_text(text);
        let stanza = Stanza::new(StanzaKind::Message, AT_BALCONY.parse()?, to.parse()?);
        self.send(stanza.with_type("chat").with_id("1").with_payload(body))
            .await
    }

    async fn send(&self, stanza: Stanza) -> Result<(), Box<dyn Error>> {
        tell("juliet", "sends", &describe(&stanza))?;
        Ok(self.capulet.send(stanza).await?)
    }

    /// The next stanza for Juliet, which is shown.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "how the streams come about was told in the first act"
    )]
    async fn juliet_gets(&mut self) -> Result<Stanza, Box<dyn Error>> {
        loop {
            let event = timeout(PATIENCE, self.stanzas.recv()).await?;
            match event.ok_or("Capulet has ended")? {
                Event::Stanza { stanza, .. } => {
                    // That somebody writes or has left is no line of the play.
                    if stanza.kind() == StanzaKind::Message
                        && body(&stanza).is_none()
                        && stanza.type_() != Some("error")
                    {
                        continue;
                    }
                    tell("juliet", "gets", &describe(&stanza))?;
                    return Ok(stanza);
                }
                Event::Undelivered { failure, .. } => return Err(failure.into()),
                _ => {}
            }
        }
    }

    /// The next thing that Perdita's server shows, which has to be this.
    async fn perdita_sees(&mut self, expected: &Seen) -> Result<(), Box<dyn Error>> {
        let seen = timeout(PATIENCE, self.seen.recv()).await;
        let Ok(Some(seen)) = seen else {
            return Err(format!("{expected:?} should have come, and nothing did").into());
        };
        tell("perdita", "sees", &seen.to_string())?;
        match seen == *expected {
            true => Ok(()),
            false => Err(format!("{expected:?} should have come, and this did: {seen:?}").into()),
        }
    }

    async fn perdita_does(
        &self,
        act: fn(Instant, &mut Endpoint, Uri<'_>, Uri<'_>),
    ) -> Result<(), Box<dyn Error>> {
        let work = move |now, endpoint: &mut Endpoint, _: &mut Edge| {
            if let (Ok(to), Ok(from)) = (Uri::parse(JULIET_SIP), Uri::parse(PERDITA_SIP)) {
                act(now, endpoint, to, from);
            }
        };
        Ok(self.edge.call(work).await?)
    }
}

fn presence(state: &str, words: &str) -> Seen {
    Seen::Presence(state.to_owned(), words.to_owned())
}

fn expect(is_so: bool, what: &str) -> Result<(), Box<dyn Error>> {
    match is_so {
        true => Ok(()),
        false => Err(format!("{what} is not what it should be").into()),
    }
}

fn tell(who: &str, does: &str, what: &str) -> io::Result<()> {
    say(format_args!("  {who:<8} {does:<6} {what}"))
}

/// A stanza in a line.
fn describe(stanza: &Stanza) -> String {
    let words = body(stanza).map(|text| format!(" \"{text}\""));
    let error = stanza.stanza_error().map(|error| format!(" {error}"));
    let show = Presence::try_from(stanza).ok().map(|presence| {
        let show = presence.show.map(Show::name).unwrap_or_default();
        let status = presence.statuses.first();
        let status = status.map(|status| &*status.text).unwrap_or_default();
        format!(" {show} {status}").trim_end().to_owned()
    });
    let more = error.or(words).or(show).unwrap_or_default();
    format!("{stanza}{more}")
}

impl std::fmt::Display for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Session(from) => write!(f, "a session with {from}, by INVITE"),
            Self::Text(from, text) => write!(f, "a text of {from} \"{text}\""),
            Self::Watched(from) => write!(f, "that {from} subscribes to her presence"),
            Self::Presence(state, words) => write!(f, "presence ({state}) {words}"),
            Self::Refused => f.write_str("that nobody of this name is there: 404"),
            Self::Answer(status) => write!(f, "the answer {status}"),
        }
    }
}

const JULIET: &str = "juliet@capulet.example";
const AT_BALCONY: &str = "juliet@capulet.example/balcony";
const JULIET_SIP: &str = "sip:juliet@capulet.example";
const PERDITA: &str = "perdita@bohemia.example";
const PERDITA_SIP: &str = "sip:perdita@bohemia.example";
const AUTOLYCUS: &str = "autolycus@bohemia.example";
/// How long one thing may take to happen. A NOTIFY waits for 5 s.
const PATIENCE: Duration = Duration::from_secs(15);

//! Stanzas as what they mean, read from their elements on demand (RFC 6121).

use super::{Stanza, StanzaKind};
use crate::xml::Element;
use crate::{Jid, StanzaCondition, ns};

/// A text, and the language that it is in.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "a text has a language or none")]
pub struct Text {
    /// Its `xml:lang`, or that of the stanza.
    pub lang: Option<Box<str>>,
    /// The text.
    pub text: Box<str>,
}

/// A message (RFC 6121 §5.2).
///
/// ```
/// use comity_xmpp::{Message, MessageType, Stanza};
///
/// let mut message = Message::new(MessageType::Chat);
/// message.set_body("Art thou not Romeo, and a <Montague/>?");
/// let stanza = message.stanza("juliet@a.example".parse()?, "romeo@b.example".parse()?);
/// assert_eq!(Message::try_from(&stanza)?, message);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Message {
    /// What kind of message.
    pub message_type: MessageType,
    /// The text, in one language or several.
    pub bodies: Vec<Text>,
    /// The subject, in one language or several.
    pub subjects: Vec<Text>,
    /// The conversation that it belongs to.
    pub thread: Option<Box<str>>,
    /// Everything else, in order.
    pub payloads: Vec<Element>,
}

/// The type of a message; one that is not known counts as `normal` (RFC 6121 §5.2.2).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(
    clippy::exhaustive_enums,
    reason = "RFC 6121 §5.2.2 defines these five"
)]
pub enum MessageType {
    /// In a conversation of two.
    Chat,
    /// The answer to a message that could not be delivered.
    Error,
    /// In a room.
    Groupchat,
    /// One that expects no answer.
    Headline,
    /// Outside a conversation.
    #[default]
    Normal,
}

/// Presence (RFC 6121 §4.7).
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Presence {
    /// What kind of presence.
    pub presence_type: PresenceType,
    /// How available; nothing stands for available without more, and for values that are not known.
    pub show: Option<Show>,
    /// A description for people, in one language or several.
    pub statuses: Vec<Text>,
    /// Which resource gets messages, from -128 to 127; 0 if it is not given.
    pub priority: i8,
    /// Everything else, in order.
    pub payloads: Vec<Element>,
}

/// The type of a presence (RFC 6121 §4.7.1).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(
    clippy::exhaustive_enums,
    reason = "RFC 6121 §4.7.1 defines these eight"
)]
pub enum PresenceType {
    /// The sender is there: no type.
    #[default]
    Available,
    /// The answer to a presence that could not be delivered.
    Error,
    /// A question for the current presence.
    Probe,
    /// A wish to see the recipient's presence.
    Subscribe,
    /// The recipient may see the sender's presence.
    Subscribed,
    /// The sender has gone.
    Unavailable,
    /// The sender wants to see it no more.
    Unsubscribe,
    /// The recipient may not, or no more.
    Unsubscribed,
}

/// How available somebody is (RFC 6121 §4.7.2.1).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(
    clippy::exhaustive_enums,
    reason = "RFC 6121 §4.7.2.1 defines these four"
)]
pub enum Show {
    /// Away for a short time.
    Away,
    /// Wants to chat.
    Chat,
    /// Does not want to be disturbed.
    Dnd,
    /// Away for a long time.
    Xa,
}

/// A request or its answer (RFC 6120 §8.2.3).
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Iq {
    /// What kind.
    pub iq_type: IqType,
    /// What joins question and answer.
    pub id: Box<str>,
    /// What is asked or answered; always there in a request.
    pub payload: Option<Element>,
}

/// The type of an iq (RFC 6120 §8.2.3).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(
    clippy::exhaustive_enums,
    reason = "RFC 6120 §8.2.3 defines these four"
)]
pub enum IqType {
    /// The answer to a request that failed.
    Error,
    /// A request for something.
    Get,
    /// The answer to a request.
    Result,
    /// A request to change something.
    Set,
}

/// Why a stanza is not what its name promises.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// It is of another kind.
    #[error("the stanza is of another kind")]
    Kind,
    /// An iq without id.
    #[error("an iq without id")]
    IqId,
    /// A request without payload or with several, or a result with several.
    #[error("a request has one payload, a result at most one")]
    IqPayload,
    /// An iq of a type that does not exist.
    #[error("an iq of a type that does not exist")]
    IqType,
    /// A presence of a type that does not exist.
    #[error("a presence of a type that does not exist")]
    PresenceType,
}

impl SchemaError {
    /// The error for the sender (RFC 6120 §8.3.3.1).
    #[must_use]
    pub fn condition(self) -> StanzaCondition {
        StanzaCondition::BadRequest
    }
}

names!(MessageType {
    Chat = "chat",
    Error = "error",
    Groupchat = "groupchat",
    Headline = "headline",
    Normal = "normal",
});

names!(PresenceType {
    Available = "",
    Error = "error",
    Probe = "probe",
    Subscribe = "subscribe",
    Subscribed = "subscribed",
    Unavailable = "unavailable",
    Unsubscribe = "unsubscribe",
    Unsubscribed = "unsubscribed",
});

names!(Show {
    Away = "away",
    Chat = "chat",
    Dnd = "dnd",
    Xa = "xa",
});

names!(IqType {
    Error = "error",
    Get = "get",
    Result = "result",
    Set = "set",
});

impl Message {
    /// A message without content.
    #[must_use]
    pub fn new(message_type: MessageType) -> Self {
        Self {
            message_type,
            bodies: Vec::new(),
            subjects: Vec::new(),
            thread: None,
            payloads: Vec::new(),
        }
    }

    /// The first body.
    #[must_use]
    pub fn body(&self) -> Option<&str> {
        self.bodies.first().map(|body| &*body.text)
    }

    /// Sets the one body, in no particular language.
    pub fn set_body(&mut self, text: &str) {
        let text = text.into();
        self.bodies = vec![Text { lang: None, text }];
    }

    /// The stanza between two addresses.
    #[must_use]
    pub fn stanza(&self, from: Jid, to: Jid) -> Stanza {
        let mut stanza = Stanza::new(StanzaKind::Message, from, to);
        if self.message_type != MessageType::Normal {
            stanza = stanza.with_type(self.message_type.name());
        }
        for (name, texts) in [("subject", &self.subjects), ("body", &self.bodies)] {
            stanza = with_texts(stanza, name, texts);
        }
        if let Some(thread) = &self.thread {
            stanza = stanza.with_payload(Element::new(ns::SERVER, "thread").with_text(thread));
        }
        with_payloads(stanza, &self.payloads)
    }
}

impl TryFrom<&Stanza> for Message {
    type Error = SchemaError;

    fn try_from(stanza: &Stanza) -> Result<Self, SchemaError> {
        let element = content(stanza, StanzaKind::Message)?;
        let known = stanza.type_().and_then(MessageType::from_name);
        let mut message = Self::new(known.unwrap_or_default());
        for child in element.children() {
            match (child.namespace(), child.name()) {
                (ns::SERVER, "body") => message.bodies.push(Text::read(child, &element)),
                (ns::SERVER, "subject") => message.subjects.push(Text::read(child, &element)),
                (ns::SERVER, "thread") => message.thread = Some(child.text().into()),
                _other => message.payloads.push(child.clone()),
            }
        }
        Ok(message)
    }
}

impl Presence {
    /// Presence without content.
    #[must_use]
    pub fn new(presence_type: PresenceType) -> Self {
        Self {
            presence_type,
            show: None,
            statuses: Vec::new(),
            priority: 0,
            payloads: Vec::new(),
        }
    }

    /// The stanza between two addresses.
    #[must_use]
    pub fn stanza(&self, from: Jid, to: Jid) -> Stanza {
        let mut stanza = Stanza::new(StanzaKind::Presence, from, to);
        if self.presence_type != PresenceType::Available {
            stanza = stanza.with_type(self.presence_type.name());
        }
        if let Some(show) = self.show {
            let show = Element::new(ns::SERVER, "show").with_text(show.name());
            stanza = stanza.with_payload(show);
        }
        stanza = with_texts(stanza, "status", &self.statuses);
        if self.priority != 0 {
            let priority = Element::new(ns::SERVER, "priority");
            stanza = stanza.with_payload(priority.with_text(&self.priority.to_string()));
        }
        with_payloads(stanza, &self.payloads)
    }
}

impl TryFrom<&Stanza> for Presence {
    type Error = SchemaError;

    fn try_from(stanza: &Stanza) -> Result<Self, SchemaError> {
        let element = content(stanza, StanzaKind::Presence)?;
        let presence_type = match stanza.type_() {
            None => PresenceType::Available,
            Some("") => return Err(SchemaError::PresenceType),
            Some(name) => PresenceType::from_name(name).ok_or(SchemaError::PresenceType)?,
        };
        let mut presence = Self::new(presence_type);
        for child in element.children() {
            match (child.namespace(), child.name()) {
                (ns::SERVER, "show") => presence.show = Show::from_name(child.text().trim()),
                (ns::SERVER, "status") => presence.statuses.push(Text::read(child, &element)),
                (ns::SERVER, "priority") => {
                    presence.priority = child.text().trim().parse().unwrap_or_default();
                }
                _other => presence.payloads.push(child.clone()),
            }
        }
        Ok(presence)
    }
}

impl Iq {
    /// The stanza between two addresses.
    #[must_use]
    pub fn stanza(&self, from: Jid, to: Jid) -> Stanza {
        let stanza = Stanza::new(StanzaKind::Iq, from, to)
            .with_type(self.iq_type.name())
            .with_id(&self.id);
        with_payloads(stanza, self.payload.as_slice())
    }

    /// A request.
    #[must_use]
    pub fn request(iq_type: IqType, id: &str, payload: Element) -> Self {
        Self {
            iq_type,
            id: id.into(),
            payload: Some(payload),
        }
    }
}

impl TryFrom<&Stanza> for Iq {
    type Error = SchemaError;

    fn try_from(stanza: &Stanza) -> Result<Self, SchemaError> {
        let element = content(stanza, StanzaKind::Iq)?;
        let iq_type = stanza.type_().and_then(IqType::from_name);
        let iq_type = iq_type.ok_or(SchemaError::IqType)?;
        let id = stanza.id().filter(|id| !id.is_empty());
        let id = id.ok_or(SchemaError::IqId)?.into();
        let is_error = |child: &&Element| child.is(ns::SERVER, "error");
        let mut payloads = element.children().filter(|child| !is_error(child));
        let payload = payloads.next().cloned();
        match (iq_type, &payload, payloads.next()) {
            (IqType::Get | IqType::Set, None, _)
            | (IqType::Get | IqType::Set | IqType::Result, _, Some(_)) => {
                Err(SchemaError::IqPayload)
            }
            (IqType::Get | IqType::Set, Some(_), None)
            | (IqType::Result, _, None)
            | (IqType::Error, _, _) => Ok(Self {
                iq_type,
                id,
                payload,
            }),
        }
    }
}

impl Text {
    fn read(element: &Element, stanza: &Element) -> Self {
        let lang = element.lang().or_else(|| stanza.lang());
        Self {
            lang: lang.map(Into::into),
            text: element.text().into(),
        }
    }
}

fn content(stanza: &Stanza, kind: StanzaKind) -> Result<Element, SchemaError> {
    if stanza.kind() == kind {
        Ok(stanza.element())
    } else {
        Err(SchemaError::Kind)
    }
}

fn with_texts(mut stanza: Stanza, name: &str, texts: &[Text]) -> Stanza {
    for Text { lang, text } in texts {
        let mut element = Element::new(ns::SERVER, name).with_text(text);
        if let Some(lang) = lang {
            element = element.with_lang(lang);
        }
        stanza = stanza.with_payload(element);
    }
    stanza
}

fn with_payloads(stanza: Stanza, payloads: &[Element]) -> Stanza {
    let add = |stanza: Stanza, payload: &Element| stanza.with_payload(payload.clone());
    payloads.iter().fold(stanza, add)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stanza(kind: StanzaKind) -> Stanza {
        Stanza::new(
            kind,
            "a@a.example".parse().unwrap(),
            "b@b.example".parse().unwrap(),
        )
    }

    fn element(name: &str, text: &str) -> Element {
        Element::new(ns::SERVER, name).with_text(text)
    }

    #[test]
    fn a_message_is_read_part_by_part_and_written_again() {
        let source = stanza(StanzaKind::Message)
            .with_type("chat")
            .with_payload(element("subject", "s"))
            .with_payload(element("body", "ciao").with_lang("it"))
            .with_payload(element("thread", "t"))
            .with_payload(Element::new("urn:x", "x"));
        let message = Message::try_from(&source).unwrap();
        assert_eq!(message.message_type, MessageType::Chat);
        assert_eq!(message.body(), Some("ciao"));
        assert_eq!(message.bodies[0].lang.as_deref(), Some("it"));
        assert_eq!(&*message.subjects[0].text, "s");
        assert_eq!(message.thread.as_deref(), Some("t"));
        assert_eq!(message.payloads, [Element::new("urn:x", "x")]);
        let again = message.stanza(source.from().clone(), source.to().clone());
        assert_eq!(again.element(), source.element());
        let odd = stanza(StanzaKind::Message).with_type("odd");
        assert_eq!(
            Message::try_from(&odd).map(|message| message.message_type),
            Ok(MessageType::Normal)
        );
        assert_eq!(
            Message::try_from(&stanza(StanzaKind::Iq)),
            Err(SchemaError::Kind)
        );
    }

    #[test]
    fn presence_is_read_part_by_part_and_written_again() {
        let source = stanza(StanzaKind::Presence)
            .with_payload(element("show", "dnd"))
            .with_payload(element("status", "busy"))
            .with_payload(element("priority", "-1"));
        let presence = Presence::try_from(&source).unwrap();
        assert_eq!(presence.show, Some(Show::Dnd));
        assert_eq!(presence.priority, -1);
        let again = presence.stanza(source.from().clone(), source.to().clone());
        assert_eq!(again.element(), source.element());
        for odd in ["", "available", "odd"] {
            let odd = stanza(StanzaKind::Presence).with_type(odd);
            assert_eq!(Presence::try_from(&odd), Err(SchemaError::PresenceType));
        }
        let odd = stanza(StanzaKind::Presence)
            .with_payload(element("show", "odd"))
            .with_payload(element("priority", "1000"));
        assert_eq!(
            Presence::try_from(&odd),
            Ok(Presence::new(PresenceType::Available))
        );
    }

    #[test]
    fn an_iq_has_a_type_an_id_and_one_payload() {
        let ping = Element::new(ns::PING, "ping");
        let good = stanza(StanzaKind::Iq).with_type("get").with_id("1");
        let iq = Iq::try_from(&good.clone().with_payload(ping.clone())).unwrap();
        assert_eq!(iq, Iq::request(IqType::Get, "1", ping.clone()));
        let again = iq.stanza(good.from().clone(), good.to().clone());
        assert_eq!(
            again.element(),
            good.clone().with_payload(ping.clone()).element()
        );
        for (odd, error) in [
            (good.clone(), SchemaError::IqPayload),
            (
                good.clone()
                    .with_payload(ping.clone())
                    .with_payload(ping.clone()),
                SchemaError::IqPayload,
            ),
            (
                good.with_type("subscribe").with_payload(ping.clone()),
                SchemaError::IqType,
            ),
            (
                stanza(StanzaKind::Iq).with_type("get").with_payload(ping),
                SchemaError::IqId,
            ),
        ] {
            assert_eq!(Iq::try_from(&odd), Err(error));
            assert_eq!(error.condition(), StanzaCondition::BadRequest);
        }
        let result = stanza(StanzaKind::Iq).with_type("result").with_id("1");
        assert_eq!(Iq::try_from(&result).map(|iq| iq.payload), Ok(None));
    }
}

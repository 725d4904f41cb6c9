use std::fmt;

use crate::xml::Element;
use crate::{Jid, Stanza, StanzaCondition, ns};

/// What a stanza of type `error` says (RFC 6120 §8.3.2).
///
/// ```
/// use comity_xmpp::{StanzaCondition, StanzaError};
///
/// let mut gone = StanzaError::new(StanzaCondition::Gone);
/// gone.uri = Some("xmpp:romeo@afterlife.example".into());
/// assert_eq!(StanzaError::read(&gone.element()), Some(gone));
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct StanzaError {
    /// What is wrong.
    pub condition: StanzaCondition,
    /// What the sender may do.
    pub error_type: ErrorType,
    /// A description for people.
    pub text: Option<Box<str>>,
    /// Who found the fault, if that is not the recipient.
    pub by: Option<Jid>,
    /// Where else to turn to, with the conditions `gone` and `redirect`.
    pub uri: Option<Box<str>>,
}

/// What the sender of a stanza may do about an error (RFC 6120 §8.3.2).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(
    clippy::exhaustive_enums,
    reason = "RFC 6120 §8.3.2 defines these five"
)]
pub enum ErrorType {
    /// Authenticate, and try again.
    Auth,
    /// Nothing.
    Cancel,
    /// Go on: it was only a warning.
    Continue,
    /// Change the stanza, and try again.
    Modify,
    /// Try again later.
    Wait,
}

names!(ErrorType {
    Auth = "auth",
    Cancel = "cancel",
    Continue = "continue",
    Modify = "modify",
    Wait = "wait",
});

impl StanzaError {
    /// An error with the type that RFC 6120 §8.3.3 gives for its condition.
    #[must_use]
    pub fn new(condition: StanzaCondition) -> Self {
        Self {
            condition,
            error_type: condition.error_type(),
            text: None,
            by: None,
            uri: None,
        }
    }

    /// Reads an `error` element; `None` if it has no condition at all. A condition that is not
    /// known counts as `undefined-condition`.
    #[must_use]
    pub fn read(error: &Element) -> Option<Self> {
        let is_condition =
            |child: &&Element| child.namespace() == ns::STANZA_ERRORS && child.name() != "text";
        let element = error.children().find(is_condition)?;
        let condition = StanzaCondition::from_name(element.name())
            .unwrap_or(StanzaCondition::UndefinedCondition);
        let error_type = error.attribute("type").and_then(ErrorType::from_name);
        let text = error.child(ns::STANZA_ERRORS, "text");
        let by = error.attribute("by");
        let uri = element.text();
        let uri = uri.trim();
        Some(Self {
            condition,
            error_type: error_type.unwrap_or_else(|| condition.error_type()),
            text: text.map(|text| text.text().into()),
            by: by.and_then(|by| Jid::parse(by).ok()),
            uri: (!uri.is_empty()).then(|| uri.into()),
        })
    }

    /// The `error` element.
    #[must_use]
    pub fn element(&self) -> Element {
        let mut condition = Element::new(ns::STANZA_ERRORS, self.condition.name());
        if let Some(uri) = &self.uri {
            condition = condition.with_text(uri);
        }
        let mut error = Element::new(ns::SERVER, "error");
        if let Some(by) = &self.by {
            error = error.with_attribute("by", &by.to_string());
        }
        error = error
            .with_attribute("type", self.error_type.name())
            .with_child(condition);
        if let Some(text) = &self.text {
            let text = Element::new(ns::STANZA_ERRORS, "text").with_text(text);
            error = error.with_child(text.with_lang("en"));
        }
        error
    }
}

impl fmt::Display for StanzaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.condition)?;
        match &self.text {
            Some(text) => write!(f, " ({})", text.escape_debug()),
            None => Ok(()),
        }
    }
}

impl Stanza {
    /// What went wrong, if this is a stanza of type `error` that says so.
    #[must_use]
    pub fn stanza_error(&self) -> Option<StanzaError> {
        if self.type_() != Some("error") {
            return None;
        }
        StanzaError::read(self.element().child(ns::SERVER, "error")?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StanzaKind;

    /// Every condition with the type that RFC 6120 §8.3.3 gives.
    const TABLE: [(StanzaCondition, &str); 22] = [
        (StanzaCondition::BadRequest, "modify"),
        (StanzaCondition::Conflict, "cancel"),
        (StanzaCondition::FeatureNotImplemented, "cancel"),
        (StanzaCondition::Forbidden, "auth"),
        (StanzaCondition::Gone, "cancel"),
        (StanzaCondition::InternalServerError, "cancel"),
        (StanzaCondition::ItemNotFound, "cancel"),
        (StanzaCondition::JidMalformed, "modify"),
        (StanzaCondition::NotAcceptable, "modify"),
        (StanzaCondition::NotAllowed, "cancel"),
        (StanzaCondition::NotAuthorized, "auth"),
        (StanzaCondition::PolicyViolation, "modify"),
        (StanzaCondition::RecipientUnavailable, "wait"),
        (StanzaCondition::Redirect, "modify"),
        (StanzaCondition::RegistrationRequired, "auth"),
        (StanzaCondition::RemoteServerNotFound, "cancel"),
        (StanzaCondition::RemoteServerTimeout, "wait"),
        (StanzaCondition::ResourceConstraint, "wait"),
        (StanzaCondition::ServiceUnavailable, "cancel"),
        (StanzaCondition::SubscriptionRequired, "auth"),
        (StanzaCondition::UndefinedCondition, "cancel"),
        (StanzaCondition::UnexpectedRequest, "wait"),
    ];

    #[test]
    fn each_condition_is_written_and_read_with_its_type() {
        assert_eq!(TABLE.map(|(condition, _)| condition), StanzaCondition::ALL);
        for (condition, error_type) in TABLE {
            let request = Stanza::new(
                StanzaKind::Message,
                "a@a.example/x".parse().unwrap(),
                "b@b.example".parse().unwrap(),
            );
            let answer = request.error(condition, None).unwrap();
            let mut bytes = String::new();
            answer.write(&mut bytes);
            assert_eq!(
                bytes,
                format!(
                    "<message from='b@b.example' to='a@a.example/x' type='error'>\
                     <error type='{error_type}'><{condition} \
                     xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
                )
            );
            let error = answer.stanza_error().unwrap();
            assert_eq!(error, StanzaError::new(condition));
        }
    }

    #[test]
    fn an_error_says_who_found_it_and_where_else_to_turn() {
        let element = Element::parse(
            b"<error xmlns='jabber:server' type='wait' by='b.example'><redirect \
              xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'> xmpp:c@c.example </redirect><text \
              xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>moved</text></error>",
            crate::xml::Limits::default(),
        )
        .unwrap();
        let error = StanzaError::read(&element).unwrap();
        assert_eq!(error.condition, StanzaCondition::Redirect);
        assert_eq!(error.error_type, ErrorType::Wait);
        assert_eq!(error.by, Some("b.example".parse().unwrap()));
        assert_eq!(error.uri.as_deref(), Some("xmpp:c@c.example"));
        assert_eq!(error.to_string(), "redirect (moved)");
        assert_eq!(StanzaError::read(&Element::new(ns::SERVER, "error")), None);
    }
}

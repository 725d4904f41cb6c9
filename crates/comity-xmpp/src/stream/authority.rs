//! Our part as the authoritative server (XEP-0220 §2.1.3).

use super::core::{Core, dialback_name};
use super::output::{Content, Dialback};
use super::reason::Rejection;
use crate::StanzaCondition;
use crate::xml::Element;

impl Core {
    /// Answers whether a dialback key is ours.
    pub(super) fn answer_verify(&mut self, element: &Element) -> Result<(), Rejection> {
        let attribute = |name| element.attribute(name).unwrap_or_default();
        let (from, to, id) = (attribute("from"), attribute("to"), attribute("id"));
        let answer = Dialback {
            name: "verify",
            from: to.into(),
            to: from.into(),
            id: Some(id),
            type_: Some("error"),
            content: Content::None,
        };
        let verdict = self.judge_key(from, to, id, &element.text());
        self.output.dialback(&match verdict {
            Ok(true) => Dialback {
                type_: Some("valid"),
                ..answer
            },
            Ok(false) => Dialback {
                type_: Some("invalid"),
                ..answer
            },
            Err(condition) => Dialback {
                content: Content::Error(condition),
                ..answer
            },
        });
        self.check_output()
    }

    fn judge_key(
        &self,
        from: &str,
        to: &str,
        id: &str,
        key: &str,
    ) -> Result<bool, StanzaCondition> {
        let (receiving, originating) = (dialback_name(from)?, dialback_name(to)?);
        if id.is_empty() || key.len() > self.config.limits.max_key_bytes {
            return Err(StanzaCondition::BadRequest);
        }
        if !self.config.domains.contains(&originating) {
            return Err(StanzaCondition::ItemNotFound);
        }
        let Some(secret) = &self.config.dialback else {
            return Ok(false);
        };
        Ok(secret.verify(&receiving, &originating, id, key))
    }
}

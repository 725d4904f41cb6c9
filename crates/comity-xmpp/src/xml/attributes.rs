use std::borrow::Cow;
use std::sync::Arc;

use super::scope::Scope;
use super::span::{Name, Span};
use super::{ParseError, text};
use crate::ns;

/// One attribute as written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attribute {
    pub(super) name: Name,
    pub(super) value: Span,
    /// Whether the value stands for itself, without references and white space but spaces.
    pub(super) plain: bool,
}

impl Attribute {
    /// The prefix that the attribute declares, if it is a namespace declaration.
    pub(super) fn declared_prefix(self, buffer: &str) -> Option<&str> {
        let local = self.name.local(buffer);
        if !self.name.is_prefixed() {
            (local == "xmlns").then_some("")
        } else if self.name.prefix(buffer) == "xmlns" {
            Some(local)
        } else {
            None
        }
    }

    pub(super) fn value(self, buffer: &str) -> Cow<'_, str> {
        let source = self.value.of(buffer);
        if self.plain {
            Cow::Borrowed(source)
        } else {
            Cow::Owned(text::unescape_value(source))
        }
    }
}

/// The attributes of a start tag, without namespace declarations.
#[derive(Clone, Copy, Debug)]
pub struct Attributes<'a> {
    attributes: &'a [Attribute],
    buffer: &'a str,
    scope: &'a Scope,
}

impl<'a> Attributes<'a> {
    pub(super) fn new(attributes: &'a [Attribute], buffer: &'a str, scope: &'a Scope) -> Self {
        Self {
            attributes,
            buffer,
            scope,
        }
    }

    /// The value of the attribute of that name in no namespace.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Cow<'a, str>> {
        self.attributes
            .iter()
            .find(|attribute| attribute.name.whole().of(self.buffer) == name)
            .map(|attribute| attribute.value(self.buffer))
    }

    /// The value of `xml:lang`.
    #[must_use]
    pub fn lang(&self) -> Option<Cow<'a, str>> {
        // No other prefix can be bound to its namespace.
        self.get("xml:lang")
    }

    /// Namespace (empty for none), local name and value of each attribute, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str, Cow<'a, str>)> + use<'a> {
        self.shared()
            .map(|(namespace, name, value)| (namespace.map_or("", |shared| &**shared), name, value))
    }

    /// The same, with namespaces that can be kept; `None` for no namespace.
    pub(super) fn shared(
        &self,
    ) -> impl Iterator<Item = (Option<&'a Arc<str>>, &'a str, Cow<'a, str>)> + use<'a> {
        let Self { buffer, scope, .. } = *self;
        self.attributes
            .iter()
            .filter(|attribute| attribute.declared_prefix(buffer).is_none())
            .map(move |attribute| {
                let Attribute { name, .. } = *attribute;
                let namespace = match name.prefix(buffer) {
                    "" => None,
                    prefix => scope.resolve(prefix).ok(),
                };
                (namespace, name.local(buffer), attribute.value(buffer))
            })
    }

    /// The prefixes that the tag declares, empty for the default namespace.
    pub(crate) fn declared_prefixes(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let Self { buffer, .. } = *self;
        self.attributes
            .iter()
            .filter_map(move |attribute| attribute.declared_prefix(buffer))
    }

    /// Checks that each prefix is declared and that no expanded name comes twice (Namespaces in
    /// XML §6.3).
    pub(super) fn check(&self) -> Result<(), ParseError> {
        let mut names = Vec::with_capacity(self.attributes.len());
        for attribute in self.attributes {
            let Attribute { name, .. } = *attribute;
            let namespace = match name.prefix(self.buffer) {
                "" => "",
                "xmlns" => ns::XMLNS,
                prefix => &**self.scope.resolve(prefix)?,
            };
            names.push((namespace, name.local(self.buffer)));
        }
        names.sort_unstable();
        if names.windows(2).any(|pair| pair.first() == pair.last()) {
            return Err(ParseError::DuplicateAttribute);
        }
        Ok(())
    }
}

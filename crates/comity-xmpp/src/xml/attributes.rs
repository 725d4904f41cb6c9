use std::borrow::Cow;
use std::sync::Arc;

use super::scope::Scope;
use super::{ParseError, text};
use crate::ns;

/// Where something stands in the tokenizer's buffer: from the first byte up to the second.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Span(pub(super) usize, pub(super) usize);

impl Span {
    pub(super) fn len(self) -> usize {
        self.1.saturating_sub(self.0)
    }

    pub(super) fn of(self, buffer: &str) -> &str {
        buffer.get(self.0..self.1).unwrap_or_default()
    }
}

/// Prefix and local part of a qualified name; the prefix is empty if there is none.
pub(super) fn split_name(name: &str) -> (&str, &str) {
    name.split_once(':').unwrap_or(("", name))
}

/// One attribute as written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attribute {
    pub(super) name: Span,
    pub(super) value: Span,
}

impl Attribute {
    /// The prefix that the attribute declares, if it is a namespace declaration.
    pub(super) fn declared_prefix(self, buffer: &str) -> Option<&str> {
        match split_name(self.name.of(buffer)) {
            ("", "xmlns") => Some(""),
            ("xmlns", prefix) => Some(prefix),
            _other => None,
        }
    }

    pub(super) fn value(self, buffer: &str) -> Cow<'_, str> {
        text::unescape_value(self.value.of(buffer))
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
            .find(|attribute| attribute.name.of(self.buffer) == name)
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
                let (prefix, local) = split_name(attribute.name.of(buffer));
                let namespace = match prefix {
                    "" => None,
                    prefix => scope.resolve(prefix).ok(),
                };
                (namespace, local, attribute.value(buffer))
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
            let name = attribute.name.of(self.buffer);
            names.push(match split_name(name) {
                ("", local) => ("", local),
                ("xmlns", prefix) => (ns::XMLNS, prefix),
                (prefix, local) => (&**self.scope.resolve(prefix)?, local),
            });
        }
        names.sort_unstable();
        if names.windows(2).any(|pair| pair.first() == pair.last()) {
            return Err(ParseError::DuplicateAttribute);
        }
        Ok(())
    }
}

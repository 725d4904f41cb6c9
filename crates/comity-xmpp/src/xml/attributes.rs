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
        if self.name.is_prefixed() {
            (self.name.prefix(buffer) == "xmlns").then(|| self.name.local(buffer))
        } else {
            (self.name.local(buffer) == "xmlns").then_some("")
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
                let name = attribute.name;
                let namespace = name
                    .is_prefixed()
                    .then(|| scope.resolve(name.prefix(buffer)).ok())
                    .flatten();
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
        for attribute in self.attributes {
            self.namespace(*attribute)?;
        }
        if self.has_duplicate() {
            Err(ParseError::DuplicateAttribute)
        } else {
            Ok(())
        }
    }

    fn has_duplicate(&self) -> bool {
        if self.attributes.len() > FEW {
            let mut names: Vec<_> = self
                .attributes
                .iter()
                .map(|&of| self.expanded(of))
                .collect();
            names.sort_unstable();
            return names.windows(2).any(|pair| pair.first() == pair.last());
        }
        let mut rest = self.attributes;
        while let Some((first, others)) = rest.split_first() {
            if others.iter().any(|other| self.is_same_name(*first, *other)) {
                return true;
            }
            rest = others;
        }
        false
    }

    fn is_same_name(&self, one: Attribute, other: Attribute) -> bool {
        if one.name.local_len() != other.name.local_len() {
            false
        } else if one.name.is_prefixed() || other.name.is_prefixed() {
            self.expanded(one) == self.expanded(other)
        } else {
            one.name.local(self.buffer) == other.name.local(self.buffer)
        }
    }

    /// Local name and namespace.
    fn expanded(&self, attribute: Attribute) -> (&'a str, &'a str) {
        let namespace = self.namespace(attribute).unwrap_or_default();
        (attribute.name.local(self.buffer), namespace)
    }

    fn namespace(&self, attribute: Attribute) -> Result<&'a str, ParseError> {
        if !attribute.name.is_prefixed() {
            return Ok("");
        }
        match attribute.name.prefix(self.buffer) {
            "xmlns" => Ok(ns::XMLNS),
            prefix => self.scope.resolve(prefix).map(|namespace| &**namespace),
        }
    }
}

/// How many attributes are compared with each other; more are sorted.
const FEW: usize = 16;

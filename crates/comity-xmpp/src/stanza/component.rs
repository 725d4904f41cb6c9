//! Stanzas on the stream of a component (XEP-0114), whose content namespace is another.

use super::{Source, read};
use crate::xml::{Element, Scope};
use crate::{Stanza, ns};

impl Stanza {
    /// The stanza as it is between servers. It was read below a header in which the namespace of
    /// components was replaced, so that the bytes can stay unless they name that themselves. `None`
    /// if it cannot be said in one namespace.
    pub(crate) fn translated(mut self) -> Option<Self> {
        let Source::Received { bytes, scope, .. } = &self.source else {
            return Some(self);
        };
        let element = read(Scope::clone(scope), bytes).ok()?;
        if element.uses(ns::COMPONENT) {
            let element = self.element().renamed(ns::COMPONENT, ns::SERVER)?;
            self.source = Source::Made(element.into());
        }
        Some(self)
    }

    /// Appends the stanza as it stands in a stream of ours to the server of a component: with the
    /// bytes that came, if they mean the same there. False if it cannot be said in one namespace;
    /// nothing is appended then.
    pub(crate) fn write_to_component_server(&self, buf: &mut String) -> bool {
        if let Source::Received { .. } = &self.source {
            let start = buf.len();
            self.write(buf);
            let written = buf.get(start..).unwrap_or_default().as_bytes();
            let scope = Scope::of_header(&HEADER);
            let is_same = |element: Element| !element.uses(ns::SERVER);
            if read(scope, written).is_ok_and(is_same) {
                return true;
            }
            buf.truncate(start);
        }
        let renamed = self.element().renamed(ns::SERVER, ns::COMPONENT);
        if let Some(element) = &renamed {
            element.write(ns::COMPONENT, buf);
        }
        renamed.is_some()
    }
}

/// What our header to the server of a component declares.
const HEADER: [(&str, &str); 2] = [("", ns::COMPONENT), ("stream", ns::STREAM)];

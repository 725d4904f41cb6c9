use std::sync::Arc;

use super::{Limit, Limits, ParseError};
use crate::ns;

/// The namespace declarations in scope, innermost last.
#[derive(Clone, Debug)]
pub(crate) struct Scope(Vec<Binding>);

#[derive(Clone, Debug)]
struct Binding {
    /// Empty for the default namespace.
    prefix: Box<str>,
    namespace: Arc<str>,
    /// The depth of the declaring element; 0 for what XML itself binds.
    depth: usize,
    /// Whether a stream of ours does not declare the same.
    foreign: bool,
}

impl Binding {
    fn new(prefix: &str, namespace: &str, depth: usize) -> Self {
        Self {
            prefix: prefix.into(),
            namespace: namespace.into(),
            depth,
            foreign: depth > 0 && !OURS.contains(&(prefix, namespace)),
        }
    }

    fn binds(&self, prefix: &str) -> bool {
        // What is empty is not compared as text: that is the common case, and `memcmp` is slow with
        // pointers to nothing.
        if prefix.is_empty() {
            self.prefix.is_empty()
        } else {
            *self.prefix == *prefix
        }
    }
}

impl Default for Scope {
    fn default() -> Self {
        let built_in = Self::BUILT_IN.iter();
        Self(
            built_in
                .map(|(prefix, namespace)| Binding::new(prefix, namespace, 0))
                .collect(),
        )
    }
}

impl Scope {
    /// What XML itself binds: prefix, empty for the default namespace, and namespace.
    const BUILT_IN: [(&str, &str); 2] = [("", ""), ("xml", ns::XML)];

    /// Binds `prefix` for the element at `depth` and everything inside it.
    pub(super) fn declare(
        &mut self,
        prefix: &str,
        namespace: &str,
        depth: usize,
        limits: &Limits,
    ) -> Result<(), ParseError> {
        if prefix == "xml" || namespace == ns::XML {
            // `xml` may be declared, but only as what it is.
            return if prefix == "xml" && namespace == ns::XML {
                Ok(())
            } else {
                Err(ParseError::ReservedNamespace)
            };
        }
        if prefix == "xmlns" || namespace == ns::XMLNS {
            return Err(ParseError::ReservedNamespace);
        }
        if !prefix.is_empty() && namespace.is_empty() {
            return Err(ParseError::UndeclaredPrefix);
        }
        if namespace.len() > limits.max_namespace_bytes {
            return Err(Limit::NamespaceBytes(limits.max_namespace_bytes).into());
        }
        if self.declared() >= limits.max_namespaces {
            return Err(Limit::Namespaces(limits.max_namespaces).into());
        }
        self.0.push(Binding::new(prefix, namespace, depth));
        Ok(())
    }

    /// The namespace that `prefix` is bound to; the empty one if there is no default namespace.
    pub(super) fn resolve(&self, prefix: &str) -> Result<&Arc<str>, ParseError> {
        if prefix == "xmlns" {
            return Err(ParseError::ReservedNamespace);
        }
        let mut bindings = self.0.iter().rev();
        bindings
            .find(|binding| binding.binds(prefix))
            .map(|binding| &binding.namespace)
            .ok_or(ParseError::UndeclaredPrefix)
    }

    /// Forgets what elements deeper than `depth` declared.
    pub(super) fn leave(&mut self, depth: usize) {
        while self.0.last().is_some_and(|binding| binding.depth > depth) {
            self.0.pop();
        }
    }

    /// Gives back memory of declarations that are forgotten.
    pub(super) fn shrink(&mut self) {
        self.0.shrink_to(KEPT_BINDINGS);
    }

    /// The scope inside a header with these declarations: prefix, empty for the default namespace,
    /// and namespace.
    pub(crate) fn of_header(declarations: &[(&str, &str)]) -> Self {
        let mut scope = Self::default();
        let bindings = declarations.iter();
        scope
            .0
            .extend(bindings.map(|(prefix, namespace)| Binding::new(prefix, namespace, 1)));
        scope
    }

    /// The same scope with another namespace wherever there is `from`.
    pub(crate) fn renamed(&self, from: &str, to: &str) -> Self {
        let rename = |binding: &Binding| match &*binding.namespace {
            namespace if namespace == from => Binding::new(&binding.prefix, to, binding.depth),
            _other => binding.clone(),
        };
        Self(self.0.iter().map(rename).collect())
    }

    /// The default namespace.
    pub(crate) fn default_namespace(&self) -> &str {
        self.resolve("").map_or("", |namespace| namespace)
    }

    /// What a first-level element must declare to mean the same in a stream of ours: prefix, empty
    /// for the default namespace, and namespace.
    pub(crate) fn foreign(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .filter(|binding| binding.foreign)
            .map(|binding| (&*binding.prefix, &*binding.namespace))
    }

    /// How many there are beside what XML itself binds, which comes first and never ends.
    fn declared(&self) -> usize {
        self.0.len().saturating_sub(Self::BUILT_IN.len())
    }
}

/// Room for what a header and the elements of a stanza mostly declare.
const KEPT_BINDINGS: usize = 8;

/// What our own stream headers declare: prefix, empty for the default namespace, and namespace.
const OURS: [(&str, &str); 3] = [
    ("", ns::SERVER),
    ("stream", ns::STREAM),
    ("db", ns::DIALBACK),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_names_keep_their_meaning() {
        let mut scope = Scope::default();
        for (prefix, namespace, result) in [
            ("xml", ns::XML, Ok(())),
            ("xml", "urn:x", Err(ParseError::ReservedNamespace)),
            ("p", ns::XML, Err(ParseError::ReservedNamespace)),
            ("xmlns", "urn:x", Err(ParseError::ReservedNamespace)),
            ("", ns::XMLNS, Err(ParseError::ReservedNamespace)),
            ("p", "", Err(ParseError::UndeclaredPrefix)),
            ("", "", Ok(())),
        ] {
            assert_eq!(
                scope.declare(prefix, namespace, 1, &Limits::default()),
                result,
                "{prefix}"
            );
        }
    }

    #[test]
    fn what_our_header_declares_alike_is_not_foreign() {
        let mut scope = Scope::default();
        for (prefix, namespace) in [
            ("", ns::SERVER),
            ("stream", ns::STREAM),
            ("db", "urn:x"),
            ("x", "urn:x"),
        ] {
            scope
                .declare(prefix, namespace, 1, &Limits::default())
                .unwrap();
        }
        let foreign: Vec<_> = scope.foreign().collect();
        assert_eq!(foreign, [("db", "urn:x"), ("x", "urn:x")]);
    }

    #[test]
    fn the_innermost_declaration_wins_until_its_element_ends() {
        let mut scope = Scope::default();
        let limits = Limits {
            max_namespaces: 2,
            ..Limits::default()
        };
        let declare = |scope: &mut Scope, prefix, namespace, depth| {
            scope.declare(prefix, namespace, depth, &limits)
        };
        declare(&mut scope, "p", "urn:outer", 1).unwrap();
        declare(&mut scope, "p", "urn:inner", 2).unwrap();
        assert_eq!(
            declare(&mut scope, "q", "urn:x", 2),
            Err(Limit::Namespaces(2).into())
        );
        assert_eq!(scope.resolve("p"), Ok(&"urn:inner".into()));
        scope.leave(1);
        assert_eq!(scope.resolve("p"), Ok(&"urn:outer".into()));
        assert_eq!(scope.resolve("q"), Err(ParseError::UndeclaredPrefix));
        assert_eq!(scope.resolve(""), Ok(&"".into()));
        assert_eq!(scope.default_namespace(), "");
    }
}

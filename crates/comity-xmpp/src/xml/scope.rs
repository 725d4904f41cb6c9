use std::sync::Arc;

use super::{Limit, ParseError};
use crate::ns;

/// The namespace declarations in scope, innermost last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope(Vec<Binding>);

#[derive(Clone, Debug)]
struct Binding {
    /// Empty for the default namespace.
    prefix: Box<str>,
    namespace: Arc<str>,
    depth: usize,
}

impl Scope {
    /// Binds `prefix` for the element at `depth` and everything inside it.
    pub(super) fn declare(
        &mut self,
        prefix: &str,
        namespace: &str,
        depth: usize,
        limit: usize,
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
        if self.0.len() >= limit {
            return Err(Limit::Namespaces(limit).into());
        }
        self.0.push(Binding {
            prefix: prefix.into(),
            namespace: namespace.into(),
            depth,
        });
        Ok(())
    }

    /// The namespace that `prefix` is bound to; the empty one if there is no default namespace.
    pub(super) fn resolve(&self, prefix: &str) -> Result<&str, ParseError> {
        match prefix {
            "xml" => Ok(ns::XML),
            "xmlns" => Err(ParseError::ReservedNamespace),
            prefix => match self.find(prefix) {
                Some(binding) => Ok(&binding.namespace),
                None if prefix.is_empty() => Ok(""),
                None => Err(ParseError::UndeclaredPrefix),
            },
        }
    }

    /// Forgets what elements deeper than `depth` declared.
    pub(super) fn leave(&mut self, depth: usize) {
        while self.0.last().is_some_and(|binding| binding.depth > depth) {
            self.0.pop();
        }
    }

    /// The default namespace.
    pub(crate) fn default_namespace(&self) -> &str {
        self.find("").map_or("", |binding| &binding.namespace)
    }

    /// Whether `namespace` is the default and no prefix is bound but those that every stream
    /// between servers binds alike.
    pub(crate) fn is_only_default(&self, namespace: &str) -> bool {
        self.default_namespace() == namespace
            && self.0.iter().all(|binding| match &*binding.prefix {
                "" => true,
                "stream" => &*binding.namespace == ns::STREAM,
                "db" => &*binding.namespace == ns::DIALBACK,
                _other => false,
            })
    }

    fn find(&self, prefix: &str) -> Option<&Binding> {
        self.0
            .iter()
            .rev()
            .find(|binding| &*binding.prefix == prefix)
    }
}

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
            assert_eq!(scope.declare(prefix, namespace, 1, 9), result, "{prefix}");
        }
    }

    #[test]
    fn only_the_bindings_of_every_stream_may_be_left_out() {
        let scope = |bindings: &[(&str, &str)]| {
            let mut scope = Scope::default();
            for (prefix, namespace) in bindings {
                scope.declare(prefix, namespace, 1, 9).unwrap();
            }
            scope.is_only_default(ns::SERVER)
        };
        assert!(scope(&[
            ("", ns::SERVER),
            ("stream", ns::STREAM),
            ("db", ns::DIALBACK)
        ]));
        assert!(!scope(&[("stream", ns::STREAM)]));
        assert!(!scope(&[("", ns::CLIENT)]));
        assert!(!scope(&[("", ns::SERVER), ("db", "urn:x")]));
        assert!(!scope(&[("", ns::SERVER), ("x", "urn:x")]));
    }

    #[test]
    fn the_innermost_declaration_wins_until_its_element_ends() {
        let mut scope = Scope::default();
        scope.declare("p", "urn:outer", 1, 2).unwrap();
        scope.declare("p", "urn:inner", 2, 2).unwrap();
        assert_eq!(
            scope.declare("q", "urn:x", 2, 2),
            Err(Limit::Namespaces(2).into())
        );
        assert_eq!(scope.resolve("p"), Ok("urn:inner"));
        scope.leave(1);
        assert_eq!(scope.resolve("p"), Ok("urn:outer"));
        assert_eq!(scope.resolve("q"), Err(ParseError::UndeclaredPrefix));
        assert_eq!(scope.resolve(""), Ok(""));
        assert_eq!(scope.default_namespace(), "");
    }
}

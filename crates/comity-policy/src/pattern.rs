use std::fmt;
use std::str::FromStr;

use comity_identity::DomainName;

/// The remote domains that a rule is about.
///
/// ```
/// use comity_policy::DomainPattern;
///
/// let pattern: DomainPattern = "*.Example.com".parse()?;
/// assert_eq!(pattern.to_string(), "*.example.com");
/// assert!(pattern.covers(&"example.com".parse()?));
/// assert!(pattern.covers(&"a.b.example.com".parse()?));
/// assert!(!pattern.covers(&"badexample.com".parse()?));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a third form would change which rule wins, and every caller must then decide"
)]
pub enum DomainPattern {
    /// One name, of a domain (`example.com`) or of a host (`hostname.example.com`), and nothing
    /// below it.
    Exact(DomainName),
    /// A name and every name below it at any depth, written `*.example.com`.
    ///
    /// This differs from a wildcard in a certificate, which covers one label and not the name
    /// itself.
    Tree(DomainName),
}

impl DomainPattern {
    /// Whether the pattern covers `name`.
    #[must_use]
    pub fn covers(&self, name: &DomainName) -> bool {
        match self {
            Self::Exact(exact) => name == exact,
            Self::Tree(top) => name == top || name.is_below(top),
        }
    }

    /// The name in the pattern, without `*.`.
    #[must_use]
    pub fn domain(&self) -> &DomainName {
        match self {
            Self::Exact(name) | Self::Tree(name) => name,
        }
    }
}

impl FromStr for DomainPattern {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let (name, form): (_, fn(DomainName) -> Self) = match text.strip_prefix("*.") {
            Some(rest) => (rest, Self::Tree),
            None => (text, Self::Exact),
        };
        if name.contains('*') {
            return Err(ParseError::Wildcard);
        }
        DomainName::parse(name).map(form).map_err(ParseError::Name)
    }
}

impl fmt::Display for DomainPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => name.fmt(f),
            Self::Tree(top) => write!(f, "*.{top}"),
        }
    }
}

/// Why a text is not a [`DomainPattern`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// The name, without `*.`, is not a domain name.
    #[error(transparent)]
    Name(comity_identity::ParseError),
    /// An asterisk that is not the whole first label, or that stands alone.
    #[error("an asterisk may only be the first label, before a domain name")]
    Wildcard,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> DomainName {
        text.parse().unwrap()
    }

    #[test]
    fn text_and_pattern_convert_both_ways() {
        for (text, pattern) in [
            ("example.com", DomainPattern::Exact(name("example.com"))),
            (
                "host.example.com",
                DomainPattern::Exact(name("host.example.com")),
            ),
            ("*.example.com", DomainPattern::Tree(name("example.com"))),
            ("*.com", DomainPattern::Tree(name("com"))),
        ] {
            assert_eq!(text.parse(), Ok(pattern.clone()), "{text}");
            assert_eq!(pattern.to_string(), text);
        }
    }

    #[test]
    fn the_name_is_folded_like_every_domain_name() {
        let pattern: DomainPattern = "*.B\u{fc}cher.Example.".parse().unwrap();
        assert_eq!(pattern.to_string(), "*.xn--bcher-kva.example");
    }

    #[test]
    fn each_violated_rule_is_named() {
        use comity_identity::ParseError as NameError;
        for (text, error) in [
            ("*", ParseError::Wildcard),
            ("*example.com", ParseError::Wildcard),
            ("a*.example.com", ParseError::Wildcard),
            ("a.*.example.com", ParseError::Wildcard),
            ("*.*.example.com", ParseError::Wildcard),
            ("example.*", ParseError::Wildcard),
            ("**.example.com", ParseError::Wildcard),
            ("", ParseError::Name(NameError::Empty)),
            ("*.", ParseError::Name(NameError::Empty)),
            ("*..com", ParseError::Name(NameError::EmptyLabel)),
            (".example.com", ParseError::Name(NameError::EmptyLabel)),
            ("*.192.0.2.1", ParseError::Name(NameError::EndsInNumber)),
            (
                "user@example.com",
                ParseError::Name(NameError::Character('@')),
            ),
        ] {
            assert_eq!(text.parse::<DomainPattern>(), Err(error), "{text}");
        }
    }

    #[test]
    fn a_wildcard_covers_its_name_and_every_depth_below() {
        for (pattern, candidate, covers) in [
            ("*.example.com", "example.com", true),
            ("*.example.com", "a.example.com", true),
            ("*.example.com", "b.a.example.com", true),
            ("*.example.com", "badexample.com", false),
            ("*.example.com", "example.com.bad", false),
            ("*.example.com", "com", false),
            ("example.com", "example.com", true),
            ("example.com", "a.example.com", false),
            ("example.com", "badexample.com", false),
            ("host.example.com", "host.example.com", true),
            ("host.example.com", "example.com", false),
        ] {
            let pattern: DomainPattern = pattern.parse().unwrap();
            assert_eq!(
                pattern.covers(&name(candidate)),
                covers,
                "{pattern} {candidate}"
            );
        }
    }
}

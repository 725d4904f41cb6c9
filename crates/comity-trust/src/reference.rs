use std::fmt;

use comity_identity::DomainName;

use crate::identifier::Name;

/// Whom the certificate must name: the domain that the connection is for (RFC 9525 §4).
///
/// The domain is the one of the address or of the stream header, never a host that DNS gave. Every
/// reference accepts a DNS-ID; with a service it accepts an SRV-ID for that service too. The
/// subject's common name is never read.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Reference {
    domain: DomainName,
    service: Option<Service>,
}

impl Reference {
    /// Accepts a DNS-ID for `domain` and nothing else.
    #[must_use]
    pub fn dns(domain: DomainName) -> Self {
        Self {
            domain,
            service: None,
        }
    }

    /// Accepts a DNS-ID for `domain` and an SRV-ID for `service` at `domain`.
    ///
    /// For streams between XMPP servers the domain is the stream's `to` on an outbound and its
    /// `from` on an inbound stream (RFC 6120 §13.7.2.1).
    #[must_use]
    pub fn service(domain: DomainName, service: Service) -> Self {
        Self {
            domain,
            service: Some(service),
        }
    }

    /// The domain that a trusted certificate speaks for.
    #[must_use]
    pub fn domain(&self) -> &DomainName {
        &self.domain
    }

    pub(crate) fn matches(&self, name: Name<'_>) -> bool {
        match name {
            Name::Dns(presented) => matches_dns(presented, &self.domain),
            Name::Srv(presented) => self
                .service
                .is_some_and(|service| matches_srv(presented, service, &self.domain)),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.domain.fmt(f)
    }
}

/// A service that an SRVName can name (RFC 4985 §2).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Service {
    /// `_xmpp-client`: streams from XMPP clients (RFC 6120 §13.7.1.2.1).
    XmppClient,
    /// `_xmpp-server`: streams between XMPP servers (RFC 6120 §13.7.1.2.1).
    XmppServer,
}

impl Service {
    fn label(self) -> &'static str {
        match self {
            Self::XmppClient => "_xmpp-client",
            Self::XmppServer => "_xmpp-server",
        }
    }
}

/// Compares by RFC 9525 §6.3: case does not matter, and a wildcard is the complete left-most label
/// of the presented name and stands for one label.
///
/// A wildcard right below the root, as in `*.com`, matches nothing, as in webpki. A presented name
/// that is no domain name, by a NUL byte for instance, equals no [`DomainName`].
fn matches_dns(presented: &[u8], domain: &DomainName) -> bool {
    let domain = domain.as_str();
    match presented.strip_prefix(b"*.") {
        None => presented.eq_ignore_ascii_case(domain.as_bytes()),
        Some(above) => {
            above.contains(&b'.')
                && domain
                    .split_once('.')
                    .is_some_and(|(_, parent)| above.eq_ignore_ascii_case(parent.as_bytes()))
        }
    }
}

/// Compares by RFC 4985 §2 and §3: `_Service.Name`, each part as a whole, case does not matter, no
/// wildcard.
fn matches_srv(presented: &[u8], service: Service, domain: &DomainName) -> bool {
    let (label, domain) = (service.label().as_bytes(), domain.as_str().as_bytes());
    presented
        .split_at_checked(label.len())
        .is_some_and(|(service, rest)| {
            service.eq_ignore_ascii_case(label)
                && rest
                    .strip_prefix(b".")
                    .is_some_and(|name| name.eq_ignore_ascii_case(domain))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> DomainName {
        DomainName::parse(text).unwrap()
    }

    #[test]
    fn dns_ids_match_whole_or_by_one_wildcard_label() {
        let matching: &[(&[u8], &str)] = &[
            (b"a.example", "a.example"),
            (b"A.ExAmPlE", "a.example"),
            (b"xn--bcher-kva.example", "b\u{fc}cher.example"),
            (b"XN--BCHER-KVA.example", "b\u{fc}cher.example"),
            (b"*.a.example", "b.a.example"),
            (b"*.A.example", "b.a.example"),
            (b"*.a.example", "xn--bcher-kva.a.example"),
            (b"localhost", "localhost"),
        ];
        for &(presented, domain) in matching {
            assert!(matches_dns(presented, &name(domain)), "{domain}");
        }
        let other: &[(&[u8], &str)] = &[
            (b"", "a.example"),
            (b"b.example", "a.example"),
            (b"a.example.", "a.example"),
            (b".a.example", "a.example"),
            (b"b.a.example", "a.example"),
            (b"example", "a.example"),
            (b"a.example\0", "a.example"),
            (b"a.example\0.b.example", "a.example"),
            (b"a\0.example", "a.example"),
            (b"a.example ", "a.example"),
            (b"a.example,b.example", "a.example"),
            (b"b\xc3\xbccher.example", "b\u{fc}cher.example"),
            (b"b\xfccher.example", "b\u{fc}cher.example"),
            (b"*", "a.example"),
            (b"*", "localhost"),
            (b"*.", "a.example"),
            (b"*.example", "a.example"),
            (b"*.a.example", "a.example"),
            (b"*.a.example", "c.b.a.example"),
            (b"*.*.example", "b.a.example"),
            (b"b.*.example", "b.a.example"),
            (b"b*.a.example", "bc.a.example"),
            (b"*b.a.example", "cb.a.example"),
            (b"**.a.example", "b.a.example"),
            (b"*.a.example.", "b.a.example"),
            (b"*.a.example\0", "b.a.example"),
            (b"xn--*.a.example", "xn--bcher-kva.a.example"),
            (b"_xmpp-server.a.example", "a.example"),
        ];
        for &(presented, domain) in other {
            assert!(
                !matches_dns(presented, &name(domain)),
                "{} for {domain}",
                presented.escape_ascii()
            );
        }
    }

    #[test]
    fn srv_ids_match_service_and_domain_whole() {
        let domain = name("a.example");
        for presented in [&b"_xmpp-server.a.example"[..], b"_XMPP-Server.A.example"] {
            assert!(matches_srv(presented, Service::XmppServer, &domain));
            assert!(!matches_srv(presented, Service::XmppClient, &domain));
        }
        assert!(matches_srv(
            b"_xmpp-client.a.example",
            Service::XmppClient,
            &domain
        ));
        for presented in [
            &b""[..],
            b"_xmpp-server",
            b"_xmpp-server.",
            b"_xmpp-server.*.example",
            b"_xmpp-server.*.a.example",
            b"*.a.example",
            b"*.example",
            b"_xmpp-server._tcp.a.example",
            b"_xmpp-servera.example",
            b"_xmpp-server.b.a.example",
            b"_xmpp-server.a.example.",
            b"_xmpp-server.a.example\0",
            b"_xmpp-server\0.a.example",
            b"xmpp-server.a.example",
            b"a.example",
            b"_sip.a.example",
        ] {
            assert!(
                !matches_srv(presented, Service::XmppServer, &domain),
                "{}",
                presented.escape_ascii()
            );
        }
    }

    #[test]
    fn a_service_name_counts_only_where_a_service_is_asked_for() {
        let srv = Name::Srv(b"_xmpp-server.a.example");
        assert!(Reference::service(name("a.example"), Service::XmppServer).matches(srv));
        assert!(!Reference::dns(name("a.example")).matches(srv));
        assert!(!Reference::dns(name("a.example")).matches(Name::Dns(b"_xmpp-server.a.example")));
    }
}

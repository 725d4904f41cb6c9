use std::fmt;

use crate::tlv::{Fault, OBJECT_IDENTIFIER, Reader};

/// What the peer acted as in the TLS handshake.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "TLS has these two roles")]
pub enum Role {
    /// The peer opened the connection.
    Client,
    /// The peer accepted the connection.
    Server,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Client => "client",
            Self::Server => "server",
        })
    }
}

/// Which extended key usages a certificate must carry (RFC 5280 §4.2.1.12).
///
/// The same rule binds the certificate and the CA certificates between it and the anchor. A
/// certificate without the extension may be used for everything and passes every policy.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum EkuPolicy {
    /// serverAuth, clientAuth or anyExtendedKeyUsage, whatever role the peer has.
    ///
    /// A server that connects to another server presents its server certificate, and public CAs
    /// no longer put clientAuth into that.
    #[default]
    AnyTls,
    /// Both serverAuth and clientAuth, as some enterprise servers demand of each other.
    Both,
    /// serverAuth for a server, clientAuth for a client. anyExtendedKeyUsage does not count.
    RoleStrict,
    /// sipDomain or anyExtendedKeyUsage (RFC 5924 §5).
    ///
    /// Few certificates of SIP servers have it: those of public CAs, with serverAuth, are refused.
    SipDomain,
    /// sipDomain, or what [`EkuPolicy::AnyTls`] accepts.
    SipDomainOrTls,
}

impl EkuPolicy {
    /// What a certificate lacks that must carry one of the purposes, or all of them.
    pub(crate) fn check(self, role: Role, purposes: Purposes) -> Result<(), Lacking> {
        let Purposes {
            any,
            client,
            present,
            server,
            sip,
        } = purposes;
        let (accepted, lacking) = match (self, role) {
            (Self::AnyTls, _) => (server || client || any, Lacking::Either),
            (Self::Both, _) => match (server, client) {
                (true, true) => (true, Lacking::Both),
                (true, false) => (false, Lacking::Client),
                (false, true) => (false, Lacking::Server),
                (false, false) => (false, Lacking::Both),
            },
            (Self::RoleStrict, Role::Server) => (server, Lacking::Server),
            (Self::RoleStrict, Role::Client) => (client, Lacking::Client),
            (Self::SipDomain, _) => (sip || any, Lacking::SipDomain),
            (Self::SipDomainOrTls, _) => (sip || server || client || any, Lacking::SipDomainOrTls),
        };
        if accepted || !present {
            Ok(())
        } else {
            Err(lacking)
        }
    }
}

/// The extended key usages that a certificate lacks.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Lacking {
    /// Both serverAuth and clientAuth.
    Both,
    /// clientAuth (1.3.6.1.5.5.7.3.2).
    Client,
    /// One of serverAuth and clientAuth.
    Either,
    /// serverAuth (1.3.6.1.5.5.7.3.1).
    Server,
    /// sipDomain (1.3.6.1.5.5.7.3.20).
    SipDomain,
    /// One of sipDomain, serverAuth and clientAuth.
    SipDomainOrTls,
}

impl fmt::Display for Lacking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Both => "serverAuth and clientAuth",
            Self::Client => "clientAuth",
            Self::Either => "serverAuth or clientAuth",
            Self::Server => "serverAuth",
            Self::SipDomain => "sipDomain",
            Self::SipDomainOrTls => "sipDomain, serverAuth or clientAuth",
        })
    }
}

impl fmt::Display for EkuPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AnyTls => "any-tls",
            Self::Both => "both",
            Self::RoleStrict => "role-strict",
            Self::SipDomain => "sip-domain",
            Self::SipDomainOrTls => "sip-domain-or-tls",
        })
    }
}

/// The key purposes of one certificate that a policy may ask for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Purposes {
    any: bool,
    client: bool,
    /// Whether the certificate limits its purposes at all.
    present: bool,
    server: bool,
    sip: bool,
}

impl Purposes {
    /// Those of a certificate that may be used for nothing.
    pub(crate) const NONE: Self = Self {
        any: false,
        client: false,
        present: true,
        server: false,
        sip: false,
    };

    /// Reads the contents of an extended key usage extension, if there is one.
    pub(crate) fn parse(extension: Option<&[u8]>) -> Result<Self, Fault> {
        let Some(ids) = extension else {
            return Ok(Self::default());
        };
        let mut purposes = Self::NONE;
        let mut reader = Reader::new(ids);
        while !reader.is_finished() {
            match reader.expect(OBJECT_IDENTIFIER)? {
                ANY_EXTENDED_KEY_USAGE => purposes.any = true,
                CLIENT_AUTH => purposes.client = true,
                SERVER_AUTH => purposes.server = true,
                SIP_DOMAIN => purposes.sip = true,
                _unread => {}
            }
        }
        Ok(purposes)
    }

    /// Whether the certificate may serve both roles of TLS.
    pub(crate) fn serve_both_roles(self) -> bool {
        !self.present || (self.client && self.server)
    }
}

/// 2.5.29.37.0
const ANY_EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25, 0];
/// 1.3.6.1.5.5.7.3.1
const SERVER_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 1];
/// 1.3.6.1.5.5.7.3.2
const CLIENT_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 2];
/// 1.3.6.1.5.5.7.3.20 (RFC 5924 §3)
const SIP_DOMAIN: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 20];

#[cfg(test)]
mod tests {
    use super::Lacking::{Both, Client, Either, Server, SipDomain, SipDomainOrTls};
    use super::*;

    #[test]
    fn each_policy_asks_for_its_purposes() {
        let oid = |oid: &[u8]| [&[6, u8::try_from(oid.len()).unwrap()], oid].concat();
        let [any, client, server, sip] =
            [ANY_EXTENDED_KEY_USAGE, CLIENT_AUTH, SERVER_AUTH, SIP_DOMAIN].map(oid);
        let mail = oid(&[0x2b, 6, 1, 5, 5, 7, 3, 4]);
        let both = [&*client, &*mail, &*server].concat();
        let ok = Ok(());
        let lacking = |what| Err(what);
        // Columns: AnyTls, Both, RoleStrict for a server, for a client, SipDomain, SipDomainOrTls.
        for (name, ids, expected) in [
            ("absent", None, [ok, ok, ok, ok, ok, ok]),
            (
                "server",
                Some(&server),
                [
                    ok,
                    lacking(Client),
                    ok,
                    lacking(Client),
                    lacking(SipDomain),
                    ok,
                ],
            ),
            (
                "client",
                Some(&client),
                [
                    ok,
                    lacking(Server),
                    lacking(Server),
                    ok,
                    lacking(SipDomain),
                    ok,
                ],
            ),
            (
                "both and another",
                Some(&both),
                [ok, ok, ok, ok, lacking(SipDomain), ok],
            ),
            (
                "any",
                Some(&any),
                [ok, lacking(Both), lacking(Server), lacking(Client), ok, ok],
            ),
            (
                "sip",
                Some(&sip),
                [
                    lacking(Either),
                    lacking(Both),
                    lacking(Server),
                    lacking(Client),
                    ok,
                    ok,
                ],
            ),
            (
                "another",
                Some(&mail),
                [
                    lacking(Either),
                    lacking(Both),
                    lacking(Server),
                    lacking(Client),
                    lacking(SipDomain),
                    lacking(SipDomainOrTls),
                ],
            ),
        ] {
            let purposes = Purposes::parse(ids.map(Vec::as_slice)).unwrap();
            let judged = [
                EkuPolicy::AnyTls.check(Role::Client, purposes),
                EkuPolicy::Both.check(Role::Client, purposes),
                EkuPolicy::RoleStrict.check(Role::Server, purposes),
                EkuPolicy::RoleStrict.check(Role::Client, purposes),
                EkuPolicy::SipDomain.check(Role::Server, purposes),
                EkuPolicy::SipDomainOrTls.check(Role::Server, purposes),
            ];
            assert_eq!(judged, expected, "{name}");
        }
    }

    #[test]
    fn purposes_are_object_identifiers() {
        assert_eq!(Purposes::parse(Some(&[4, 1, 0])), Err(Fault::Malformed));
        assert_eq!(Purposes::parse(Some(&[6, 9, 0])), Err(Fault::Malformed));
    }
}

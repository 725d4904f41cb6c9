use std::fmt;

use der::{Reader, SliceReader, Tag};
use webpki::{ExtendedKeyUsageValidator, KeyPurposeId, KeyPurposeIdIter};

use crate::certificate::{Fault, expect};

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
/// The same rule binds the certificate and the CA certificates above it. A certificate without the
/// extension may be used for everything and passes every policy.
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
}

impl EkuPolicy {
    pub(crate) fn allows(self, role: Role, purposes: Purposes) -> bool {
        let Purposes {
            any,
            client,
            present,
            server,
        } = purposes;
        !present
            || match (self, role) {
                (Self::AnyTls, _) => server || client || any,
                (Self::Both, _) => server && client,
                (Self::RoleStrict, Role::Server) => server,
                (Self::RoleStrict, Role::Client) => client,
            }
    }
}

impl fmt::Display for EkuPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AnyTls => "any-tls",
            Self::Both => "both",
            Self::RoleStrict => "role-strict",
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
}

impl Purposes {
    /// Reads the contents of an extended key usage extension, if there is one.
    pub(crate) fn parse(extension: Option<&[u8]>) -> Result<Self, Fault> {
        let mut purposes = Self::default();
        let Some(ids) = extension else {
            return Ok(purposes);
        };
        let mut reader = SliceReader::new(ids)?;
        purposes.present = true;
        while !reader.is_finished() {
            purposes.add(KeyPurposeId::new(expect(
                &mut reader,
                Tag::ObjectIdentifier,
            )?));
        }
        Ok(purposes)
    }

    fn add(&mut self, id: KeyPurposeId<'_>) {
        self.present = true;
        self.any |= id == KeyPurposeId::new(ANY_EXTENDED_KEY_USAGE);
        self.client |= id == KeyPurposeId::new(CLIENT_AUTH);
        self.server |= id == KeyPurposeId::new(SERVER_AUTH);
    }
}

/// Puts an [`EkuPolicy`] before webpki, which asks for every certificate of a path.
pub(crate) struct Validator {
    pub(crate) policy: EkuPolicy,
    pub(crate) role: Role,
}

impl ExtendedKeyUsageValidator for Validator {
    fn validate(&self, ids: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        let mut purposes = Purposes::default();
        for id in ids {
            purposes.add(id?);
        }
        if self.policy.allows(self.role, purposes) {
            Ok(())
        } else {
            Err(webpki::Error::RequiredEkuNotFoundContext(
                webpki::RequiredEkuNotFoundContext {
                    required: webpki::KeyUsage::server_auth(),
                    present: Vec::new(),
                },
            ))
        }
    }
}

/// 2.5.29.37.0
const ANY_EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25, 0];
/// 1.3.6.1.5.5.7.3.1
const SERVER_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 1];
/// 1.3.6.1.5.5.7.3.2
const CLIENT_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 2];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_policy_asks_for_its_purposes() {
        let oid = |oid: &[u8]| [&[6, u8::try_from(oid.len()).unwrap()], oid].concat();
        let (any, client, server) = (
            oid(ANY_EXTENDED_KEY_USAGE),
            oid(CLIENT_AUTH),
            oid(SERVER_AUTH),
        );
        // id-kp-sipDomain (RFC 5924 §3)
        let sip = oid(&[0x2b, 6, 1, 5, 5, 7, 3, 20]);
        let both = [client.clone(), sip.clone(), server.clone()].concat();
        // Columns: AnyTls, Both, RoleStrict for a server, RoleStrict for a client.
        for (name, ids, allowed) in [
            ("absent", None, [true, true, true, true]),
            ("server", Some(&server), [true, false, true, false]),
            ("client", Some(&client), [true, false, false, true]),
            ("both and another", Some(&both), [true, true, true, true]),
            ("any", Some(&any), [true, false, false, false]),
            ("another", Some(&sip), [false, false, false, false]),
            ("none", Some(&Vec::new()), [false, false, false, false]),
        ] {
            let purposes = Purposes::parse(ids.map(Vec::as_slice)).unwrap();
            let judged = [
                EkuPolicy::AnyTls.allows(Role::Client, purposes),
                EkuPolicy::Both.allows(Role::Client, purposes),
                EkuPolicy::RoleStrict.allows(Role::Server, purposes),
                EkuPolicy::RoleStrict.allows(Role::Client, purposes),
            ];
            assert_eq!(judged, allowed, "{name}");
        }
    }

    #[test]
    fn purposes_are_object_identifiers() {
        assert_eq!(Purposes::parse(Some(&[4, 1, 0])), Err(Fault::Malformed));
        assert_eq!(Purposes::parse(Some(&[6, 9, 0])), Err(Fault::Malformed));
    }
}

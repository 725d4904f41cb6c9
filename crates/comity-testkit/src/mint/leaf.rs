use std::net::IpAddr;

use x509_cert::ext::Extension;
use x509_cert::ext::pkix::BasicConstraints;

use super::certificate::{
    Body, COMMON_NAME, Purpose, SEQUENCE, Signer, UNIT, Usage, extension, pkcs8,
};
use super::identity::Identity;
use super::name::{Name, tlv};

/// Describes an end entity's certificate.
///
/// Without further calls it has the subject `O=comity testkit`, no subjectAltName, CA:FALSE, the
/// key usage digitalSignature and the purposes serverAuth and clientAuth.
#[derive(Clone, Debug)]
pub struct Leaf {
    body: Body,
    names: Vec<Name>,
    others: Vec<(String, Vec<u8>)>,
}

/// What basicConstraints say.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Basic {
    /// CA:FALSE.
    Leaf,
    /// CA:TRUE, as `openssl req -x509` writes it into self-signed certificates.
    Authority,
    /// The extension is absent.
    Absent,
}

impl Leaf {
    /// Describes a certificate whose key and serial number come from `seed`.
    #[must_use]
    pub fn new(seed: [u8; 32]) -> Self {
        let mut body = Body::new(seed);
        body.usages = vec![Usage::DigitalSignature];
        body.purposes = vec![Purpose::ServerAuth, Purpose::ClientAuth];
        let leaf = Self {
            body,
            names: Vec::new(),
            others: Vec::new(),
        };
        leaf.basic(Basic::Leaf)
    }

    /// Adds a dNSName.
    ///
    /// # Panics
    ///
    /// When issued, if the name is not in ASCII; so do the other forms that are IA5Strings.
    #[must_use]
    pub fn dns(self, name: &str) -> Self {
        self.name(Name::Dns(name.to_owned()))
    }

    /// Adds an SRVName such as `_xmpp-server.b.example`.
    #[must_use]
    pub fn srv(self, name: &str) -> Self {
        self.name(Name::Srv(name.to_owned()))
    }

    /// Adds an XmppAddr.
    #[must_use]
    pub fn xmpp(self, name: &str) -> Self {
        self.name(Name::Xmpp(name.to_owned()))
    }

    /// Adds a uniformResourceIdentifier.
    #[must_use]
    pub fn uri(self, name: &str) -> Self {
        self.name(Name::Uri(name.to_owned()))
    }

    /// Adds an iPAddress.
    #[must_use]
    pub fn ip(self, address: impl Into<IpAddr>) -> Self {
        self.name(Name::Ip(address.into()))
    }

    /// Adds a subjectAltName of any form; the order of the calls is the order in the certificate.
    #[must_use]
    pub fn name(mut self, name: Name) -> Self {
        self.names.push(name);
        self
    }

    /// Adds a common name to the subject.
    #[must_use]
    pub fn common_name(mut self, name: &str) -> Self {
        self.body.subject.push((COMMON_NAME, name.to_owned()));
        self
    }

    /// Adds an organizational unit to the subject.
    #[must_use]
    pub fn unit(mut self, name: &str) -> Self {
        self.body.subject.push((UNIT, name.to_owned()));
        self
    }

    /// Leaves the subject without attributes; the subjectAltName becomes critical
    /// (RFC 5280 §4.2.1.6).
    #[must_use]
    pub fn no_subject(mut self) -> Self {
        self.body.subject.clear();
        self
    }

    /// Replaces the extended key usages; none leaves the extension out.
    #[must_use]
    pub fn purposes(mut self, purposes: &[Purpose]) -> Self {
        self.body.purposes = purposes.to_vec();
        self
    }

    /// Replaces the key usages; none leaves the extension out.
    #[must_use]
    pub fn usages(mut self, usages: &[Usage]) -> Self {
        self.body.usages = usages.to_vec();
        self
    }

    /// Replaces the basicConstraints.
    #[must_use]
    pub fn basic(mut self, basic: Basic) -> Self {
        let constraints = |ca| BasicConstraints {
            ca,
            path_len_constraint: None,
        };
        self.body.basic = match basic {
            Basic::Leaf => Some(constraints(false)),
            Basic::Authority => Some(constraints(true)),
            Basic::Absent => None,
        };
        self
    }

    /// Adds a critical extension: the dotted decimal OID of its type and its value in DER.
    #[must_use]
    pub fn extension(mut self, type_id: &str, value: Vec<u8>) -> Self {
        self.others.push((type_id.to_owned(), value));
        self
    }

    /// Makes the certificate valid from `not_before` to `not_after`, in seconds since 1970.
    #[must_use]
    pub fn valid(mut self, not_before: u64, not_after: u64) -> Self {
        self.body.valid = (not_before, not_after);
        self
    }

    /// Signs the certificate with its own key.
    ///
    /// # Panics
    ///
    /// If the description cannot be written as a certificate.
    #[must_use]
    pub fn self_signed(&self) -> Identity {
        self.signed_by(&self.body.signer(), &[])
    }

    pub(super) fn signed_by(&self, signer: &Signer, above: &[Vec<u8>]) -> Identity {
        let names = self.alternative_names();
        let others = self
            .others
            .iter()
            .map(|(type_id, value)| extension(type_id, true, value.clone()));
        let extensions = names.into_iter().chain(others).collect();
        let leaf = self.body.sign(signer, extensions);
        let chain = [&[leaf], above].concat();
        let key = pkcs8(self.body.seed);
        Identity { chain, key }
    }

    fn alternative_names(&self) -> Option<Extension> {
        let names: Vec<u8> = self.names.iter().flat_map(Name::to_der).collect();
        let critical = self.body.subject.is_empty();
        (!names.is_empty()).then(|| extension(SUBJECT_ALT_NAME, critical, tlv(SEQUENCE, &names)))
    }
}

const SUBJECT_ALT_NAME: &str = "2.5.29.17";

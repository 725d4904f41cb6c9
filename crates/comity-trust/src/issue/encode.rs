//! The encoding of requests and certificates, by the builder of x509-cert.

use std::net::IpAddr;
use std::time::Duration;

use comity_identity::DomainName;
use signature::Keypair;
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::builder::{Builder, CertificateBuilder};
use x509_cert::certificate::TbsCertificate;
use x509_cert::der::asn1::{
    Any, BitString, Ia5String, Ia5StringRef, ObjectIdentifier, OctetString, Utf8StringRef,
};
use x509_cert::der::flagset::FlagSet;
use x509_cert::der::referenced::OwnedToRef;
use x509_cert::der::{DateTime, Decode, Document, Encode};
use x509_cert::ext::pkix::name::{GeneralName, OtherName};
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages,
    SubjectAltName, SubjectKeyIdentifier,
};
use x509_cert::ext::{Extension, ToExtension};
use x509_cert::name::Name as SubjectName;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{
    AlgorithmIdentifierOwned, DynSignatureAlgorithmIdentifier, EncodePublicKey,
    SubjectPublicKeyInfoOwned, SubjectPublicKeyInfoRef,
};
use x509_cert::time::{Time, Validity};

use rustls_pki_types::UnixTime;

use super::key::Key;
use super::{Purpose, Request, Terms, WriteError};
use crate::identifier::{Identifier, Name};

/// A key as the builder wants it.
pub(super) struct Signer<'k> {
    key: &'k dyn Key,
    algorithm: AlgorithmIdentifierOwned,
    pub(super) public_key: SubjectPublicKeyInfoOwned,
}

impl<'k> Signer<'k> {
    pub(super) fn new(key: &'k dyn Key) -> Result<Self, WriteError> {
        Ok(Self {
            key,
            algorithm: AlgorithmIdentifierOwned::from_der(&key.signature_algorithm()?)?,
            public_key: SubjectPublicKeyInfoOwned::from_der(&key.public_key()?)?,
        })
    }

    pub(super) fn sign(&self, message: &[u8]) -> Result<BitString, WriteError> {
        Ok(BitString::from_bytes(&self.key.sign(message)?)?)
    }
}

/// A public key as the builder wants it.
#[derive(Clone)]
pub(super) struct PublicKey(SubjectPublicKeyInfoOwned);

impl EncodePublicKey for PublicKey {
    fn to_public_key_der(&self) -> x509_cert::spki::Result<Document> {
        Ok(Document::encode_msg(&self.0)?)
    }
}

impl Keypair for Signer<'_> {
    type VerifyingKey = PublicKey;

    fn verifying_key(&self) -> PublicKey {
        PublicKey(self.public_key.clone())
    }
}

impl DynSignatureAlgorithmIdentifier for Signer<'_> {
    fn signature_algorithm_identifier(&self) -> x509_cert::spki::Result<AlgorithmIdentifierOwned> {
        Ok(self.algorithm.clone())
    }
}

/// What the builder asks for beside the key.
pub(super) struct Profile {
    issuer: SubjectName,
    subject: SubjectName,
    extensions: Vec<Extension>,
}

impl Profile {
    pub(super) fn leaf(
        request: &Request,
        issuer: SubjectName,
        subject: SubjectName,
    ) -> Result<Self, WriteError> {
        Ok(Self {
            extensions: leaf_extensions(request, &subject)?,
            issuer,
            subject,
        })
    }

    pub(super) fn ca(subject: SubjectName) -> Result<Self, WriteError> {
        let basic = BasicConstraints {
            ca: true,
            path_len_constraint: Some(0),
        };
        let usage = KeyUsage(KeyUsages::KeyCertSign | KeyUsages::CRLSign);
        Ok(Self {
            extensions: vec![
                basic.to_extension(&subject, &[])?,
                usage.to_extension(&subject, &[])?,
            ],
            issuer: subject.clone(),
            subject,
        })
    }

    /// Writes the certificate of a key, signed by `signer`.
    pub(super) fn certify(
        mut self,
        public_key: SubjectPublicKeyInfoOwned,
        terms: &Terms,
        signer: &Signer<'_>,
    ) -> Result<Vec<u8>, WriteError> {
        if terms.not_after < terms.not_before {
            return Err(WriteError::Validity);
        }
        let validity = Validity::new(time(terms.not_before)?, time(terms.not_after)?);
        let own = SubjectKeyIdentifier::try_from(public_key.owned_to_ref())?;
        let above = AuthorityKeyIdentifier::try_from(signer.public_key.owned_to_ref())?;
        self.extensions
            .push((&own).to_extension(&self.subject, &[])?);
        self.extensions
            .push((&above).to_extension(&self.subject, &[])?);
        let serial = serial_number(terms.serial)?;
        let mut builder = CertificateBuilder::new(self, serial, validity, public_key)?;
        let message = builder.finalize(signer)?;
        let signature = signer.sign(&message)?;
        Ok(builder.assemble(signature, signer)?.to_der()?)
    }
}

impl BuilderProfile for Profile {
    fn get_issuer(&self, _subject: &SubjectName) -> SubjectName {
        self.issuer.clone()
    }

    fn get_subject(&self) -> SubjectName {
        self.subject.clone()
    }

    fn build_extensions(
        &self,
        _own: SubjectPublicKeyInfoRef<'_>,
        _issuer: SubjectPublicKeyInfoRef<'_>,
        _certificate: &TbsCertificate,
    ) -> x509_cert::builder::Result<Vec<Extension>> {
        Ok(self.extensions.clone())
    }
}

/// What an end entity's certificate carries, but for the key identifiers.
pub(super) fn leaf_extensions(
    request: &Request,
    subject: &SubjectName,
) -> Result<Vec<Extension>, WriteError> {
    let basic = BasicConstraints {
        ca: false,
        path_len_constraint: None,
    };
    let usage = KeyUsage(FlagSet::from(KeyUsages::DigitalSignature));
    let mut extensions = vec![
        (&basic).to_extension(subject, &[])?,
        (&usage).to_extension(subject, &[])?,
    ];
    if !request.purposes.is_empty() {
        let purposes = request.purposes.iter().map(|purpose| oid(*purpose));
        let purposes = ExtendedKeyUsage(purposes.collect());
        extensions.push((&purposes).to_extension(subject, &[])?);
    }
    let names = request.names.iter().map(general_name);
    let names = names.collect::<Result<Vec<_>, _>>()?;
    if !names.is_empty() {
        extensions.push((&SubjectAltName(names)).to_extension(subject, &[])?);
    }
    Ok(extensions)
}

fn general_name(name: &Identifier) -> Result<GeneralName, WriteError> {
    let refused = |_der| WriteError::Name(name.clone());
    // What a certificate is read by is what may be written into one.
    let readable = match name {
        Identifier::CommonName(_) => None,
        Identifier::Dns(text) => Name::Dns(text.as_bytes()).identifier(),
        Identifier::Srv(text) => Name::Srv(text.as_bytes()).identifier(),
        Identifier::Uri(text) => Name::Uri(text.as_bytes()).identifier(),
        Identifier::Ip(_) | Identifier::Xmpp(_) => Some(name.clone()),
    };
    if readable.as_ref() != Some(name) {
        return Err(WriteError::Name(name.clone()));
    }
    let ia5 = |text: &str| Ia5String::new(text).map_err(refused);
    Ok(match name {
        Identifier::CommonName(_) => return Err(WriteError::Name(name.clone())),
        Identifier::Dns(text) => GeneralName::DnsName(ia5(text)?),
        Identifier::Ip(address) => {
            let octets = match address {
                IpAddr::V4(address) => address.octets().to_vec(),
                IpAddr::V6(address) => address.octets().to_vec(),
            };
            GeneralName::IpAddress(OctetString::new(octets)?)
        }
        Identifier::Srv(text) => {
            let text = Ia5StringRef::new(&**text).map_err(refused)?;
            other_name(SRV_NAME, Any::encode_from(&text)?)
        }
        Identifier::Uri(text) => GeneralName::UniformResourceIdentifier(ia5(text)?),
        Identifier::Xmpp(text) => {
            // A JID is written with U-labels (RFC 7622 §3.2.1).
            let domain = DomainName::parse(text).map_err(|_idna| WriteError::Name(name.clone()))?;
            let text = domain.to_unicode();
            other_name(XMPP_ADDR, Any::encode_from(&Utf8StringRef::new(&*text)?)?)
        }
    })
}

fn other_name(type_id: ObjectIdentifier, value: Any) -> GeneralName {
    GeneralName::OtherName(OtherName { type_id, value })
}

fn oid(purpose: Purpose) -> ObjectIdentifier {
    match purpose {
        Purpose::ServerAuth => ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1"),
        Purpose::ClientAuth => ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2"),
        Purpose::SipDomain => ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.20"),
    }
}

fn time(time: UnixTime) -> Result<Time, WriteError> {
    DateTime::from_unix_duration(Duration::from_secs(time.as_secs()))
        .map(Time::from)
        .map_err(|_der| WriteError::Validity)
}

/// A serial number that DER writes in 16 octets: neither negative nor with a zero in front
/// (RFC 5280 §4.1.2.2).
fn serial_number(mut serial: [u8; 16]) -> Result<SerialNumber, WriteError> {
    let [first, ..] = &mut serial;
    *first = *first & 0x7f | 0x40;
    Ok(SerialNumber::new(&serial)?)
}

/// RFC 4985 §2
const SRV_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.8.7");
/// RFC 6120 §13.7.1.4
const XMPP_ADDR: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.8.5");

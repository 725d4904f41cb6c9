use std::time::Duration;

use comity_machine::Random;
use p256::ecdsa::{DerSignature, SigningKey};
use p256::pkcs8::EncodePrivateKey;
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::builder::{Builder, CertificateBuilder, Result};
use x509_cert::certificate::TbsCertificate;
use x509_cert::der::asn1::{ObjectIdentifier, OctetString};
use x509_cert::der::flagset::FlagSet;
use x509_cert::der::referenced::OwnedToRef;
use x509_cert::der::{DateTime, Decode, Encode};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages,
    SubjectKeyIdentifier,
};
use x509_cert::name::Name as DistinguishedName;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{SubjectPublicKeyInfo, SubjectPublicKeyInfoRef};
use x509_cert::time::{Time, Validity};

use super::name::{oid, tlv};

/// An extended key usage.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Purpose {
    /// id-kp-serverAuth.
    ServerAuth,
    /// id-kp-clientAuth.
    ClientAuth,
    /// id-kp-sipDomain (RFC 5924).
    SipDomain,
    /// anyExtendedKeyUsage.
    Any,
    /// id-kp-emailProtection, which is no use for TLS.
    EmailProtection,
}

/// A key usage.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Usage {
    /// digitalSignature.
    DigitalSignature,
    /// keyEncipherment.
    KeyEncipherment,
    /// keyCertSign.
    KeyCertSign,
    /// cRLSign.
    CrlSign,
}

/// When certificates begin to be valid unless the caller says otherwise: 2020-01-01T00:00:00Z, in
/// seconds since 1970.
pub const NOT_BEFORE: u64 = 1_577_836_800;

/// When they end to be valid: 2040-01-01T00:00:00Z, in seconds since 1970.
pub const NOT_AFTER: u64 = 2_208_988_800;

impl Purpose {
    fn oid(self) -> ObjectIdentifier {
        oid(match self {
            Self::ServerAuth => "1.3.6.1.5.5.7.3.1",
            Self::ClientAuth => "1.3.6.1.5.5.7.3.2",
            Self::EmailProtection => "1.3.6.1.5.5.7.3.4",
            Self::SipDomain => "1.3.6.1.5.5.7.3.20",
            Self::Any => "2.5.29.37.0",
        })
    }
}

impl Usage {
    fn flag(self) -> KeyUsages {
        match self {
            Self::DigitalSignature => KeyUsages::DigitalSignature,
            Self::KeyEncipherment => KeyUsages::KeyEncipherment,
            Self::KeyCertSign => KeyUsages::KeyCertSign,
            Self::CrlSign => KeyUsages::CRLSign,
        }
    }
}

/// What leafs and authorities have in common.
#[derive(Clone, Debug)]
pub(super) struct Body {
    pub(super) seed: [u8; 32],
    /// The attributes of the subject, each an OID and the text of a UTF8String.
    pub(super) subject: Vec<(&'static str, String)>,
    pub(super) valid: (u64, u64),
    pub(super) usages: Vec<Usage>,
    pub(super) purposes: Vec<Purpose>,
    pub(super) basic: Option<BasicConstraints>,
}

/// Who signs: a name and its key.
#[derive(Clone)]
pub(super) struct Signer {
    pub(super) name: DistinguishedName,
    pub(super) key: SigningKey,
}

impl Body {
    pub(super) fn new(seed: [u8; 32]) -> Self {
        Self {
            seed,
            subject: vec![(ORGANIZATION, "comity testkit".to_owned())],
            valid: (NOT_BEFORE, NOT_AFTER),
            usages: Vec::new(),
            purposes: Vec::new(),
            basic: None,
        }
    }

    /// Signs itself.
    pub(super) fn signer(&self) -> Signer {
        Signer {
            name: self.name(),
            key: signing_key(self.seed),
        }
    }

    /// The DER of the certificate that `issuer` signs, with `extra` extensions.
    pub(super) fn sign(&self, issuer: &Signer, extra: Vec<Extension>) -> Vec<u8> {
        self.build(issuer, extra).expect("an encodable certificate")
    }

    fn build(&self, issuer: &Signer, extra: Vec<Extension>) -> Result<Vec<u8>> {
        let key = signing_key(self.seed);
        let public_key = SubjectPublicKeyInfo::from_key(key.verifying_key())?;
        let validity = Validity::new(time(self.valid.0), time(self.valid.1));
        let names = Names {
            subject: self.name(),
            issuer: issuer.name.clone(),
        };
        let serial_number = SerialNumber::new(&serial(self.seed))?;
        let mut builder =
            CertificateBuilder::new(names, serial_number, validity, public_key.clone())?;
        if let Some(basic) = &self.basic {
            builder.add_extension(basic)?;
        }
        if !self.usages.is_empty() {
            let mut set = FlagSet::default();
            for usage in &self.usages {
                set |= usage.flag();
            }
            builder.add_extension(&KeyUsage(set))?;
        }
        if !self.purposes.is_empty() {
            let oids = self.purposes.iter().map(|purpose| purpose.oid()).collect();
            builder.add_extension(&ExtendedKeyUsage(oids))?;
        }
        let own = SubjectKeyIdentifier::try_from(public_key.owned_to_ref())?;
        builder.add_extension(&own)?;
        builder.add_extension(&issuer.key_identifier()?)?;
        for extension in extra {
            builder.add_extension(extension)?;
        }
        let certificate = builder.build::<_, DerSignature>(&issuer.key)?;
        Ok(certificate.to_der()?)
    }

    fn name(&self) -> DistinguishedName {
        let attributes: Vec<u8> = self
            .subject
            .iter()
            .flat_map(|(attribute, text)| {
                let mut pair = oid(attribute).to_der().expect("an encodable OID");
                pair.extend(tlv(UTF8_STRING, text.as_bytes()));
                tlv(SET, &tlv(SEQUENCE, &pair))
            })
            .collect();
        DistinguishedName::from_der(&tlv(SEQUENCE, &attributes)).expect("a distinguished name")
    }
}

impl Signer {
    fn key_identifier(&self) -> Result<AuthorityKeyIdentifier> {
        let public_key = SubjectPublicKeyInfo::from_key(self.key.verifying_key())?;
        Ok(AuthorityKeyIdentifier::try_from(public_key.owned_to_ref())?)
    }
}

/// The names that the builder asks its profile for.
struct Names {
    subject: DistinguishedName,
    issuer: DistinguishedName,
}

impl BuilderProfile for Names {
    fn get_issuer(&self, _: &DistinguishedName) -> DistinguishedName {
        self.issuer.clone()
    }

    fn get_subject(&self) -> DistinguishedName {
        self.subject.clone()
    }

    fn build_extensions(
        &self,
        _: SubjectPublicKeyInfoRef<'_>,
        _: SubjectPublicKeyInfoRef<'_>,
        _: &TbsCertificate,
    ) -> Result<Vec<Extension>> {
        Ok(Vec::new())
    }
}

/// The extension `extn_id` with a value in DER.
pub(super) fn extension(extn_id: &str, critical: bool, value: Vec<u8>) -> Extension {
    Extension {
        extn_id: oid(extn_id),
        critical,
        extn_value: OctetString::new(value).expect("a value that fits an extension"),
    }
}

/// The private key in PKCS#8.
pub(super) fn pkcs8(seed: [u8; 32]) -> Vec<u8> {
    let document = signing_key(seed).to_pkcs8_der().expect("an encodable key");
    document.as_bytes().to_vec()
}

pub(super) fn time(seconds: u64) -> Time {
    DateTime::from_unix_duration(Duration::from_secs(seconds))
        .expect("a year before 10000")
        .into()
}

fn signing_key(seed: [u8; 32]) -> SigningKey {
    // Nearly every draw is a key of the curve.
    let mut random = Random::from_seed(seed);
    loop {
        if let Ok(key) = SigningKey::from_slice(&random.bytes::<32>()) {
            return key;
        }
    }
}

/// 16 bytes that DER writes as they are: neither negative nor with a zero in front.
fn serial(seed: [u8; 32]) -> [u8; 16] {
    let mut serial: [u8; 16] = Random::from_seed(seed.map(|byte| !byte)).bytes();
    serial[0] = serial[0] & 0x7F | 0x40;
    serial
}

const ORGANIZATION: &str = "2.5.4.10";
pub(super) const COMMON_NAME: &str = "2.5.4.3";
pub(super) const UNIT: &str = "2.5.4.11";

pub(super) const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const UTF8_STRING: u8 = 0x0C;

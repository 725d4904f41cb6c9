use std::{fmt, slice};

use p256::ecdsa::DerSignature;
use p256::ecdsa::signature::Signer as _;
use x509_cert::Certificate;
use x509_cert::builder::{Builder, CrlBuilder};
use x509_cert::certificate::Rfc5280;
use x509_cert::crl::{CertificateList, RevokedCert};
use x509_cert::der::asn1::{BitString, Uint};
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{BasicConstraints, CrlNumber};

use super::certificate::{Body, COMMON_NAME, Purpose, SEQUENCE, Signer, Usage, extension, time};
use super::identity::{Identity, certificate_pem};
use super::leaf::Leaf;
use super::name::{Name, oid, tlv};

/// Describes the certificate of an authority.
///
/// Without further calls it has the subject `O=comity testkit, CN=<name>`, CA:TRUE, the key usages
/// keyCertSign and cRLSign, no extended key usage and no name constraints.
#[derive(Clone, Debug)]
pub struct Ca {
    body: Body,
    permitted: Vec<Name>,
    excluded: Vec<Name>,
    others: Vec<(String, Vec<u8>)>,
}

/// A certificate with its key, ready to sign others.
#[derive(Clone)]
pub struct Authority {
    body: Body,
    signer: Signer,
    certificate: Vec<u8>,
    /// What an identity issued here presents behind its leaf.
    chain: Vec<Vec<u8>>,
}

impl Ca {
    /// Describes an authority with the common name `name`, whose key comes from `seed`.
    #[must_use]
    pub fn new(name: &str, seed: [u8; 32]) -> Self {
        let mut body = Body::new(seed);
        body.subject.push((COMMON_NAME, name.to_owned()));
        body.usages = vec![Usage::KeyCertSign, Usage::CrlSign];
        body.basic = Some(BasicConstraints {
            ca: true,
            path_len_constraint: None,
        });
        Self {
            body,
            permitted: Vec::new(),
            excluded: Vec::new(),
            others: Vec::new(),
        }
    }

    /// Adds a subtree to the permitted ones of its name constraints.
    #[must_use]
    pub fn permit(mut self, name: Name) -> Self {
        self.permitted.push(name);
        self
    }

    /// Adds a subtree to the excluded ones of its name constraints.
    #[must_use]
    pub fn exclude(mut self, name: Name) -> Self {
        self.excluded.push(name);
        self
    }

    /// Allows at most `count` intermediates below this one.
    #[must_use]
    pub fn path_length(mut self, count: u8) -> Self {
        self.body.basic = Some(BasicConstraints {
            ca: true,
            path_len_constraint: Some(count),
        });
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

    /// Makes the certificate valid from `not_before` to `not_after`, in seconds since 1970.
    #[must_use]
    pub fn valid(mut self, not_before: u64, not_after: u64) -> Self {
        self.body.valid = (not_before, not_after);
        self
    }

    /// Adds an extension that is not critical: the dotted decimal OID of its type and its value in DER.
    #[must_use]
    pub fn extension(mut self, type_id: &str, value: Vec<u8>) -> Self {
        self.others.push((type_id.to_owned(), value));
        self
    }

    /// Makes a root: an authority that signs itself.
    ///
    /// # Panics
    ///
    /// If the description cannot be written as a certificate.
    #[must_use]
    pub fn self_signed(&self) -> Authority {
        let signer = self.body.signer();
        let certificate = self.body.sign(&signer, self.extensions());
        Authority {
            body: self.body.clone(),
            signer,
            certificate,
            chain: Vec::new(),
        }
    }

    fn extensions(&self) -> Vec<Extension> {
        let others = self.others.iter();
        let others = others.map(|(type_id, value)| extension(type_id, false, value.clone()));
        self.constraints().into_iter().chain(others).collect()
    }

    fn constraints(&self) -> Option<Extension> {
        let subtrees = [(0xA0, &self.permitted), (0xA1, &self.excluded)];
        let value: Vec<u8> = subtrees
            .into_iter()
            .filter(|(_, names)| !names.is_empty())
            .flat_map(|(tag, names)| {
                let bases = names.iter().map(|name| tlv(SEQUENCE, &name.to_der()));
                tlv(tag, &bases.collect::<Vec<_>>().concat())
            })
            .collect();
        (!value.is_empty()).then(|| extension(NAME_CONSTRAINTS, true, tlv(SEQUENCE, &value)))
    }
}

impl Authority {
    /// Its certificate in DER.
    #[must_use]
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// Its certificate as a block of PEM.
    #[must_use]
    pub fn certificate_pem(&self) -> String {
        certificate_pem(&self.certificate)
    }

    /// Issues an end entity's certificate.
    ///
    /// # Panics
    ///
    /// If the description cannot be written as a certificate.
    #[must_use]
    pub fn issue(&self, leaf: &Leaf) -> Identity {
        leaf.signed_by(&self.signer, &self.chain)
    }

    /// Issues the certificate of an intermediate.
    ///
    /// # Panics
    ///
    /// If the description cannot be written as a certificate.
    #[must_use]
    pub fn delegate(&self, ca: &Ca) -> Self {
        let certificate = ca.body.sign(&self.signer, ca.extensions());
        let chain = [slice::from_ref(&certificate), &self.chain].concat();
        Self {
            body: ca.body.clone(),
            signer: ca.body.signer(),
            certificate,
            chain,
        }
    }

    /// A CRL of its own with other extensions: each type, in dotted decimal, is left out, or has this
    /// value in DER and is critical.
    ///
    /// # Panics
    ///
    /// If `crl` is none.
    #[must_use]
    pub fn crl_with(&self, crl: &[u8], changes: &[(&str, Option<Vec<u8>>)]) -> Vec<u8> {
        let mut list = CertificateList::<Rfc5280>::from_der(crl).expect("a CRL");
        let extensions = list.tbs_cert_list.crl_extensions.get_or_insert_default();
        for (type_id, value) in changes {
            extensions.retain(|known| known.extn_id != oid(type_id));
            extensions.extend(value.clone().map(|value| extension(type_id, true, value)));
        }
        let message = list.tbs_cert_list.to_der().expect("an encodable CRL");
        let signature: DerSignature = self.signer.key.sign(&message);
        list.signature = BitString::from_bytes(signature.as_bytes()).expect("a short signature");
        list.to_der().expect("an encodable CRL")
    }

    /// Issues the CRL `number`, which lists the certificates `revoked`, each in DER.
    ///
    /// The times are in seconds since 1970; the CRL is in DER.
    ///
    /// # Panics
    ///
    /// If one of `revoked` is no certificate.
    #[must_use]
    pub fn crl(
        &self,
        number: u64,
        this_update: u64,
        next_update: u64,
        revoked: &[&[u8]],
    ) -> Vec<u8> {
        let number = Uint::new(&number.to_be_bytes()).expect("an encodable number");
        let entries: Vec<_> = revoked.iter().map(|der| entry(der, this_update)).collect();
        // The builder copies the authority key identifier of the certificate that it is given. Only
        // in a self-signed one that is the key which signs the CRL.
        let issuer = parse(&self.body.sign(&self.signer, Vec::new()));
        let mut builder =
            CrlBuilder::new_with_this_update(&issuer, CrlNumber(number), time(this_update))
                .expect("an encodable CRL")
                .with_next_update(Some(time(next_update)));
        if !entries.is_empty() {
            builder = builder.with_certificates(entries.into_iter());
        }
        let crl = builder.build::<_, DerSignature>(&self.signer.key);
        crl.expect("a signature")
            .to_der()
            .expect("an encodable CRL")
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority")
            .field("name", &self.signer.name.to_string())
            .finish_non_exhaustive()
    }
}

fn entry(der: &[u8], revoked_at: u64) -> RevokedCert {
    RevokedCert {
        serial_number: parse(der).tbs_certificate().serial_number().clone(),
        revocation_date: time(revoked_at),
        crl_entry_extensions: None,
    }
}

fn parse(der: &[u8]) -> Certificate {
    Certificate::from_der(der).expect("a certificate")
}

const NAME_CONSTRAINTS: &str = "2.5.29.30";

use std::fmt;

use rustls_pki_types::UnixTime;
use sha2::{Digest, Sha256, Sha512};

/// What was found out about a domain's certificate beside the chain that the peer presents
/// (RFC 7712): by DNSSEC or by HTTPS.
///
/// How it was found out is for the caller to say: what came by an insecure path is not looked at.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Evidence {
    /// The TLSA records of the target that the connection goes to.
    pub dane: Option<Dane>,
    /// The fingerprints that the domain publishes over HTTPS.
    pub posh: Option<Posh>,
}

/// How something was found out.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "there is no third")]
pub enum Provenance {
    /// Anybody on the way could have written it.
    Insecure,
    /// Every step was secured: all answers by DNSSEC, from the SRV records to the TLSA records, or
    /// HTTPS with a certificate of the domain.
    Secure,
}

/// The TLSA records of a target (RFC 7673 §3.3).
///
/// Of them those with the usage DANE-EE(3) are usable here. If there is one and the path was
/// secure, one must match the peer's certificate: then neither its names nor its issuer nor its
/// validity period matter (RFC 7671 §5.1).
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Dane {
    /// The last second at which the records hold: when they were fetched plus their lowest TTL.
    pub expires: UnixTime,
    /// Whether the SRV records, the addresses and the TLSA records were all secure.
    pub provenance: Provenance,
    /// The records.
    pub records: Vec<Tlsa>,
}

impl Dane {
    /// Records that were found as `provenance` says and hold until `expires`.
    #[must_use]
    pub fn new(provenance: Provenance, records: Vec<Tlsa>, expires: UnixTime) -> Self {
        Self {
            expires,
            provenance,
            records,
        }
    }

    /// Whether a usable record names the certificate; `None` if there is none that holds at `now`.
    pub(crate) fn names(
        &self,
        certificate: &[u8],
        public_key: &[u8],
        now: UnixTime,
    ) -> Option<bool> {
        let holds = self.provenance == Provenance::Secure && now <= self.expires;
        let mut usable = self
            .records
            .iter()
            .filter(|record| holds && record.is_usable())
            .peekable();
        usable.peek()?;
        Some(usable.any(|record| record.names(certificate, public_key)))
    }
}

/// A TLSA record (RFC 6698 §2.1).
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Tlsa {
    /// What the association is for; 3 is DANE-EE (RFC 7218).
    pub usage: u8,
    /// What is matched: the certificate (0) or its SubjectPublicKeyInfo (1).
    pub selector: u8,
    /// How: whole (0), by SHA-256 (1) or by SHA-512 (2).
    pub matching: u8,
    /// What it has to be.
    pub data: Vec<u8>,
}

impl Tlsa {
    /// Reads the data of a TLSA record: usage, selector and matching type, an octet each, and what
    /// it has to be. `None` if there are fewer octets than that.
    ///
    /// ```
    /// use comity_trust::Tlsa;
    ///
    /// let record = Tlsa::from_rdata(&[3, 1, 0, 0x30, 0]).expect("a record");
    /// assert_eq!((record.usage, record.selector, record.matching), (3, 1, 0));
    /// ```
    #[must_use]
    pub fn from_rdata(rdata: &[u8]) -> Option<Self> {
        let (&[usage, selector, matching], data) = rdata.split_first_chunk()?;
        Some(Self {
            usage,
            selector,
            matching,
            data: data.to_vec(),
        })
    }

    fn is_usable(&self) -> bool {
        let length_fits = match self.matching {
            0 => !self.data.is_empty(),
            1 => self.data.len() == 32,
            2 => self.data.len() == 64,
            _unassigned => false,
        };
        self.usage == DANE_EE && self.selector <= 1 && length_fits
    }

    fn names(&self, certificate: &[u8], public_key: &[u8]) -> bool {
        let selected = match self.selector {
            0 => certificate,
            _public_key => public_key,
        };
        match self.matching {
            0 => selected == self.data,
            1 => Sha256::digest(selected)[..] == self.data,
            _sha512 => Sha512::digest(selected)[..] == self.data,
        }
    }
}

/// The fingerprints of a domain's certificates, from its POSH document (RFC 7711 §3.1).
///
/// A certificate with one of them proves the domain whatever it names and whoever issued it, as
/// long as it and the document are valid. With no match the chain decides as without the document.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Posh {
    /// The last second at which the document holds: when it was fetched plus the lower of the
    /// `expires` values (RFC 7711 §6).
    pub expires: UnixTime,
    /// The fingerprints.
    pub fingerprints: Vec<Fingerprint>,
    /// Whether it came over HTTPS with a certificate of the domain.
    pub provenance: Provenance,
}

impl Posh {
    /// Fingerprints that were found as `provenance` says and hold until `expires`.
    #[must_use]
    pub fn new(provenance: Provenance, fingerprints: Vec<Fingerprint>, expires: UnixTime) -> Self {
        Self {
            expires,
            fingerprints,
            provenance,
        }
    }

    /// Whether the document speaks for the certificate at `now`.
    pub(crate) fn names(&self, certificate: &[u8], now: UnixTime) -> bool {
        self.provenance == Provenance::Secure
            && now <= self.expires
            && self
                .fingerprints
                .iter()
                .any(|fingerprint| fingerprint.is_of(certificate))
    }
}

/// A hash over the DER of a certificate, or over its SubjectPublicKeyInfo where a key is meant.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Fingerprint {
    /// SHA-256, 32 octets.
    Sha256([u8; 32]),
    /// SHA-512, 64 octets.
    Sha512([u8; 64]),
}

impl Fingerprint {
    /// The SHA-256 fingerprint of `der`.
    #[must_use]
    pub fn sha256(der: &[u8]) -> Self {
        Self::Sha256(Sha256::digest(der).into())
    }

    /// The SHA-512 fingerprint of `der`.
    #[must_use]
    pub fn sha512(der: &[u8]) -> Self {
        Self::Sha512(Sha512::digest(der).into())
    }

    /// Whether it is the fingerprint of `der`.
    #[must_use]
    pub fn is_of(&self, der: &[u8]) -> bool {
        match self {
            Self::Sha256(hash) => Sha256::digest(der)[..] == *hash,
            Self::Sha512(hash) => Sha512::digest(der)[..] == *hash,
        }
    }
}

/// Writes the octets in hexadecimal with colons between them, as certificate tools do.
impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let octets: &[u8] = match self {
            Self::Sha256(hash) => hash,
            Self::Sha512(hash) => hash,
        };
        for (index, octet) in octets.iter().enumerate() {
            let colon = if index == 0 { "" } else { ":" };
            write!(f, "{colon}{octet:02X}")?;
        }
        Ok(())
    }
}

/// RFC 7671 §5.1.
const DANE_EE: u8 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> UnixTime {
        UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds))
    }

    fn record(usage: u8, selector: u8, matching: u8, data: &[u8]) -> Tlsa {
        Tlsa::from_rdata(&[&[usage, selector, matching], data].concat()).unwrap()
    }

    #[test]
    fn usable_records_name_the_certificate_or_its_key() {
        let (sha256, sha512) = (Sha256::digest(b"cert"), Sha512::digest(b"key"));
        for (record, named) in [
            (record(3, 0, 0, b"cert"), Some(true)),
            (record(3, 0, 1, &sha256), Some(true)),
            (record(3, 1, 0, b"key"), Some(true)),
            (record(3, 1, 2, &sha512), Some(true)),
            (record(3, 1, 0, b"cert"), Some(false)),
            (record(3, 1, 1, &sha256), Some(false)),
            (record(3, 0, 2, &sha512), Some(false)),
            // Usages that are about the issuer, and values that nobody has assigned.
            (record(0, 0, 0, b"cert"), None),
            (record(1, 0, 0, b"cert"), None),
            (record(2, 0, 0, b"cert"), None),
            (record(255, 0, 0, b"cert"), None),
            (record(3, 2, 0, b"cert"), None),
            (record(3, 0, 3, b"cert"), None),
            (record(3, 0, 1, &sha256[..31]), None),
            (record(3, 0, 2, &sha256), None),
            (record(3, 0, 0, b""), None),
        ] {
            let text = format!("{record:?}");
            let dane = |provenance| Dane::new(provenance, vec![record.clone()], at(10));
            let names = |provenance, now| dane(provenance).names(b"cert", b"key", at(now));
            assert_eq!(names(Provenance::Secure, 10), named, "{text}");
            assert_eq!(names(Provenance::Secure, 11), None, "{text}");
            assert_eq!(names(Provenance::Insecure, 10), None, "{text}");
        }
        assert_eq!(Tlsa::from_rdata(&[3, 1]), None);
    }

    #[test]
    fn one_matching_record_among_several_is_enough() {
        let records = vec![
            record(3, 1, 0, b"old key"),
            record(2, 0, 0, b"issuer"),
            record(3, 1, 0, b"key"),
        ];
        let dane = Dane::new(Provenance::Secure, records, at(10));
        assert_eq!(dane.names(b"cert", b"key", at(0)), Some(true));
        assert_eq!(dane.names(b"cert", b"other key", at(0)), Some(false));
    }

    #[test]
    fn a_document_speaks_until_it_expires_and_only_if_it_came_securely() {
        let hashes = vec![
            Fingerprint::Sha512(Sha512::digest(b"other").into()),
            Fingerprint::sha256(b"cert"),
        ];
        let posh = Posh::new(Provenance::Secure, hashes.clone(), at(10));
        assert!(posh.names(b"cert", at(10)));
        assert!(posh.names(b"other", at(0)));
        assert!(!posh.names(b"cert", at(11)));
        assert!(!posh.names(b"key", at(10)));
        let posh = Posh::new(Provenance::Insecure, hashes, at(10));
        assert!(!posh.names(b"cert", at(10)));
    }

    #[test]
    fn fingerprints_are_shown_as_certificate_tools_do() {
        let text = Fingerprint::sha256(b"abc").to_string();
        assert_eq!(
            text,
            "BA:78:16:BF:8F:01:CF:EA:41:41:40:DE:5D:AE:22:23:\
             B0:03:61:A3:96:17:7A:9C:B4:10:FF:61:F2:00:15:AD"
        );
    }
}

use std::collections::BTreeMap;
use std::sync::Arc;

use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
use webpki::{CertRevocationList, OwnedCertRevocationList};

use crate::certificate::{Certificate, time};
use crate::key;
use crate::reason::Position;
use crate::tlv::{
    BIT_STRING, BOOLEAN, Fault, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, Reader, SEQUENCE,
    constructed,
};

mod point;

/// Certificate revocation lists, the newest of each issuer and distribution point (RFC 5280 §5).
///
/// The caller fetches them. Their signatures are checked when they are added, so that a list that
/// came by an insecure way, as most do, displaces none but those of whoever signed it; and each
/// counts for certificates that the same name and key issued. A certificate is revoked if any of
/// these lists says so. Cloning shares the lists.
#[derive(Clone, Debug, Default)]
pub struct RevocationLists {
    /// By the key that signed them: the SubjectPublicKeyInfo without its SEQUENCE.
    lists: Arc<BTreeMap<Box<[u8]>, Vec<List>>>,
}

#[derive(Clone, Debug)]
struct List {
    age: Age,
    list: Arc<CertRevocationList<'static>>,
    next_update: UnixTime,
}

/// Newer lists of one issuer have greater numbers (RFC 5280 §5.2.3); where there are none, later
/// times.
type Age = (Vec<u8>, UnixTime);

impl RevocationLists {
    /// The greatest number of lists. Big public CAs split theirs into about a hundred; the peers of
    /// one site have certificates of a handful of such CAs.
    pub const MAX_LISTS: usize = 1024;

    /// No lists.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a list in DER that one of `issuers` signed, unless a newer one of the same issuer and
    /// distribution point is there already.
    ///
    /// `issuers` are certificates of CAs, such as anchors and those that peers sent along. They need
    /// not be trusted: a list counts for what its issuer issued, and for nothing else.
    ///
    /// # Errors
    ///
    /// It is malformed, or of a kind that is not supported: delta and indirect lists, and those for
    /// some reasons only; or none of `issuers` signed it; or there are too many.
    pub fn add(
        &mut self,
        der: &[u8],
        issuers: &[CertificateDer<'_>],
        algorithms: &[&dyn SignatureVerificationAlgorithm],
    ) -> Result<Added, RevocationListError> {
        let list = OwnedCertRevocationList::from_der(der).map_err(unusable)?;
        let list = CertRevocationList::from(list);
        let fields = Fields::parse(der).map_err(|_fault| RevocationListError::Malformed)?;
        let key = signer(der, &list, issuers, algorithms)?;
        let new = List {
            age: (fields.number, fields.this_update),
            list: Arc::new(list),
            next_update: fields.next_update,
        };
        let is_full = self.len() >= Self::MAX_LISTS;
        let lists = Arc::make_mut(&mut self.lists);
        let of_key = lists.get_mut(&key);
        let old = of_key.and_then(|lists| lists.iter_mut().find(|old| old.is_replaced_by(&new)));
        match old {
            Some(old) if old.age >= new.age => Ok(Added::Outdated),
            Some(old) => {
                *old = new;
                Ok(Added::Newest)
            }
            None if is_full => Err(RevocationListError::TooMany {
                limit: Self::MAX_LISTS,
            }),
            None => {
                lists.entry(key).or_default().push(new);
                Ok(Added::Newest)
            }
        }
    }

    /// Removes the lists of an issuer, given by its certificate, and returns how many there were.
    pub fn remove(&mut self, issuer: &CertificateDer<'_>) -> usize {
        let Ok(issuer) = Certificate::parse(issuer) else {
            return 0;
        };
        let before = self.len();
        let lists = Arc::make_mut(&mut self.lists);
        if let Some(lists) = lists.get_mut(key::contents(issuer.public_key)) {
            lists.retain(|list| list.list.issuer() != issuer.subject);
        }
        lists.retain(|_key, lists| !lists.is_empty());
        before - self.len()
    }

    /// Removes all lists.
    pub fn clear(&mut self) {
        self.lists = Arc::default();
    }

    /// How many lists there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lists.values().map(Vec::len).sum()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lists.is_empty()
    }

    /// What the lists of its issuer, whose key is given without the SEQUENCE, say about a
    /// certificate.
    pub(crate) fn about(
        &self,
        certificate: &Certificate<'_>,
        position: Position,
        issuer_key: &[u8],
    ) -> Result<Listing, Fault> {
        let mut listing = Listing::Uncovered;
        for list in self.lists.get(issuer_key).into_iter().flatten() {
            if list.list.issuer() != certificate.issuer {
                continue;
            }
            if !matches!(list.list.find_serial(certificate.serial), Ok(None)) {
                return Ok(Listing::Revoked);
            }
            let point = list.list.issuing_distribution_point();
            if point::covers(point, certificate, position)? {
                listing = listing.or_covered(list.next_update);
            }
        }
        Ok(listing)
    }
}

impl List {
    /// Whether `other` is about the same certificates.
    fn is_replaced_by(&self, other: &Self) -> bool {
        let point = |list: &Self| list.list.issuing_distribution_point().map(<[u8]>::to_vec);
        self.list.issuer() == other.list.issuer() && point(self) == point(other)
    }
}

/// What the lists of an issuer say about a certificate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Listing {
    /// It has not been revoked. The last of the lists that say so is to be replaced then.
    Covered { next_update: UnixTime },
    /// It has been revoked.
    Revoked,
    /// There is no list about it.
    Uncovered,
}

impl Listing {
    fn or_covered(self, next_update: UnixTime) -> Self {
        match self {
            Self::Covered { next_update: other } => Self::Covered {
                next_update: next_update.max(other),
            },
            Self::Uncovered => Self::Covered { next_update },
            Self::Revoked => self,
        }
    }
}

/// What became of a list.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "there is no third")]
pub enum Added {
    /// It is the newest of its issuer and distribution point, and will be used.
    Newest,
    /// One that is as new or newer was there already, and stays.
    Outdated,
}

/// Why a revocation list cannot be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RevocationListError {
    /// It is not the DER of a revocation list with a number and a next update.
    #[error("the revocation list is malformed")]
    Malformed,
    /// It is not signed by the issuer that it names, or by a key that may not do so.
    #[error("the revocation list is not signed by a key of its issuer that may do so")]
    Signature,
    /// There are as many as there may be.
    #[error("there are {limit} revocation lists already")]
    TooMany {
        /// The limit.
        limit: usize,
    },
    /// None of the certificates is that of its issuer.
    #[error("the certificate of the issuer of the revocation list is missing")]
    UnknownIssuer,
    /// It lists changes only, or the certificates of others, or those revoked for some reasons.
    #[error("the revocation list is of a kind that is not supported")]
    Unsupported,
}

/// The key of the issuer that signed a list, without its SEQUENCE.
fn signer(
    der: &[u8],
    list: &CertRevocationList<'_>,
    issuers: &[CertificateDer<'_>],
    algorithms: &[&dyn SignatureVerificationAlgorithm],
) -> Result<Box<[u8]>, RevocationListError> {
    let mut error = RevocationListError::UnknownIssuer;
    for issuer in issuers {
        let Ok(issuer) = Certificate::parse(issuer) else {
            continue;
        };
        if issuer.subject != list.issuer() {
            continue;
        }
        error = RevocationListError::Signature;
        let may_sign = issuer.may_sign_lists().unwrap_or(false);
        if may_sign && is_list_of(der, issuer.public_key, algorithms) == Ok(true) {
            return Ok(key::contents(issuer.public_key).into());
        }
    }
    Err(error)
}

/// Whether the signature of a list is that of a key.
fn is_list_of(
    der: &[u8],
    public_key: &[u8],
    algorithms: &[&dyn SignatureVerificationAlgorithm],
) -> Result<bool, Fault> {
    let mut list = Reader::whole(der, SEQUENCE)?;
    let message = list.read_der()?;
    let algorithm = list.expect(SEQUENCE)?;
    let signature = list.expect(BIT_STRING)?;
    let signature = signature.strip_prefix(&[0]).ok_or(Fault::Malformed)?;
    Ok(algorithms
        .iter()
        .filter(|known| *known.signature_alg_id() == *algorithm)
        .any(|known| key::is_signed_by(public_key, *known, message, signature)))
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the other errors all say that the list is malformed"
)]
#[expect(
    clippy::needless_pass_by_value,
    reason = "the shape that map_err wants"
)]
fn unusable(error: webpki::Error) -> RevocationListError {
    match error {
        webpki::Error::UnsupportedCrlVersion
        | webpki::Error::UnsupportedCriticalExtension
        | webpki::Error::UnsupportedDeltaCrl
        | webpki::Error::UnsupportedIndirectCrl
        | webpki::Error::UnsupportedCrlIssuingDistributionPoint
        | webpki::Error::UnsupportedRevocationReasonsPartitioning => {
            RevocationListError::Unsupported
        }
        _ => RevocationListError::Malformed,
    }
}

/// The fields of a list that webpki does not tell.
struct Fields {
    number: Vec<u8>,
    this_update: UnixTime,
    next_update: UnixTime,
}

impl Fields {
    fn parse(der: &[u8]) -> Result<Self, Fault> {
        let mut outer = Reader::whole(der, SEQUENCE)?;
        let mut tbs = outer.open(SEQUENCE)?;
        tbs.optional(INTEGER)?;
        tbs.expect(SEQUENCE)?;
        tbs.expect(SEQUENCE)?;
        let this_update = time(&mut tbs)?;
        let next_update = time(&mut tbs)?;
        tbs.optional(SEQUENCE)?;
        let extensions = tbs.optional(constructed(0))?;
        Ok(Self {
            number: number(extensions)?,
            this_update,
            next_update,
        })
    }
}

/// The cRLNumber, written so that greater numbers compare greater; empty if there is none.
fn number(extensions: Option<&[u8]>) -> Result<Vec<u8>, Fault> {
    let Some(extensions) = extensions else {
        return Ok(Vec::new());
    };
    let mut list = Reader::whole(extensions, SEQUENCE)?;
    while !list.is_finished() {
        let mut extension = list.open(SEQUENCE)?;
        let id = extension.expect(OBJECT_IDENTIFIER)?;
        extension.optional(BOOLEAN)?;
        let value = extension.expect(OCTET_STRING)?;
        if id == CRL_NUMBER {
            return Ok(comparable(Reader::new(value).expect(INTEGER)?));
        }
    }
    Ok(Vec::new())
}

/// A positive INTEGER with its length in front; of 20 octets at most (RFC 5280 §5.2.3), or as if
/// it had been cut.
fn comparable(integer: &[u8]) -> Vec<u8> {
    let digits = integer.strip_prefix(&[0]).unwrap_or(integer);
    let length = u8::try_from(digits.len()).unwrap_or(u8::MAX);
    [&[length], digits].concat()
}

/// 2.5.29.20
const CRL_NUMBER: &[u8] = &[0x55, 0x1d, 20];

#[cfg(test)]
mod tests {
    use comity_testkit::mint::Ca;

    use super::*;

    #[test]
    fn the_number_of_lists_is_bounded() {
        let [root, last, other] = [("Root", 1), ("Last", 2), ("Other", 3)]
            .map(|(name, seed)| Ca::new(name, [seed; 32]).self_signed());
        let issuers = [&root, &last, &other].map(|issuer| issuer.certificate().into());
        let mut lists = RevocationLists::new();
        let add = |lists: &mut RevocationLists, list: Vec<u8>| {
            lists.add(&list, &issuers, webpki::ALL_VERIFICATION_ALGS)
        };
        assert_eq!(add(&mut lists, root.crl(1, 0, 9, &[])), Ok(Added::Newest));
        let own: Vec<_> = lists.lists.values().flatten().cloned().collect();
        let filling = own.iter().cycle().take(RevocationLists::MAX_LISTS - 2);
        let lists_by_key = Arc::make_mut(&mut lists.lists);
        lists_by_key.insert(Box::default(), filling.cloned().collect());
        let limit = RevocationLists::MAX_LISTS;
        let full = Err(RevocationListError::TooMany { limit });
        assert_eq!(lists.len(), limit - 1);
        assert_eq!(add(&mut lists, last.crl(1, 0, 9, &[])), Ok(Added::Newest));
        assert_eq!(lists.len(), limit);
        assert_eq!(add(&mut lists, other.crl(1, 0, 9, &[])), full);
        assert_eq!(add(&mut lists, root.crl(2, 0, 9, &[])), Ok(Added::Newest));
        assert_eq!(lists.len(), limit);
    }

    #[test]
    fn numbers_compare_by_their_value() {
        let numbers = [
            &[0][..],
            &[1],
            &[0x7f],
            &[0, 0x80],
            &[1, 0],
            &[1, 1],
            &[2, 0],
        ];
        let comparable: Vec<_> = numbers.into_iter().map(comparable).collect();
        assert!(comparable.is_sorted(), "{comparable:?}");
        assert!(Vec::new() < comparable[0]);
    }
}

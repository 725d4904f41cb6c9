use std::collections::BTreeMap;
use std::sync::Arc;

use rustls_pki_types::UnixTime;
use webpki::{CertRevocationList, OwnedCertRevocationList};

use crate::certificate::time;
use crate::tlv::{
    BOOLEAN, Fault, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, Reader, SEQUENCE, constructed,
};

/// Certificate revocation lists, the newest of each issuer (RFC 5280 §5).
///
/// The caller fetches them and says which are there; their signatures are checked when they are
/// used. Cloning shares the lists.
#[derive(Clone, Debug, Default)]
pub struct RevocationLists {
    lists: BTreeMap<Scope, List>,
}

/// What a list is about: one issuer, all of its certificates or those of one distribution point.
type Scope = (Box<[u8]>, Option<Box<[u8]>>);

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
    /// No lists.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a list in DER, unless a newer one of the same issuer and scope is there already.
    ///
    /// # Errors
    ///
    /// It is malformed, or of a kind that is not supported: delta and indirect lists, and those for
    /// some reasons only.
    pub fn add(&mut self, der: &[u8]) -> Result<Added, RevocationListError> {
        let list = OwnedCertRevocationList::from_der(der).map_err(unusable)?;
        let list = CertRevocationList::from(list);
        let fields = Fields::parse(der).map_err(|_fault| RevocationListError::Malformed)?;
        let scope = (
            Box::from(list.issuer()),
            list.issuing_distribution_point().map(Box::from),
        );
        let new = List {
            age: (fields.number, fields.this_update),
            list: Arc::new(list),
            next_update: fields.next_update,
        };
        match self.lists.get_mut(&scope) {
            Some(old) if old.age >= new.age => Ok(Added::Outdated),
            Some(old) => {
                *old = new;
                Ok(Added::Newest)
            }
            None => {
                self.lists.insert(scope, new);
                Ok(Added::Newest)
            }
        }
    }

    /// How many lists there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lists.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lists.is_empty()
    }

    pub(crate) fn all(&self) -> Vec<&CertRevocationList<'static>> {
        self.lists.values().map(|list| &*list.list).collect()
    }

    /// The lists of an issuer, given by its name without the SEQUENCE.
    fn of<'a>(&'a self, issuer: &'a [u8]) -> impl Iterator<Item = &'a List> {
        self.lists
            .iter()
            .filter(move |((name, _), _)| **name == *issuer)
            .map(|(_, list)| list)
    }

    /// Whether there is a list of the issuer.
    pub(crate) fn cover(&self, issuer: &[u8]) -> bool {
        self.of(issuer).next().is_some()
    }

    /// Whether a list of the issuer revokes the certificate with this serial number.
    pub(crate) fn revoke(&self, issuer: &[u8], serial: &[u8]) -> bool {
        self.of(issuer)
            .any(|list| matches!(list.list.find_serial(serial), Ok(Some(_))))
    }

    /// When the first of an issuer's lists is to be replaced.
    pub(crate) fn next_update(&self, issuer: &[u8]) -> Option<UnixTime> {
        self.of(issuer).map(|list| list.next_update).min()
    }
}

/// What became of a list.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "there is no third")]
pub enum Added {
    /// It is the newest of its issuer and scope, and will be used.
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
    /// It lists changes only, or the certificates of others, or those revoked for some reasons.
    #[error("the revocation list is of a kind that is not supported")]
    Unsupported,
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
    use super::*;

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

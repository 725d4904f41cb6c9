use crate::certificate::Certificate;
use crate::reason::Position;
use crate::tlv::{Fault, Reader, SEQUENCE, Tag, constructed, primitive};

/// Whether a list with this issuing distribution point, or none, is about a certificate of its
/// issuer (RFC 5280 §5.2.5 and §6.3.3).
///
/// A list of a point is about the certificates that name the point by the same URI, and about those
/// of CAs or of others alone if it says so. One without a point is about all.
pub(super) fn covers(
    point: Option<&[u8]>,
    certificate: &Certificate<'_>,
    position: Position,
) -> Result<bool, Fault> {
    let Some(point) = point else {
        return Ok(true);
    };
    let point = Point::parse(point)?;
    let excluded = match position {
        Position::Leaf => point.only_cas,
        Position::Issuer | Position::Anchor => point.only_users,
    };
    let Some(own) = certificate.crl_distribution_points()?.filter(|_| !excluded) else {
        return Ok(false);
    };
    let mut own = Reader::new(own);
    while !own.is_finished() {
        let mut fields = own.open(SEQUENCE)?;
        let name = fields.optional(DISTRIBUTION_POINT)?;
        // What follows says that the point has lists for some reasons, or of other issuers.
        if fields.is_finished() && shares_uri(name, point.name)? {
            return Ok(true);
        }
    }
    Ok(false)
}

struct Point<'a> {
    name: Option<&'a [u8]>,
    only_cas: bool,
    only_users: bool,
}

impl<'a> Point<'a> {
    fn parse(der: &'a [u8]) -> Result<Self, Fault> {
        let mut fields = Reader::whole(der, SEQUENCE)?;
        let mut point = Self {
            name: None,
            only_cas: false,
            only_users: false,
        };
        while !fields.is_finished() {
            match fields.read()? {
                (DISTRIBUTION_POINT, name) => point.name = Some(name),
                (ONLY_CONTAINS_CA_CERTS, value) => point.only_cas = value != [0],
                (ONLY_CONTAINS_USER_CERTS, value) => point.only_users = value != [0],
                _unread => {}
            }
        }
        Ok(point)
    }
}

/// Whether two distribution point names have a URI in common, byte for byte.
fn shares_uri(one: Option<&[u8]>, other: Option<&[u8]>) -> Result<bool, Fault> {
    let (Some(one), Some(other)) = (one, other) else {
        return Ok(false);
    };
    let known = uris(other)?;
    Ok(uris(one)?.iter().any(|uri| known.contains(uri)))
}

/// The first URIs of a DistributionPointName.
fn uris(name: &[u8]) -> Result<Vec<&[u8]>, Fault> {
    let Some(names) = Reader::new(name).optional(FULL_NAME)? else {
        return Ok(Vec::new());
    };
    let mut names = Reader::new(names);
    let mut uris = Vec::new();
    while !names.is_finished() && uris.len() < MAX_URIS {
        let (tag, value) = names.read()?;
        if tag == URI {
            uris.push(value);
        }
    }
    Ok(uris)
}

/// `distributionPoint`, of an IssuingDistributionPoint and of a DistributionPoint.
const DISTRIBUTION_POINT: Tag = constructed(0);
const FULL_NAME: Tag = constructed(0);
const ONLY_CONTAINS_CA_CERTS: Tag = primitive(2);
const ONLY_CONTAINS_USER_CERTS: Tag = primitive(1);
/// A GeneralName of the form uniformResourceIdentifier.
const URI: Tag = primitive(6);
/// Points have one URI or two; each of one is compared with each of the other.
const MAX_URIS: usize = 8;

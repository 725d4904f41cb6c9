//! Distribution points, of lists and of certificates.

use comity_testkit::mint::tlv;

/// The issuing distribution point of a list.
#[derive(Clone, Copy, Debug)]
pub(super) struct ListPoint {
    name: PointName,
    /// For the certificates of users, and of CAs; a default may be written.
    users: Option<bool>,
    cas: Option<bool>,
    other: Other,
    /// Whether the fields come from the last to the first.
    is_backwards: bool,
}

/// A distribution point that a certificate names.
#[derive(Clone, Copy, Debug)]
pub(super) struct CertificatePoint {
    name: PointName,
    /// Whether its lists are for some reasons only, or of another issuer.
    is_partial: bool,
    is_of_another: bool,
}

/// A DistributionPointName, or none.
#[derive(Clone, Copy, Debug)]
enum PointName {
    Absent,
    Full(&'static [GeneralName]),
    /// An attribute behind the name of the issuer.
    Relative,
}

#[derive(Clone, Copy, Debug)]
enum GeneralName {
    Uri(&'static str),
    Directory,
}

/// What else a list may say of itself.
#[derive(Clone, Copy, Debug)]
enum Other {
    Nothing,
    /// It is not indirect, which is the default.
    Direct,
    Indirect,
    SomeReasons,
    Attributes,
}

/// What becomes of a list with a point.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Used,
    Unsupported,
    Malformed,
}

impl ListPoint {
    pub(super) fn der(self) -> Vec<u8> {
        let flag = |tag, flag: Option<bool>| flag.map(|flag| tlv(tag, &[u8::from(flag) * 0xFF]));
        let other = match self.other {
            Other::Nothing => None,
            Other::Direct => Some(tlv(0x84, &[0])),
            Other::Indirect => Some(tlv(0x84, &[0xFF])),
            // keyCompromise.
            Other::SomeReasons => Some(tlv(0x83, &[6, 0x40])),
            Other::Attributes => Some(tlv(0x85, &[0xFF])),
        };
        let fields = [
            self.name.der(),
            flag(0x81, self.users),
            flag(0x82, self.cas),
            other,
        ];
        let mut fields: Vec<_> = fields.into_iter().flatten().collect();
        if self.is_backwards {
            fields.reverse();
        }
        tlv(SEQUENCE, &fields.concat())
    }

    /// Lists are used that have a name in full and all of the issuer's own certificates.
    pub(super) fn kind(self) -> Kind {
        match (self.other, self.name) {
            (Other::Attributes, _) => Kind::Malformed,
            (Other::Indirect | Other::SomeReasons, _)
            | (_, PointName::Absent | PointName::Relative) => Kind::Unsupported,
            (Other::Nothing | Other::Direct, PointName::Full(_)) => Kind::Used,
        }
    }

    /// Whether a list of this point is about a certificate with these points (RFC 5280 §6.3.3).
    pub(super) fn covers(self, points: &[CertificatePoint], is_ca: bool) -> bool {
        let excludes = if is_ca { self.users } else { self.cas };
        let named = |point: &CertificatePoint| {
            let own = point.name.uris();
            let shared = self
                .name
                .uris()
                .any(|uri| own.clone().any(|own| own == uri));
            shared && !point.is_partial && !point.is_of_another
        };
        excludes != Some(true) && points.iter().any(named)
    }
}

impl CertificatePoint {
    fn der(self) -> Vec<u8> {
        let reasons = self.is_partial.then(|| tlv(0x81, &[6, 0x40]));
        let issuer = self
            .is_of_another
            .then(|| tlv(0xA2, &GeneralName::Directory.der()));
        let fields = [self.name.der(), reasons, issuer];
        let fields: Vec<_> = fields.into_iter().flatten().collect();
        tlv(SEQUENCE, &fields.concat())
    }
}

/// The value of the extension that names distribution points.
pub(super) fn der_of(points: &[CertificatePoint]) -> Vec<u8> {
    let points: Vec<_> = points.iter().map(|point| point.der()).collect();
    tlv(SEQUENCE, &points.concat())
}

impl PointName {
    fn der(self) -> Option<Vec<u8>> {
        let name = match self {
            Self::Absent => return None,
            Self::Full(names) => {
                let names: Vec<_> = names.iter().map(|name| name.der()).collect();
                tlv(0xA0, &names.concat())
            }
            Self::Relative => tlv(0xA1, &common_name()),
        };
        Some(tlv(0xA0, &name))
    }

    /// The URIs that count: of many, the first.
    fn uris(self) -> impl Iterator<Item = &'static str> + Clone {
        let names = match self {
            Self::Full(names) => names,
            Self::Absent | Self::Relative => &[],
        };
        let uris = names.iter().filter_map(|name| match name {
            GeneralName::Uri(uri) => Some(*uri),
            GeneralName::Directory => None,
        });
        uris.take(8)
    }
}

impl GeneralName {
    fn der(self) -> Vec<u8> {
        match self {
            Self::Uri(uri) => tlv(0x86, uri.as_bytes()),
            Self::Directory => tlv(0xA4, &tlv(SEQUENCE, &tlv(SET, &common_name()))),
        }
    }
}

/// An AttributeTypeAndValue.
fn common_name() -> Vec<u8> {
    let pair = [tlv(6, &[0x55, 4, 3]), tlv(0x0C, b"Point")].concat();
    tlv(SEQUENCE, &pair)
}

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;

const ONE: PointName = PointName::Full(&[GeneralName::Uri("u:1")]);
const TWO: PointName = PointName::Full(&[
    GeneralName::Directory,
    GeneralName::Uri("u:0"),
    GeneralName::Uri("u:2"),
]);
const NO_URI: PointName = PointName::Full(&[GeneralName::Directory]);
const MANY: PointName = PointName::Full(&[
    GeneralName::Uri("u:10"),
    GeneralName::Uri("u:11"),
    GeneralName::Uri("u:12"),
    GeneralName::Uri("u:13"),
    GeneralName::Uri("u:14"),
    GeneralName::Uri("u:15"),
    GeneralName::Uri("u:16"),
    GeneralName::Uri("u:17"),
    GeneralName::Uri("u:1"),
]);

const fn list(name: PointName, users: Option<bool>, cas: Option<bool>, other: Other) -> ListPoint {
    ListPoint {
        name,
        users,
        cas,
        other,
        is_backwards: false,
    }
}

/// Points of lists; the lists that have none are as many as all others.
pub(super) const OF_LISTS: [ListPoint; 16] = [
    list(ONE, None, None, Other::Nothing),
    list(ONE, Some(true), None, Other::Nothing),
    list(ONE, None, Some(true), Other::Nothing),
    list(TWO, None, None, Other::Direct),
    ListPoint {
        is_backwards: true,
        ..list(TWO, Some(true), Some(false), Other::Direct)
    },
    list(TWO, Some(false), Some(true), Other::Nothing),
    list(NO_URI, None, None, Other::Nothing),
    list(MANY, None, None, Other::Nothing),
    // About nobody.
    list(ONE, Some(true), Some(true), Other::Nothing),
    list(PointName::Relative, None, None, Other::Nothing),
    list(PointName::Absent, Some(true), None, Other::Nothing),
    list(ONE, None, None, Other::Indirect),
    list(PointName::Absent, None, None, Other::Indirect),
    list(ONE, None, None, Other::SomeReasons),
    list(TWO, None, None, Other::Attributes),
    list(PointName::Absent, None, None, Other::Nothing),
];

const fn named(name: PointName) -> CertificatePoint {
    CertificatePoint {
        name,
        is_partial: false,
        is_of_another: false,
    }
}

/// Points of certificates; the first are those of a CA, the second of what it issues.
pub(super) const OF_CERTIFICATES: [&[CertificatePoint]; 5] = [
    &[named(ONE)],
    &[named(NO_URI), named(TWO)],
    // None of these is of the issuer, for all reasons, and has a URI.
    &[
        CertificatePoint {
            is_partial: true,
            ..named(ONE)
        },
        CertificatePoint {
            is_of_another: true,
            ..named(TWO)
        },
        CertificatePoint {
            is_of_another: true,
            ..named(PointName::Absent)
        },
        named(PointName::Relative),
        named(NO_URI),
    ],
    &[named(MANY)],
    &[],
];

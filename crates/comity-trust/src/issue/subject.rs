use std::fmt;

use comity_identity::DomainName;
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::der::asn1::{Any, ObjectIdentifier, PrintableStringRef, Utf8StringRef};
use x509_cert::der::{Decode, Encode};
use x509_cert::name::{Name, RelativeDistinguishedName};

use super::WriteError;

/// The subject of a certificate: who answers for it, for people to read (RFC 5280 §4.1.2.6).
///
/// Peers look at the subject alternative names; only old ones at the common name.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct SubjectName {
    /// The country, in two letters (ISO 3166).
    pub country: Option<String>,
    /// The state or province, in full.
    pub state: Option<String>,
    /// The city.
    pub locality: Option<String>,
    /// The organisation.
    pub organization: Option<String>,
    /// The part of it.
    pub unit: Option<String>,
    /// The host or domain.
    pub common_name: Option<String>,
}

/// What a kind of CA wants in a subject.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum CaProfile {
    /// Everything: country, state without abbreviation, locality, organisation, unit and a host
    /// name as the common name. CAs that check companies refuse what lacks one of them.
    Organization,
    /// Whatever can be encoded: a CA of one's own.
    Private,
    /// What public CAs take today: a unit is refused, and the common name is a host if it is there.
    Public,
}

impl SubjectName {
    /// Checks the subject before a CA does.
    ///
    /// # Errors
    ///
    /// All that the CA would object to.
    pub fn validate(&self, profile: CaProfile) -> Result<(), Vec<SubjectFault>> {
        let mut faults = self.faults_of_length();
        if self
            .country
            .as_deref()
            .is_some_and(|code| !is_country(code))
        {
            faults.push(SubjectFault::CountryNotTwoLetters);
        }
        match profile {
            CaProfile::Organization => {
                faults.extend(self.missing());
                if self.state.as_deref().is_some_and(is_abbreviated) {
                    faults.push(SubjectFault::StateAbbreviated);
                }
            }
            CaProfile::Public if self.unit.is_some() => faults.push(SubjectFault::UnitRefused),
            CaProfile::Private | CaProfile::Public => {}
        }
        let needs_host = profile != CaProfile::Private;
        let common_name = self.common_name.as_deref();
        if needs_host && common_name.is_some_and(|name| !is_host(name)) {
            faults.push(SubjectFault::CommonNameNotHost);
        }
        if faults.is_empty() {
            Ok(())
        } else {
            Err(faults)
        }
    }

    /// The attributes, in the order in which they are written, each with its upper bound in
    /// characters (RFC 5280 appendix A.1).
    fn attributes(&self) -> [(Attribute, Option<&str>); 6] {
        [
            (Attribute::Country, self.country.as_deref()),
            (Attribute::State, self.state.as_deref()),
            (Attribute::Locality, self.locality.as_deref()),
            (Attribute::Organization, self.organization.as_deref()),
            (Attribute::Unit, self.unit.as_deref()),
            (Attribute::CommonName, self.common_name.as_deref()),
        ]
    }

    fn missing(&self) -> impl Iterator<Item = SubjectFault> {
        let attributes = self.attributes().into_iter();
        let missing = attributes.filter(|(_, text)| text.is_none_or(|text| text.trim().is_empty()));
        missing.map(|(attribute, _)| SubjectFault::Missing(attribute))
    }

    fn faults_of_length(&self) -> Vec<SubjectFault> {
        let attributes = self.attributes().into_iter();
        let long = attributes.filter(|(attribute, text)| {
            text.is_some_and(|text| text.chars().count() > attribute.max_characters())
        });
        long.map(|(attribute, _)| SubjectFault::TooLong(attribute))
            .collect()
    }

    pub(super) fn to_name(&self) -> Result<Name, WriteError> {
        let mut sequence = Vec::new();
        for (attribute, text) in self.attributes() {
            if let Some(text) = text {
                let pair = AttributeTypeAndValue {
                    oid: attribute.oid(),
                    value: attribute.encode(text)?,
                };
                sequence.push(RelativeDistinguishedName::try_from(vec![pair])?);
            }
        }
        Ok(Name::from_der(&sequence.to_der()?)?)
    }
}

/// An attribute of a subject.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Attribute {
    /// CN
    CommonName,
    /// C
    Country,
    /// L
    Locality,
    /// O
    Organization,
    /// ST
    State,
    /// OU
    Unit,
}

impl Attribute {
    fn max_characters(self) -> usize {
        match self {
            Self::Country => 2,
            Self::CommonName | Self::Organization | Self::Unit => 64,
            Self::Locality | Self::State => 128,
        }
    }

    /// A country is a PrintableString (RFC 5280 appendix A.1), the others are in UTF-8.
    fn encode(self, text: &str) -> Result<Any, WriteError> {
        let too_long = text.chars().count() > self.max_characters();
        if text.is_empty() || too_long || text.contains(char::is_control) {
            return Err(WriteError::Encoding);
        }
        Ok(match self {
            Self::Country => Any::encode_from(&PrintableStringRef::new(text)?)?,
            Self::CommonName | Self::Locality | Self::Organization | Self::State | Self::Unit => {
                Any::encode_from(&Utf8StringRef::new(text)?)?
            }
        })
    }

    fn oid(self) -> ObjectIdentifier {
        ObjectIdentifier::new_unwrap(match self {
            Self::CommonName => "2.5.4.3",
            Self::Country => "2.5.4.6",
            Self::Locality => "2.5.4.7",
            Self::State => "2.5.4.8",
            Self::Organization => "2.5.4.10",
            Self::Unit => "2.5.4.11",
        })
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CommonName => "common name (CN)",
            Self::Country => "country (C)",
            Self::Locality => "locality (L)",
            Self::Organization => "organisation (O)",
            Self::State => "state or province (ST)",
            Self::Unit => "organisational unit (OU)",
        })
    }
}

/// What a CA would object to in a subject.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SubjectFault {
    /// The common name is no host name.
    #[error("the common name is not a host name")]
    CommonNameNotHost,
    /// The country is not a code of two letters.
    #[error("the country is not a code of two capital letters")]
    CountryNotTwoLetters,
    /// An attribute is missing.
    #[error("the subject has no {0}")]
    Missing(Attribute),
    /// The state is abbreviated.
    #[error("the state or province is abbreviated")]
    StateAbbreviated,
    /// An attribute is longer than X.509 allows.
    #[error("the {0} is longer than a certificate may have it")]
    TooLong(Attribute),
    /// Public CAs no longer certify organisational units.
    #[error("public CAs refuse an organisational unit")]
    UnitRefused,
}

fn is_country(code: &str) -> bool {
    code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// Whether a state is written as a code, such as `CA` or `N.Y.`.
fn is_abbreviated(state: &str) -> bool {
    let letters = state.chars().filter(|c| c.is_alphanumeric()).count();
    letters <= 3 || state.ends_with('.')
}

/// Whether the text is a fully qualified host name, or a wildcard of one.
fn is_host(name: &str) -> bool {
    let plain = name.strip_prefix("*.").unwrap_or(name);
    plain.contains('.') && !plain.ends_with('.') && DomainName::parse(plain).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> SubjectName {
        SubjectName {
            country: Some("US".to_owned()),
            state: Some("California".to_owned()),
            locality: Some("San Jose".to_owned()),
            organization: Some("Example".to_owned()),
            unit: Some("Federation".to_owned()),
            common_name: Some("im.example.com".to_owned()),
        }
    }

    #[test]
    fn a_full_subject_suits_a_ca_that_checks_companies() {
        assert_eq!(full().validate(CaProfile::Organization), Ok(()));
        assert_eq!(full().validate(CaProfile::Private), Ok(()));
        assert_eq!(
            full().validate(CaProfile::Public),
            Err(vec![SubjectFault::UnitRefused])
        );
    }

    #[test]
    fn everything_that_is_missing_is_told() {
        let blank = SubjectName {
            locality: Some(" ".to_owned()),
            ..SubjectName::default()
        };
        let all = [
            Attribute::Country,
            Attribute::State,
            Attribute::Locality,
            Attribute::Organization,
            Attribute::Unit,
            Attribute::CommonName,
        ];
        assert_eq!(
            blank.validate(CaProfile::Organization),
            Err(all.map(SubjectFault::Missing).to_vec())
        );
        assert_eq!(blank.validate(CaProfile::Private), Ok(()));
        assert_eq!(blank.validate(CaProfile::Public), Ok(()));
    }

    #[test]
    fn each_attribute_has_its_rule() {
        type Change = fn(&mut SubjectName);
        let cases: [(Change, SubjectFault); 8] = [
            (
                |subject| subject.country = Some("us".to_owned()),
                SubjectFault::CountryNotTwoLetters,
            ),
            (
                |subject| subject.country = Some("U".to_owned()),
                SubjectFault::CountryNotTwoLetters,
            ),
            (
                |subject| subject.state = Some("CA".to_owned()),
                SubjectFault::StateAbbreviated,
            ),
            (
                |subject| subject.state = Some("Calif.".to_owned()),
                SubjectFault::StateAbbreviated,
            ),
            (
                |subject| subject.common_name = Some("im server".to_owned()),
                SubjectFault::CommonNameNotHost,
            ),
            (
                |subject| subject.common_name = Some("im".to_owned()),
                SubjectFault::CommonNameNotHost,
            ),
            (
                |subject| subject.organization = Some("o".repeat(65)),
                SubjectFault::TooLong(Attribute::Organization),
            ),
            (
                |subject| subject.locality = Some("l".repeat(129)),
                SubjectFault::TooLong(Attribute::Locality),
            ),
        ];
        for (change, fault) in cases {
            let mut subject = full();
            change(&mut subject);
            assert_eq!(
                subject.validate(CaProfile::Organization),
                Err(vec![fault]),
                "{subject:?}"
            );
        }
        assert_eq!(
            SubjectFault::Missing(Attribute::State).to_string(),
            "the subject has no state or province (ST)"
        );
    }

    #[test]
    fn a_subject_that_cannot_be_written_is_an_error() {
        assert_eq!(full().to_name().unwrap().len(), 6);
        assert!(SubjectName::default().to_name().unwrap().is_empty());
        for text in ["", "a\nb", &"x".repeat(65)] {
            let subject = SubjectName {
                common_name: Some(text.to_owned()),
                ..SubjectName::default()
            };
            assert_eq!(subject.to_name(), Err(WriteError::Encoding), "{text:?}");
        }
        let subject = SubjectName {
            country: Some("\u{d6}S".to_owned()),
            ..SubjectName::default()
        };
        assert_eq!(subject.to_name(), Err(WriteError::Encoding));
    }
}

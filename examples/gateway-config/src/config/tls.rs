//! What we present and whom we believe: `[tls]` and `[trust]`.

use comity_identity::{DomainName, Host};
use comity_trust::Fingerprint;

use super::problem::Problem;
use super::read::{DOMAIN, HOST};
use super::source::{FileAt, Section, Source};

/// What we present and whom we believe.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Tls {
    /// What we present to who connects to us.
    pub inbound: Option<IdentityFiles>,
    /// What we present where we connect to; that of `inbound` if there is none.
    pub outbound: Option<IdentityFiles>,
    /// What we present as one of our domains.
    pub domains: Vec<DomainIdentity>,
    /// Whom XMPP believes.
    pub xmpp: TrustFiles,
    /// Whom SIP believes.
    pub sip: TrustFiles,
}

/// The files of a certificate with its chain, and of its key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IdentityFiles {
    /// The certificate and those above it, in PEM.
    pub chain: FileAt,
    /// The private key, in PEM.
    pub key: FileAt,
}

/// A certificate for one of our domains.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DomainIdentity {
    /// The domain.
    pub name: DomainName,
    /// In which direction it is presented.
    pub usage: Usage,
    /// Where it is.
    pub files: IdentityFiles,
}

/// In which direction a certificate is presented.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Usage {
    /// In both.
    #[default]
    Both,
    /// To who connects to us.
    Inbound,
    /// Where we connect to.
    Outbound,
}

impl Usage {
    /// Whether it is presented to who connects to us.
    #[must_use]
    pub fn is_inbound(self) -> bool {
        match self {
            Self::Both | Self::Inbound => true,
            Self::Outbound => false,
        }
    }

    /// Whether it is presented where we connect to.
    #[must_use]
    pub fn is_outbound(self) -> bool {
        match self {
            Self::Both | Self::Outbound => true,
            Self::Inbound => false,
        }
    }
}

/// Whom a protocol believes.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TrustFiles {
    /// Certificates of CAs, in PEM.
    pub anchors: Vec<FileAt>,
    /// Revocation lists, in PEM or DER.
    pub revocation_lists: Vec<FileAt>,
    /// What is believed as it is.
    pub pins: Vec<Pin>,
}

/// A certificate or key that is believed as it is, for some hosts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pin {
    /// What is believed.
    pub kind: PinKind,
    /// For whom.
    pub subjects: Vec<Host>,
}

/// What a pin is of.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PinKind {
    /// A certificate, in PEM.
    Certificate(FileAt),
    /// Of the SubjectPublicKeyInfo.
    Key(Fingerprint),
}

pub(super) fn read<'t>(source: &mut Source<'t>, root: &Section<'_, 't>) -> Tls {
    let mut all = Tls::default();
    if let Some(section) = source.section(root, "tls") {
        source.know(&section, &["domains", "inbound", "outbound"]);
        all.inbound = direction(source, &section, "inbound");
        all.outbound = direction(source, &section, "outbound");
        for table in source.sections(&section, "domains") {
            source.know(&table, &["chain", "direction", "key", "name"]);
            let remedy = "name the domain of ours that the certificate is for";
            let name = source.required(&table, "name", DOMAIN, remedy);
            let words = &["both", "inbound", "outbound"];
            let usage = match source.word(&table, "direction", words) {
                Some("inbound") => Usage::Inbound,
                Some("outbound") => Usage::Outbound,
                Some(_) | None => Usage::Both,
            };
            let files = identity(source, &table);
            all.domains
                .extend(
                    name.zip(files)
                        .map(|(name, files)| DomainIdentity { name, usage, files }),
                );
        }
    }
    if let Some(section) = source.section(root, "trust") {
        source.know(&section, &["sip", "xmpp"]);
        all.xmpp = trust(source, &section, "xmpp");
        all.sip = trust(source, &section, "sip");
    }
    all
}

fn direction<'t>(
    source: &mut Source<'t>,
    tls: &Section<'_, 't>,
    key: &str,
) -> Option<IdentityFiles> {
    let section = source.section(tls, key)?;
    source.know(&section, &["chain", "key"]);
    identity(source, &section)
}

fn identity<'t>(source: &mut Source<'t>, section: &Section<'_, 't>) -> Option<IdentityFiles> {
    for (key, remedy) in [
        (
            "chain",
            "name the PEM file of the certificate and those above it",
        ),
        ("key", "name the PEM file of the private key"),
    ] {
        source.need(section, key, remedy);
    }
    let chain = source.file(section, "chain");
    let key = source.file(section, "key");
    Some(IdentityFiles {
        chain: chain?,
        key: key?,
    })
}

fn trust<'t>(source: &mut Source<'t>, above: &Section<'_, 't>, key: &str) -> TrustFiles {
    let mut files = TrustFiles::default();
    let Some(section) = source.section(above, key) else {
        return files;
    };
    source.know(&section, &["anchors", "pins", "revocation-lists"]);
    files.anchors = source.files(&section, "anchors");
    files.revocation_lists = source.files(&section, "revocation-lists");
    for table in source.sections(&section, "pins") {
        files.pins.extend(pin(source, &table));
    }
    files
}

fn pin<'t>(source: &mut Source<'t>, section: &Section<'_, 't>) -> Option<Pin> {
    source.know(section, &["certificate", "key-sha256", "subjects"]);
    let certificate = source.file(section, "certificate");
    let hash = source.text(section, "key-sha256");
    let remedy = "list whom it may prove: a pin is for named hosts alone";
    source.need(section, "subjects", remedy);
    let subjects = source.list::<Host>(section, "subjects", HOST);
    let kind = match (certificate, hash) {
        (Some(file), None) => PinKind::Certificate(file),
        (None, Some(hash)) => PinKind::Key(fingerprint(source, section, hash)?),
        (None, None) => {
            let remedy = "name the PEM file of the certificate, or write key-sha256";
            source.need(section, "certificate", remedy);
            return None;
        }
        (Some(_), Some(_)) => {
            let line = source.line(section, "key-sha256");
            let problem = Problem::Duplicate("certificate and key-sha256".to_owned());
            source.fail(line, section.key("key-sha256"), problem);
            return None;
        }
    };
    Some(Pin {
        kind,
        subjects: subjects.into_iter().map(|one| one.value).collect(),
    })
}

fn fingerprint<'t>(
    source: &mut Source<'t>,
    section: &Section<'_, 't>,
    text: &str,
) -> Option<Fingerprint> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .filter(|c| *c != ':')
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    let bytes: Option<[u8; 32]> = digits
        .filter(|digits| digits.len() == 64)
        .and_then(|digits| {
            let pairs = digits.chunks_exact(2);
            let bytes: Vec<u8> = pairs
                .map(|pair| pair.iter().fold(0, |sum, d| sum << 4 | d))
                .collect();
            bytes.try_into().ok()
        });
    if bytes.is_none() {
        let line = source.line(section, "key-sha256");
        let problem = Problem::Malformed {
            text: super::source::shown(text),
            expected: "a SHA-256 fingerprint",
            reason: "write 64 hexadecimal digits, with or without colons".to_owned(),
        };
        source.fail(line, section.key("key-sha256"), problem);
    }
    bytes.map(Fingerprint::Sha256)
}

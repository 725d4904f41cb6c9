//! The certificates.

use comity_testkit::mint::{Ca, Identity, Leaf, Name};
use comity_trust::CertificateDer;

/// A peer's certificates, and the root that the path leads to.
#[derive(Debug)]
pub(crate) struct Chain {
    /// The peer's own certificate, and for the chains with an intermediate also that.
    pub(crate) presented: Vec<CertificateDer<'static>>,
    pub(crate) root: CertificateDer<'static>,
}

/// A leaf with [`names`] and an intermediate, all with keys on P-256.
pub(crate) fn ecdsa() -> Chain {
    let root = Ca::new("P-256 Root", [1; 32]).self_signed();
    let intermediate = root.delegate(&Ca::new("P-256 Intermediate", [2; 32]));
    let peer = intermediate.issue(&names(Leaf::new([3; 32])));
    Chain {
        presented: presented(peer),
        root: root.certificate().to_vec().into(),
    }
}

/// The same with RSA keys of 2,048 bits.
pub(crate) fn rsa() -> Chain {
    let [leaf, intermediate, root] = [
        &include_bytes!("../data/leaf.der")[..],
        include_bytes!("../data/intermediate.der"),
        include_bytes!("../data/root.der"),
    ];
    Chain {
        presented: vec![leaf.into(), intermediate.into()],
        root: root.into(),
    }
}

/// A leaf with the names [`hosted`] and an intermediate that is constrained to so many domains.
pub(crate) fn constrained(names: usize, domains: usize) -> Chain {
    let root = Ca::new("Root", [6; 32]).self_signed();
    let others = (1..domains).map(|number| format!("customer-{number:04}.example"));
    let constrained = others
        .chain(["example".to_owned()])
        .fold(Ca::new("Constrained", [7; 32]), |ca, domain| {
            ca.permit(Name::Dns(domain))
        });
    let peer = root.delegate(&constrained).issue(&many_names(names));
    Chain {
        presented: presented(peer),
        root: root.certificate().to_vec().into(),
    }
}

/// A self-signed certificate with [`names`].
pub(crate) fn seven_names() -> CertificateDer<'static> {
    self_signed(&names(Leaf::new([4; 32])))
}

/// A self-signed certificate with the names [`hosted`].
pub(crate) fn self_signed_with(count: usize) -> CertificateDer<'static> {
    self_signed(&many_names(count))
}

fn many_names(count: usize) -> Leaf {
    hosted(count).fold(Leaf::new([5; 32]), |leaf, name| leaf.dns(&name))
}

/// So many domains, [`DOMAIN`] the last.
pub(crate) fn hosted(count: usize) -> impl Iterator<Item = String> {
    let others = (1..count).map(|number| format!("host-{number:04}.hosted.example"));
    others.chain([DOMAIN.to_owned()])
}

/// The certificate with extended key usages that are a SET and no SEQUENCE.
pub(crate) fn with_broken_purposes(certificate: &[u8]) -> CertificateDer<'static> {
    // 2.5.29.37 and the OCTET STRING.
    let place = [6, 3, 0x55, 0x1d, 0x25, 4, 22, SEQUENCE];
    let mut found = certificate.windows(place.len());
    let place = found.position(|bytes| bytes == place).expect("purposes") + place.len() - 1;
    let (before, behind) = certificate.split_at(place);
    [before, &[SET], &behind[1..]].concat().into()
}

/// Adds the seven names that every server may have.
fn names(leaf: Leaf) -> Leaf {
    leaf.dns(DOMAIN)
        .dns("conference.chat.example")
        .dns("*.chat.example")
        .srv("_xmpp-server.chat.example")
        .xmpp(DOMAIN)
        .uri("sip:chat.example")
        .ip([192, 0, 2, 1])
}

fn self_signed(leaf: &Leaf) -> CertificateDer<'static> {
    presented(leaf.self_signed()).swap_remove(0)
}

fn presented(identity: Identity) -> Vec<CertificateDer<'static>> {
    identity.chain.into_iter().map(Into::into).collect()
}

/// Who the peer is.
pub(crate) const DOMAIN: &str = "chat.example";

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;

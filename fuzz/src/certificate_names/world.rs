//! Who is believed, and the certificates to start from.

use std::sync::OnceLock;

use comity_testkit::mint::{Authority, Ca, Leaf, Name, tlv};
use comity_trust::{CertificateDer, Policy, public_key};

use super::model::Names;

pub(crate) struct World {
    /// A CA that is believed.
    pub(crate) root: Authority,
    /// A CA below it that may vouch for what lies in `partner.example`.
    pub(crate) constrained: Authority,
    /// Certificates that the root issued.
    pub(crate) leaves: Vec<Vec<u8>>,
    /// The certificate of an intermediate, and one that it issued.
    pub(crate) issuer: Vec<u8>,
    pub(crate) below: Vec<u8>,
    /// The SubjectPublicKeyInfo of some key.
    public_key: Vec<u8>,
}

impl World {
    /// The rules of a site that believes the root.
    pub(crate) fn policy(&self) -> Policy {
        let mut policy = Policy::new(webpki::ALL_VERIFICATION_ALGS);
        let anchor = self.root.certificate().into();
        policy.store.add_anchor(&anchor).expect("a CA");
        policy
    }

    /// A certificate that nobody has signed.
    pub(crate) fn unsigned(&self, names: &Names) -> CertificateDer<'static> {
        let general_names = names.der();
        let has_names = !names.alternatives.is_empty();
        self.unsigned_with(
            has_names.then_some(&general_names),
            names.common_name.as_deref(),
        )
    }

    /// The same with any bytes for GeneralNames.
    pub(crate) fn unsigned_with(
        &self,
        general_names: Option<&Vec<u8>>,
        common_name: Option<&[u8]>,
    ) -> CertificateDer<'static> {
        let attribute = common_name.map(|name| {
            let pair = [tlv(6, &[0x55, 4, 3]), tlv(0x0C, name)].concat();
            tlv(SET, &tlv(SEQUENCE, &pair))
        });
        let extensions = general_names.map(|names| (17, tlv(SEQUENCE, names)));
        self.described(&Described {
            subject: &attribute.unwrap_or_default(),
            not_after: tlv(0x17, b"400101000000Z"),
            extensions: extensions.into_iter().collect(),
        })
    }

    /// A certificate that nobody has signed and that says this of itself.
    pub(crate) fn described(&self, described: &Described<'_>) -> CertificateDer<'static> {
        let subject = tlv(SEQUENCE, described.subject);
        let algorithm = tlv(SEQUENCE, &tlv(6, ECDSA_WITH_SHA256));
        let validity = [&tlv(0x17, b"200101000000Z")[..], &described.not_after].concat();
        let extensions = described.extensions.iter().map(|(id, value)| {
            let extension = [tlv(6, &[0x55, 0x1D, *id]), tlv(4, value)].concat();
            tlv(SEQUENCE, &extension)
        });
        let extensions = extensions.collect::<Vec<_>>().concat();
        let body = [
            tlv(0xA0, &tlv(2, &[2])),
            tlv(2, &[1]),
            algorithm.clone(),
            subject.clone(),
            tlv(SEQUENCE, &validity),
            subject,
            self.public_key.clone(),
            match extensions.is_empty() {
                true => Vec::new(),
                false => tlv(0xA3, &tlv(SEQUENCE, &extensions)),
            },
        ];
        let signature = tlv(3, &[0; 9]);
        let certificate = [tlv(SEQUENCE, &body.concat()), algorithm, signature];
        tlv(SEQUENCE, &certificate.concat()).into()
    }
}

/// What a certificate says of itself, each in DER.
pub(crate) struct Described<'a> {
    /// Attributes of the name of subject and issuer.
    pub(crate) subject: &'a [u8],
    pub(crate) not_after: Vec<u8>,
    /// Extensions by their last number below 2.5.29.
    pub(crate) extensions: Vec<(u8, Vec<u8>)>,
}

pub(crate) fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let root = Ca::new("Fuzz", [1; 32]).self_signed();
        let partner = Name::Dns("partner.example".to_owned());
        let constrained = Ca::new("Constrained", [8; 32]).permit(partner);
        let leaf = |leaf: Leaf| root.issue(&leaf).chain.swap_remove(0);
        let leaves = vec![
            leaf(Leaf::new([2; 32]).dns("b.example")),
            leaf(Leaf::new([3; 32]).srv("_xmpp-server.b.example")),
            leaf(Leaf::new([4; 32]).dns("*.b.example")),
            leaf(
                Leaf::new([5; 32])
                    .common_name("b.example")
                    .xmpp("b.example")
                    .uri("sip:b.example")
                    .ip([192, 0, 2, 1])
                    .dns("c.example")
                    .srv("_xmpp-client.b.example"),
            ),
        ];
        let issuer = root.delegate(&Ca::new("Issuer", [6; 32]));
        let below = issuer.issue(&Leaf::new([7; 32]).dns("b.example"));
        let [below, issuer] = below.chain.try_into().expect("two certificates");
        let key = public_key(&below.as_slice().into())
            .expect("a certificate")
            .to_vec();
        World {
            constrained: root.delegate(&constrained),
            root,
            leaves,
            issuer,
            below,
            public_key: key,
        }
    })
}

/// 1.2.840.10045.4.3.2
const ECDSA_WITH_SHA256: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 4, 3, 2];
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;

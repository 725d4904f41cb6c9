use std::sync::OnceLock;
use std::time::Duration;

use comity_identity::DomainName;
use comity_testkit::mint::{self, Authority, Ca, Leaf, Name, tlv};
use comity_trust::{
    CertificateDer, Policy, Reason, Reference, Role, Service, TrustStore, UnixTime, Verdict,
    evaluate,
};

use crate::program::Program;

/// Judges certificates that a peer may present, where one CA is believed.
///
/// The first byte chooses what the rest is: the peer's certificate, the certificate of its issuer,
/// or the subject alternative names of a certificate that the CA issues. Only what the CA signed is
/// trusted, and only for a domain that is spelled out in it.
pub fn certificate_names(data: &[u8]) {
    let mut program = Program::new(data);
    let mode = program.byte();
    let bytes = program.rest();
    let world = world();
    match mode & 3 {
        0 | 1 => {
            let trusted = judge(&[bytes], mode);
            let known = world.leaves.iter().any(|leaf| leaf == bytes);
            assert!(known || !trusted, "the certificate was changed");
            let _refused = TrustStore::new().add_anchor(&bytes.into());
        }
        2 => {
            let trusted = judge(&[&world.below, bytes], mode);
            let known = bytes == world.issuer;
            assert!(known || !trusted, "the issuer was changed");
        }
        _ => {
            let names = Name::Raw(bytes.to_vec());
            let leaf = world.root.issue(&Leaf::new([9; 32]).name(names));
            let leaf = leaf.chain.first().expect("a leaf");
            let trusted = judge(&[leaf], mode);
            assert!(!trusted || names_domain(bytes), "a name that is not there");
        }
    }
}

/// The certificates that this target starts from, each with its first byte of input.
#[must_use]
pub fn seed_chains() -> Vec<(&'static str, Vec<u8>)> {
    let world = world();
    let input = |mode: u8, bytes: &[u8]| [&[mode], bytes].concat();
    let leaves = ["dns", "srv", "wildcard", "mixed"];
    let mut seeds: Vec<_> = leaves
        .into_iter()
        .zip(&world.leaves)
        .map(|(name, leaf)| (name, input(0, leaf)))
        .collect();
    seeds.push(("issuer", input(2, &world.issuer)));
    seeds.push(("root", input(0, world.root.certificate())));
    let dns = tlv(0x82, b"b.example");
    let wildcard = tlv(0x82, b"*.example");
    let service = [
        b"\x06\x08\x2B\x06\x01\x05\x05\x07\x08\x07",
        &*tlv(0xA0, &tlv(0x16, b"_xmpp-server.b.example")),
    ]
    .concat();
    let address = tlv(0x87, &[192, 0, 2, 1]);
    let names = [&*dns, &*wildcard, &*tlv(0xA0, &service), &*address].concat();
    seeds.push(("names", input(3, &names)));
    seeds.push(("name", input(3, &dns)));
    seeds
}

/// Whether the chain is trusted for the domain.
fn judge(chain: &[&[u8]], mode: u8) -> bool {
    let chain: Vec<_> = chain.iter().map(|der| CertificateDer::from(*der)).collect();
    let role = if mode & 4 == 0 {
        Role::Server
    } else {
        Role::Client
    };
    let reference = if mode & 8 == 0 {
        Reference::service(domain(), Service::XmppServer)
    } else {
        Reference::dns(domain())
    };
    let now = UnixTime::since_unix_epoch(Duration::from_secs(NOW));
    let policy = &world().policy;
    match evaluate(&chain, now, role, &reference, policy) {
        Verdict::Trusted(trusted) => {
            assert_eq!(*trusted.domain(), domain());
            assert!(trusted.valid_until() >= now);
            assert!(trusted.valid_until().as_secs() <= mint::NOT_AFTER);
            true
        }
        Verdict::Refused(reason) => {
            let text = reason.to_string();
            assert!(text.len() <= Reason::MAX_TEXT_BYTES, "{text}");
            assert!(!text.contains(char::is_control), "{text:?}");
            false
        }
    }
}

/// Whether a name of the domain stands in the bytes, in any case.
fn names_domain(bytes: &[u8]) -> bool {
    let bytes = bytes.to_ascii_lowercase();
    ["b.example", "*.example"].into_iter().any(|name| {
        let name = name.as_bytes();
        bytes.windows(name.len()).any(|window| window == name)
    })
}

fn domain() -> DomainName {
    "b.example".parse().expect("a domain name")
}

struct World {
    root: Authority,
    policy: Policy,
    /// Certificates that the root issued.
    leaves: Vec<Vec<u8>>,
    /// The certificate of an intermediate, and one that it issued.
    issuer: Vec<u8>,
    below: Vec<u8>,
}

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let root = Ca::new("Fuzz", [1; 32]).self_signed();
        let mut policy = Policy::new(webpki::ALL_VERIFICATION_ALGS);
        let anchor = root.certificate().into();
        policy.store.add_anchor(&anchor).expect("a CA");
        let leaf = |leaf: Leaf| root.issue(&leaf).chain.swap_remove(0);
        let leaves = vec![
            leaf(Leaf::new([2; 32]).dns("b.example")),
            leaf(Leaf::new([3; 32]).srv("_xmpp-server.b.example")),
            leaf(Leaf::new([4; 32]).dns("*.example")),
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
        World {
            root,
            policy,
            leaves,
            issuer,
            below,
        }
    })
}

/// 2027-01-15T08:00:00Z
const NOW: u64 = 1_800_000_000;

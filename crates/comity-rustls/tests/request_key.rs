//! Keys of rustls that sign requests.
#![cfg(test)]
#![cfg(all(feature = "issue", any(feature = "ring", feature = "aws-lc-rs")))]

use comity_rustls::{Identity, RequestKey, default_provider, signature_algorithms};
use comity_testkit::mint::Leaf;
use comity_trust::issue::{Key, Request, SubjectName};
use comity_trust::{Identifier, is_signed_by};
use rustls::pki_types::PrivateKeyDer;

/// Splits the first DER value off: its bytes, its contents, and the rest.
fn value(der: &[u8]) -> (&[u8], &[u8], &[u8]) {
    let (head, length) = match der[1] {
        0x81 => (3, usize::from(der[2])),
        short if short < 0x80 => (2, usize::from(short)),
        _two => (4, usize::from(der[2]) << 8 | usize::from(der[3])),
    };
    let (whole, rest) = der.split_at(head + length);
    (whole, &whole[head..], rest)
}

/// Whether a request is signed by the key, by the algorithm that it names.
fn is_signed(csr: &[u8], public_key: &[u8]) -> bool {
    let (_, request, _) = value(csr);
    let (message, _, rest) = value(request);
    let (_, algorithm, rest) = value(rest);
    let (_, signature, rest) = value(rest);
    assert_eq!((rest, signature[0]), (&[][..], 0));
    signature_algorithms(&default_provider())
        .iter()
        .filter(|known| *known.signature_alg_id() == *algorithm)
        .any(|known| is_signed_by(public_key, *known, message, &signature[1..]))
}

fn request() -> Request {
    let names = vec![Identifier::Srv("_xmpp-server.a.example".into())];
    Request::new(SubjectName::default(), names)
}

#[test]
fn the_key_of_an_identity_signs_its_request() {
    let own = Leaf::new([1; 32]).dns("a.example").self_signed();
    let other = Leaf::new([2; 32]).dns("a.example").self_signed();
    let keys = [own, other].map(|own| {
        let (chain, key) = (own.chain_pem(), own.key_pem());
        let identity = Identity::from_pem(chain.as_bytes(), key.as_bytes(), &default_provider());
        RequestKey::from(&identity.unwrap())
    });
    let csr = request().csr(&keys[0]).unwrap();
    assert!(is_signed(&csr, &keys[0].public_key().unwrap()));
    assert!(!is_signed(&csr, &keys[1].public_key().unwrap()));
}

#[test]
fn an_ed25519_key_signs_a_request() {
    // PKCS#8 version 1: the OID 1.3.101.112 and the seed.
    let head = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";
    let pkcs8 = [&head[..], &[7; 32]].concat();
    let key = PrivateKeyDer::Pkcs8(pkcs8.into());
    let key = default_provider().key_provider.load_private_key(key);
    let key = RequestKey::new(key.unwrap());
    let csr = request().csr(&key).unwrap();
    assert!(is_signed(&csr, &key.public_key().unwrap()));
}

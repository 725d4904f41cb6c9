use rustls_pki_types::{SignatureVerificationAlgorithm, SubjectPublicKeyInfoDer};
use webpki::RawPublicKeyEntity;

use crate::tlv::{BIT_STRING, Fault, INTEGER, OBJECT_IDENTIFIER, Reader, SEQUENCE};

/// The length of the modulus in bits if the key is RSA, `None` if it is of another kind
/// (RFC 8017 appendix A.1.1).
///
/// The argument is a SubjectPublicKeyInfo with its SEQUENCE.
pub(crate) fn rsa_bits(public_key: &[u8]) -> Result<Option<usize>, Fault> {
    let mut info = Reader::whole(public_key, SEQUENCE)?;
    let mut algorithm = info.open(SEQUENCE)?;
    let id = algorithm.expect(OBJECT_IDENTIFIER)?;
    if id != RSA_ENCRYPTION && id != RSASSA_PSS {
        return Ok(None);
    }
    let key = info.expect(BIT_STRING)?;
    let (unused_bits, key) = key.split_first().ok_or(Fault::Malformed)?;
    if *unused_bits != 0 {
        return Err(Fault::Malformed);
    }
    let mut key = Reader::whole(key, SEQUENCE)?;
    let modulus = key.expect(INTEGER)?;
    let (first, octets) = match modulus {
        [0] => return Ok(Some(0)),
        // Positive, and no zero in front that the sign does not need (X.690 §8.3.2).
        [0, first @ 0x80..=0xff, ..] => (first, modulus.len() - 1),
        [first @ 1..0x80, ..] => (first, modulus.len()),
        _other => return Err(Fault::Malformed),
    };
    let leading_zeros = usize::try_from(first.leading_zeros()).unwrap_or(0);
    Ok(Some(octets * 8 - leading_zeros))
}

/// A SubjectPublicKeyInfo without its SEQUENCE; empty if it is malformed.
pub(crate) fn contents(public_key: &[u8]) -> &[u8] {
    Reader::new(public_key).expect(SEQUENCE).unwrap_or_default()
}

/// Whether a signature is that of a key, by an algorithm.
///
/// The key is a SubjectPublicKeyInfo in DER, with its SEQUENCE, as
/// [`public_key`](crate::public_key) gives it. A handshake is checked so whose certificate has more
/// than its key that a path builder would not take.
#[must_use]
pub fn is_signed_by(
    public_key: &[u8],
    algorithm: &dyn SignatureVerificationAlgorithm,
    message: &[u8],
    signature: &[u8],
) -> bool {
    let public_key = SubjectPublicKeyInfoDer::from(public_key);
    RawPublicKeyEntity::try_from(&public_key)
        .and_then(|key| key.verify_signature(algorithm, message, signature))
        .is_ok()
}

/// 1.2.840.113549.1.1.1
const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];

/// 1.2.840.113549.1.1.10: RSA for PSS alone (RFC 4055 §1.2).
const RSASSA_PSS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10];

#[cfg(test)]
mod tests {
    use super::*;

    /// A SubjectPublicKeyInfo of RSA with this modulus and the exponent 3.
    fn rsa(modulus: &[u8]) -> Vec<u8> {
        let tlv = |tag: u8, content: &[u8]| {
            let length = u8::try_from(content.len()).unwrap();
            [&[tag, length], content].concat()
        };
        let key = tlv(0x30, &[tlv(2, modulus), tlv(2, &[3])].concat());
        let algorithm = tlv(0x30, &[tlv(6, RSA_ENCRYPTION), tlv(5, &[])].concat());
        let bits = tlv(3, &[&[0], &key[..]].concat());
        tlv(0x30, &[algorithm, bits].concat())
    }

    #[test]
    fn the_modulus_is_counted_without_leading_zeros() {
        for (modulus, bits) in [
            (&[0, 0x80, 1][..], 16),
            (&[0x40, 1], 15),
            (&[1], 1),
            (&[0], 0),
        ] {
            assert_eq!(rsa_bits(&rsa(modulus)), Ok(Some(bits)), "{modulus:?}");
        }
    }

    #[test]
    fn a_modulus_that_is_padded_or_negative_is_a_fault() {
        for modulus in [
            &[][..],
            &[0, 0, 0x80],
            &[0, 0x40],
            &[0, 0],
            &[0x80],
            &[0xff, 1],
        ] {
            let bits = rsa_bits(&rsa(modulus));
            assert_eq!(bits, Err(Fault::Malformed), "{modulus:?}");
        }
    }

    #[test]
    fn a_key_for_pss_alone_is_rsa() {
        let mut pss = rsa(&[0, 0x80, 1]);
        let place = pss.windows(9).position(|bytes| bytes == RSA_ENCRYPTION);
        pss[place.unwrap() + 8] = 10;
        assert_eq!(rsa_bits(&pss), Ok(Some(16)));
    }

    #[test]
    fn keys_of_other_kinds_have_no_modulus() {
        let mut other = rsa(&[1]);
        other[14] = 2;
        assert_eq!(rsa_bits(&other), Ok(None));
    }

    #[test]
    fn a_key_that_is_not_der_is_a_fault() {
        let good = rsa(&[0, 0x80, 1]);
        for cut in 0..good.len() {
            assert_eq!(rsa_bits(&good[..cut]), Err(Fault::Malformed), "{cut}");
        }
    }
}

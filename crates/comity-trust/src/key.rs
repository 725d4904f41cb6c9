use crate::tlv::{BIT_STRING, Fault, INTEGER, OBJECT_IDENTIFIER, Reader, SEQUENCE};

/// The length of the modulus in bits if the key is RSA, `None` if it is of another kind
/// (RFC 8017 appendix A.1.1).
///
/// The argument is a SubjectPublicKeyInfo with its SEQUENCE.
pub(crate) fn rsa_bits(public_key: &[u8]) -> Result<Option<usize>, Fault> {
    let mut info = Reader::whole(public_key, SEQUENCE)?;
    let mut algorithm = info.open(SEQUENCE)?;
    if algorithm.expect(OBJECT_IDENTIFIER)? != RSA_ENCRYPTION {
        return Ok(None);
    }
    let key = info.expect(BIT_STRING)?;
    let (unused_bits, key) = key.split_first().ok_or(Fault::Malformed)?;
    if *unused_bits != 0 {
        return Err(Fault::Malformed);
    }
    let mut key = Reader::whole(key, SEQUENCE)?;
    let modulus = key.expect(INTEGER)?;
    let modulus = modulus.strip_prefix(&[0]).unwrap_or(modulus);
    let Some(first) = modulus.first() else {
        return Ok(Some(0));
    };
    let leading_zeros = usize::try_from(first.leading_zeros()).unwrap_or(0);
    Ok(Some(modulus.len() * 8 - leading_zeros))
}

/// 1.2.840.113549.1.1.1
const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];

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

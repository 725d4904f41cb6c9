use std::mem;

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use zeroize::Zeroizing;

/// Writes what P_SHA1 gives from byte `offset` on (RFC 2246 §5): A(0) is the seed, A(i) the HMAC of
/// A(i-1), and the output is the HMACs of A(i) and the seed, one after another.
///
/// The seed is the parts, one after another.
#[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
pub(crate) fn p_sha1(secret: &[u8], seed: [&[u8]; 2], offset: usize, out: &mut [u8]) {
    let keyed = Hmac::<Sha1>::new_from_slice(secret).expect("a key");
    let mac = |parts: &[&[u8]]| {
        let mut mac = keyed.clone();
        parts.iter().for_each(|part| mac.update(part));
        Zeroizing::new(<[u8; BLOCK_BYTES]>::from(mac.finalize().into_bytes()))
    };
    let [first, second] = seed;
    let mut link = mac(&[first, second]);
    let mut skip = offset;
    let mut rest = out;
    while !rest.is_empty() {
        // A block that nothing is taken of need not be computed.
        if skip < BLOCK_BYTES {
            let block = mac(&[&*link, first, second]);
            let bytes = block.iter().skip(skip);
            let taken = rest.len().min(BLOCK_BYTES - skip);
            let (head, tail) = mem::take(&mut rest).split_at_mut(taken);
            head.iter_mut()
                .zip(bytes)
                .for_each(|(to, from)| *to = *from);
            rest = tail;
        }
        skip = skip.saturating_sub(BLOCK_BYTES);
        link = mac(&[&*link]);
    }
}

/// What SHA-1 gives.
const BLOCK_BYTES: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_the_same_as_in_the_whole() {
        let mut whole = [0; 100];
        p_sha1(b"secret", [b"se", b"ed"], 0, &mut whole);
        for offset in 0..whole.len() {
            for end in offset..whole.len() {
                let mut part = vec![0; end - offset];
                p_sha1(b"secret", [b"", b"seed"], offset, &mut part);
                assert_eq!(part, whole[offset..end], "{offset}..{end}");
            }
        }
    }
}

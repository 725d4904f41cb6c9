//! Ways to cut a transcript into the pieces in which it may arrive.

use comity_machine::Random;

/// Both parts of `bytes` for every point between two of its bytes.
///
/// ```
/// use comity_testkit::cut;
///
/// let parts: Vec<_> = cut::at_each_point(b"abc").collect();
/// assert_eq!(parts, [(&b"a"[..], &b"bc"[..]), (b"ab", b"c")]);
/// ```
pub fn at_each_point(bytes: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    (1..bytes.len()).filter_map(|point| bytes.split_at_checked(point))
}

/// Pieces of one byte each.
pub fn bytewise(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.chunks(1)
}

/// Pieces of 1 to `max_piece` bytes, each length as likely as every other.
///
/// No piece is longer than `bytes`; a `max_piece` of 0 counts as 1.
#[must_use]
pub fn at_random<'a>(bytes: &'a [u8], random: &mut Random, max_piece: usize) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let longest = max_piece.clamp(1, rest.len());
        let draw = random.below(u64::try_from(longest).unwrap_or(u64::MAX));
        let length = usize::try_from(draw).map_or(longest, |draw| draw + 1);
        let (piece, after) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        pieces.push(piece);
        rest = after;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cut_keeps_all_bytes() {
        let bytes: Vec<u8> = (0..100).collect();
        for (left, right) in at_each_point(&bytes) {
            assert!(!left.is_empty() && !right.is_empty());
            assert_eq!([left, right].concat(), bytes);
        }
        assert_eq!(at_each_point(&bytes).count(), 99);
        assert_eq!(at_each_point(b"").count(), 0);
        assert_eq!(bytewise(&bytes).count(), 100);
        let mut random = Random::from_seed([3; 32]);
        for max_piece in [0, 1, 7, 100, usize::MAX] {
            let pieces = at_random(&bytes, &mut random, max_piece);
            assert!(
                pieces
                    .iter()
                    .all(|piece| (1..=max_piece.max(1)).contains(&piece.len()))
            );
            assert_eq!(pieces.concat(), bytes);
        }
    }

    #[test]
    fn random_cuts_reach_every_length() {
        let mut random = Random::from_seed([3; 32]);
        let pieces = at_random(&[0; 1000], &mut random, 4);
        for length in 1..=4 {
            assert!(pieces.iter().any(|piece| piece.len() == length), "{length}");
        }
    }
}

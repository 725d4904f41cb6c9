//! Runs of bytes that mean nothing but themselves, found eight at a time.
//!
//! Character data and values may hold characters outside ASCII. Their encoding is checked when the
//! run is recorded. A byte 0xEF ends a run, because it may begin U+FFFE or U+FFFF, which XML does not
//! allow.

/// How many bytes from the start of `bytes` go on with character data.
pub(super) fn text_run(bytes: &[u8]) -> usize {
    run(bytes, |word| {
        let markup = equal(word | each(2), b'>') | equal(word, b'&') | equal(word, b']');
        markup | below(word, b' ') | equal(word, 0xef)
    })
}

/// How many bytes from the start of `bytes` go on with an attribute value.
pub(super) fn value_run(bytes: &[u8]) -> usize {
    run(bytes, |word| {
        let markup = equal(word, b'<') | equal(word | each(1), b'\'') | equal(word, b'"');
        markup | below(word, b' ') | equal(word, 0xef)
    })
}

/// How many bytes from the start of `bytes` go on with a name; a colon does not.
pub(super) fn name_run(bytes: &[u8]) -> usize {
    run(bytes, |word| {
        let letters = within(word | each(0x20), b'a', b'z');
        let digits = within(word, b'0', b'9');
        let others = within(word, b'-', b'.') | within(word, b'_', b'_');
        !(letters | digits | others) & HIGH_BITS | word & HIGH_BITS
    })
}

/// The length of the run at the start of `bytes`, where `stops` marks the bytes that end one. What it
/// says of bytes behind the first that it marks does not count. A zero byte ends every run.
fn run(bytes: &[u8], stops: impl Fn(u64) -> u64) -> usize {
    let (words, tail) = bytes.as_chunks::<8>();
    let mut len = 0;
    for word in words {
        let found = stops(u64::from_le_bytes(*word));
        if found != 0 {
            return len + first(found);
        }
        len += 8;
    }
    let mut padded = [0; 8];
    for (to, from) in padded.iter_mut().zip(tail) {
        *to = *from;
    }
    len + first(stops(u64::from_le_bytes(padded)))
}

/// The place of the first byte that is marked.
fn first(marks: u64) -> usize {
    (marks.trailing_zeros() / 8) as usize
}

/// Marks each byte that equals `byte`, and perhaps bytes behind the first that does.
const fn equal(word: u64, byte: u8) -> u64 {
    below(word ^ each(byte), 1)
}

/// Marks each byte below `bound`, which is at most 128, and perhaps bytes behind the first that is.
const fn below(word: u64, bound: u8) -> u64 {
    word.wrapping_sub(each(bound)) & !word & HIGH_BITS
}

/// Marks each ASCII byte from `first` to `last`; what it says of other bytes does not count.
const fn within(word: u64, first: u8, last: u8) -> u64 {
    let ascii = word & !HIGH_BITS;
    (ascii + each(128 - first)) & !(ascii + each(127 - last)) & HIGH_BITS
}

/// A word of eight times the same byte.
const fn each(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

const HIGH_BITS: u64 = each(128);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_end_where_a_byte_may_mean_more() {
        check(text_run, |byte| {
            byte < b' ' || [b'<', b'&', b']', b'>', 0xef].contains(&byte)
        });
        check(value_run, |byte| {
            byte < b' ' || [b'<', b'&', b'"', b'\'', 0xef].contains(&byte)
        });
        check(name_run, |byte| {
            !(byte.is_ascii_alphanumeric() || [b'-', b'.', b'_'].contains(&byte))
        });
    }

    /// Every byte at every place of a word, and behind whole words.
    fn check(run: fn(&[u8]) -> usize, stops: fn(u8) -> bool) {
        for byte in 0..=u8::MAX {
            for place in 0..20 {
                let mut bytes = [b'a'; 24];
                bytes[place] = byte;
                let end = if stops(byte) { place } else { bytes.len() };
                assert_eq!(run(&bytes), end, "{byte:#x} at {place}");
                let end = end.min(place + 1);
                assert_eq!(run(&bytes[..=place]), end, "{byte:#x} last");
            }
        }
    }

    #[test]
    fn an_empty_run_ends_at_once() {
        assert_eq!(text_run(b""), 0);
        assert_eq!(name_run(b"<a"), 0);
        assert_eq!(value_run("\u{ff0c}".as_bytes()), 0);
    }
}

/// The tag that answers have in To.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tag([u8; 16]);

impl Tag {
    pub(crate) fn new(number: u64) -> Self {
        let mut tag = [b'0'; 16];
        for (at, digit) in tag.iter_mut().enumerate() {
            let nibble = (number >> (60 - 4 * at)) & 15;
            *digit = match u8::try_from(nibble).unwrap_or_default() {
                low @ 0..10 => b'0' + low,
                high => b'a' + (high - 10),
            };
        }
        Self(tag)
    }

    pub(crate) fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_sixteen_hexadecimal_digits() {
        assert_eq!(Tag::new(0).as_str(), "0000000000000000");
        assert_eq!(Tag::new(0x0123_4567_89ab_cdef).as_str(), "0123456789abcdef");
        assert_eq!(Tag::new(u64::MAX).as_str(), "ffffffffffffffff");
    }
}

//! Classes of bytes.

/// A set of classes. Each byte has the classes to which it belongs in one table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Class(u32);

impl Class {
    /// `token`
    pub(crate) const TOKEN: Self = Self(1);
    /// What a builder leaves as it is in the user of a `sip` or `sips` URI.
    pub(crate) const PLAIN_USER: Self = Self(1 << 1);
    /// Letters, digits and hyphen: the labels of a host name. `COMPAT:` and the underline, which
    /// names of computers and containers have.
    pub(crate) const LABEL: Self = Self(1 << 2);
    /// `user` without its escapes. `COMPAT:` and `#`, which telephones write without an escape.
    pub(crate) const USER: Self = Self(1 << 3);
    /// `user` without its escapes, where a URI stands without `<` and `>`: not `,`, `;` and `?`
    /// (RFC 3261 §20).
    pub(crate) const BARE_USER: Self = Self(1 << 4);
    /// `password` without its escapes.
    pub(crate) const PASSWORD: Self = Self(1 << 5);
    /// A password outside of angle brackets.
    pub(crate) const BARE_PASSWORD: Self = Self(1 << 18);
    /// `paramchar` without its escapes.
    pub(crate) const URI_PARAM: Self = Self(1 << 6);
    /// `hnv-unreserved` and `unreserved`.
    pub(crate) const URI_HEADER: Self = Self(1 << 7);
    /// `uric` without its escapes.
    pub(crate) const URI: Self = Self(1 << 8);
    /// Digits, dots and colons of addresses, with hexadecimal digits.
    pub(crate) const ADDRESS: Self = Self(1 << 9);
    /// What may follow in a quoted string without a closer look: printable ASCII but `"` and `\`,
    /// and the tabulator.
    pub(crate) const QUOTED: Self = Self(1 << 10);
    /// `scheme` behind its first letter.
    pub(crate) const SCHEME: Self = Self(1 << 11);
    /// What may stand in a comment without a closer look.
    pub(crate) const COMMENT: Self = Self(1 << 12);
    /// Visible ASCII.
    pub(crate) const VISIBLE: Self = Self(1 << 13);
    /// Digits and the visual separators of telephone numbers (RFC 3966 §3).
    pub(crate) const TELEPHONE: Self = Self(1 << 14);
    /// White space within a line.
    pub(crate) const SPACE: Self = Self(1 << 15);
    /// `COMPAT:` `token` and what else base64 has: Microsoft's clients write it into parameters of
    /// Content-Type without quotes.
    pub(crate) const BASE64_OR_TOKEN: Self = Self(1 << 16);
    /// `unreserved`
    pub(crate) const UNRESERVED: Self = Self(1 << 17);

    /// True if there is a first byte and it belongs to the class.
    #[inline(always)]
    pub(crate) fn has_first(self, input: &[u8]) -> bool {
        input.first().is_some_and(|&byte| self.has(byte))
    }

    #[inline(always)]
    pub(crate) fn has(self, byte: u8) -> bool {
        TABLE
            .get(usize::from(byte))
            .is_some_and(|classes| classes & self.0 != 0)
    }
}

/// How many bytes at the beginning belong to the class.
#[inline(always)]
pub(crate) fn find_not(input: &[u8], class: Class) -> usize {
    position(input, |byte| !class.has(byte))
}

/// Where the first byte is that fits, or the length if there is none. Four bytes a turn are faster
/// than the iterator's one.
#[inline(always)]
pub(crate) fn position(input: &[u8], fits: impl Fn(u8) -> bool) -> usize {
    let (fours, rest) = input.as_chunks::<4>();
    let mut len = 0;
    for &[first, second, third, fourth] in fours {
        if fits(first) {
            return len;
        }
        if fits(second) {
            return len + 1;
        }
        if fits(third) {
            return len + 2;
        }
        if fits(fourth) {
            return len + 3;
        }
        len += 4;
    }
    len + rest
        .iter()
        .position(|&byte| fits(byte))
        .unwrap_or(rest.len())
}

static TABLE: [u32; 256] = table();

#[expect(
    clippy::indexing_slicing,
    reason = "runs in the compiler, which refuses an index out of bounds"
)]
const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = classes(byte as u8);
        byte += 1;
    }
    table
}

#[expect(
    clippy::indexing_slicing,
    reason = "runs in the compiler, which refuses an index out of bounds"
)]
const fn classes(byte: u8) -> u32 {
    let letter = byte.is_ascii_alphanumeric();
    let mark = among(byte, b"-_.!~*'()");
    let unreserved = letter || mark;
    let token = letter || among(byte, b"-.!%*_+`'~");
    let printable = byte.is_ascii_graphic() || byte == b' ' || byte == b'\t';
    let sets = [
        (Class::TOKEN, token),
        (Class::PLAIN_USER, unreserved || among(byte, b"&=+$,/")),
        (Class::UNRESERVED, unreserved),
        (Class::LABEL, letter || among(byte, b"-_")),
        (Class::USER, unreserved || among(byte, b"&=+$,;?/#")),
        (Class::BARE_USER, unreserved || among(byte, b"&=+$/#")),
        (Class::PASSWORD, unreserved || among(byte, b"&=+$,")),
        (Class::BARE_PASSWORD, unreserved || among(byte, b"&=+$")),
        (Class::URI_PARAM, unreserved || among(byte, b"[]/:&+$")),
        (Class::URI_HEADER, unreserved || among(byte, b"[]/?:+$")),
        (Class::URI, unreserved || among(byte, b";/?:@&=+$,")),
        (
            Class::ADDRESS,
            byte.is_ascii_hexdigit() || among(byte, b":."),
        ),
        (Class::QUOTED, printable && !among(byte, b"\"\\")),
        (Class::SCHEME, letter || among(byte, b"+-.")),
        (Class::COMMENT, printable && !among(byte, b"()\\")),
        (Class::VISIBLE, byte.is_ascii_graphic()),
        (
            Class::TELEPHONE,
            byte.is_ascii_digit() || among(byte, b"-.()"),
        ),
        (Class::SPACE, among(byte, b" \t")),
        (Class::BASE64_OR_TOKEN, token || among(byte, b"/=")),
    ];
    let mut classes = 0;
    let mut next = 0;
    while next < sets.len() {
        let (class, member) = sets[next];
        if member {
            classes |= class.0;
        }
        next += 1;
    }
    classes
}

const fn among(byte: u8, mut set: &[u8]) -> bool {
    while let [first, rest @ ..] = set {
        if *first == byte {
            return true;
        }
        set = rest;
    }
    false
}

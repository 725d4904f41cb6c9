//! Where messages end, read in the plainest way: find the empty line, unfold, find Content-Length by
//! name (RFC 3261 §7.3.1, §7.5, §18.3, §20.14).

use std::ops::Range;

use comity_sip::Limits;

use super::place_in;

/// What a stream holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    KeepAlive,
    /// The bytes of a message, whatever its start line is.
    Message(Range<usize>),
    /// From here on nothing can be read.
    Failed,
}

/// Header lines with their continuations, as they are found by looking at line ends only.
#[derive(Debug)]
pub(super) struct Head {
    /// Without its line end.
    pub(super) start_line: Vec<u8>,
    pub(super) lines: Vec<Line>,
    /// With the empty line.
    pub(super) len: usize,
}

/// A header line.
#[derive(Debug)]
pub(super) struct Line {
    /// With its continuations and its line end.
    pub(super) raw: Vec<u8>,
    pub(super) name: Vec<u8>,
    /// Without white space around it.
    pub(super) value: Vec<u8>,
}

/// All frames of a stream that ends.
pub(super) fn frames(input: &[u8], limits: &Limits) -> Vec<Frame> {
    let mut frames = Vec::new();
    let mut at = 0;
    while at < input.len() {
        let rest = &input[at..];
        if rest.starts_with(b"\r\n") {
            frames.push(Frame::KeepAlive);
            at += 2;
            continue;
        }
        let len = Head::read(rest, limits).and_then(|head| {
            let body = head.declared()??;
            let available = rest.len() - head.len;
            let fits = body_fits(head.len, body, limits) && body <= available as u128;
            fits.then(|| head.len + usize::try_from(body).expect("not more than there is"))
        });
        let Some(len) = len else {
            frames.push(Frame::Failed);
            return frames;
        };
        frames.push(Frame::Message(at..at + len));
        at += len;
    }
    frames
}

/// How long the message of a datagram is, behind empty lines; `None` if it is not framed.
pub(super) fn datagram(input: &[u8], limits: &Limits) -> Option<usize> {
    let head = Head::read(input, limits)?;
    let available = (input.len() - head.len) as u128;
    let body = head.declared()?.unwrap_or(available);
    let fits = body_fits(head.len, body, limits) && body <= available;
    fits.then(|| head.len + usize::try_from(body).expect("not more than there is"))
}

fn body_fits(head: usize, body: u128, limits: &Limits) -> bool {
    body <= u128::from(limits.max_body_bytes)
        && head as u128 + body <= u128::from(limits.max_message_bytes)
}

impl Head {
    /// Reads start line and headers; `None` if they are malformed or exceed a limit.
    pub(super) fn read(bytes: &[u8], limits: &Limits) -> Option<Self> {
        if !is_token(bytes.get(..1)?) {
            return None;
        }
        let len = find(bytes, b"\r\n\r\n")? + 4;
        let mut lines = physical_lines(&bytes[..len - 2])?.into_iter();
        let start_line = lines.next()?;
        let header_limit = limits.max_header_bytes.min(65_535) as usize;
        let mut headers: Vec<Vec<u8>> = Vec::new();
        let mut folds = 0;
        for line in lines {
            if line.starts_with(b" ") || line.starts_with(b"\t") {
                headers.last_mut()?.extend([b"\r\n", &*line].concat());
                folds += 1;
            } else {
                headers.push(line);
                folds = 0;
            }
            if folds > limits.max_folds {
                return None;
            }
        }
        // A NUL may stand in a quoted pair only.
        let head = &bytes[..len];
        let has_nul = head.first() == Some(&0)
            || head.windows(2).any(|pair| pair[1] == 0 && pair[0] != b'\\');
        let too_long = |line: &Vec<u8>| line.len() > header_limit;
        if has_nul
            || len > limits.max_head_bytes as usize
            || headers.len() > limits.max_headers as usize
            || too_long(&start_line)
            || headers.iter().any(too_long)
        {
            return None;
        }
        let lines = headers.iter().map(|line| Line::read(line));
        let lines = lines.collect::<Option<_>>()?;
        Some(Self {
            start_line,
            lines,
            len,
        })
    }

    /// The declared length, if there is one; `None` if it is malformed or repeated.
    pub(super) fn declared(&self) -> Option<Option<u128>> {
        let mut lengths = self.lines.iter().filter(|line| {
            line.name.eq_ignore_ascii_case(b"content-length")
                || line.name.eq_ignore_ascii_case(b"l")
        });
        let Some(line) = lengths.next() else {
            return Some(None);
        };
        let is_number = !line.value.is_empty() && line.value.iter().all(u8::is_ascii_digit);
        if lengths.next().is_some() || !is_number {
            return None;
        }
        let digits = std::str::from_utf8(&line.value).ok()?;
        Some(Some(digits.parse().unwrap_or(u128::MAX)))
    }
}

impl Line {
    fn read(line: &[u8]) -> Option<Self> {
        let colon = find(line, b":")?;
        let mut name = &line[..colon];
        while let [rest @ .., b' ' | b'\t'] = name {
            name = rest;
        }
        if !is_token(name) {
            return None;
        }
        let value = trimmed(&line[colon + 1..]);
        Some(Self {
            raw: [line, b"\r\n"].concat(),
            name: name.to_vec(),
            value: value.to_vec(),
        })
    }
}

/// Whether this is a start line, but for its URI, which is given.
pub(super) fn request_line(line: &[u8]) -> Option<&[u8]> {
    let [method, uri, version] = line.split(|&byte| byte == b' ').collect::<Vec<_>>()[..] else {
        return None;
    };
    (is_token(method) && is_version(version)).then_some(uri)
}

/// Whether this is a status line (RFC 3261 §7.2).
pub(super) fn is_status_line(line: &[u8]) -> bool {
    let mut parts = line.splitn(3, |&byte| byte == b' ');
    let (version, code) = (parts.next(), parts.next().unwrap_or_default());
    let in_range = matches!(code, [b'1'..=b'6', b'0'..=b'9', b'0'..=b'9']);
    version.is_some_and(is_version) && in_range && parts.next().is_some()
}

fn is_version(text: &[u8]) -> bool {
    let Some((name, numbers)) = text.split_at_checked(4) else {
        return false;
    };
    let numbers: Vec<_> = numbers.split(|&byte| byte == b'.').collect();
    let is_number = |part: &&[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    name.eq_ignore_ascii_case(b"SIP/") && numbers.len() == 2 && numbers.iter().all(is_number)
}

/// Lines without their ends; `None` if one ends with CR or LF alone.
fn physical_lines(text: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut lines: Vec<_> = text.split(|&byte| byte == b'\n').collect();
    lines.pop()?;
    let without_return = |line: &&[u8]| {
        let line = line.strip_suffix(b"\r")?;
        (!line.contains(&b'\r')).then(|| line.to_vec())
    };
    lines.iter().map(without_return).collect()
}

pub(super) fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

/// Without white space and line ends around it.
pub(super) fn trimmed(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t' | b'\r' | b'\n', rest @ ..]
    | [rest @ .., b' ' | b'\t' | b'\r' | b'\n'] = value
    {
        value = rest;
    }
    value
}

/// `token` (RFC 3261 §25.1).
pub(super) fn is_token(text: &[u8]) -> bool {
    let is_char = |byte: &u8| byte.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(byte);
    !text.is_empty() && text.iter().all(is_char)
}

/// Splits a value at the commas that are neither in quotes nor between angle brackets.
pub(super) fn values(value: &[u8]) -> Vec<Range<usize>> {
    let mut values = Vec::new();
    let (mut start, mut quoted, mut bracketed, mut escaped) = (0, false, false, false);
    for (at, &byte) in value.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' if !bracketed => quoted = !quoted,
            b'<' if !quoted => bracketed = true,
            b'>' if !quoted => bracketed = false,
            b',' if !quoted && !bracketed => {
                values.push(start..at);
                start = at + 1;
            }
            _ => {}
        }
    }
    values.push(start..value.len());
    let trim = |range: Range<usize>| {
        let text = &value[range.clone()];
        let inner = trimmed(text);
        let start = range.start + place_in(text, inner).start;
        start..start + inner.len()
    };
    values.into_iter().map(trim).collect()
}

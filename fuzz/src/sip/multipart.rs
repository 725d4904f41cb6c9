use std::ops::Range;

use bytes::Bytes;
use comity_sip::header::ContentType;
use comity_sip::{Fault, HeaderName, Limits, Message, Multipart, Part};

use super::framing::{Head, find};
use super::{check_offset, lines_tile, place_in, tight, typed, unlimited};
use crate::program::Program;

/// Reads the parts of a body, and a body that was made of parts.
///
/// The input is the length of a program, the program, and a message.
pub fn sip_multipart(data: &[u8]) {
    let mut input = Program::new(data);
    let program = input.bytes();
    let bytes = Bytes::copy_from_slice(input.rest());
    for limits in [Limits::default(), tight(), unlimited()] {
        if let Ok(message) = Message::from_datagram(bytes.clone(), &limits) {
            look(&message, &limits);
        }
    }
    make(&mut Program::new(program));
}

fn look(message: &Message, limits: &Limits) {
    let body = message.body();
    let read = Multipart::of(message);
    let content_type = message.headers().optional::<ContentType<'_>>();
    match &content_type {
        Ok(Some(content_type)) if content_type.kind().eq_ignore_ascii_case("multipart") => {
            let boundary = content_type.param("boundary").unwrap_or_default();
            agrees(&body, &boundary, &read, limits);
        }
        Ok(_) => assert!(matches!(read, Ok(None)), "not multipart"),
        Err(error) => assert_eq!(read.as_ref().err(), Some(error)),
    }
    match read {
        Err(error) => check_offset(error, message.as_bytes().len()),
        Ok(None) => {}
        Ok(Some(multipart)) => {
            // A stack, so that depth is bounded by the limit only.
            let mut waiting = vec![(multipart, body, 1)];
            while let Some((multipart, body, depth)) = waiting.pop() {
                assert!(depth <= limits.max_part_depth, "nested too deeply");
                assert!(multipart.parts().len() <= limits.max_parts as usize);
                let mut end = 0;
                for part in multipart.parts() {
                    end = check(part, &body, end, limits);
                    match part.multipart() {
                        Ok(Some(inner)) => waiting.push((inner, part.body(), depth + 1)),
                        Ok(None) => {}
                        Err(error) => check_offset(error, body.len()),
                    }
                }
            }
        }
    }
}

/// A part lies in the body, behind the one before it. Gives where it ends.
fn check(part: &Part, body: &[u8], before: usize, limits: &Limits) -> usize {
    let place = place_in(body, &part.body());
    let mut start = None;
    for header in part.headers().iter() {
        start.get_or_insert(place_in(body, header.line()).start);
        place_in(header.line(), header.value());
    }
    let start = start.unwrap_or(place.start - 2);
    assert!(start > before || before == 0, "parts that overlap");
    let head = lines_tile(&body[start..place.end], part.headers(), 0);
    assert_eq!(start + head, place.start, "a gap before the body");
    assert_eq!(&body[place.start - 2..place.start], b"\r\n");
    typed::check(part.headers(), body.len(), limits);
    place.end
}

/// The parts are those between the lines that a plain reader takes for delimiters.
fn agrees(
    body: &[u8],
    boundary: &str,
    read: &Result<Option<Multipart>, comity_sip::ParseError>,
    limits: &Limits,
) {
    let expected = plain(body, boundary);
    match (read, expected) {
        (Ok(None), _) => panic!("multipart"),
        (Ok(Some(read)), Some(expected)) => {
            assert_eq!(read.parts().len(), expected.len(), "other parts");
            for (part, place) in read.parts().iter().zip(expected) {
                let head = part_head(&body[place.clone()]).expect("headers");
                let content = &body[place.start + head..place.end];
                // The line end that closes the headers may be the delimiter's.
                let content = content.strip_suffix(b"\r\n").unwrap_or_default();
                assert_eq!(part.body(), content);
            }
        }
        (Ok(Some(_)), None) => panic!("no closing delimiter"),
        (Err(error), Some(parts)) => match error.fault() {
            Fault::TooManyParts { limit } => assert!(parts.len() > limit as usize),
            Fault::PartHeaders => {
                let mut limits = *limits;
                limits.max_head_bytes = limits.max_head_bytes.saturating_add(3);
                let malformed = |part: &Range<usize>| {
                    // A part has no start line.
                    let message = [b"X\r\n", &body[part.clone()]].concat();
                    let head = Head::read(&message, &limits);
                    head.is_none_or(|head| head.declared().is_none())
                };
                assert!(parts.iter().any(malformed), "{error}");
            }
            Fault::Boundary | Fault::TooDeep { .. } => {}
            other => panic!("{other:?}"),
        },
        (Err(_), None) => {}
    }
}

/// How long the headers of a part are, with the empty line.
fn part_head(part: &[u8]) -> Option<usize> {
    match part.starts_with(b"\r\n") {
        true => Some(2),
        false => find(part, b"\r\n\r\n").map(|at| at + 4),
    }
}

/// Parts with the line end of the delimiter behind them; `None` if no delimiter closes the last.
fn plain(body: &[u8], boundary: &str) -> Option<Vec<Range<usize>>> {
    let delimiter = format!("--{boundary}");
    let mut parts = Vec::new();
    let (mut at, mut open) = (0, None);
    loop {
        let end = find(&body[at..], b"\r\n").map(|len| at + len);
        let line = &body[at..end.unwrap_or(body.len())];
        if let Some(behind) = line.strip_prefix(delimiter.as_bytes()) {
            let is_blank = |text: &[u8]| text.iter().all(|byte| b" \t".contains(byte));
            let closes = behind.strip_prefix(b"--").is_some_and(is_blank);
            let opens = end.is_some() && is_blank(behind);
            if closes || opens {
                parts.extend(open.map(|start| start..at));
            }
            if closes {
                return Some(parts);
            }
            if opens {
                open = end.map(|end| end + 2);
            }
        }
        at = end? + 2;
    }
}

/// A body made of parts gives these parts.
fn make(program: &mut Program<'_>) {
    let boundary = BOUNDARIES[usize::from(program.byte()) % BOUNDARIES.len()];
    let preamble = program.bytes().to_vec();
    let epilogue = program.bytes().to_vec();
    let mut parts: Vec<(Vec<&str>, Option<Vec<u8>>)> = Vec::new();
    for _ in 0..=program.byte() % 16 {
        let how = program.byte();
        let all = HEADERS.iter().enumerate();
        let headers = all.filter(|(bit, _)| how >> bit & 1 == 1);
        let headers: Vec<_> = headers.map(|(_, header)| *header).collect();
        let body = (how & 128 == 0).then(|| program.bytes().to_vec());
        parts.push((headers, body));
    }
    let mut body = preamble;
    if !body.is_empty() {
        body.extend(b"\r\n");
    }
    let mut made = 0;
    let delimiter = format!("--{boundary}");
    for (headers, content) in &parts {
        body.extend(format!("{delimiter}\r\n").as_bytes());
        for header in headers {
            body.extend(format!("{header}\r\n").as_bytes());
        }
        if let Some(content) = content {
            body.extend(b"\r\n");
            body.extend(content);
        }
        body.extend(b"\r\n");
        made += 1;
    }
    body.extend(format!("{delimiter}--").as_bytes());
    if !epilogue.is_empty() {
        body.extend(b"\r\n");
        body.extend(epilogue);
    }
    // What holds a line that begins as a delimiter does cannot be told from one.
    let lines = [b"\r\n", &body[..]].concat();
    let needle = format!("\r\n{delimiter}");
    let windows = lines.windows(needle.len());
    if windows
        .filter(|window| *window == needle.as_bytes())
        .count()
        != made + 1
    {
        return;
    }
    let mut bytes = format!(
        "MESSAGE sip:b.example SIP/2.0\r\nc: multipart/mixed;boundary=\"{boundary}\"\r\n\r\n"
    )
    .into_bytes();
    bytes.extend(&body);
    let message = Message::from_datagram(bytes.into(), &unlimited()).expect("a message");
    let multipart = Multipart::of(&message).expect("a body of parts");
    let multipart = multipart.expect("a body of parts");
    assert_eq!(multipart.parts().len(), parts.len());
    for (part, (headers, content)) in multipart.parts().iter().zip(&parts) {
        assert_eq!(part.body(), content.clone().unwrap_or_default());
        let found: Vec<_> = part
            .headers()
            .iter()
            .map(|header| header.line().to_vec())
            .collect();
        let expected = headers
            .iter()
            .map(|header| format!("{header}\r\n").into_bytes());
        assert_eq!(found, expected.collect::<Vec<_>>());
        let has_type = headers.contains(&HEADERS[0]);
        assert_eq!(part.headers().has(HeaderName::ContentType), has_type);
    }
}

const BOUNDARIES: [&str; 4] = ["x", "=_'()+,-./:=? b", "unique-boundary-1", "--"];

const HEADERS: [&str; 4] = [
    "Content-Type: text/plain",
    "content-transfer-encoding :binary",
    "Content-ID:\r\n <1@a.example>",
    "X-Empty:",
];

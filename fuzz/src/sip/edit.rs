use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use comity_sip::header::{Contact, RecordRoute, Require, Route, Rport, Supported, Via};
use comity_sip::{
    BuildError, Edit, EditError, HeaderName, Limits, ListField, Message, ParseError, Uri,
};

use super::framing::{Head, is_token, values};
use super::{reread, typed, unlimited};
use crate::program::Program;

/// Changes a message by a program, and a plain model of its lines by the same.
///
/// The input is the length of the program, the program, and the message.
pub fn sip_edit(data: &[u8]) {
    let mut program = Program::new(data);
    let mut steps = Program::new(program.bytes());
    let bytes = Bytes::copy_from_slice(program.rest());
    let Ok(message) = Message::from_datagram(bytes, &Limits::default()) else {
        return;
    };
    let mut edit = match &message {
        Message::Request(request) => request.edit(),
        Message::Response(response) => response.edit(),
    };
    let finished = edit.finish();
    assert_eq!(&finished, message.as_bytes(), "changed by nothing");
    received(&message, data);
    let mut model = Model::of(&message);
    while !steps.is_over() {
        let before = edit.finish();
        let step = Step::next(&mut steps, &message);
        let expected = model.take(&step);
        let taken = step.give(&mut edit, &message);
        assert_eq!(taken, expected, "{step:?}");
        let after = edit.finish();
        if taken.is_err() {
            assert_eq!(after, before, "changed by what was refused: {step:?}");
        }
        assert_eq!(after, model.finish(), "{step:?}");
        model.check(&after);
    }
}

/// The address of the sender is put into the topmost Via, and nothing else changes.
fn received(message: &Message, data: &[u8]) {
    let address: IpAddr = match data.len() % 2 {
        0 => [192, 0, 2, 1].into(),
        _ => [0x2001, 0xdb8, 0, 0, 0, 0, 0, 1].into(),
    };
    let source = SocketAddr::new(address, 5061);
    let mut edit = match message {
        Message::Request(request) => request.edit(),
        Message::Response(response) => response.edit(),
    };
    let asked = message.headers().first::<Via<'_>>();
    let (Ok(Some(asked)), Ok(_)) = (&asked, edit.set_received(source)) else {
        assert!(!matches!(asked, Ok(Some(_))), "a Via that is not changed");
        return;
    };
    let edited = reread(&edit.finish());
    let noted = edited
        .headers()
        .first::<Via<'_>>()
        .expect("a Via")
        .expect("a Via");
    let by_host = asked.host().address() == Some(address);
    assert!(noted.received() == Some(address) || (by_host && noted.received().is_none()));
    let port = asked.rport().map(|_asks| Rport::Port(5061));
    assert_eq!(noted.rport(), port);
    assert_eq!((noted.host(), noted.port()), (asked.host(), asked.port()));
    let others = |via: &Via<'_>| {
        let params = via
            .params()
            .iter()
            .map(|param| param.name().to_ascii_lowercase());
        let others = params.filter(|name| !["received", "rport"].contains(&&**name));
        others.collect::<Vec<_>>()
    };
    assert_eq!(others(&noted), others(asked));
    let (before, after) = (message.headers(), edited.headers());
    assert_eq!(before.len(), after.len());
    let pairs = before.iter().zip(after.iter());
    let mut changed = pairs.filter(|(before, after)| before.line() != after.line());
    if let Some((before, after)) = changed.next() {
        assert_eq!(before.known(), Some(HeaderName::Via));
        let (before, after) = (before.value(), after.value());
        let places = (values(before), values(after));
        let behind = (&before[places.0[0].end..], &after[places.1[0].end..]);
        assert_eq!(behind.0, behind.1, "other values");
    }
    assert!(changed.next().is_none(), "other lines");
    assert_eq!(edited.body(), message.body());
}

/// One change.
#[derive(Debug)]
enum Step {
    SetUri(String),
    InsertBefore(String, String),
    Append(String, String),
    Set(String, String),
    Remove(String),
    RemoveLine(usize),
    RemoveFirst(HeaderName),
    SetFirst(HeaderName, String),
    SetBody(Bytes),
    EnsureLength,
}

impl Step {
    fn next(steps: &mut Program<'_>, message: &Message) -> Self {
        let kind = steps.byte() % 12;
        let which = steps.byte();
        let text = |steps: &mut Program<'_>| match steps.byte() {
            length @ 0..=31 => {
                let bytes: Vec<_> = (0..length).map(|_| steps.byte()).collect();
                String::from_utf8_lossy(&bytes).into_owned()
            }
            text => VALUES[usize::from(text) % VALUES.len()].to_owned(),
        };
        let name = match which {
            0..128 => name(which, message),
            _ => text(steps),
        };
        let list = LISTS[usize::from(which) % LISTS.len()];
        match kind {
            0 => Self::SetUri(URIS[usize::from(which) % URIS.len()].to_owned()),
            1 | 2 => Self::InsertBefore(name, text(steps)),
            3 => Self::Append(name, text(steps)),
            4 => Self::RemoveLine(which.into()),
            5 | 6 => Self::Set(name, text(steps)),
            7 => Self::Remove(name),
            8 => Self::RemoveFirst(list),
            9 => Self::SetFirst(list, text(steps)),
            10 => Self::SetBody(text(steps).into()),
            _ => Self::EnsureLength,
        }
    }

    fn give<'a>(&self, edit: &mut Edit<'a>, message: &'a Message) -> Result<(), EditError> {
        match self {
            Self::SetUri(uri) => edit.set_uri(Uri::parse(uri).expect("a URI")).map(drop),
            Self::InsertBefore(name, value) => edit.insert_before(name, value).map(drop),
            Self::Append(name, value) => edit.append(name, value).map(drop),
            Self::Set(name, value) => edit.set(name, value).map(drop),
            Self::Remove(name) => edit.remove(name).map(drop),
            Self::RemoveLine(index) => {
                let count = message.headers().len().max(1);
                match message.headers().iter().nth(index % count) {
                    Some(header) => edit.remove_line(&header).map(drop),
                    None => Ok(()),
                }
            }
            Self::RemoveFirst(name) => match name {
                HeaderName::Via => edit.remove_first::<Via<'_>>().map(drop),
                HeaderName::Route => edit.remove_first::<Route<'_>>().map(drop),
                HeaderName::RecordRoute => edit.remove_first::<RecordRoute<'_>>().map(drop),
                HeaderName::Contact => edit.remove_first::<Contact<'_>>().map(drop),
                HeaderName::Require => edit.remove_first::<Require<'_>>().map(drop),
                _ => edit.remove_first::<Supported<'_>>().map(drop),
            },
            Self::SetFirst(name, value) => match name {
                HeaderName::Via => set_first::<Via<'_>>(edit, value),
                HeaderName::Route => set_first::<Route<'_>>(edit, value),
                HeaderName::RecordRoute => set_first::<RecordRoute<'_>>(edit, value),
                HeaderName::Contact => set_first::<Contact<'_>>(edit, value),
                HeaderName::Require => set_first::<Require<'_>>(edit, value),
                _ => set_first::<Supported<'_>>(edit, value),
            },
            Self::SetBody(body) => {
                edit.set_body(body.clone());
                Ok(())
            }
            Self::EnsureLength => {
                edit.ensure_length();
                Ok(())
            }
        }
    }
}

fn set_first<'a, T: ListField<'a>>(edit: &mut Edit<'a>, value: &str) -> Result<(), EditError> {
    edit.set_first::<T>(value).map(drop)
}

/// A name that the message has, or any other.
fn name(which: u8, message: &Message) -> String {
    let index = usize::from(which >> 1);
    if which & 1 == 0 {
        let count = message.headers().len().max(1);
        let header = message.headers().iter().nth(index % count);
        if let Some(header) = header {
            return header.name().to_owned();
        }
    }
    NAMES[index % NAMES.len()].as_str().to_owned()
}

/// A message as lines that are replaced.
struct Model {
    start_line: Vec<u8>,
    lines: Vec<ModelLine>,
    /// Behind all lines.
    behind: Vec<Vec<u8>>,
    /// Put before where there is no line.
    before_end: Vec<Vec<u8>>,
    body: Vec<u8>,
    touched: Vec<String>,
    firsts: Vec<(HeaderName, Option<ParseError>)>,
    is_request: bool,
    is_uri_set: bool,
    is_body_set: bool,
    says_length: bool,
}

struct ModelLine {
    /// The same for all spellings.
    name: String,
    before: Vec<Vec<u8>>,
    /// `None` if it is removed.
    line: Option<Vec<u8>>,
    is_changed: bool,
    value: Vec<u8>,
    /// Bytes of the line before the value.
    value_start: usize,
}

impl Model {
    fn of(message: &Message) -> Self {
        let bytes = message.as_bytes();
        let head = Head::read(bytes, &unlimited()).expect("a head");
        let firsts = LISTS.map(|name| {
            let first = typed::first_of(message, name);
            (name, first.and_then(Result::err))
        });
        let lines = head.lines.iter().map(|line| {
            let behind_name = &line.raw[line.name.len()..];
            let colon = behind_name.iter().position(|&byte| byte == b':');
            let mut value_start = line.name.len() + colon.expect("a colon") + 1;
            if line.value.is_empty() {
                value_start = line.raw.len() - 2;
            }
            while !line.value.is_empty() && b" \t\r\n".contains(&line.raw[value_start]) {
                value_start += 1;
            }
            ModelLine {
                name: key(std::str::from_utf8(&line.name).expect("a token")),
                before: Vec::new(),
                line: Some(line.raw.clone()),
                is_changed: false,
                value: line.value.clone(),
                value_start,
            }
        });
        Self {
            start_line: head.start_line.clone(),
            lines: lines.collect(),
            behind: Vec::new(),
            before_end: Vec::new(),
            body: bytes[head.len..].to_vec(),
            touched: Vec::new(),
            firsts: firsts.into(),
            is_request: matches!(message, Message::Request(_)),
            is_uri_set: false,
            is_body_set: false,
            says_length: false,
        }
    }

    fn take(&mut self, step: &Step) -> Result<(), EditError> {
        match step {
            Step::SetUri(uri) => self.set_uri(uri),
            Step::InsertBefore(name, value) => {
                check(name, value)?;
                let first = self.lines.iter().position(|line| line.name == key(name));
                let place = match self.lines.get_mut(first.unwrap_or(0)) {
                    Some(line) => &mut line.before,
                    None => &mut self.before_end,
                };
                place.insert(0, format!("{name}: {value}\r\n").into());
                self.touched.push(key(name));
                Ok(())
            }
            Step::Append(name, value) => {
                check(name, value)?;
                self.append(name, value);
                self.touched.push(key(name));
                Ok(())
            }
            Step::Set(name, value) => self.set(name, value),
            Step::Remove(name) => {
                check_not_length(name)?;
                self.touch(name)?;
                self.named(name).for_each(ModelLine::remove);
                Ok(())
            }
            Step::RemoveLine(index) => {
                let count = self.lines.len().max(1);
                let Some(line) = self.lines.get_mut(index % count) else {
                    return Ok(());
                };
                check_not_length(&line.name)?;
                if line.is_changed {
                    return Err(EditError::Conflict);
                }
                line.remove();
                self.touched.push(line.name.clone());
                Ok(())
            }
            Step::RemoveFirst(name) => self.replace_first(*name, None),
            Step::SetFirst(name, value) => {
                if value.contains(['\r', '\n', '\0']) {
                    return Err(BuildError::LineEnd.into());
                }
                if value.is_empty() {
                    return Err(BuildError::Empty.into());
                }
                self.replace_first(*name, Some(value))
            }
            Step::SetBody(body) => {
                self.body = body.to_vec();
                (self.is_body_set, self.says_length) = (true, true);
                Ok(())
            }
            Step::EnsureLength => {
                self.says_length = true;
                Ok(())
            }
        }
    }

    fn set_uri(&mut self, uri: &str) -> Result<(), EditError> {
        if uri.contains('?') {
            return Err(BuildError::UriHeaders.into());
        }
        if !self.is_request {
            return Err(EditError::NoRequest);
        }
        if self.is_uri_set {
            return Err(EditError::Conflict);
        }
        self.is_uri_set = true;
        let mut words = self.start_line.split(|&byte| byte == b' ');
        let (method, version) = (words.next(), words.nth(1));
        let words = [method, Some(uri.as_bytes()), version];
        let words: Vec<_> = words.into_iter().flatten().collect();
        self.start_line = words.join(&b' ');
        Ok(())
    }

    fn append(&mut self, name: &str, value: &str) {
        self.behind.push(format!("{name}: {value}\r\n").into());
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), EditError> {
        check(name, value)?;
        self.touch(name)?;
        let mut lines = self.named(name);
        let Some(first) = lines.next() else {
            drop(lines);
            self.append(name, value);
            return Ok(());
        };
        first.replace(0, first.value.len(), value);
        lines.for_each(ModelLine::remove);
        Ok(())
    }

    /// Replaces the first value of a list, or removes it.
    fn replace_first(&mut self, name: HeaderName, with: Option<&str>) -> Result<(), EditError> {
        let error = self.firsts.iter().find(|(list, _)| *list == name);
        let error = error.and_then(|(_, error)| *error);
        let line = self
            .named(name.as_str())
            .find(|line| !line.value.is_empty());
        let line = line.ok_or(EditError::Absent(name))?;
        if let Some(error) = error {
            return Err(error.into());
        }
        if line.is_changed {
            return Err(EditError::Conflict);
        }
        let places = values(&line.value);
        match (with, &places[..]) {
            (Some(with), [first, ..]) => line.replace(0, first.end, with),
            (None, [_, second, ..]) => line.replace(0, second.start, ""),
            (None, [_]) => line.remove(),
            (_, []) => panic!("no value"),
        }
        self.touched.push(key(name.as_str()));
        Ok(())
    }

    fn touch(&mut self, name: &str) -> Result<(), EditError> {
        if self.touched.contains(&key(name)) {
            return Err(EditError::Conflict);
        }
        self.touched.push(key(name));
        Ok(())
    }

    fn named(&mut self, name: &str) -> impl Iterator<Item = &mut ModelLine> + use<'_> {
        let lines = self.lines.iter_mut();
        let name = key(name);
        lines.filter(move |line| line.name == name)
    }

    fn finish(&self) -> Vec<u8> {
        let mut message = [&self.start_line[..], b"\r\n"].concat();
        let length = self.body.len();
        let mut has_length = false;
        for line in &self.lines {
            message.extend(line.before.concat());
            let is_length = line.name == HeaderName::ContentLength.as_str();
            if is_length && self.is_body_set {
                let end = line.value_start + line.value.len();
                let raw = line.line.as_ref().expect("not removed");
                message.extend(&raw[..line.value_start]);
                message.extend(length.to_string().as_bytes());
                message.extend(&raw[end..]);
            } else {
                message.extend(line.line.iter().flatten());
            }
            has_length |= is_length;
        }
        if self.says_length && !has_length {
            message.extend(format!("Content-Length: {length}\r\n").as_bytes());
        }
        message.extend(self.before_end.concat());
        message.extend(self.behind.concat());
        message.extend(b"\r\n");
        message.extend(&self.body);
        message
    }

    /// What was made is a message with this body, of one length if any is said.
    fn check(&self, bytes: &[u8]) {
        let message = reread(bytes);
        assert_eq!(message.body(), self.body);
        let length = message
            .headers()
            .optional::<comity_sip::header::ContentLength>();
        let length = length.expect("one length at most");
        let expected = self.body.len() as u64;
        assert!(
            length.is_none_or(|length| length.0 == expected),
            "{length:?}"
        );
        assert!(!self.says_length || length.is_some(), "no length");
    }
}

impl ModelLine {
    /// Replaces bytes of the value.
    fn replace(&mut self, start: usize, end: usize, with: &str) {
        let line = self.line.as_mut().expect("not removed");
        let place = self.value_start + start..self.value_start + end;
        line.splice(place, with.bytes());
        self.is_changed = true;
    }

    fn remove(&mut self) {
        self.line = None;
        self.is_changed = true;
    }
}

/// One text for all spellings of a name.
fn key(name: &str) -> String {
    match HeaderName::parse(name.as_bytes()) {
        Some(name) => name.as_str().to_owned(),
        None => name.to_ascii_lowercase(),
    }
}

/// What no header can be set to.
fn check(name: &str, value: &str) -> Result<(), BuildError> {
    check_not_length(name)?;
    if !is_token(name.as_bytes()) {
        return Err(BuildError::Token);
    }
    match value.contains(['\r', '\n', '\0']) {
        true => Err(BuildError::LineEnd),
        false => Ok(()),
    }
}

fn check_not_length(name: &str) -> Result<(), BuildError> {
    match HeaderName::parse(name.as_bytes()) {
        Some(name @ HeaderName::ContentLength) => Err(BuildError::Computed(name)),
        Some(_) | None => Ok(()),
    }
}

const LISTS: [HeaderName; 6] = [
    HeaderName::Via,
    HeaderName::Route,
    HeaderName::RecordRoute,
    HeaderName::Contact,
    HeaderName::Require,
    HeaderName::Supported,
];

const NAMES: [HeaderName; 9] = [
    HeaderName::Via,
    HeaderName::Route,
    HeaderName::RecordRoute,
    HeaderName::Contact,
    HeaderName::Supported,
    HeaderName::MaxForwards,
    HeaderName::ContentLength,
    HeaderName::ContentType,
    HeaderName::Subject,
];

const URIS: [&str; 4] = [
    "sip:b.example",
    "sips:a@[2001:db8::1]:5061;transport=tls",
    "tel:+1-2",
    "sip:b.example?subject=1",
];

const VALUES: [&str; 10] = [
    "",
    "SIP/2.0/TLS a.example;branch=z9hG4bK1;rport, SIP/2.0/TLS b.example",
    "<sip:a.example;lr>, <sip:b.example;lr>",
    "\"a,b\" <sip:a.example>;tag=1",
    "70",
    "a, b",
    "X-Own",
    " l ",
    "l",
    "a\nl: 1",
];

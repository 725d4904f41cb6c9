use bytes::Bytes;
use comity_identity::Host;
use comity_sip::header::{Contact, From, Route, To, Via};
use comity_sip::{
    AddressBuilder, BuildError, Framer, FramerEvent, HeaderName, Headers, Limits, Message, Method,
    Param, Rejected, Request, RequestBuilder, ResponseBuilder, StatusCode, Uri, ViaBuilder,
};

use super::framing::{is_token, trimmed};
use super::{reread, unlimited};
use crate::program::Program;

/// Builds requests, responses and values of arbitrary texts, and reads what was built.
///
/// The input is the length of a program, the program, and a message that is answered.
pub fn sip_build(data: &[u8]) {
    let mut input = Program::new(data);
    let mut program = Program::new(input.bytes());
    let bytes = Bytes::copy_from_slice(input.rest());
    match Message::from_datagram(bytes.clone(), &Limits::default()) {
        Ok(Message::Request(request)) => respond(&request, &mut program),
        Ok(Message::Response(_)) => {}
        Err(rejected) => reject(&rejected),
    }
    let mut framer = Framer::new(Limits::default());
    framer.handle_input(&bytes);
    framer.handle_eof();
    while let Some(event) = framer.poll_event() {
        match event {
            FramerEvent::Rejected(rejected) | FramerEvent::Failed(rejected) => reject(&rejected),
            FramerEvent::KeepAlive | FramerEvent::Message(_) => {}
        }
    }
    request(&mut program);
    address(&mut program);
    via(&mut program);
}

/// Text of a program.
fn text(program: &mut Program<'_>) -> String {
    let bytes = match program.byte() {
        len @ 0..=63 => (0..len).map(|_| program.byte()).collect(),
        which => TEXTS[usize::from(which) % TEXTS.len()].to_vec(),
    };
    String::from_utf8_lossy(&bytes).into_owned()
}

const TEXTS: [&[u8]; 14] = [
    b"tag",
    b"branch",
    b"a b",
    b"\"",
    b"\\",
    b"z9hG4bK1",
    b"l",
    b"Content-Length",
    b"a\r\nl: 1",
    b"a\nb",
    b"a\rb",
    b"\0",
    b"<sip:a.example>",
    b"x",
];

/// The headers that were set on a builder, and its body.
struct Set {
    headers: Vec<(String, Vec<u8>)>,
    content_type: Option<Vec<u8>>,
    body: Vec<u8>,
    /// What the builder writes itself.
    computed: &'static [HeaderName],
}

const WITH_BODY: &[HeaderName] = &[HeaderName::ContentLength, HeaderName::ContentType];
const OF_REQUEST: &[HeaderName] = &[
    HeaderName::ContentLength,
    HeaderName::ContentType,
    HeaderName::Via,
    HeaderName::From,
    HeaderName::To,
    HeaderName::CallId,
    HeaderName::CSeq,
];

/// What both builders can do.
trait Builder {
    fn set(&mut self, name: &str, value: &str) -> Result<(), BuildError>;
    fn set_body(&mut self, kind: &str, body: Bytes) -> Result<(), BuildError>;
}

macro_rules! builders {
    ($($type:ty),*) => {
        $(impl Builder for $type {
            fn set(&mut self, name: &str, value: &str) -> Result<(), BuildError> {
                self.header(name, value).map(drop)
            }

            fn set_body(&mut self, kind: &str, body: Bytes) -> Result<(), BuildError> {
                self.body(kind, body).map(drop)
            }
        })*
    };
}

builders!(RequestBuilder, ResponseBuilder);

impl Set {
    fn new(computed: &'static [HeaderName]) -> Self {
        Self {
            headers: Vec::new(),
            content_type: None,
            body: Vec::new(),
            computed,
        }
    }

    /// Sets headers and bodies by a program.
    fn fill(&mut self, builder: &mut impl Builder, program: &mut Program<'_>) {
        for _ in 0..program.byte() % 6 {
            let kind = program.byte();
            let (name, value) = (text(program), text(program));
            match kind % 3 {
                0 => {
                    let name = NAMES[usize::from(kind) % NAMES.len()].as_str();
                    let set = builder.set(name, &value);
                    self.expect(set, name, &value);
                }
                1 => {
                    let set = builder.set(&name, &value);
                    self.expect(set, &name, &value);
                }
                _ => {
                    let set = builder.set_body(&value, name.clone().into());
                    let is_good = !breaks_a_line(&value);
                    assert_eq!(set, is_good.then_some(()).ok_or(BuildError::LineEnd));
                    if is_good {
                        self.content_type = Some(trimmed(value.as_bytes()).to_vec());
                        self.body = name.into();
                    }
                }
            }
        }
    }

    /// A header is taken unless it breaks a line or the builder writes it itself.
    fn expect(&mut self, set: Result<(), BuildError>, name: &str, value: &str) {
        let expected = self.check_name(name).and_then(|()| {
            let is_good = !breaks_a_line(value);
            is_good.then_some(()).ok_or(BuildError::LineEnd)
        });
        if expected.is_ok() {
            let value = trimmed(value.as_bytes()).to_vec();
            self.headers.push((name.to_owned(), value));
        }
        assert_eq!(set, expected, "{name:?}: {value:?}");
    }

    fn check_name(&self, name: &str) -> Result<(), BuildError> {
        if !is_token(name.as_bytes()) {
            return Err(BuildError::Token);
        }
        match HeaderName::parse(name.as_bytes()) {
            Some(name) if self.computed.contains(&name) => Err(BuildError::Computed(name)),
            Some(_) | None => Ok(()),
        }
    }

    /// The message has these headers behind others, then its type and length, and this body.
    fn check(&self, message: &Message, before: usize) {
        let headers = message.headers().iter().skip(before);
        let found: Vec<_> = headers
            .map(|header| (header.name().to_owned(), header.value().to_vec()))
            .collect();
        let mut expected = self.headers.clone();
        let content_type = self.content_type.iter();
        expected.extend(content_type.map(|value| ("Content-Type".to_owned(), value.clone())));
        let length = self.body.len().to_string().into_bytes();
        expected.push(("Content-Length".to_owned(), length));
        assert_eq!(found, expected);
        assert_eq!(message.body(), self.body);
    }
}

fn breaks_a_line(value: &str) -> bool {
    value.contains(['\r', '\n', '\0'])
}

const NAMES: [HeaderName; 7] = [
    HeaderName::From,
    HeaderName::ContentLength,
    HeaderName::Via,
    HeaderName::Subject,
    HeaderName::ContentType,
    HeaderName::Contact,
    HeaderName::MaxForwards,
];

/// Reads what was built in each of the ways in which it may come.
fn read(built: &[u8]) -> Message {
    let message = reread(built);
    let frame = Message::from_frame(built.to_vec().into(), &unlimited());
    assert_eq!(frame.expect("a frame").as_bytes(), message.as_bytes());
    let mut framer = Framer::new(unlimited());
    framer.handle_input(built);
    let Some(FramerEvent::Message(streamed)) = framer.poll_event() else {
        panic!("no message on a stream");
    };
    assert_eq!(streamed.as_bytes(), message.as_bytes());
    assert_eq!(framer.pending(), 0);
    message
}

fn request(program: &mut Program<'_>) {
    let (name, target) = (text(program), text(program));
    let Some(method) = Method::new(&name) else {
        assert!(!is_token(name.as_bytes()), "{name:?} is no method");
        return;
    };
    assert!(is_token(name.as_bytes()), "{name:?} is a method");
    let uri = Uri::parse(&target).or_else(|_| Uri::parse("sip:a.example"));
    let uri = uri.expect("a URI");
    let mut builder = match RequestBuilder::new(method, uri) {
        Ok(builder) => builder,
        Err(error) => {
            assert_eq!(error, BuildError::UriHeaders);
            assert!(uri.has_headers());
            return;
        }
    };
    let mut set = Set::new(WITH_BODY);
    set.fill(&mut builder, program);
    let message = read(&builder.finish());
    let Message::Request(request) = &message else {
        panic!("a response");
    };
    assert_eq!(request.method(), method);
    assert_eq!(request.uri().as_str(), uri.as_str());
    set.check(&message, 0);
}

/// What a response takes from its request, line by line.
fn taken(headers: Headers<'_>) -> Vec<(Option<HeaderName>, Vec<u8>)> {
    let vias = headers.named(HeaderName::Via);
    let once = [
        HeaderName::From,
        HeaderName::To,
        HeaderName::CallId,
        HeaderName::CSeq,
    ];
    let once = once
        .into_iter()
        .filter_map(|name| headers.named(name).next());
    let lines = vias.chain(once);
    lines
        .map(|header| (header.known(), header.line().to_vec()))
        .collect()
}

fn respond(request: &Request, program: &mut Program<'_>) {
    let Some(status) = StatusCode::new(100 + program.word() % 600) else {
        panic!("a status between 100 and 699");
    };
    let mut builder = ResponseBuilder::new(request, status);
    let mut reason = status.phrase().to_owned();
    let mut expected = taken(request.headers());
    let mut tag = None;
    let mut set = Set::new(OF_REQUEST);
    for _ in 0..program.byte() % 4 {
        let kind = program.byte();
        let text = text(program);
        match kind % 3 {
            0 => match builder.reason(&text) {
                Ok(_) => reason = text,
                Err(error) => {
                    assert_eq!(error, BuildError::LineEnd);
                    assert!(breaks_a_line(&text));
                }
            },
            1 => match builder.to_tag(&text) {
                Ok(_) => tag = tag.or(Some(text)),
                Err(error) => {
                    assert_eq!(error, BuildError::Token);
                    assert!(!is_token(text.as_bytes()));
                }
            },
            _ => {
                let name = match kind & 64 {
                    0 => NAMES[usize::from(kind) % NAMES.len()].as_str(),
                    _ => &text,
                };
                let copied = builder.copy(request.headers(), name).map(drop);
                assert_eq!(copied, set.check_name(name));
                if copied.is_ok() {
                    let lines = request.headers().find(name);
                    let lines = lines.map(|header| (None, header.line().to_vec()));
                    expected.extend(lines);
                }
            }
        }
    }
    set.fill(&mut builder, program);
    let message = read(&builder.finish());
    let Message::Response(response) = &message else {
        panic!("a request");
    };
    assert_eq!(response.status(), status);
    assert_eq!(response.reason(), reason);
    let to = request.headers().one::<To<'_>>();
    if to.is_ok_and(|to| to.tag().is_none()) && tag.is_some() {
        add_tag(request, &message, &mut expected, tag.as_deref());
    }
    let lines = message.headers().iter().take(expected.len());
    let lines: Vec<_> = lines.map(|header| header.line().to_vec()).collect();
    let expected: Vec<_> = expected.into_iter().map(|(_, line)| line).collect();
    assert_eq!(lines, expected, "not as they came");
    set.check(&message, expected.len());
}

/// The tag stands behind To, of which nothing else changes.
fn add_tag(
    request: &Request,
    response: &Message,
    expected: &mut [(Option<HeaderName>, Vec<u8>)],
    tag: Option<&str>,
) {
    let asked = request.headers().one::<To<'_>>().expect("a recipient");
    let mut found = response.headers().named(HeaderName::To);
    let found = found.next().expect("a recipient");
    let mut lines = expected.iter_mut();
    let (_, line) = lines
        .find(|(name, _)| *name == Some(HeaderName::To))
        .expect("a recipient");
    let mut value = trimmed(line).len();
    value += line
        .iter()
        .take_while(|byte| byte.is_ascii_whitespace())
        .count();
    // A stray last semicolon is used.
    let name = match line[..value].ends_with(b";") {
        true => "tag=",
        false => ";tag=",
    };
    let param = [name, tag.unwrap_or_default()].concat();
    line.splice(value..value, param.bytes());
    let text = found.value().to_vec();
    let mut builder = RequestBuilder::new(Method::Ack, asked.uri()).ok();
    if let Some(builder) = &mut builder
        && let Ok(text) = std::str::from_utf8(&text)
        && builder.header(HeaderName::To, text).is_ok()
    {
        let message = reread(&builder.finish());
        let to = message.headers().one::<To<'_>>().expect("a recipient");
        assert_eq!(to.tag(), tag);
        assert_eq!(to.uri().as_str(), asked.uri().as_str());
        assert_eq!(to.params().len(), asked.params().len() + 1);
    }
}

/// What is no message is answered with a message, to where it came from.
fn reject(rejected: &Rejected) {
    let Some(builder) = ResponseBuilder::reject(rejected) else {
        assert_eq!(rejected.status(), None);
        return;
    };
    let message = read(&builder.finish());
    let Message::Response(response) = &message else {
        panic!("a request");
    };
    assert_eq!(Some(response.status()), rejected.status());
    let expected: Vec<_> = taken(rejected.headers());
    let lines = message.headers().iter().take(expected.len());
    let lines: Vec<_> = lines.map(|header| header.line().to_vec()).collect();
    assert!(expected.into_iter().map(|(_, line)| line).eq(lines));
    let first = message.headers().first::<Via<'_>>();
    assert!(matches!(first, Ok(Some(_))), "an answer without a way");
}

/// Parameters that were set, as the builder is expected to take them.
#[derive(Default)]
struct Params(Vec<(String, Option<String>)>);

impl Params {
    fn expect<T>(
        &mut self,
        set: Result<T, BuildError>,
        name: &str,
        value: Option<&str>,
    ) -> Option<T> {
        let is_own = ["tag", "branch"]
            .iter()
            .any(|own| own.eq_ignore_ascii_case(name));
        let repeated = |(other, _): &(String, _)| name.eq_ignore_ascii_case(other);
        let expected = if !is_token(name.as_bytes()) {
            Some(BuildError::Token)
        } else if self.0.iter().any(repeated) {
            Some(BuildError::Repeated)
        } else if is_own && !value.is_some_and(|value| is_token(value.as_bytes())) {
            Some(BuildError::Token)
        } else if value.is_some_and(breaks_a_line) {
            Some(BuildError::LineEnd)
        } else {
            self.0.push((name.to_owned(), value.map(str::to_owned)));
            None
        };
        match set {
            Ok(taken) => {
                assert_eq!(expected, None, "{name:?}={value:?}");
                Some(taken)
            }
            Err(error) => {
                assert_eq!(Some(error), expected, "{name:?}={value:?}");
                None
            }
        }
    }

    fn check<'a>(&self, params: impl Iterator<Item = Param<'a>>) {
        let found: Vec<_> = params
            .map(|param| {
                let value = param.value().map(|value| value.decode().into_owned());
                (param.name().to_owned(), value)
            })
            .collect();
        assert_eq!(found, self.0);
    }
}

fn address(program: &mut Program<'_>) {
    let target = text(program);
    let uri = Uri::parse(&target).or_else(|_| Uri::parse("sip:a.example"));
    let uri = uri.expect("a URI");
    let mut builder = AddressBuilder::new(uri);
    let mut name = None;
    let mut params = Params::default();
    for _ in 0..program.byte() % 5 {
        let kind = program.byte();
        let (first, second) = (text(program), text(program));
        match kind % 3 {
            0 => {
                builder = builder.display_name(&first);
                name = Some(first);
            }
            1 => {
                let set = builder.clone().param(&first, &second);
                builder = params.expect(set, &first, Some(&second)).unwrap_or(builder);
            }
            _ => {
                let set = builder.clone().flag(&first);
                builder = params.expect(set, &first, None).unwrap_or(builder);
            }
        }
    }
    let target = Uri::parse("sip:a.example").expect("a URI");
    let mut request = RequestBuilder::new(Method::Options, target).expect("a target");
    for name in [HeaderName::From, HeaderName::Contact, HeaderName::Route] {
        request.header(name, &builder).expect("a value");
    }
    let message = read(&request.finish());
    let name = name.map(|name| name.replace(['\r', '\n'], " ").replace('\0', ""));
    let name = name.filter(|name| !name.is_empty());
    let headers = message.headers();
    let from = headers.one::<From<'_>>().expect("a sender");
    let contact = headers.one::<Contact<'_>>().expect("a contact");
    let route = headers.one::<Route<'_>>().expect("a route");
    let contact = contact.address().expect("an address");
    for address in [&*from, contact, &*route] {
        assert_eq!(address.display_name().as_deref(), name.as_deref());
        assert_eq!(address.uri().as_str(), uri.as_str());
        params.check(address.params().iter());
    }
}

fn via(program: &mut Program<'_>) {
    let (transport, branch) = (text(program), text(program));
    let hosts = ["a.example", "192.0.2.1", "2001:db8::1"];
    let host: Host = hosts[usize::from(program.byte()) % 3]
        .parse()
        .expect("a host");
    let port = program.word();
    let port = (port != 0).then_some(port);
    let builder = ViaBuilder::new(&transport, &host, port, &branch);
    let is_good = is_token(transport.as_bytes()) && is_token(branch.as_bytes());
    assert_eq!(builder.is_ok(), is_good, "{transport:?} {branch:?}");
    let Ok(mut builder) = builder else { return };
    let mut params = Params(vec![("branch".to_owned(), Some(branch.clone()))]);
    for _ in 0..program.byte() % 4 {
        let kind = program.byte();
        let (first, second) = (text(program), text(program));
        let value = (kind & 1 == 0).then_some(&*second);
        let set = match value {
            Some(value) => builder.clone().param(&first, value),
            None => builder.clone().flag(&first),
        };
        builder = params.expect(set, &first, value).unwrap_or(builder);
    }
    let target = Uri::parse("sip:a.example").expect("a URI");
    let mut request = RequestBuilder::new(Method::Options, target).expect("a target");
    request.header(HeaderName::Via, &builder).expect("a value");
    let message = read(&request.finish());
    let typed = ["received", "rport", "maddr", "ttl"];
    let is_typed = |name: &str| typed.iter().any(|typed| typed.eq_ignore_ascii_case(name));
    let has_typed = params.0.iter().any(|(name, _)| is_typed(name));
    let via = match message.headers().one::<Via<'_>>() {
        Ok(via) => via,
        Err(error) => {
            assert!(has_typed, "{error}: {builder}");
            return;
        }
    };
    assert_eq!(via.transport(), transport);
    assert_eq!(via.branch(), Some(&*branch));
    assert_eq!(via.host().to_host(), Ok(host));
    assert_eq!(via.port(), port);
    params.check(via.params().iter());
}

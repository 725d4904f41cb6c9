use comity_identity::Host;
use comity_sip::{Limits, Scheme, Uri, UriBuf, UriBuilder, UriError};

use super::naive_uri::{Pieces, equivalent};
use super::{check_offset, tight, unlimited};
use crate::program::Program;

/// Parses URIs, compares them, and builds one of texts.
///
/// The input is two bytes that say how to vary the first URI, and lines: two URIs, and the texts of
/// the third.
pub fn sip_uri(data: &[u8]) {
    let mut program = Program::new(data);
    let (how, at) = (program.byte(), usize::from(program.byte()));
    let mut lines = program.rest().split(|&byte| byte == b'\n');
    let (first, second) = (lines.next().unwrap_or_default(), lines.next());

    if let Some(first) = parse(first) {
        let second = second.and_then(parse);
        for other in second.into_iter().chain([first]) {
            compare(first, other);
            let varied = vary(other.as_str(), how, at);
            if let Some(varied) = parse(varied.as_bytes()) {
                compare(first, varied);
            }
        }
    } else if let Some(second) = second {
        parse(second);
    }
    let texts = lines.map(String::from_utf8_lossy);
    build(
        how,
        &texts.map(std::borrow::Cow::into_owned).collect::<Vec<_>>(),
    );
}

/// A URI that was parsed says the same as its text taken apart.
fn parse(text: &[u8]) -> Option<Uri<'_>> {
    for limits in [Limits::default(), tight()] {
        match Uri::parse_within(text, &limits) {
            Err(error) => check_offset(error, text.len()),
            Ok(uri) => {
                assert!(uri.as_bytes().len() <= limits.max_uri_bytes as usize);
                assert!(uri.params().count() <= limits.max_parameters as usize);
            }
        }
    }
    let uri = Uri::parse_within(text, &unlimited()).ok()?;
    assert_eq!(uri.as_bytes(), text);
    assert_eq!(uri.to_string().as_bytes(), text);
    let owned = uri.to_buf();
    says_its_text(&uri);
    says_its_text(&owned.as_uri());
    assert_eq!(owned.to_string(), uri.as_str());
    let again = uri.as_str().parse::<UriBuf>();
    if let Ok(again) = again {
        assert_eq!(again.as_uri().as_str(), uri.as_str());
        assert!(again.as_uri().is_equivalent(&uri));
    }
    Some(uri)
}

fn says_its_text(uri: &Uri<'_>) {
    let pieces = Pieces::of(uri.as_str());
    assert_eq!(uri.scheme_name(), pieces.scheme);
    let scheme = match &*pieces.scheme.to_ascii_lowercase() {
        "sip" => Scheme::Sip,
        "sips" => Scheme::Sips,
        "tel" => Scheme::Tel,
        "im" => Scheme::Im,
        "pres" => Scheme::Pres,
        _ => Scheme::Other,
    };
    assert_eq!(uri.scheme(), scheme, "{uri}");
    assert_eq!(uri.user_as_written(), pieces.user, "{uri}");
    assert_eq!(uri.user(), pieces.user.map(resolved), "{uri}");
    assert_eq!(uri.password(), pieces.password, "{uri}");
    let host = uri.host().map(|host| host.as_str());
    assert_eq!(host.unwrap_or_default(), pieces.host, "{uri}");
    let port = pieces.port.map(|port| port.parse().expect("a port"));
    assert_eq!(uri.port(), port, "{uri}");

    let params: Vec<_> = uri
        .params()
        .map(|param| (param.name(), param.value()))
        .collect();
    let expected = pieces.params.iter();
    let expected = expected.map(|(name, value)| (resolved(name), value.map(resolved)));
    assert_eq!(params, expected.collect::<Vec<_>>(), "{uri}");
    assert!(!pieces.repeats_a_param(), "{uri}");
    for (name, value) in &params {
        assert!(uri.has_param(name));
        let same = params
            .iter()
            .filter(|(other, _)| other.eq_ignore_ascii_case(name));
        // An escape of a reserved character makes another name, but the same text.
        if same.count() == 1 {
            let value = value.as_deref().unwrap_or_default();
            assert_eq!(uri.param(name).as_deref(), Some(value));
        }
    }

    let headers: Vec<_> = uri
        .headers()
        .map(|header| (header.name(), header.value()))
        .collect();
    let expected = pieces.headers.iter();
    let expected = expected.map(|(name, value)| (resolved(name), resolved(value)));
    assert_eq!(headers, expected.collect::<Vec<_>>(), "{uri}");
    assert_eq!(uri.has_headers(), !headers.is_empty(), "{uri}");
}

/// Escapes resolved once.
fn resolved(text: &str) -> std::borrow::Cow<'_, str> {
    let mut pieces = text.split('%');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        let (digits, rest) = piece.split_at(2);
        bytes.push(u8::from_str_radix(digits, 16).expect("two digits"));
        bytes.extend(rest.as_bytes());
    }
    String::from_utf8_lossy(&bytes).into_owned().into()
}

/// Comparison is reflexive and symmetric, and as the RFC has it.
fn compare(a: Uri<'_>, b: Uri<'_>) {
    let same = a.is_equivalent(&b);
    assert_eq!(same, b.is_equivalent(&a), "{a} and {b}");
    assert!(a.is_equivalent(&a) && b.is_equivalent(&b), "{a} and {b}");
    if let Some(expected) = equivalent(a.as_str(), b.as_str()) {
        assert_eq!(same, expected, "{a} and {b}");
    }
}

/// The text with one character escaped or in the other case, or with parts turned around.
fn vary(text: &str, how: u8, at: usize) -> String {
    let at = at % text.len().max(1);
    let Some((before, behind)) = text.split_at_checked(at) else {
        return text.to_owned();
    };
    let Some(character) = behind.chars().next() else {
        return text.to_owned();
    };
    let rest = &behind[character.len_utf8()..];
    match how % 4 {
        0 => format!("{before}%{:02x}{rest}", u32::from(character)),
        1 if character.is_ascii_lowercase() => {
            format!("{before}{}{rest}", character.to_ascii_uppercase())
        }
        1 => format!("{before}{}{rest}", character.to_ascii_lowercase()),
        2 => {
            let mut parts: Vec<_> = text.split(';').collect();
            if let [_, params @ ..] = &mut parts[..] {
                params.reverse();
            }
            parts.join(";")
        }
        _ => format!("{before}{rest}"),
    }
}

/// A URI of arbitrary texts has these texts, and nothing else.
fn build(how: u8, texts: &[String]) {
    let [user, texts @ ..] = texts else { return };
    let hosts = ["a.example", "192.0.2.1", "2001:db8::1"];
    let host: Host = hosts[usize::from(how >> 2) % 3].parse().expect("a host");
    let make = [
        UriBuilder::sip,
        UriBuilder::sips,
        UriBuilder::im,
        UriBuilder::pres,
    ];
    let which = usize::from(how >> 4) % 4;
    let mut builder = make[which](&host).user(user);
    let port = (how & 1 == 0).then_some(u16::from(how));
    if let Some(port) = port {
        builder = builder.port(port);
    }
    let (mut params, mut headers) = (Vec::new(), Vec::new());
    for (at, text) in texts.iter().enumerate() {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (text.as_str(), None),
        };
        builder = match (at % 3, value) {
            (0 | 1, Some(value)) => {
                params.push((name, Some(value)));
                builder.param(name, value)
            }
            (0 | 1, None) => {
                params.push((name, None));
                builder.flag(name)
            }
            (_, value) => {
                let value = value.unwrap_or_default();
                headers.push((name, value));
                builder.header(name, value)
            }
        };
    }
    let built = match builder.build() {
        Ok(built) => built,
        Err(error) => {
            let mailbox = which >= 2 && (port.is_some() || !params.is_empty());
            assert_eq!(error == UriError::NotInMailbox, mailbox, "{error}");
            assert!(
                mailbox || may_fail(user, &params, &headers),
                "{error}: {builder:?}"
            );
            return;
        }
    };
    let uri = built.as_uri();
    assert!(Uri::parse(uri.as_str()).is_ok(), "{uri}");
    says_its_text(&uri);
    assert_eq!(uri.user().as_deref(), Some(user.as_str()));
    assert_eq!(uri.port(), port);
    assert_eq!(uri.password(), None);
    assert_eq!(uri.host().map(|host| host.to_host()), Some(Ok(host)));
    let found: Vec<_> = uri
        .params()
        .map(|param| (param.name(), param.value()))
        .collect();
    let expected = params
        .iter()
        .map(|(name, value)| ((*name).into(), value.map(Into::into)));
    assert_eq!(found, expected.collect::<Vec<_>>());
    let found: Vec<_> = uri
        .headers()
        .map(|header| (header.name(), header.value()))
        .collect();
    let expected = headers
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()));
    assert_eq!(found, expected.collect::<Vec<_>>());
}

/// Whether texts make no URI: something is empty, repeated, or too long.
fn may_fail(user: &str, params: &[(&str, Option<&str>)], headers: &[(&str, &str)]) -> bool {
    let is_empty = user.is_empty()
        || params
            .iter()
            .any(|(name, value)| name.is_empty() || *value == Some(""))
        || headers.iter().any(|(name, _)| name.is_empty());
    let mut names: Vec<_> = params
        .iter()
        .map(|(name, _)| name.to_ascii_lowercase())
        .collect();
    names.sort_unstable();
    let is_repeated = names.windows(2).any(|pair| pair[0] == pair[1]);
    let texts = params
        .iter()
        .map(|(name, value)| name.len() + value.unwrap_or_default().len());
    let texts: usize = texts
        .chain(headers.iter().map(|(name, value)| name.len() + value.len()))
        .sum();
    // Each byte takes up to three, and there is more than texts in a URI.
    let is_long = (texts + user.len()) * 3 + 2 * (params.len() + headers.len()) > 950;
    is_empty || is_repeated || is_long || params.len().max(headers.len()) > 32
}

//! A plain reading of values that are a word and parameters.

use comity_sip::header::{
    AcceptEncoding, AcceptLanguage, ContentDisposition, Event, Reason, SubscriptionState,
    SubscriptionStatus,
};
use comity_sip::{Field, Headers, ListField, Params};

use crate::sip::framing::{trimmed, values};

/// What is read of such a value is what stands there.
pub(super) fn check(headers: Headers<'_>) {
    check_list::<AcceptEncoding<'_>>(headers, |v| words(v.as_str(), v.params()));
    check_list::<AcceptLanguage<'_>>(headers, |v| words(v.as_str(), v.params()));
    check_list::<Reason<'_>>(headers, |v| words(v.protocol(), v.params()));
    check_one::<ContentDisposition<'_>>(headers, |v| words(v.kind(), v.params()));
    check_one::<Event<'_>>(headers, |v| words(v.package(), v.params()));
    check_one::<SubscriptionState<'_>>(headers, |v| {
        let (mut word, params) = words("", v.params());
        word.push_str(match v.status() {
            SubscriptionStatus::Active => "active",
            SubscriptionStatus::Pending => "pending",
            SubscriptionStatus::Terminated => "terminated",
            SubscriptionStatus::Other(other) => other,
            _ => panic!("a state that is not known here"),
        });
        (word, params)
    });
}

/// A word in lower case, and the names and texts of parameters.
type Words = (String, Vec<(String, Option<String>)>);

fn check_list<'a, T: ListField<'a>>(headers: Headers<'a>, words: fn(&T) -> Words) {
    let lines = headers.named(T::NAME);
    let written = lines.filter(|line| !line.value().is_empty());
    let written = written.flat_map(|line| {
        values(line.value())
            .into_iter()
            .map(move |at| &line.value()[at])
    });
    for (value, written) in headers.all::<T>().map_while(Result::ok).zip(written) {
        assert_eq!(words(&value), plain(written), "{}", T::NAME);
    }
}

fn check_one<'a, T: Field<'a>>(headers: Headers<'a>, words: fn(&T) -> Words) {
    if let Ok(value) = headers.one::<T>() {
        let line = headers.named(T::NAME).next().expect("it was read");
        assert_eq!(words(&value), plain(line.value()), "{}", T::NAME);
    }
}

fn words(word: &str, params: Params<'_>) -> Words {
    let params = params.iter().map(|param| {
        let value = param.value().map(|value| value.decode().into_owned());
        (param.name().to_owned(), value)
    });
    (word.to_ascii_lowercase(), params.collect())
}

/// The value split at the semicolons that are not in quotes. One at the end has nothing behind it.
fn plain(value: &[u8]) -> Words {
    let text = std::str::from_utf8(value).expect("it was read");
    let (mut pieces, mut quoted, mut escaped) = (vec![String::new()], false, false);
    for character in text.chars() {
        if character == ';' && !quoted {
            pieces.push(String::new());
            continue;
        }
        quoted ^= character == '"' && !escaped;
        escaped = quoted && character == '\\' && !escaped;
        pieces.last_mut().expect("one").push(character);
    }
    let mut pieces = pieces.iter().map(|piece| bare(piece));
    let word = pieces.next().expect("one").to_ascii_lowercase();
    let params = pieces.filter(|piece| !piece.is_empty());
    let params = params.map(|piece| match piece.split_once('=') {
        Some((name, value)) => (bare(name).to_owned(), Some(meant(bare(value)))),
        None => (piece.to_owned(), None),
    });
    (word, params.collect())
}

/// Without white space around it.
fn bare(text: &str) -> &str {
    let bare = trimmed(text.as_bytes());
    std::str::from_utf8(bare).expect("cut between characters")
}

/// What a quoted string stands for: escapes resolved, and a space for each folded line.
fn meant(value: &str) -> String {
    let Some(inside) = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    else {
        return value.to_owned();
    };
    let lines = inside.split("\r\n").enumerate();
    let lines = lines.map(|(index, line)| match index {
        0 => line.to_owned(),
        _ => format!(" {}", line.trim_start_matches([' ', '\t'])),
    });
    let mut meant = String::new();
    let joined: String = lines.collect();
    let mut rest = joined.chars();
    while let Some(character) = rest.next() {
        meant.extend(match character {
            '\\' => rest.next(),
            other => Some(other),
        });
    }
    meant
}

//! What streams of XMPP offer, read from a whole tree.

use std::collections::BTreeSet;

use comity_xmpp::diagnose::{Feature, Opening};
use comity_xmpp::ns;
use comity_xmpp::xml::Limits;

use crate::xml::{Reading, Seen};

/// Compares each opening with the stream that it is of, as far as that is plain: until a stream
/// authenticates, after which another begins in the middle of the bytes.
pub(super) fn compare(answer: &[u8], openings: &[Opening]) {
    for (stream, opening) in answer.split(|byte| *byte == 0).zip(openings) {
        let reading = Reading::of([stream], Limits::unauthenticated(), true);
        let first_level = reading.elements.iter().map(|one| one.seen.first());
        let is_success = |seen: Option<&Seen>| {
            matches!(seen, Some(Seen::Start { namespace, name, .. })
                if namespace == ns::SASL && name == "success")
        };
        if first_level.into_iter().any(is_success) {
            return;
        }
        compare_header(reading.seen.first(), opening);
        let mut features = reading.elements.iter().filter_map(|one| {
            // One that is not whole has offered nothing yet.
            one.source.as_ref()?;
            offered(&one.seen)
        });
        let last = features.next_back();
        assert_eq!(last.is_some(), opening.has_features);
        let (features, mechanisms) = last.unwrap_or_default();
        assert_eq!(features, opening.features);
        assert_eq!(mechanisms.len(), opening.mechanisms.len());
    }
}

fn compare_header(first: Option<&Seen>, opening: &Opening) {
    let Some(Seen::Start { attributes, .. }) = first else {
        return assert_eq!(opening.header, None);
    };
    let header = opening.header.as_ref().expect("a header");
    let get = |wanted: &str| {
        let mut found = attributes.iter();
        let found = found.find(|(namespace, name, _)| namespace.is_empty() && name == wanted);
        found.map(|(_, _, value)| value.as_str())
    };
    assert_eq!(header.from.as_deref(), get("from"));
    assert_eq!(header.to.as_deref(), get("to"));
    assert_eq!(header.id.as_deref(), get("id"));
    assert_eq!(header.version.as_deref(), get("version"));
}

/// The features and mechanisms of an element that is a list of features.
fn offered(seen: &[Seen]) -> Option<(BTreeSet<Feature>, Vec<String>)> {
    let mut path: Vec<(&str, &str)> = Vec::new();
    let mut features = BTreeSet::new();
    let mut mechanisms = Vec::new();
    // Of several of a kind the first counts.
    let mut counted: BTreeSet<(&str, &str)> = BTreeSet::new();
    let mut counts = false;
    for token in seen {
        let Seen::Start {
            namespace, name, ..
        } = token
        else {
            if *token == Seen::End {
                path.pop();
            }
            continue;
        };
        path.push((namespace, name));
        if path.len() == 2 {
            counts = counted.insert((namespace, name));
        }
        match path[..] {
            [first] if first != (ns::STREAM, "features") => return None,
            [_, second] if counts => features.extend(of_name(second)),
            [_, (ns::TLS, "starttls"), (ns::TLS, "required")] if counts => {
                features.insert(Feature::StarttlsRequired);
            }
            [_, (ns::DIALBACK_FEATURE, "dialback"), (_, "errors")] if counts => {
                features.insert(Feature::DialbackErrors);
            }
            [_, (ns::SASL, "mechanisms"), (_, name)] if counts => mechanisms.push(name.to_owned()),
            _ => {}
        }
    }
    Some((features, mechanisms))
}

fn of_name(name: (&str, &str)) -> Option<Feature> {
    let known = [
        ((ns::TLS, "starttls"), Feature::Starttls),
        ((ns::DIALBACK_FEATURE, "dialback"), Feature::Dialback),
        ((ns::BIDI_FEATURE, "bidi"), Feature::Bidi),
        ((ns::SM, "sm"), Feature::Acknowledgements),
    ];
    let mut known = known.iter();
    known
        .find(|(of, _)| *of == name)
        .map(|(_, feature)| *feature)
}

/// What is said of openings, in the order of the rules.
pub(super) fn wrong(openings: &[Opening], is_direct: bool) -> Vec<&'static str> {
    let mut wrong = Vec::new();
    let (plain, secure) = match is_direct {
        true => (None, openings.first()),
        false => (openings.first(), openings.get(1)),
    };
    let header = openings.first().and_then(|first| first.header.as_ref());
    if header.is_some_and(|header| header.version.as_deref() != Some("1.0")) {
        wrong.push("xmpp-version");
    }
    let offers = |opening: &Opening, feature| opening.features.contains(&feature);
    if plain.is_some_and(|plain| offers(plain, Feature::Starttls))
        && !plain.is_some_and(|plain| offers(plain, Feature::StarttlsRequired))
    {
        wrong.push("xmpp-starttls-optional");
    }
    let Some(secure) = secure.filter(|secure| secure.has_features) else {
        return wrong;
    };
    if secure.mechanisms.iter().all(|name| &**name != "EXTERNAL") {
        wrong.push("xmpp-external-not-offered");
    }
    if !offers(secure, Feature::Dialback) {
        wrong.push("xmpp-dialback-not-offered");
    }
    if secure.max_bytes.is_some_and(|bytes| bytes < 10_000) {
        wrong.push("xmpp-limit-small");
    }
    wrong
}

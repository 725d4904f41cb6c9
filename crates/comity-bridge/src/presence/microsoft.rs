//! The formats of Microsoft: LCS (`text/xml+msrtc.pidf`), MSN (`application/xpidf+xml`) and OCS 2007
//! and later (`application/msrtc-event-categories+xml`).

use super::read::push_note;
use super::xml::Node;
use super::{Activity, Document, Limits, SipState, Tuple};

/// `presentity`, with numbers for availability and activity of the user as a whole.
pub(super) fn read_presentity(root: &Node, limits: &Limits) -> Document {
    let number = |name: &str| {
        let mut children = root.children.iter();
        let element = children.find(|child| &*child.name == name)?;
        element.attribute("aggregate")?.trim().parse::<u32>().ok()
    };
    let availability = number("availability").unwrap_or_default();
    let activity = match number("activity") {
        Some(activity) => Activity::of_pair(availability, activity),
        None => Activity::of_pair(availability, 400),
    };
    let mut tuple = Tuple::new("", activity);
    for note in root.all().filter(|node| &*node.name == "note") {
        push_note(&mut tuple.notes, &note.text, None, limits);
    }
    document(root.attribute("uri"), vec![tuple])
}

/// `presence` without namespace: an `atom` for each device.
pub(super) fn read_xpidf(root: &Node, limits: &Limits) -> Document {
    let presentity = root
        .children
        .iter()
        .find(|child| &*child.name == "presentity");
    let atoms = root.children.iter().filter(|child| &*child.name == "atom");
    let tuples = atoms.take(limits.max_tuples).map(|atom| {
        let attribute = |element: &str, name: &str| {
            let element = atom.all().find(|inner| &*inner.name == element)?;
            Some(element.attribute(name)?.trim().to_ascii_lowercase())
        };
        let rough = attribute("status", "status").unwrap_or_default();
        let fine = attribute("msnsubstatus", "substatus").unwrap_or_default();
        let activity = match rough.as_str() {
            "open" | "inuse" | "inactive" => match (Activity::named(&fine), rough.as_str()) {
                (fine, _) if fine.state != SipState::Available => fine,
                (_, "inuse") => Activity::new(SipState::Busy),
                (_, "inactive") => Activity::new(SipState::Idle),
                (fine, _) => fine,
            },
            _ => Activity::new(SipState::Offline),
        };
        Tuple::new(atom.attribute("id").unwrap_or_default().trim(), activity)
    });
    let uri = presentity.and_then(|node| node.attribute("uri"));
    // A parameter says which method the URI is for.
    let uri = uri.map(|uri| uri.split_once(';').map_or(uri, |(uri, _)| uri));
    document(uri, tuples.collect())
}

/// `categories`: states of devices, of which the aggregated one counts, and notes.
pub(super) fn read_categories(root: &Node, limits: &Limits) -> Document {
    let states = || root.all().filter(|node| &*node.name == "state");
    let is_aggregate = |node: &&Node| {
        let kind = node.attribute("xsi:type").unwrap_or_default();
        kind == "aggregateState" || kind.ends_with(":aggregateState")
    };
    let state = states().find(is_aggregate).or_else(|| states().next());
    let Some(state) = state else {
        return document(root.attribute("uri"), Vec::new());
    };
    let child = |name: &str| state.children.iter().find(|child| &*child.name == name);
    let number = child("availability").and_then(|node| node.text.trim().parse::<u32>().ok());
    let mut activity = Activity::of_availability(number.unwrap_or_default());
    let token = child("activity").and_then(|node| node.attribute("token"));
    if let Some(token) = token
        && activity.state != SipState::Offline
    {
        // The number says how available he is, and the token in what words.
        activity.label = activity.label.or_else(|| Activity::named(token).label);
    }
    let mut tuple = Tuple::new("", activity);
    let notes = root.all().filter(|node| &*node.name == "note");
    for body in notes.flat_map(|note| &note.children) {
        if &*body.name == "body" {
            push_note(
                &mut tuple.notes,
                &body.text,
                body.attribute("xml:lang"),
                limits,
            );
        }
    }
    document(root.attribute("uri"), vec![tuple])
}

fn document(uri: Option<&str>, tuples: Vec<Tuple>) -> Document {
    let entity = uri.unwrap_or_default().trim().into();
    Document { entity, tuples }
}

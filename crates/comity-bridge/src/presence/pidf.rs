//! PIDF (RFC 3863) with RPID (RFC 4480), in its forms.

use comity_xmpp::{Show, Text, ns};

use super::read::push_note;
use super::xml::Node;
use super::{Activity, Document, Limits, SipState, Tuple};

pub(super) const PIDF: &str = "urn:ietf:params:xml:ns:pidf";
pub(super) const DATA_MODEL: &str = "urn:ietf:params:xml:ns:pidf:data-model";
pub(super) const RPID: &str = "urn:ietf:params:xml:ns:pidf:rpid";
/// `COMPAT:` drafts of RPID, as Microsoft OCS has it inside `status`.
pub(super) const RPID_STATUS: &str = "urn:ietf:params:xml:ns:pidf:status:rpid-status";

pub(super) fn read(root: &Node, limits: &Limits) -> Document {
    let is_person = |node: &&Node| &*node.name == "person" && &*node.namespace == DATA_MODEL;
    let mut person = Said::default();
    for node in root.children.iter().filter(is_person) {
        person.add(node, limits);
    }
    // What stands beside the tuples is about the user too.
    let beside = root
        .children
        .iter()
        .filter(|node| &*node.name != "tuple" && !is_person(node));
    for node in beside {
        person.add_one(node, limits);
    }
    let tuples = root.children.iter().filter(|node| node.is(PIDF, "tuple"));
    Document {
        entity: root.attribute("entity").unwrap_or_default().trim().into(),
        tuples: tuples
            .take(limits.max_tuples)
            .map(|node| tuple(node, &person, limits))
            .collect(),
    }
}

fn tuple(node: &Node, person: &Said, limits: &Limits) -> Tuple {
    let mut own = Said::default();
    own.add(node, limits);
    let status = node.child(&[PIDF], "status");
    let basic = status.and_then(|status| status.child(&[PIDF], "basic"));
    let is_open = match basic.map(|basic| basic.text.trim().to_ascii_lowercase()) {
        Some(basic) => basic == "open",
        // Who does something is there.
        None => own.activity.is_some() || own.show.is_some(),
    };
    let said = own.activity.into_iter().chain(person.activity);
    let activity = match is_open {
        true => said.fold(Activity::new(SipState::Available), Activity::stronger),
        false => Activity::new(SipState::Offline),
    };
    let contact = node.child(&[PIDF], "contact");
    let priority = contact.and_then(|contact| contact.attribute("priority"));
    Tuple {
        show: own.show,
        priority: priority.and_then(thousandths),
        is_idle: own.is_idle || person.is_idle,
        notes: match own.notes.is_empty() {
            true => person.notes.clone(),
            false => own.notes,
        },
        ..Tuple::new(node.attribute("id").unwrap_or_default().trim(), activity)
    }
}

/// What elements say about a user, wherever they stand.
#[derive(Default)]
struct Said {
    activity: Option<Activity>,
    show: Option<Show>,
    is_idle: bool,
    notes: Vec<Text>,
}

impl Said {
    fn add(&mut self, node: &Node, limits: &Limits) {
        for inner in node.all() {
            self.add_one(inner, limits);
        }
    }

    fn add_one(&mut self, node: &Node, limits: &Limits) {
        let is_rpid = node.namespace.starts_with(PIDF) && node.namespace.contains("rpid");
        match &*node.name {
            "activities" if is_rpid => {
                for activity in &node.children {
                    // `COMPAT:` drafts have the name as text of an element.
                    self.do_one(match &*activity.name {
                        "activity" => activity.text.trim(),
                        "note" => continue,
                        name => name,
                    });
                }
            }
            "user-input" if is_rpid => self.is_idle |= node.text.trim() == "idle",
            "note" if [PIDF, DATA_MODEL].contains(&&*node.namespace) => {
                let lang = node.attribute("xml:lang");
                push_note(&mut self.notes, &node.text, lang, limits);
            }
            "show" if [ns::CLIENT, ns::SERVER].contains(&&*node.namespace) => {
                self.show = show(node.text.trim());
            }
            _ => {}
        }
    }

    fn do_one(&mut self, name: &str) {
        let new = Activity::named(name);
        self.activity = Some(self.activity.map_or(new, |known| known.stronger(new)));
    }
}

fn show(name: &str) -> Option<Show> {
    let all = [Show::Away, Show::Chat, Show::Dnd, Show::Xa];
    all.into_iter().find(|show| show.name() == name)
}

/// A decimal number from 0 to 1.
fn thousandths(number: &str) -> Option<u16> {
    let number = number.trim();
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let whole: u16 = match whole {
        "" => 0,
        digits => digits.parse().ok()?,
    };
    let digits = fraction.chars().chain("000".chars()).take(3);
    let fraction: u16 = digits.collect::<String>().parse().ok()?;
    let number = whole.checked_mul(1000)?.checked_add(fraction)?;
    (number <= 1000).then_some(number)
}

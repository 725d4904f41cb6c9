use std::collections::{BTreeMap, VecDeque};

use comity_sip::Uri;
use comity_xmpp::Jid;

/// Notices SIP users that are one user on the XMPP side because their names differ by case alone.
///
/// It knows a bounded number of addresses, and forgets the oldest first. What follows from a collision
/// is the caller's decision.
///
/// ```
/// use comity_bridge::address::{Collisions, to_jid};
/// use comity_sip::Uri;
///
/// let mut collisions = Collisions::new(Collisions::DEFAULT_MAX_ADDRESSES);
/// let first = Uri::parse("sip:Alice@sip.example")?;
/// assert_eq!(collisions.note(&to_jid(first)?, first), None);
/// let other = Uri::parse("sip:alice@sip.example")?;
/// let collision = collisions.note(&to_jid(other)?, other).expect("another spelling");
/// assert_eq!((&*collision.first, &*collision.other), ("Alice", "alice"));
/// assert_eq!(collisions.note(&to_jid(other)?, other), None, "reported once");
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Collisions {
    known: BTreeMap<Jid, Known>,
    /// The addresses known, the oldest first.
    order: VecDeque<Jid>,
    max_addresses: usize,
}

#[derive(Clone, Debug)]
struct Known {
    first: Box<str>,
    is_reported: bool,
}

/// Two SIP users that are one on the XMPP side.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Collision {
    /// The user that came first, with escapes resolved.
    pub first: Box<str>,
    /// The user that came now.
    pub other: Box<str>,
}

impl Collisions {
    /// Two names of up to 1 KiB for each of 4096 users are at most 8 MiB.
    pub const DEFAULT_MAX_ADDRESSES: usize = 4096;

    /// Knows no address yet, and never more than so many.
    #[must_use]
    pub fn new(max_addresses: usize) -> Self {
        Self {
            known: BTreeMap::new(),
            order: VecDeque::new(),
            max_addresses,
        }
    }

    /// Notes the URI that led to an address, and tells once for each address if another user led
    /// there before. The resource does not matter.
    pub fn note(&mut self, jid: &Jid, uri: Uri<'_>) -> Option<Collision> {
        let user = uri.user()?;
        let jid = jid.to_bare();
        if let Some(known) = self.known.get_mut(&jid) {
            if known.is_reported || *known.first == *user {
                return None;
            }
            known.is_reported = true;
            return Some(Collision {
                first: known.first.clone(),
                other: user.into(),
            });
        }
        if self.max_addresses == 0 {
            return None;
        }
        if self.order.len() >= self.max_addresses
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        let known = Known {
            first: user.into(),
            is_reported: false,
        };
        self.known.insert(jid.clone(), known);
        self.order.push_back(jid);
        None
    }
}

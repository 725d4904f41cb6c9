//! By what a message belongs to a transaction (RFC 3261 §17.1.3, §17.2.3).

use std::hash::BuildHasher;

use comity_identity::DomainName;

use super::hash::{Fingerprint, Fingerprints, Seeded};
use crate::message::Mandatory;
use crate::{Method, Request, Transport, Uri};

/// What identifies a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RequestKey {
    /// The key of its server transaction; of an ACK, that of its INVITE.
    pub(crate) own: Fingerprint,
    /// Of a CANCEL, the key of its INVITE.
    pub(crate) invite: Option<Fingerprint>,
    /// What a copy that came on another way has in common with it (RFC 3261 §8.2.2.2); `None` inside
    /// a dialog.
    pub(crate) merge: Option<u64>,
    /// True if the request goes on with a dialog: To has a tag.
    pub(crate) in_dialog: bool,
    /// True if the client is older than RFC 3261: its branches identify nothing.
    pub(crate) is_old: bool,
}

/// What makes keys of what identifies requests.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    own: Fingerprints,
    merge: Seeded,
}

impl Keys {
    pub(crate) fn new(own: Fingerprints, merge: Seeded) -> Self {
        Self { own, merge }
    }

    /// The key of a request.
    pub(crate) fn of(&self, request: &Request, read: &Mandatory<'_>, realm: Realm) -> RequestKey {
        let is_cancel = request.method() == Method::Cancel;
        let follows_invite = is_cancel || request.method() == Method::Ack;
        let method = match follows_invite {
            true => Method::Invite,
            false => request.method(),
        };
        let mut parts = Parts::new();
        parts.write_own(method, request.uri(), read, realm);
        let begun = self.own.of(parts.as_bytes());
        let (own, invite) = match is_cancel {
            true => {
                parts.write(b"CANCEL");
                (self.own.of(parts.as_bytes()), Some(begun))
            }
            false => (begun, None),
        };
        let in_dialog = read.to.tag_bytes().is_some();
        let merge = (!in_dialog).then(|| {
            parts.clear();
            parts.write_merge(method, read, realm);
            self.merge.of_bytes(parts.as_bytes())
        });
        RequestKey {
            own,
            invite,
            merge,
            in_dialog,
            is_old: !read.via.has_unique_branch(),
        }
    }
}

/// From whom messages of one transaction can come: who repeats, acknowledges or cancels a request must
/// come by the same transport, and have proved the same names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Realm(u64);

impl Realm {
    /// The realm of datagrams.
    pub(crate) const DATAGRAMS: Self = Self(0);

    /// The realm of a connection on which the peer proved these names.
    pub(crate) fn new(transport: Transport, proved: &[DomainName], hash: &Seeded) -> Self {
        let mut names: Vec<_> = proved.iter().collect();
        names.sort_unstable();
        Self(hash.hash_one((transport, names)))
    }
}

/// Parts of a request, one behind the other so that no two lists of parts give the same bytes.
struct Parts(Vec<u8>);

impl Parts {
    fn new() -> Self {
        Self(Vec::with_capacity(PARTS_LEN))
    }

    fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn clear(&mut self) {
        self.0.clear();
    }

    /// What tells a request from all others.
    fn write_own(&mut self, method: Method<'_>, uri: Uri<'_>, read: &Mandatory<'_>, realm: Realm) {
        let via = &read.via;
        self.0.extend(realm.0.to_be_bytes());
        self.write(method.as_str().as_bytes());
        self.write_lower(via.host().as_bytes());
        self.write_port(via.port());
        if via.has_unique_branch() {
            self.write_lower(via.branch_bytes().unwrap_or_default());
        } else {
            self.write(b"2543");
            self.write_lower(via.transport_bytes());
            self.write_lower(via.params().as_bytes());
            self.write(read.call_id.as_bytes());
            self.write(read.from.tag_bytes().unwrap_or_default());
            self.0.extend(read.cseq.number.to_be_bytes());
            self.write_target(uri);
        }
    }

    /// What a request has in common with its copies on other ways.
    fn write_merge(&mut self, method: Method<'_>, read: &Mandatory<'_>, realm: Realm) {
        self.0.extend(realm.0.to_be_bytes());
        self.0.extend(read.cseq.number.to_be_bytes());
        self.write(method.as_str().as_bytes());
        self.write(read.call_id.as_bytes());
        self.write(read.from.tag_bytes().unwrap_or_default());
    }

    /// The parts of a Request-URI in which two that are equivalent cannot differ (RFC 3261 §19.1.4).
    fn write_target(&mut self, uri: Uri<'_>) {
        self.write(uri.user().unwrap_or_default().as_bytes());
        match uri.host() {
            Some(host) => self.write_lower(host.as_bytes()),
            None => self.write(uri.as_bytes()),
        }
        self.write_port(uri.port());
    }

    fn write_port(&mut self, port: Option<u16>) {
        self.0.extend(port.unwrap_or_default().to_be_bytes());
    }

    fn write_lower(&mut self, part: &[u8]) {
        self.write(part);
        let start = self.0.len() - part.len();
        if let Some(written) = self.0.get_mut(start..) {
            written.make_ascii_lowercase();
        }
    }

    fn write(&mut self, part: &[u8]) {
        // Parts of a message are at most 65,535 bytes long.
        let len = u16::try_from(part.len()).unwrap_or(u16::MAX);
        self.0.extend(len.to_be_bytes());
        self.0.extend_from_slice(part);
    }
}

/// How long the parts are at most in most cases.
const PARTS_LEN: usize = 256;

//! By what a message belongs to a transaction (RFC 3261 §17.1.3, §17.2.3).

use std::hash::{BuildHasher, Hasher};

use comity_identity::DomainName;

use super::hash::Seeded;
use crate::header::{CSeq, CallId, From, To, Via};
use crate::{Method, ParseError, Request, Transport};

/// What identifies a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestKey {
    /// The key of its server transaction; of an ACK, that of its INVITE.
    pub(crate) own: Vec<u8>,
    /// Of a CANCEL, the key of its INVITE.
    pub(crate) invite: Option<Vec<u8>>,
    /// What a copy that came on another way has in common with it (RFC 3261 §8.2.2.2); `None` inside
    /// a dialog.
    pub(crate) merge: Option<u64>,
    /// True if the request goes on with a dialog: To has a tag.
    pub(crate) in_dialog: bool,
    /// True if the client is older than RFC 3261: its branches identify nothing.
    pub(crate) is_old: bool,
}

impl RequestKey {
    /// The key of a request whose headers are well-formed.
    ///
    /// # Errors
    ///
    /// If a header by which requests are matched is malformed.
    pub(crate) fn of(request: &Request, realm: Realm, hash: &Seeded) -> Result<Self, ParseError> {
        let headers = request.headers();
        let via = headers.first::<Via<'_>>()?;
        let via = via.ok_or_else(|| headers.missing::<Via<'_>>())?;
        let call_id = headers.one::<CallId<'_>>()?;
        let from = headers.one::<From<'_>>()?;
        let cseq = headers.one::<CSeq<'_>>()?;
        let is_old = !via.has_unique_branch();
        let mut key = Vec::with_capacity(KEY_LEN);
        let follows_invite = matches!(request.method(), Method::Ack | Method::Cancel);
        let method = match follows_invite {
            true => Method::Invite,
            false => request.method(),
        };
        key.extend(realm.0.to_be_bytes());
        write(&mut key, method.as_str().as_bytes());
        write_lower(&mut key, via.host().as_str().as_bytes());
        key.extend(via.port().unwrap_or_default().to_be_bytes());
        if is_old {
            write(&mut key, b"2543");
            write_lower(&mut key, via.transport().as_bytes());
            write_lower(&mut key, via.params().as_bytes());
            write(&mut key, call_id.as_bytes());
            write(&mut key, from.tag_bytes().unwrap_or_default());
            key.extend(cseq.number.to_be_bytes());
            write_target(&mut key, request);
        } else {
            write_lower(&mut key, via.branch_bytes().unwrap_or_default());
        }
        let in_dialog = headers.one::<To<'_>>()?.tag_bytes().is_some();
        let merge = (!in_dialog).then(|| {
            let mut hasher = hash.build_hasher();
            for part in [
                call_id.as_bytes(),
                from.tag_bytes().unwrap_or_default(),
                method.as_str().as_bytes(),
            ] {
                hasher.write_usize(part.len());
                hasher.write(part);
            }
            hasher.write_u64(realm.0);
            hasher.write_u32(cseq.number);
            hasher.finish()
        });
        let (own, invite) = match request.method() == Method::Cancel {
            true => ([key.as_slice(), b"CANCEL"].concat(), Some(key)),
            false => (key, None),
        };
        Ok(Self {
            own,
            invite,
            merge,
            in_dialog,
            is_old,
        })
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

/// How long most keys are at most.
const KEY_LEN: usize = 128;

/// The parts of a Request-URI in which two that are equivalent cannot differ (RFC 3261 §19.1.4).
fn write_target(key: &mut Vec<u8>, request: &Request) {
    let uri = request.uri();
    write(key, uri.user().unwrap_or_default().as_bytes());
    match uri.host() {
        Some(host) => write_lower(key, host.as_str().as_bytes()),
        None => write(key, uri.as_bytes()),
    }
    key.extend(uri.port().unwrap_or_default().to_be_bytes());
}

/// Appends a part so that no two lists of parts give the same bytes.
fn write(key: &mut Vec<u8>, part: &[u8]) {
    key.extend(len(part));
    key.extend(part);
}

fn write_lower(key: &mut Vec<u8>, part: &[u8]) {
    key.extend(len(part));
    key.extend(part.iter().map(u8::to_ascii_lowercase));
}

/// Parts of a message are at most 65,535 bytes long.
fn len(part: &[u8]) -> [u8; 2] {
    u16::try_from(part.len()).unwrap_or(u16::MAX).to_be_bytes()
}

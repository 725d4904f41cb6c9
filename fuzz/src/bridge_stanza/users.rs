//! Who writes to whom, by the name that each side has for him.

use comity_identity::DomainName;
use comity_xmpp::Jid;

/// A user as XMPP and as SIP write him.
pub(super) struct User {
    pub(super) jid: &'static str,
    pub(super) uri: &'static str,
}

impl User {
    pub(super) fn jid(&self) -> Jid {
        self.jid.parse().expect("an address")
    }

    pub(super) fn domain(&self) -> DomainName {
        self.jid().domain().clone()
    }
}

/// Who of `users` has this address in the form of XMPP, whatever his resource.
pub(super) fn by_jid(users: &[User], jid: &Jid) -> Option<usize> {
    let bare = jid.to_bare();
    users.iter().position(|user| user.jid() == bare)
}

/// Who of `users` a header of SIP names.
pub(super) fn by_header(users: &[User], value: &str) -> Option<usize> {
    let (_, rest) = value.split_once('<')?;
    let (uri, _) = rest.split_once('>')?;
    users.iter().position(|user| user.uri == uri)
}

/// The last is of another server, for which the bridge does nothing.
pub(super) const XMPP: [User; 4] = [
    User {
        jid: "juliet@xmpp.test",
        uri: "sip:juliet@xmpp.test",
    },
    User {
        jid: "d\\27artagnan@xmpp.test",
        uri: "sip:d'artagnan@xmpp.test",
    },
    User {
        jid: "j\u{fc}rgen@xmpp.test",
        uri: "sip:j%C3%BCrgen@xmpp.test",
    },
    User {
        jid: "bob@other.test",
        uri: "sip:bob@other.test",
    },
];

/// The first has a Microsoft server, and nobody federates with the last.
pub(super) const SIP: [User; 4] = [
    User {
        jid: "lisa@lync.test",
        uri: "sip:lisa@lync.test",
    },
    User {
        jid: "o\\27malley@sip.test",
        uri: "sip:o'malley@sip.test",
    },
    User {
        jid: "bob@sip.test",
        uri: "sip:bob@sip.test",
    },
    User {
        jid: "eve@evil.test",
        uri: "sip:eve@evil.test",
    },
];

/// The place of the stranger in [`XMPP`], and of her with whom nobody federates in [`SIP`].
pub(super) const OUTSIDER: usize = 3;

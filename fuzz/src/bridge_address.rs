use comity_bridge::address::AddressError;
use comity_bridge::address::{
    Collisions, entity, escape, to_bare_uri, to_im, to_jid, to_pres, to_uri, unescape,
};
use comity_sip::{Scheme, Uri, UriBuf};
use comity_xmpp::Jid;

/// Takes a text for a URI, for an address of XMPP, for both parts of one, and for the entity of a
/// presence document, and translates it one way and back.
pub fn bridge_address(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    assert_eq!(unescape(&escape(&text)), text, "{text:?}");
    if let Ok(uri) = Uri::parse(&text) {
        from_sip(uri);
    }
    if let Ok(jid) = Jid::parse(&text) {
        from_xmpp(&jid);
    }
    let local = escape(&text);
    if let Ok(jid) = Jid::parse(&format!("{local}@b\u{fc}cher.example/{text}")) {
        from_xmpp(&jid);
    }
    let user: String = data.iter().map(|byte| format!("%{byte:02x}")).collect();
    if let Ok(uri) = Uri::parse(&format!("sip:{user}@xn--bcher-kva.example;gr={user}")) {
        from_sip(uri);
    }
    if let Ok(jid) = entity(&text) {
        from_xmpp(&jid);
    }
}

/// What maps comes back as the same user, its case folded, and nothing of a URI but its user, domain
/// and device crosses.
fn from_sip(uri: Uri<'_>) {
    let jid = match to_jid(uri) {
        Ok(jid) => jid,
        Err(error) => {
            assert!((400..500).contains(&error.status().code()), "{error}");
            return;
        }
    };
    assert!(
        !matches!(uri.scheme(), Scheme::Sips | Scheme::Tel | Scheme::Other),
        "{uri}"
    );
    assert_eq!(
        jid.local().is_some(),
        uri.user_as_written().is_some(),
        "{uri}"
    );
    let mut collisions = Collisions::new(1);
    assert_eq!(collisions.note(&jid, uri), None);
    assert_eq!(collisions.note(&jid, uri), None);
    let Some(back) = from_xmpp(&jid) else {
        return;
    };
    let user = |uri: Uri<'_>| uri.user().map(|user| user.to_lowercase());
    // Preparation maps more than case outside of ASCII.
    if uri.user().is_none_or(|user| user.is_ascii()) {
        assert_eq!(user(back.as_uri()), user(uri), "{uri} {back}");
    }
    let host = |uri: Uri<'_>| uri.host().and_then(|host| host.to_host().ok());
    assert_eq!(host(back.as_uri()), host(uri), "{uri} {back}");
    assert_eq!(
        (back.as_uri().port(), back.as_uri().has_headers()),
        (None, false),
        "{back}"
    );
}

/// What has a URI comes back as itself.
fn from_xmpp(jid: &Jid) -> Option<UriBuf> {
    let same = |uri: &UriBuf, jid: &Jid| {
        assert_eq!(to_jid(uri.as_uri()).as_ref(), Ok(jid), "{uri}");
        assert_eq!(entity(uri.as_uri().as_str()).as_ref(), Ok(jid), "{uri}");
    };
    let bare = jid.to_bare();
    for uri in [to_bare_uri(jid), to_pres(jid), to_im(jid)] {
        match uri {
            Ok(uri) => same(&uri, &bare),
            Err(AddressError::Uri) => assert_eq!(jid.local(), None),
            Err(_) => {}
        }
    }
    let uri = to_uri(jid).ok()?;
    same(&uri, jid);
    Some(uri)
}

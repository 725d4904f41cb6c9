//! The two tables.
#![cfg(test)]

use std::time::Duration;

use comity_secure_conversation::{
    Context, Impersonation, InboundError, InboundSessions, KeyMaterial, Lifetime, Limits,
    Namespace, OutboundError, OutboundSessions, Secret, SessionError, UnixTime, User, UserId,
    unique_service_url,
};

const NOW: u64 = 1_000_000;

fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(NOW + seconds))
}

fn user(id: &str) -> User {
    User::new(UserId {
        provider: "ldap".to_owned(),
        id: id.to_owned(),
    })
}

fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes()).unwrap()
}

/// A session for nobody that ends after so many seconds.
fn context(identifier: &str, seconds: u64) -> Context {
    let key = KeyMaterial::Shared(secret(&format!("secret of {identifier}")));
    let mut context = Context::new(identifier.parse().unwrap(), Namespace::V200512, key);
    context.lifetime = Lifetime::new(None, Some(at(seconds)));
    context
}

fn context_for(user: User, identifier: &str) -> Context {
    let mut context = context(identifier, 60);
    context.user = Some(user);
    context
}

fn limits(change: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    change(&mut limits);
    limits
}

#[test]
fn the_same_user_and_url_overwrite_and_another_url_coexists() {
    let mut sessions = OutboundSessions::new(Limits::default());
    let (romeo, juliet) = (user("romeo"), user("juliet"));
    let mut insert = |user: &User, url: &str, identifier: &str| {
        let context = context_for(user.clone(), identifier);
        let replaced = sessions.insert(at(0), url, context).unwrap();
        replaced.map(|session| session.identifier.to_string())
    };
    assert_eq!(insert(&romeo, "https://a.example", "urn:1"), None);
    assert_eq!(insert(&romeo, "https://b.example", "urn:2"), None);
    assert_eq!(insert(&juliet, "https://a.example", "urn:3"), None);
    let replaced = insert(&romeo, "https://a.example", "urn:4");
    assert_eq!(replaced.as_deref(), Some("urn:1"));

    let found = |user: Option<&User>, url| {
        let user = user.map(|user| &user.id);
        let session = sessions.lookup(at(0), user, url)?;
        Some(session.identifier.as_str())
    };
    assert_eq!(found(Some(&romeo), "https://a.example"), Some("urn:4"));
    assert_eq!(found(Some(&romeo), "https://b.example"), Some("urn:2"));
    assert_eq!(found(Some(&juliet), "https://a.example"), Some("urn:3"));
    assert_eq!(found(Some(&juliet), "https://b.example"), None);
    assert_eq!(found(Some(&romeo), "https://a.example/"), None);
    assert_eq!(found(None, "https://a.example"), None);
    assert_eq!(sessions.len(), 3);
}

#[test]
fn the_same_id_of_another_provider_is_another_user() {
    let mut sessions = OutboundSessions::new(Limits::default());
    let mut other = user("romeo");
    other.id.provider = "radius".to_owned();
    sessions
        .insert(at(0), "s", context_for(user("romeo"), "urn:1"))
        .unwrap();
    assert!(sessions.lookup(at(0), Some(&other.id), "s").is_none());
}

#[test]
fn without_a_user_a_unique_url_keeps_sessions_apart() {
    let mut sessions = OutboundSessions::new(Limits::default());
    let [one, other] = ["1", "2"].map(|id| unique_service_url("https://a.example", id));
    sessions.insert(at(0), &one, context("urn:1", 60)).unwrap();
    sessions
        .insert(at(0), &other, context("urn:2", 60))
        .unwrap();
    let found = sessions.lookup(at(0), None, &one).unwrap();
    assert_eq!(found.identifier.as_str(), "urn:1");
    // Any text is a key, whether it is a URL or not.
    sessions
        .insert(at(0), "my service", context("urn:3", 60))
        .unwrap();
    assert_eq!(sessions.len(), 3);
}

#[test]
fn a_session_has_all_that_its_context_had() {
    let mut sessions = OutboundSessions::new(Limits::default());
    let mut juliet = user("42");
    juliet.login = "juliet".to_owned();
    juliet.first_name = "Juliet".to_owned();
    juliet.last_name = "Capulet".to_owned();
    juliet.email = "juliet@capulet.example".to_owned();
    juliet.department = "balcony".to_owned();
    juliet.subject_dn = "CN=Juliet".to_owned();
    sessions
        .insert(at(5), "s", context_for(juliet.clone(), "urn:1"))
        .unwrap();
    let session = sessions.lookup(at(5), Some(&juliet.id), "s").unwrap();
    assert_eq!(session.identifier.as_str(), "urn:1");
    assert_eq!(session.namespace, Namespace::V200512);
    assert_eq!(session.user.as_ref(), Some(&juliet));
    assert_eq!((session.created, session.expires), (at(5), at(60)));
    assert_eq!(session.secret(), &secret("secret of urn:1"));
    assert!(!format!("{sessions:?}").contains("secret of"));
}

#[test]
fn a_session_is_found_until_it_expires_and_is_then_dropped() {
    let mut sessions = OutboundSessions::new(Limits::default());
    assert_eq!(sessions.poll_timeout(), None);
    sessions
        .insert(at(0), "late", context("urn:1", 60))
        .unwrap();
    sessions
        .insert(at(0), "early", context("urn:2", 30))
        .unwrap();
    assert_eq!(sessions.poll_timeout(), Some(at(30)));
    assert!(sessions.lookup(at(29), None, "early").is_some());
    assert!(sessions.lookup(at(30), None, "early").is_none());
    assert_eq!(sessions.len(), 2);
    sessions.handle_timeout(at(30));
    assert_eq!((sessions.len(), sessions.poll_timeout()), (1, Some(at(60))));

    // An insertion drops what has expired, and what it overwrites has no end any more.
    let replaced = sessions
        .insert(at(31), "late", context("urn:3", 90))
        .unwrap();
    assert_eq!(replaced.unwrap().identifier.as_str(), "urn:1");
    assert_eq!(sessions.poll_timeout(), Some(at(90)));
    let replaced = sessions
        .insert(at(90), "late", context("urn:4", 120))
        .unwrap();
    assert!(replaced.is_none());
    assert_eq!(sessions.len(), 1);
    let removed = sessions.remove(None, "late").unwrap();
    assert_eq!(removed.identifier.as_str(), "urn:4");
    assert!(sessions.remove(None, "late").is_none());
    assert!(sessions.is_empty());
    assert_eq!(sessions.poll_timeout(), None);
}

#[test]
fn what_is_refused_changes_nothing() {
    let mut sessions = OutboundSessions::new(limits(|limits| {
        limits.max_sessions = 2;
        limits.max_service_url_bytes = 8;
        limits.max_user_bytes = 16;
    }));
    for url in ["one", "12345678"] {
        sessions.insert(at(0), url, context("urn:1", 60)).unwrap();
    }
    let mut long = user("x");
    long.subject_dn = "x".repeat(12);
    for (url, context, error) in [
        ("", context("urn:2", 60), OutboundError::NoServiceUrl),
        (
            "123456789",
            context("urn:2", 60),
            OutboundError::ServiceUrlTooLong { limit: 8 },
        ),
        ("one", context("urn:2", 0), SessionError::Expired.into()),
        (
            "one",
            context_for(long, "urn:2"),
            SessionError::UserTooLong { limit: 16 }.into(),
        ),
        (
            "two",
            context("urn:2", 60),
            SessionError::Full { limit: 2 }.into(),
        ),
    ] {
        assert_eq!(sessions.insert(at(0), url, context).unwrap_err(), error);
        assert_eq!(sessions.len(), 2);
        let one = sessions.lookup(at(0), None, "one").unwrap();
        assert_eq!(one.identifier.as_str(), "urn:1");
    }
    // Where there is no place left a session can still be overwritten, and what expires makes room.
    sessions.insert(at(0), "one", context("urn:3", 90)).unwrap();
    sessions
        .insert(at(60), "two", context("urn:4", 90))
        .unwrap();
    assert_eq!(sessions.len(), 2);
}

#[test]
fn each_bound_of_a_table_holds_at_its_number() {
    let bounds = limits(|limits| {
        limits.max_sessions = 3;
        limits.max_service_url_bytes = 8;
        limits.max_user_bytes = 16;
    });
    let mut sessions = OutboundSessions::new(bounds);
    let mut insert = |url: &str, dn_bytes: usize| {
        let mut user = user("x");
        user.subject_dn = "d".repeat(dn_bytes);
        let inserted = sessions.insert(at(0), url, context_for(user, "urn:1"));
        inserted.map(drop)
    };
    let own = "ldap".len() + "x".len();
    assert_eq!(insert("1234567", 15 - own), Ok(()));
    assert_eq!(insert("12345678", 16 - own), Ok(()));
    assert_eq!(
        insert("123456789", 0),
        Err(OutboundError::ServiceUrlTooLong { limit: 8 })
    );
    assert_eq!(
        insert("url", 17 - own),
        Err(SessionError::UserTooLong { limit: 16 }.into())
    );
    assert_eq!(insert("third", 0), Ok(()));
    assert_eq!(
        insert("fourth", 0),
        Err(SessionError::Full { limit: 3 }.into())
    );
    assert_eq!(sessions.len(), 3);

    let mut sessions = InboundSessions::new(bounds, Impersonation::DangerAllowed);
    for (number, dn_bytes, inserted) in [
        (1, 15 - own, Ok(())),
        (2, 16 - own, Ok(())),
        (
            3,
            17 - own,
            Err(SessionError::UserTooLong { limit: 16 }.into()),
        ),
        (4, 0, Ok(())),
        (5, 0, Err(SessionError::Full { limit: 3 }.into())),
    ] {
        let mut user = user("x");
        user.subject_dn = "d".repeat(dn_bytes);
        let context = context_for(user, &format!("urn:{number}"));
        assert_eq!(sessions.insert(at(0), context), inserted, "{number}");
    }
}

#[test]
fn a_request_finds_its_session_by_the_identifier() {
    let mut sessions = InboundSessions::new(Limits::default(), Impersonation::default());
    sessions.insert(at(0), context("urn:1", 60)).unwrap();
    assert_eq!(
        sessions.insert(at(59), context("urn:1", 90)),
        Err(InboundError::IdentifierInUse)
    );
    let found = sessions.lookup(at(59), "urn:1").unwrap();
    assert_eq!(found.secret(), &secret("secret of urn:1"));
    assert_eq!(found.expires, at(60));
    assert!(sessions.lookup(at(59), "urn:2").is_none());

    // It has expired, so that another one may bear its identifier.
    assert!(sessions.lookup(at(60), "urn:1").is_none());
    assert_eq!(sessions.insert(at(60), context("urn:1", 90)), Ok(()));
    assert_eq!((sessions.len(), sessions.poll_timeout()), (1, Some(at(90))));
    sessions.handle_timeout(at(90));
    assert!(sessions.is_empty());
    assert_eq!(sessions.insert(at(90), context("urn:1", 120)), Ok(()));
    assert_eq!(sessions.remove("urn:1").unwrap().expires, at(120));
    assert!(sessions.remove("urn:1").is_none());
}

#[test]
fn an_inbound_session_is_for_nobody_unless_that_is_allowed() {
    let mut sessions = InboundSessions::new(Limits::default(), Impersonation::default());
    assert_eq!(
        sessions.insert(at(0), context_for(user("romeo"), "urn:1")),
        Err(InboundError::Impersonation)
    );
    assert!(sessions.is_empty());

    let mut sessions = InboundSessions::new(Limits::default(), Impersonation::DangerAllowed);
    let inserted = sessions.insert(at(0), context_for(user("romeo"), "urn:1"));
    assert_eq!(inserted, Ok(()));
    let session = sessions.lookup(at(0), "urn:1").unwrap();
    assert_eq!(session.user, Some(user("romeo")));
}

#[test]
fn an_inbound_table_is_bounded_and_takes_no_expired_session() {
    let one = limits(|limits| limits.max_sessions = 1);
    let mut sessions = InboundSessions::new(one, Impersonation::Refused);
    assert_eq!(
        sessions.insert(at(0), context("urn:1", 0)),
        Err(SessionError::Expired.into())
    );
    sessions.insert(at(0), context("urn:1", 60)).unwrap();
    assert_eq!(
        sessions.insert(at(0), context("urn:2", 60)),
        Err(SessionError::Full { limit: 1 }.into())
    );
    assert_eq!(sessions.insert(at(60), context("urn:2", 90)), Ok(()));
}

//! What tables hold at most.
#![cfg(test)]

use std::time::Duration;

use comity_secure_conversation::{
    Context, Identifier, Impersonation, InboundSessions, KeyMaterial, Limits, Namespace,
    OutboundSessions, Secret, UnixTime, User, UserId,
};
use comity_testkit::heap::{self, Counting};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What a session takes with a key of 256 bits, as the documentation of `Limits` says.
const SESSION_BYTES: usize = 800;
/// And with all else at its limit.
const LARGEST_SESSION_BYTES: usize = 32 * 1024;

fn identifier(number: u64) -> Identifier {
    let text = format!("urn:uuid:00000000-0000-0000-0000-{number:012}");
    text.parse().unwrap()
}

fn context(identifier: Identifier) -> Context {
    let key = KeyMaterial::Shared(Secret::new(&[7; 32]).unwrap());
    Context::new(identifier, Namespace::V200512, key)
}

fn user(number: u64) -> User {
    User::new(UserId {
        provider: "ldap".to_owned(),
        id: number.to_string(),
    })
}

/// Sessions come faster than they expire, so that the table is full most of the time.
fn time(number: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_millis(number * 100))
}

#[test]
fn a_million_insertions_stay_within_the_bound() {
    let limits = Limits::default();
    let (outbound, stats) = heap::measure(|| {
        let mut sessions = OutboundSessions::new(limits);
        let mut refused = 0;
        let identifier = identifier(0);
        for number in 0..1_000_000 {
            let mut context = context(identifier.clone());
            context.user = Some(user(number));
            let inserted = sessions.insert(time(number), "https://service.example/", context);
            refused += u64::from(inserted.is_err());
        }
        (sessions.len(), refused)
    });
    // Fourteen times the table is full after 10,000 insertions, for the rest of two hours.
    assert_eq!(outbound, (10_000, 860_000));
    assert!(
        stats.peak_bytes < 10_000 * SESSION_BYTES,
        "{}",
        stats.peak_bytes
    );

    let (inbound, stats) = heap::measure(|| {
        let mut sessions = InboundSessions::new(limits, Impersonation::Refused);
        for number in 0..100_000 {
            let inserted = sessions.insert(time(number), context(identifier(number)));
            assert_eq!(inserted.is_err(), number % 72_000 >= 10_000);
        }
        sessions.len()
    });
    assert_eq!(inbound, 10_000);
    assert!(
        stats.peak_bytes < 10_000 * SESSION_BYTES,
        "{}",
        stats.peak_bytes
    );

    let (sessions, stats) = heap::measure(|| {
        let mut sessions = OutboundSessions::new(limits);
        for number in 0..100 {
            let identifier = "i".repeat(Identifier::MAX_BYTES).parse().unwrap();
            let mut context = context(identifier);
            let secret = [7; Secret::MAX_BYTES];
            context.key = KeyMaterial::Shared(Secret::new(&secret).unwrap());
            let mut longest = user(0);
            longest.id.id = "u".repeat(limits.max_user_bytes - "ldap".len());
            context.user = Some(longest);
            let url = format!("{number:0width$}", width = limits.max_service_url_bytes);
            sessions.insert(time(0), &url, context).unwrap();
        }
        sessions
    });
    assert_eq!(sessions.len(), 100);
    assert!(
        stats.live_bytes < 100 * LARGEST_SESSION_BYTES,
        "{}",
        stats.live_bytes
    );
}

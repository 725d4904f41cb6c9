//! Sessions of WS-SecureConversation: who shares which secret, with whom, and until when.
//!
//! A client asks an issuer for a security context token (WS-Trust). From the answer both sides
//! know a secret, of which they derive the keys for the messages of the session. This crate
//! reads the answer ([`Response`]), computes the secret ([`KeyMaterial`]), derives keys
//! ([`DerivedKey`]) and keeps sessions until they expire: those under which we send requests
//! ([`OutboundSessions`]), and those under which we get them ([`InboundSessions`]).
//!
//! It sends nothing, signs and encrypts no message, and reads no clock: the wall time comes in as
//! [`UnixTime`]. Whether the answer came from the issuer is for TLS and for the caller to know.
//!
//! ```
//! use std::time::Duration;
//!
//! use comity_machine::Random;
//! use comity_secure_conversation::{
//!     DerivedKey, KeySize, Limits, OutboundSessions, Response, Secret, UnixTime, User, UserId,
//! };
//!
//! // Our half of the key, which goes out in the request.
//! let seed = [7; 32]; // from the operating system
//! let entropy = Secret::generate(&mut Random::from_seed(seed), KeySize::DEFAULT);
//!
//! let answer = br#"<RequestSecurityTokenResponse xmlns="http://schemas.xmlsoap.org/ws/2005/02/trust">
//!   <RequestedSecurityToken>
//!     <SecurityContextToken xmlns="http://schemas.xmlsoap.org/ws/2005/02/sc">
//!       <Identifier>urn:uuid:8a63487c-662b-40bf-b2df-f3b536062f5e</Identifier>
//!     </SecurityContextToken>
//!   </RequestedSecurityToken>
//!   <RequestedProofToken>
//!     <ComputedKey>http://schemas.xmlsoap.org/ws/2005/02/trust/CK/PSHA1</ComputedKey>
//!   </RequestedProofToken>
//!   <Entropy><BinarySecret>LmF9Mjf9lYMa9YkxZDjaRFe6iMAfReKjzhLHDx376jA=</BinarySecret></Entropy>
//! </RequestSecurityTokenResponse>"#;
//! let limits = Limits::default();
//! let mut context = Response::parse(answer, &limits)?.into_context(Some(entropy))?;
//! context.user = Some(User::new(UserId {
//!     provider: "ldap".to_owned(),
//!     id: "juliet".to_owned(),
//! }));
//! let id = context.user.as_ref().map(|user| user.id.clone());
//!
//! let now = UnixTime::since_unix_epoch(Duration::from_secs(1_767_323_045));
//! let mut sessions = OutboundSessions::new(limits);
//! sessions.insert(now, "https://service.example/", context)?;
//!
//! let session = sessions
//!     .lookup(now, id.as_ref(), "https://service.example/")
//!     .ok_or("there is no session")?;
//! let key = DerivedKey::new(b"sixteen bytes..").derive(session.secret())?;
//! assert_eq!(key.as_bytes().len(), 32);
//! assert_eq!(session.expires.as_secs() - now.as_secs(), 2 * 60 * 60);
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # Two directions
//!
//! A session is outbound or inbound by its type, and each table finds its own alone. An outbound
//! session is found by the authenticated user and the service URL; a new one for the same pair takes
//! the place of the old one. An inbound session is found by the identifier that a request names. It
//! is for nobody in particular, unless [`Impersonation`] is allowed, which says why it is not.
//!
//! # Lifetimes
//!
//! See [`Lifetime`]. A session is used until its expiry, or for its maximum if that is less, minus the
//! pre-expiry age. Where nobody says anything that is two hours. Both tables drop what has expired
//! when something is inserted, and in `handle_timeout`, which is due at the time of `poll_timeout`.
//!
//! # SHA-1
//!
//! Keys are computed and derived with HMAC-SHA-1 because the standards name it, and both sides have to
//! come to the same key. For that SHA-1 is safe: its weakness is that two texts with the same hash can
//! be found, which helps nobody to guess what HMAC-SHA-1 gives under a secret that he does not
//! know. It is not safe for signatures, certificates and fingerprints, and too cheap to
//! protect a password ([`password_key`]). Nothing here uses it for the former.
//!
//! No hash replaces encryption on the way: whoever knows the entropy of both sides knows the key.
//!
//! The cryptography is that of RustCrypto: `hmac` and `sha1`.
//!
//! # Secrets
//!
//! A [`Secret`] is wiped when it is dropped, shows in no `Debug` and no error, and is compared in
//! constant time. The buffers of the reader and of the key derivation are wiped too. What the caller
//! has copied, the document among it, is his to wipe; what the processor and its stack hold for a
//! moment is out of reach.
//!
//! # Limits
//!
//! [`Limits`] bounds the tables and the documents; [`KeySize`], [`Secret`], [`DerivedKey`] and
//! [`Identifier`] have bounds of their own. A document is read in one pass. It may have no
//! document type, and entities of its own are refused.
//!
//! Both editions are spoken, and told apart by [`Namespace`]: the submissions of February 2005, and
//! the OASIS standards WS-Trust 1.3 and 1.4 with WS-SecureConversation 1.3 and 1.4. P_SHA1 is that
//! of RFC 2246 §5.

mod derived;
mod identifier;
mod inbound;
mod key;
mod lifetime;
mod limits;
mod namespace;
mod outbound;
mod p_sha1;
mod password;
mod response;
mod secret;
mod session;
mod table;
mod timestamp;
mod user;

pub use derived::{DeriveError, DerivedKey, Position};
pub use identifier::{Identifier, IdentifierError};
pub use inbound::{Impersonation, InboundError, InboundSessions};
pub use key::{KeyMaterial, KeySize, KeySizeError};
pub use lifetime::Lifetime;
pub use limits::Limits;
pub use namespace::Namespace;
pub use outbound::{OutboundError, OutboundSessions, unique_service_url};
pub use password::{MAX_PASSWORD_ROUNDS, PasswordError, password_key};
pub use response::{NoClientEntropy, Proof, Response, ResponseError};
pub use secret::{Secret, SecretError};
pub use session::{
    Context, Inbound, InboundSession, Outbound, OutboundSession, Session, SessionError,
};
pub use timestamp::{Timestamp, TimestampError};
pub use user::{User, UserId};

pub use rustls_pki_types::UnixTime;

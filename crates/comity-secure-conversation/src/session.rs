use std::marker::PhantomData;

use rustls_pki_types::UnixTime;

use crate::{Identifier, KeyMaterial, Lifetime, Limits, Namespace, Secret, User};

/// What a session is made of.
///
/// [`Response::into_context`](crate::Response::into_context) makes one of what an issuer has said.
#[derive(Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Context {
    /// The identifier of the security context token.
    pub identifier: Identifier,
    /// Which edition of the standards the session speaks.
    pub namespace: Namespace,
    /// For whom it is; `None` if nobody has been authenticated.
    pub user: Option<User>,
    /// Where its secret comes from.
    pub key: KeyMaterial,
    /// How long it lasts.
    pub lifetime: Lifetime,
}

impl Context {
    /// A context for nobody in particular, with the default lifetime.
    #[must_use]
    pub fn new(identifier: Identifier, namespace: Namespace, key: KeyMaterial) -> Self {
        Self {
            identifier,
            namespace,
            user: None,
            key,
            lifetime: Lifetime::default(),
        }
    }
}

/// Of a [`Session`]: we send the requests.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "it has no values")]
pub enum Outbound {}

/// Of a [`Session`]: we get the requests.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "it has no values")]
pub enum Inbound {}

/// A session in one direction, which is part of its type: nothing makes a session of the other
/// direction of it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Session<D> {
    /// The identifier of the security context token.
    pub identifier: Identifier,
    /// Which edition of the standards it speaks.
    pub namespace: Namespace,
    /// For whom it is.
    pub user: Option<User>,
    /// When it began.
    pub created: UnixTime,
    /// From when on it is not used any more.
    pub expires: UnixTime,
    secret: Secret,
    direction: PhantomData<D>,
}

/// A session under which we send requests.
pub type OutboundSession = Session<Outbound>;

/// A session under which we get requests.
pub type InboundSession = Session<Inbound>;

/// Why no session of either direction is made.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// What is known of the user is more than [`Limits::max_user_bytes`].
    #[error("what is known of the user has more than {limit} bytes")]
    UserTooLong {
        /// The limit.
        limit: usize,
    },
    /// Nothing is left of its lifetime.
    #[error("the session has expired")]
    Expired,
    /// There are [`Limits::max_sessions`], and none of them has expired.
    #[error("there are {limit} sessions already")]
    Full {
        /// The limit.
        limit: usize,
    },
}

impl<D> Session<D> {
    /// The secret that both sides share. What protects messages is derived of it
    /// ([`DerivedKey`](crate::DerivedKey)).
    #[must_use]
    pub const fn secret(&self) -> &Secret {
        &self.secret
    }

    /// Whether it can still be used.
    #[must_use]
    pub fn is_live(&self, now: UnixTime) -> bool {
        now < self.expires
    }

    pub(crate) fn new(
        now: UnixTime,
        context: Context,
        limits: &Limits,
    ) -> Result<Self, SessionError> {
        let limit = limits.max_user_bytes;
        if context
            .user
            .as_ref()
            .is_some_and(|user| user.bytes() > limit)
        {
            return Err(SessionError::UserTooLong { limit });
        }
        let (created, expires) = context.lifetime.period(now);
        if expires <= now {
            return Err(SessionError::Expired);
        }
        Ok(Self {
            identifier: context.identifier,
            namespace: context.namespace,
            user: context.user,
            created,
            expires,
            secret: context.key.into_secret(),
            direction: PhantomData,
        })
    }
}

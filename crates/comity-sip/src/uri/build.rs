//! Building URIs.

use std::fmt::Write;

use comity_identity::Host;
use thiserror::Error;

use super::escape::encode;
use super::{Scheme, Uri, UriBuf};
use crate::grammar::Class;
use crate::{Limits, ParseError};

/// Builds a `sip`, `sips`, `im` or `pres` URI from its parts. What a part cannot hold is escaped, so
/// that no text can become another part.
///
/// ```
/// use comity_sip::UriBuilder;
///
/// let uri = UriBuilder::sip(&"example.com".parse::<comity_identity::DomainName>()?.into())
///     .user("alice@work")
///     .port(5061)
///     .param("transport", "tls")
///     .build()?;
/// assert_eq!(uri.to_string(), "sip:alice%40work@example.com:5061;transport=tls");
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct UriBuilder {
    scheme: Scheme,
    user: Option<String>,
    host: String,
    port: Option<u16>,
    params: String,
    headers: String,
}

/// Why a URI could not be built.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum UriError {
    /// The parts make no URI: an `im` or `pres` URI without user, an empty user, name or value, a
    /// repeated parameter, or a limit that is exceeded.
    #[error(transparent)]
    Rule(#[from] ParseError),
    /// An `im` or `pres` URI has a port or parameters.
    #[error("an im or pres URI has neither port nor parameters")]
    NotInMailbox,
}

impl UriBuilder {
    /// A `sip` URI of this host.
    pub fn sip(host: &Host) -> Self {
        Self::new(Scheme::Sip, host)
    }

    /// A `sips` URI of this host.
    pub fn sips(host: &Host) -> Self {
        Self::new(Scheme::Sips, host)
    }

    /// An `im` URI of this host.
    pub fn im(host: &Host) -> Self {
        Self::new(Scheme::Im, host)
    }

    /// A `pres` URI of this host.
    pub fn pres(host: &Host) -> Self {
        Self::new(Scheme::Pres, host)
    }

    fn new(scheme: Scheme, host: &Host) -> Self {
        Self {
            scheme,
            user: None,
            host: host.to_string(),
            port: None,
            params: String::new(),
            headers: String::new(),
        }
    }

    /// Sets the user, as text without escapes.
    #[must_use]
    pub fn user(mut self, user: &str) -> Self {
        let mut escaped = String::new();
        // Behind a question mark, `im` and `pres` URIs have headers.
        let class = match self.scheme {
            Scheme::Im | Scheme::Pres => Class::UNRESERVED,
            Scheme::Sip | Scheme::Sips | Scheme::Tel | Scheme::Other => Class::PLAIN_USER,
        };
        encode(user, class, &mut escaped);
        self.user = Some(escaped);
        self
    }

    /// Sets the port.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Adds a parameter with a value, both as text without escapes.
    #[must_use]
    pub fn param(mut self, name: &str, value: &str) -> Self {
        self = self.flag(name);
        self.params.push('=');
        encode(value, Class::URI_PARAM, &mut self.params);
        self
    }

    /// Adds a parameter without a value, as `lr`.
    #[must_use]
    pub fn flag(mut self, name: &str) -> Self {
        self.params.push(';');
        encode(name, Class::URI_PARAM, &mut self.params);
        self
    }

    /// Adds a header, both name and value as text without escapes.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let separator = if self.headers.is_empty() { '?' } else { '&' };
        self.headers.push(separator);
        encode(name, Class::URI_HEADER, &mut self.headers);
        self.headers.push('=');
        encode(value, Class::URI_HEADER, &mut self.headers);
        self
    }

    /// Puts the parts together.
    ///
    /// # Errors
    ///
    /// If the parts make no URI. Text that has to be escaped is no error.
    pub fn build(&self) -> Result<UriBuf, UriError> {
        let name = match self.scheme {
            Scheme::Sips => "sips",
            Scheme::Im => "im",
            Scheme::Pres => "pres",
            Scheme::Sip | Scheme::Tel | Scheme::Other => "sip",
        };
        let is_mailbox = matches!(self.scheme, Scheme::Im | Scheme::Pres);
        if is_mailbox && (self.port.is_some() || !self.params.is_empty()) {
            return Err(UriError::NotInMailbox);
        }
        let mut text = format!("{name}:");
        if let Some(user) = &self.user {
            text.push_str(user);
            text.push('@');
        }
        text.push_str(&self.host);
        if let Some(port) = self.port {
            // Writing into a string cannot fail.
            let _ = write!(text, ":{port}");
        }
        text.push_str(&self.params);
        text.push_str(&self.headers);
        let uri = Uri::parse_within(text.as_bytes(), &Limits::default())?;
        Ok(uri.to_buf())
    }
}

//! Building values of headers.

use std::fmt::{self, Write};

use comity_identity::Host;

use super::{BuildError, check_name, check_value};
use crate::grammar::{Quote, host, ipv6, is_token, params as parse_params, whole};
use crate::{Uri, UriBuf};

/// Builds the value of From, To, Contact, Route, Record-Route or P-Asserted-Identity.
///
/// ```
/// use comity_sip::{AddressBuilder, Uri};
///
/// let from = AddressBuilder::new(Uri::parse("sip:alice@example.com")?)
///     .display_name("Alice \"A\"")
///     .param("tag", "76fa98")?;
/// assert_eq!(from.to_string(), r#""Alice \"A\"" <sip:alice@example.com>;tag=76fa98"#);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct AddressBuilder {
    display_name: Option<String>,
    uri: UriBuf,
    params: String,
}

impl AddressBuilder {
    /// An address without a name and parameters.
    pub fn new(uri: Uri<'_>) -> Self {
        Self {
            display_name: None,
            uri: uri.to_buf(),
            params: String::new(),
        }
    }

    /// Sets the name for people, which is quoted. Line ends in it become spaces, and NUL is left out.
    #[must_use]
    pub fn display_name(mut self, name: &str) -> Self {
        self.display_name = Some(name.to_owned());
        self
    }
}

impl fmt::Display for AddressBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = &self.display_name {
            write!(f, "{} ", Quote(name))?;
        }
        write!(f, "<{}>{}", self.uri, self.params)
    }
}

/// Builds a value of Via.
///
/// ```
/// use comity_identity::Host;
/// use comity_sip::ViaBuilder;
///
/// let host: Host = "gw.example.com".parse()?;
/// let via = ViaBuilder::new("TLS", &host, Some(5061), "z9hG4bK74bf9")?.flag("rport")?;
/// assert_eq!(via.to_string(), "SIP/2.0/TLS gw.example.com:5061;branch=z9hG4bK74bf9;rport");
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct ViaBuilder {
    sent: String,
    params: String,
}

impl ViaBuilder {
    /// A Via with its branch, which shall begin with [`Via::COOKIE`](crate::header::Via::COOKIE).
    ///
    /// # Errors
    ///
    /// If the transport or the branch is no token.
    pub fn new(
        transport: &str,
        host: &Host,
        port: Option<u16>,
        branch: &str,
    ) -> Result<Self, BuildError> {
        check_name(transport)?;
        let mut sent = format!("SIP/2.0/{transport} {host}");
        if let Some(port) = port {
            // Writing into a string cannot fail.
            let _ = write!(sent, ":{port}");
        }
        let mut params = String::new();
        push_param(&mut params, "branch", Some(branch))?;
        Ok(Self { sent, params })
    }
}

impl fmt::Display for ViaBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.sent, self.params)
    }
}

macro_rules! param_methods {
    ($($type:ident),*) => {
        $(impl $type {
            /// Adds a parameter, whose value is quoted if it is neither a token nor a host.
            ///
            /// # Errors
            ///
            /// If the name is no token or stands already, if the value holds CR, LF or NUL, or if it
            /// is a `tag` or `branch` that is no token.
            pub fn param(mut self, name: &str, value: &str) -> Result<Self, BuildError> {
                push_param(&mut self.params, name, Some(value))?;
                Ok(self)
            }

            /// Adds a parameter without a value, as `rport` or `alias`.
            ///
            /// # Errors
            ///
            /// If the name is no token or stands already.
            pub fn flag(mut self, name: &str) -> Result<Self, BuildError> {
                push_param(&mut self.params, name, None)?;
                Ok(self)
            }
        })*
    };
}

param_methods!(AddressBuilder, ViaBuilder);

/// Adds a parameter behind others. `tag` and `branch` are tokens (RFC 3261 §25.1).
fn push_param(params: &mut String, name: &str, value: Option<&str>) -> Result<(), BuildError> {
    check_name(name)?;
    let repeated = whole(params.as_bytes(), |input| parse_params(input, |_| Ok(())))
        .is_ok_and(|params| params.find(name).is_some());
    if repeated {
        return Err(BuildError::Repeated);
    }
    let is_token = value.is_some_and(|value| is_token(value.as_bytes()));
    let needs_token = ["tag", "branch"]
        .iter()
        .any(|own| own.eq_ignore_ascii_case(name));
    if needs_token && !is_token {
        return Err(BuildError::Token);
    }
    value.map_or(Ok(()), check_value)?;
    // Writing into a string cannot fail.
    let _ = match value {
        None => write!(params, ";{name}"),
        Some(value) if is_token || is_host(name, value) => write!(params, ";{name}={value}"),
        Some(value) => write!(params, ";{name}={}", Quote(value)),
    };
    Ok(())
}

/// True for an IPv6 address: in brackets, or as `received` has it (RFC 3261 §25.1).
fn is_host(name: &str, value: &str) -> bool {
    let is_reference = || whole(value.as_bytes(), host).is_ok();
    let is_received = || name.eq_ignore_ascii_case("received") && ipv6(value.as_bytes()).is_some();
    is_reference() || is_received()
}

//! Building values of headers.

use std::fmt::{self, Write};

use comity_identity::Host;

use super::{BuildError, check_name, check_value};
use crate::grammar::{Quote, is_token};
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
        self.display_name = Some(name.replace('\0', ""));
        self
    }

    /// Adds a parameter, whose value is quoted if it is no token.
    ///
    /// # Errors
    ///
    /// If the name is no token, or the value holds CR, LF or NUL.
    pub fn param(mut self, name: &str, value: &str) -> Result<Self, BuildError> {
        push_param(&mut self.params, name, Some(value))?;
        Ok(self)
    }

    /// Adds a parameter without a value.
    ///
    /// # Errors
    ///
    /// If the name is no token.
    pub fn flag(mut self, name: &str) -> Result<Self, BuildError> {
        push_param(&mut self.params, name, None)?;
        Ok(self)
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
    text: String,
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
        check_name(branch)?;
        let mut text = format!("SIP/2.0/{transport} {host}");
        if let Some(port) = port {
            // Writing into a string cannot fail.
            let _ = write!(text, ":{port}");
        }
        push_param(&mut text, "branch", Some(branch))?;
        Ok(Self { text })
    }

    /// Adds a parameter, whose value is quoted if it is no token.
    ///
    /// # Errors
    ///
    /// If the name is no token, or the value holds CR, LF or NUL.
    pub fn param(mut self, name: &str, value: &str) -> Result<Self, BuildError> {
        push_param(&mut self.text, name, Some(value))?;
        Ok(self)
    }

    /// Adds a parameter without a value, as `rport` or `alias`.
    ///
    /// # Errors
    ///
    /// If the name is no token.
    pub fn flag(mut self, name: &str) -> Result<Self, BuildError> {
        push_param(&mut self.text, name, None)?;
        Ok(self)
    }
}

impl fmt::Display for ViaBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn push_param(params: &mut String, name: &str, value: Option<&str>) -> Result<(), BuildError> {
    check_name(name)?;
    // Writing into a string cannot fail.
    let _ = write!(params, ";{name}");
    let Some(value) = value else {
        return Ok(());
    };
    check_value(value)?;
    let _ = match is_token(value.as_bytes()) {
        true => write!(params, "={value}"),
        false => write!(params, "={}", Quote(value)),
    };
    Ok(())
}

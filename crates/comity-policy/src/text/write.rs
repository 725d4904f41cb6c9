use std::fmt::{self, Display, Write};

use crate::{
    AclPattern, Address, Config, DomainPattern, Exception, FederatedDomain, Packets, Rate,
    SecurityMode, Switch, Verdict,
};

/// The text of a configuration. Everything is written but what is empty, so that a reader sees
/// every rule that holds.
pub(super) fn config(config: &Config) -> String {
    let mut writer = Writer::default();
    // A string takes whatever is written.
    let _ = writer.config(config);
    writer.text
}

#[derive(Default)]
struct Writer {
    text: String,
}

impl Writer {
    fn config(&mut self, config: &Config) -> fmt::Result {
        self.list("local-domains", &config.local_domains)?;
        self.list("acl", config.acl.iter().map(AclText))?;
        self.value("deny-mode", quoted(config.deny_mode))?;
        self.xmpp(config)?;
        self.sip(config)?;
        self.users(config)?;
        self.email(config)?;
        self.rates(config)
    }

    fn xmpp(&mut self, config: &Config) -> fmt::Result {
        let rules = &config.xmpp;
        self.table("xmpp")?;
        self.switch("enabled", rules.enabled)?;
        self.value("default", quoted(rules.default_verdict))?;
        if !rules.exceptions.is_empty() {
            self.table("xmpp.exceptions")?;
            for (key, packets) in [
                ("all", Packets::All),
                ("incoming", Packets::IncomingOnly),
                ("outgoing", Packets::OutgoingOnly),
            ] {
                let of = |exception: &&Exception| exception.packets == packets;
                let patterns = rules.exceptions.iter().filter(of);
                self.block(key, patterns.map(|exception| &exception.pattern))?;
            }
        }
        self.table("xmpp.security")?;
        self.mode(rules.default_security)?;
        for rule in &rules.security_rules {
            self.tables("xmpp.security-rules")?;
            self.list("domains", [&rule.pattern])?;
            self.mode(rule.mode)?;
        }
        Ok(())
    }

    fn mode(&mut self, mode: SecurityMode) -> fmt::Result {
        self.value("tls", quoted(mode.tls))?;
        self.value("certificate", quoted(mode.certificate))?;
        self.switch("sasl-inbound", mode.sasl_inbound)?;
        self.switch("sasl-outbound", mode.sasl_outbound)?;
        self.switch("dialback", mode.dialback)
    }

    fn sip(&mut self, config: &Config) -> fmt::Result {
        let rules = &config.sip;
        self.table("sip")?;
        self.switch("enabled", rules.enabled)?;
        self.value("default", quoted(rules.default_verdict))?;
        self.block("blocked", rules.blocked.iter())?;
        for domain in &rules.domains {
            let FederatedDomain {
                name,
                description,
                kind,
                direct,
            } = domain;
            self.tables("sip.domains")?;
            self.value("name", quoted(name))?;
            self.value("description", quoted(description))?;
            self.value("kind", quoted(kind))?;
            self.switch("direct", *direct)?;
        }
        Ok(())
    }

    fn users(&mut self, config: &Config) -> fmt::Result {
        for rule in &config.user_rules {
            self.tables("user-rules")?;
            self.value("owner", quoted(&rule.owner))?;
            self.value("subject", quoted(&rule.subject))?;
            let scope = match rule.scope {
                crate::Scope::Both => "both",
                crate::Scope::Messages => "messages",
                crate::Scope::Presence => "presence",
            };
            self.value("scope", quoted(scope))?;
            let verdict = match rule.verdict {
                Verdict::Allow => "allow",
                Verdict::Deny => "block",
            };
            self.value("verdict", quoted(verdict))?;
        }
        Ok(())
    }

    fn email(&mut self, config: &Config) -> fmt::Result {
        let rules = &config.email;
        self.table("email")?;
        self.value("enabled", rules.enabled)?;
        self.list("domains", &rules.domains)?;
        if !rules.identities.is_empty() {
            self.table("email.identities")?;
            for (user, email) in &rules.identities {
                writeln!(self.text, "{} = {}", key(user), quoted(email))?;
            }
        }
        Ok(())
    }

    fn rates(&mut self, config: &Config) -> fmt::Result {
        let rates = &config.rates;
        for (name, rate) in [
            ("address-block", rates.address_block),
            ("domain", rates.domain),
            ("stream", rates.stream),
            ("user", rates.user),
        ] {
            if let Some(Rate { per_second, burst }) = rate {
                self.table(&format!("rates.{name}"))?;
                self.value("per-second", per_second)?;
                self.value("burst", burst)?;
            }
        }
        Ok(())
    }

    fn table(&mut self, name: &str) -> fmt::Result {
        writeln!(self.text, "\n[{name}]")
    }

    fn tables(&mut self, name: &str) -> fmt::Result {
        writeln!(self.text, "\n[[{name}]]")
    }

    fn value(&mut self, key: &str, value: impl Display) -> fmt::Result {
        writeln!(self.text, "{key} = {value}")
    }

    fn switch(&mut self, key: &str, switch: Switch) -> fmt::Result {
        self.value(key, switch == Switch::On)
    }

    /// A list of a few strings.
    fn list(&mut self, key: &str, items: impl IntoIterator<Item = impl Display>) -> fmt::Result {
        write!(self.text, "{key} = [")?;
        for (index, item) in items.into_iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(self.text, "{separator}{}", quoted(item))?;
        }
        writeln!(self.text, "]")
    }

    /// A list of patterns, which may be long, with one in each line.
    fn block<'c>(
        &mut self,
        key: &str,
        patterns: impl Iterator<Item = &'c DomainPattern>,
    ) -> fmt::Result {
        let mut patterns = patterns.peekable();
        if patterns.peek().is_none() {
            return Ok(());
        }
        writeln!(self.text, "{key} = '''")?;
        for pattern in patterns {
            writeln!(self.text, "{pattern}")?;
        }
        writeln!(self.text, "'''")
    }
}

/// An entry of the access list without the words that all begin with.
struct AclText<'c>(&'c AclPattern);

impl Display for AclText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            AclPattern::All => f.write_str("all"),
            AclPattern::Address(address) => address.fmt(f),
            AclPattern::Name(name) if name.as_str() == "all" => write!(f, "{name}."),
            AclPattern::Name(name) => name.fmt(f),
            AclPattern::Network(network) => network.fmt(f),
        }
    }
}

/// A key of TOML, in one line. An address has no control characters.
fn key(address: &Address) -> String {
    let escaped = address.as_str().replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{escaped}\"")
}

/// A string of TOML.
fn quoted(text: impl Display) -> toml::Value {
    toml::Value::String(text.to_string())
}

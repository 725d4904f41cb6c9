use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use comity_identity::DomainName;
use toml::de::DeTable;

use super::TextErrors;
use super::keys::{self, Place};
use super::reader::Reader;
use crate::{
    AclPattern, Config, DenyMode, DomainPattern, EmailRules, Exception, FederatedDomain, Packets,
    PeerKind, Rate, Rates, Requirement, Scope, SecurityMode, SecurityRule, SipRules, Switch,
    TlsMode, UserRule, Verdict, XmppRules,
};

pub(super) fn config(text: &str) -> Result<Config, TextErrors> {
    let mut reader = Reader::new(text);
    let config = match reader.document() {
        Some(root) => reader.root(root.get_ref()),
        None => Config::default(),
    };
    reader.finish(config)
}

impl<'t> Reader<'t> {
    fn root(&mut self, root: &DeTable<'t>) -> Config {
        let place = Place::Root;
        self.know(root, place, keys::ROOT);
        let mut config = Config::default();
        if let Some(list) = root.get("local-domains") {
            let place = Place::Key(&place, "local-domains");
            self.texts(list, place, DOMAIN, |_, domain: DomainName| {
                config.local_domains.insert(domain)
            });
        }
        if let Some(table) = self.table(root, place, "xmpp") {
            config.xmpp = self.xmpp(table, Place::Key(&place, "xmpp"));
        }
        if let Some(table) = self.table(root, place, "sip") {
            config.sip = self.sip(table, Place::Key(&place, "sip"));
        }
        if let Some(list) = root.get("acl") {
            let expected = "all, a domain, an address or a network";
            let place = Place::Key(&place, "acl");
            self.texts(list, place, expected, |_, pattern: AclPattern| {
                config.acl.insert(pattern)
            });
        }
        let mode = self.word(root, place, "deny-mode", keys::DENY_MODES);
        config.deny_mode = match mode {
            Some("rejected") => DenyMode::Rejected,
            Some(_) | None => DenyMode::Polite,
        };
        self.tables(root, place, "user-rules", |reader, table, place, at| {
            config.user_rules.extend(reader.user_rule(table, place, at));
        });
        if let Some(table) = self.table(root, place, "email") {
            config.email = self.email(table, Place::Key(&place, "email"));
        }
        if let Some(table) = self.table(root, place, "rates") {
            config.rates = self.rates(table, Place::Key(&place, "rates"));
        }
        config
    }

    fn xmpp(&mut self, table: &DeTable<'t>, place: Place<'_>) -> XmppRules {
        self.know(table, place, keys::XMPP);
        let mut rules = XmppRules::default();
        rules.enabled = self.switch(table, place, "enabled", rules.enabled);
        rules.default_verdict = self.verdict(table, place, rules.default_verdict);
        if let Some(lists) = self.table(table, place, "exceptions") {
            let place = Place::Key(&place, "exceptions");
            self.know(lists, place, keys::EXCEPTIONS);
            for (key, packets) in [
                ("all", Packets::All),
                ("incoming", Packets::IncomingOnly),
                ("outgoing", Packets::OutgoingOnly),
            ] {
                if let Some(list) = lists.get(key) {
                    let place = Place::Key(&place, key);
                    self.texts(list, place, PATTERN, |room, pattern: DomainPattern| {
                        rules.exceptions.reserve(room);
                        rules.exceptions.push(Exception::new(pattern, packets));
                        true
                    });
                }
            }
        }
        if let Some(mode) = self.table(table, place, "security") {
            let place = Place::Key(&place, "security");
            self.know(mode, place, keys::MODE);
            rules.default_security = self.mode(mode, place, rules.default_security);
        }
        let default = rules.default_security;
        self.tables(
            table,
            place,
            "security-rules",
            |reader, table, place, at| {
                reader.know(table, place, keys::SECURITY_RULE);
                let mode = reader.mode(table, place, default);
                match table.get("domains") {
                    None => reader.missing(at, place, "domains"),
                    Some(list) => {
                        let place = Place::Key(&place, "domains");
                        reader.texts(list, place, PATTERN, |_, pattern: DomainPattern| {
                            rules.security_rules.push(SecurityRule::new(pattern, mode));
                            true
                        });
                    }
                }
            },
        );
        rules
    }

    /// A security mode; what is not named is as in `default`.
    fn mode(
        &mut self,
        table: &DeTable<'t>,
        place: Place<'_>,
        default: SecurityMode,
    ) -> SecurityMode {
        let mut mode = default;
        mode.tls = match self.word(table, place, "tls", keys::TLS) {
            Some("disabled") => TlsMode::Disabled,
            Some("optional") => TlsMode::Optional,
            Some(_) => TlsMode::Required,
            None => mode.tls,
        };
        let certificate = self.word(table, place, "certificate", keys::REQUIREMENTS);
        mode.certificate = match certificate {
            Some("optional") => Requirement::Optional,
            Some(_) => Requirement::Required,
            None => mode.certificate,
        };
        mode.sasl_inbound = self.switch(table, place, "sasl-inbound", mode.sasl_inbound);
        mode.sasl_outbound = self.switch(table, place, "sasl-outbound", mode.sasl_outbound);
        mode.dialback = self.switch(table, place, "dialback", mode.dialback);
        mode
    }

    fn sip(&mut self, table: &DeTable<'t>, place: Place<'_>) -> SipRules {
        self.know(table, place, keys::SIP);
        let mut rules = SipRules::default();
        rules.enabled = self.switch(table, place, "enabled", rules.enabled);
        rules.default_verdict = self.verdict(table, place, rules.default_verdict);
        if let Some(list) = table.get("blocked") {
            let place = Place::Key(&place, "blocked");
            self.texts(list, place, PATTERN, |_, pattern: DomainPattern| {
                rules.blocked.insert(pattern)
            });
        }
        self.tables(table, place, "domains", |reader, table, place, at| {
            reader.know(table, place, keys::SIP_DOMAIN);
            let name = reader.required(table, place, at, "name", DOMAIN);
            let kind = match reader.word(table, place, "kind", keys::KINDS) {
                Some("standard") => PeerKind::Standard,
                Some(_) | None => PeerKind::Microsoft,
            };
            let direct = reader.switch(table, place, "direct", Switch::Off);
            let description = match table.get("description") {
                Some(value) => reader.text(value, Place::Key(&place, "description")),
                None => None,
            };
            if let Some(name) = name {
                let mut domain = FederatedDomain::new(name, kind);
                domain.direct = direct;
                domain.description = description.unwrap_or_default().to_owned();
                rules.domains.push(domain);
            }
        });
        rules
    }

    fn user_rule(&mut self, table: &DeTable<'t>, place: Place<'_>, at: usize) -> Option<UserRule> {
        self.know(table, place, keys::USER_RULE);
        let owner = self.required(table, place, at, "owner", ADDRESS);
        let subject = self.required(table, place, at, "subject", "an address or a domain name");
        let scope = match self.word(table, place, "scope", keys::SCOPES) {
            Some("messages") => Scope::Messages,
            Some("presence") => Scope::Presence,
            Some(_) | None => Scope::Both,
        };
        let verdict = match self.word(table, place, "verdict", keys::USER_VERDICTS) {
            Some("allow") => Some(Verdict::Allow),
            Some(_) => Some(Verdict::Deny),
            None => {
                if table.get("verdict").is_none() {
                    self.missing(at, place, "verdict");
                }
                None
            }
        };
        Some(UserRule::new(owner?, subject?, scope, verdict?))
    }

    fn email(&mut self, table: &DeTable<'t>, place: Place<'_>) -> EmailRules {
        self.know(table, place, keys::EMAIL);
        let enabled = self.switch(table, place, "enabled", Switch::Off);
        let mut rules = EmailRules {
            enabled: enabled == Switch::On,
            domains: BTreeSet::new(),
            identities: BTreeMap::new(),
        };
        if let Some(list) = table.get("domains") {
            let place = Place::Key(&place, "domains");
            self.texts(list, place, DOMAIN, |_, domain: DomainName| {
                rules.domains.insert(domain)
            });
        }
        if let Some(identities) = self.table(table, place, "identities") {
            let place = Place::Key(&place, "identities");
            for (user, email) in identities {
                let place = Place::Key(&place, user.get_ref());
                let parsed = self.parse(user.get_ref(), user.span(), place, ADDRESS);
                let address = self.parsed(email, place, ADDRESS);
                if let Some((user, address)) = parsed.zip(address)
                    && rules.identities.insert(user, address).is_some()
                {
                    self.twice(email, place);
                }
            }
        }
        rules
    }

    fn rates(&mut self, table: &DeTable<'t>, place: Place<'_>) -> Rates {
        self.know(table, place, keys::RATES);
        let mut rate = |key| {
            let at = table.get(key).map_or(0, |value| value.span().start);
            let table = self.table(table, place, key)?;
            let place = Place::Key(&place, key);
            self.know(table, place, keys::RATE);
            let per_second = self.number(table, place, at, "per-second", 1);
            let burst = self.number(table, place, at, "burst", 0);
            Some(Rate {
                per_second: NonZeroU32::new(per_second?)?,
                burst: burst?,
            })
        };
        Rates {
            address_block: rate("address-block"),
            domain: rate("domain"),
            stream: rate("stream"),
            user: rate("user"),
        }
    }

    fn verdict(&mut self, table: &DeTable<'t>, place: Place<'_>, default: Verdict) -> Verdict {
        match self.word(table, place, "default", keys::VERDICTS) {
            Some("allow") => Verdict::Allow,
            Some(_) => Verdict::Deny,
            None => default,
        }
    }
}

const ADDRESS: &str = "an address";
const DOMAIN: &str = "a domain name";
const PATTERN: &str = "a domain name or *.domain";

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::num::NonZeroU32;
use std::ops::Range;
use std::str::FromStr;

use comity_identity::DomainName;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::keys::{self, Place, shown};
use super::{Problem, TextError, TextErrors};
use crate::{
    AclPattern, Config, DenyMode, DomainPattern, EmailRules, Exception, FederatedDomain, Packets,
    PeerKind, Rate, Rates, Requirement, Scope, SecurityMode, SecurityRule, SipRules, Switch,
    TlsMode, UserRule, Verdict, XmppRules,
};

pub(super) fn config(text: &str) -> Result<Config, TextErrors> {
    let mut reader = Reader {
        text,
        line_ends: None,
        errors: Vec::new(),
    };
    let (root, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let at = error.span().map_or(0, |span| span.start);
        let problem = Problem::Syntax(error.message().into());
        let line = reader.line_of(at);
        reader.fail(line, String::new(), problem);
    }
    // What a parser makes of the rest of a broken text says nothing.
    let config = if reader.errors.is_empty() {
        reader.root(root.get_ref())
    } else {
        Config::default()
    };
    let Reader { mut errors, .. } = reader;
    if errors.is_empty() {
        return Ok(config);
    }
    errors.sort_by_key(|error| error.line);
    Err(TextErrors(errors))
}

type Value<'t> = Spanned<DeValue<'t>>;

struct Reader<'t> {
    text: &'t str,
    /// Where lines end, once an error asks for it.
    line_ends: Option<Vec<usize>>,
    errors: Vec<TextError>,
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

    /// Complains about keys that are not known.
    fn know(&mut self, table: &DeTable<'t>, place: Place<'_>, allowed: &'static [&'static str]) {
        for key in table.keys() {
            let name: &str = key.get_ref();
            if !allowed.contains(&name) {
                let path = Place::Key(&place, name).path();
                let line = self.line_of(key.span().start);
                self.fail(line, path, Problem::UnknownKey { allowed });
            }
        }
    }

    fn table<'v>(
        &mut self,
        table: &'v DeTable<'t>,
        place: Place<'_>,
        key: &str,
    ) -> Option<&'v DeTable<'t>> {
        let value = table.get(key)?;
        let DeValue::Table(table) = value.get_ref() else {
            self.wrong_type(value, Place::Key(&place, key), "a table");
            return None;
        };
        Some(table)
    }

    /// Reads each table of a list, with the place where it stands in the text.
    fn tables(
        &mut self,
        table: &DeTable<'t>,
        place: Place<'_>,
        key: &str,
        mut read: impl FnMut(&mut Self, &DeTable<'t>, Place<'_>, usize),
    ) {
        let Some(value) = table.get(key) else {
            return;
        };
        let place = Place::Key(&place, key);
        let DeValue::Array(items) = value.get_ref() else {
            return self.wrong_type(value, place, "a list of tables");
        };
        for (index, item) in items.iter().enumerate() {
            let place = Place::Item(&place, index);
            if let DeValue::Table(table) = item.get_ref() {
                read(self, table, place, item.span().start);
            } else {
                self.wrong_type(item, place, "a table");
            }
        }
    }

    /// Parses each text of a list, which is an array of strings, or one string with a text in each
    /// line, blank lines and what follows a `#` left out.
    fn texts<T>(
        &mut self,
        value: &Value<'t>,
        place: Place<'_>,
        expected: &'static str,
        mut take: impl FnMut(usize, T) -> bool,
    ) where
        T: FromStr,
        T::Err: Display,
    {
        match value.get_ref() {
            DeValue::Array(items) => self.array(items, place, expected, take),
            DeValue::String(block) => {
                let contents = self.contents_of(value);
                let mut room = block.lines().count();
                for (index, line) in block.lines().enumerate() {
                    let text = line.split_once('#').map_or(line, |(text, _)| text).trim();
                    if text.is_empty() {
                        continue;
                    }
                    match parsed(text, expected) {
                        Ok(parsed) => {
                            if !take(std::mem::take(&mut room), parsed) {
                                let problem = Problem::Duplicate(shown(text));
                                let line = self.line_of(contents) + index;
                                self.fail(line, place.path(), problem);
                            }
                        }
                        Err(problem) => {
                            let line = self.line_of(contents) + index;
                            self.fail(line, place.path(), problem);
                        }
                    }
                }
            }
            DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Table(_) => self.wrong_type(value, place, "a list of strings"),
        }
    }

    fn array<T>(
        &mut self,
        items: &DeArray<'t>,
        place: Place<'_>,
        expected: &'static str,
        mut take: impl FnMut(usize, T) -> bool,
    ) where
        T: FromStr,
        T::Err: Display,
    {
        let mut room = items.len();
        for (index, item) in items.iter().enumerate() {
            let place = Place::Item(&place, index);
            if let Some(parsed) = self.parsed(item, place, expected)
                && !take(std::mem::take(&mut room), parsed)
            {
                self.twice(item, place);
            }
        }
    }

    /// A text that must be there, and be what is expected.
    fn required<T>(
        &mut self,
        table: &DeTable<'t>,
        place: Place<'_>,
        at: usize,
        key: &'static str,
        expected: &'static str,
    ) -> Option<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        let Some(value) = table.get(key) else {
            self.missing(at, place, key);
            return None;
        };
        self.parsed(value, Place::Key(&place, key), expected)
    }

    fn parsed<T>(
        &mut self,
        value: &Value<'t>,
        place: Place<'_>,
        expected: &'static str,
    ) -> Option<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        let text = self.text(value, place)?;
        self.parse(text, value.span(), place, expected)
    }

    fn parse<T>(
        &mut self,
        text: &str,
        span: Range<usize>,
        place: Place<'_>,
        expected: &'static str,
    ) -> Option<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        match parsed(text, expected) {
            Ok(parsed) => Some(parsed),
            Err(problem) => {
                let line = self.line_of(span.start);
                self.fail(line, place.path(), problem);
                None
            }
        }
    }

    fn text<'v>(&mut self, value: &'v Value<'t>, place: Place<'_>) -> Option<&'v str> {
        let DeValue::String(text) = value.get_ref() else {
            self.wrong_type(value, place, "a string");
            return None;
        };
        Some(text)
    }

    fn verdict(&mut self, table: &DeTable<'t>, place: Place<'_>, default: Verdict) -> Verdict {
        match self.word(table, place, "default", keys::VERDICTS) {
            Some("allow") => Verdict::Allow,
            Some(_) => Verdict::Deny,
            None => default,
        }
    }

    /// One of the words that are allowed.
    fn word(
        &mut self,
        table: &DeTable<'t>,
        place: Place<'_>,
        key: &str,
        allowed: &'static [&'static str],
    ) -> Option<&'static str> {
        let value = table.get(key)?;
        let place = Place::Key(&place, key);
        let text = self.text(value, place)?;
        let word = allowed.iter().find(|word| **word == text);
        if word.is_none() {
            let text = shown(text);
            let line = self.line_of(value.span().start);
            self.fail(line, place.path(), Problem::NoneOf { text, allowed });
        }
        word.copied()
    }

    fn switch(
        &mut self,
        table: &DeTable<'t>,
        place: Place<'_>,
        key: &str,
        default: Switch,
    ) -> Switch {
        let Some(value) = table.get(key) else {
            return default;
        };
        let DeValue::Boolean(is_on) = value.get_ref() else {
            self.wrong_type(value, Place::Key(&place, key), "true or false");
            return default;
        };
        if *is_on { Switch::On } else { Switch::Off }
    }

    fn number(
        &mut self,
        table: &DeTable<'t>,
        place: Place<'_>,
        at: usize,
        key: &'static str,
        min: u32,
    ) -> Option<u32> {
        let Some(value) = table.get(key) else {
            self.missing(at, place, key);
            return None;
        };
        let place = Place::Key(&place, key);
        let DeValue::Integer(number) = value.get_ref() else {
            self.wrong_type(value, place, "a whole number");
            return None;
        };
        let parsed = u32::from_str_radix(number.as_str(), number.radix()).ok();
        let parsed = parsed.filter(|number| *number >= min);
        if parsed.is_none() {
            let line = self.line_of(value.span().start);
            let max = u32::MAX;
            self.fail(line, place.path(), Problem::Number { min, max });
        }
        parsed
    }

    /// Complains about something that is there already: the key of the place, or the text.
    fn twice(&mut self, value: &Value<'t>, place: Place<'_>) {
        let text = match (place, value.get_ref()) {
            (Place::Item(..), DeValue::String(text)) => shown(text),
            (Place::Key(_, key), _) => shown(key),
            (Place::Item(..) | Place::Root, _) => Box::default(),
        };
        let line = self.line_of(value.span().start);
        self.fail(line, place.path(), Problem::Duplicate(text));
    }

    fn missing(&mut self, at: usize, place: Place<'_>, key: &'static str) {
        let line = self.line_of(at);
        self.fail(line, place.path(), Problem::MissingKey(key));
    }

    fn wrong_type(&mut self, value: &Value<'t>, place: Place<'_>, expected: &'static str) {
        let found = match value.get_ref() {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a number with a fraction",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a time",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        let line = self.line_of(value.span().start);
        self.fail(line, place.path(), Problem::WrongType { expected, found });
    }

    fn fail(&mut self, line: usize, key: String, problem: Problem) {
        self.errors.push(TextError { line, key, problem });
    }

    /// The line of an offset, from one.
    fn line_of(&mut self, offset: usize) -> usize {
        let text = self.text;
        let ends = self.line_ends.get_or_insert_with(|| {
            let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
            ends.map(|(offset, _)| offset).collect()
        });
        ends.partition_point(|end| *end < offset) + 1
    }

    /// Where the first line of a string begins, behind its quotes and a line end right behind
    /// them, which does not belong to it.
    fn contents_of(&self, value: &Value<'t>) -> usize {
        let start = value.span().start;
        let rest = self.text.get(start..).unwrap_or_default();
        let quotes = ["\"\"\"", "'''"]
            .iter()
            .any(|quotes| rest.starts_with(quotes));
        let quotes = if quotes { 3 } else { 1 };
        let rest = rest.get(quotes..).unwrap_or_default();
        let line_end = rest.len()
            - rest
                .strip_prefix("\r\n")
                .or_else(|| rest.strip_prefix('\n'))
                .unwrap_or(rest)
                .len();
        start + quotes + line_end
    }
}

fn parsed<T>(text: &str, expected: &'static str) -> Result<T, Problem>
where
    T: FromStr,
    T::Err: Display,
{
    text.parse().map_err(|error: T::Err| Problem::Malformed {
        text: shown(text),
        expected,
        reason: error.to_string().into(),
    })
}

const ADDRESS: &str = "an address";
const DOMAIN: &str = "a domain name";
const PATTERN: &str = "a domain name or *.domain";

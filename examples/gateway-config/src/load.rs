//! What the files hold that the configuration names: certificates, keys, trust, rules, secrets.

mod email;
mod trust;

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;

use comity_identity::DomainName;
use comity_policy::Policy;
use comity_rustls::{Identities, Identity, IdentityError, TlsContext, default_provider};
use comity_xmpp::DialbackSecret;
use rustls::crypto::CryptoProvider;

use crate::config::{Problem, Rule};
use crate::{
    Config, ConfigError, ConfigErrors, FileAt, IdentityFiles, Secret, SecretSource, Usage, XmppMode,
};

pub use trust::Trust;

/// Everything that a gateway needs to run, read and checked.
#[derive(Debug)]
pub struct Loaded {
    /// What does the cryptography of TLS.
    pub provider: Arc<CryptoProvider>,
    /// What we present to who connects to us.
    pub inbound: Option<Identity>,
    /// What we present where we connect to, if it is another.
    pub outbound: Option<Identity>,
    /// Those of single domains of ours.
    pub domains: Vec<(DomainName, Usage, Identity)>,
    /// Whom XMPP believes.
    pub xmpp_trust: Trust,
    /// Whom SIP believes.
    pub sip_trust: Trust,
    /// The rules, with our domains and the address book in them.
    pub rules: comity_policy::Config,
    /// The same, compiled.
    pub policy: Policy,
    /// The secret of dialback keys, if one is configured.
    pub dialback: Option<DialbackSecret>,
    /// The domains that a local XMPP server gives us, with what we prove ourselves by.
    pub components: Vec<(DomainName, Secret)>,
    /// What is not as it should be, and does not keep the gateway from running.
    pub notices: Vec<String>,
}

impl Loaded {
    /// Reads every file.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with any of them.
    pub fn read(config: &Config) -> Result<Self, ConfigErrors> {
        let mut reader = Reader {
            provider: default_provider(),
            errors: Vec::new(),
            notices: Vec::new(),
        };
        let tls = &config.tls;
        let inbound = tls
            .inbound
            .as_ref()
            .and_then(|files| reader.identity(files));
        let outbound = tls
            .outbound
            .as_ref()
            .and_then(|files| reader.identity(files));
        let domains = tls.domains.iter().filter_map(|domain| {
            let identity = reader.identity(&domain.files)?;
            Some((domain.name.clone(), domain.usage, identity))
        });
        let domains = domains.collect();
        let xmpp_trust = reader.trust(&tls.xmpp);
        let sip_trust = reader.trust(&tls.sip);
        let rules = reader.rules(config);
        let dialback = config.xmpp.dialback.as_ref();
        let dialback = dialback.and_then(|source| reader.secret(source));
        let components = reader.components(config);
        let Reader {
            provider,
            mut errors,
            notices,
        } = reader;
        let compiled = match rules {
            Some(rules) if errors.is_empty() => Some(rules),
            Some(_) | None => None,
        };
        let Some((rules, policy)) = compiled else {
            errors.sort_by_key(|error| error.line);
            return Err(ConfigErrors::of(errors));
        };
        Ok(Self {
            provider,
            inbound,
            outbound,
            domains,
            xmpp_trust,
            sip_trust,
            rules,
            policy,
            dialback: dialback.map(|secret| DialbackSecret::new(secret.expose().as_bytes())),
            components,
            notices,
        })
    }

    /// How TLS is used between servers: what a certificate proves is judged after the handshake.
    pub fn tls_context(&self) -> TlsContext {
        let mut context = TlsContext::observing(Arc::clone(&self.provider));
        context.identity.clone_from(&self.inbound);
        context.inbound = self.identities(Usage::is_inbound, None);
        context.outbound = self.identities(Usage::is_outbound, self.outbound.clone());
        context
    }

    fn identities(&self, is_for: fn(Usage) -> bool, default: Option<Identity>) -> Identities {
        let mut identities = Identities::default();
        identities.default = default;
        let own = self.domains.iter().filter(|(_, usage, _)| is_for(*usage));
        let own = own.map(|(name, _, identity)| (name.clone(), identity.clone()));
        identities.domains = own.collect();
        identities
    }
}

struct Reader {
    provider: Arc<CryptoProvider>,
    errors: Vec<ConfigError>,
    notices: Vec<String>,
}

impl Reader {
    fn identity(&mut self, files: &IdentityFiles) -> Option<Identity> {
        let chain = self.bytes(&files.chain);
        let key = self.bytes(&files.key);
        let identity = Identity::from_pem(&chain?, &key?, &self.provider);
        match identity {
            Ok(identity) => Some(identity),
            Err(error) => {
                let at = match error {
                    IdentityError::EncryptedKey
                    | IdentityError::KeyMismatch
                    | IdentityError::KeyPem
                    | IdentityError::NoKey
                    | IdentityError::UnsupportedKey => &files.key,
                    IdentityError::CertificatePem { .. }
                    | IdentityError::MalformedCertificate
                    | IdentityError::NoCertificate
                    | _ => &files.chain,
                };
                self.refuse(at, &error);
                None
            }
        }
    }

    fn rules(&mut self, config: &Config) -> Option<(comity_policy::Config, Policy)> {
        let at = &config.policy;
        let text = self.text(at)?;
        let email = config.email.as_ref().and_then(|file| self.email(file));
        let mut rules = match comity_policy::Config::from_toml(&text) {
            Ok(rules) => rules,
            Err(errors) => {
                errors
                    .errors()
                    .iter()
                    .for_each(|error| self.refuse(at, error));
                return None;
            }
        };
        self.match_domains(config, &rules.local_domains);
        rules.local_domains = config.domains.all();
        if let Some(email) = email {
            rules.email.enabled = true;
            rules.email.identities.extend(email);
        }
        match Policy::new(rules.clone()) {
            Ok(policy) => Some((rules, policy)),
            Err(errors) => {
                self.refuse_rules(at, &text, &errors);
                None
            }
        }
    }

    /// Tells errors with their lines, if the file alone has the same ones.
    fn refuse_rules(&mut self, at: &FileAt, text: &str, errors: &comity_policy::ConfigErrors) {
        let located = Policy::from_toml(text).err();
        let located = located.as_ref().map_or(&[][..], |found| found.errors());
        for error in errors.errors() {
            let problem = comity_policy::Problem::Rules(error.clone());
            match located.iter().find(|located| located.problem == problem) {
                Some(located) => self.refuse(at, located),
                None => self.refuse(at, error),
            }
        }
    }

    /// The rules may name our domains too, but then the same ones.
    fn match_domains(&mut self, config: &Config, named: &BTreeSet<DomainName>) {
        if named.is_empty() {
            return;
        }
        let ours = config.domains.all();
        let additional = named.difference(&ours).map(|domain| Rule::NotOurs {
            domain: domain.to_string(),
        });
        let lacking = ours.difference(named).map(|domain| Rule::NotInRules {
            domain: domain.to_string(),
        });
        for rule in additional.chain(lacking) {
            self.errors.push(ConfigError {
                line: config.policy.line,
                key: config.policy.key.clone(),
                problem: Problem::Rule(rule),
            });
        }
    }

    fn components(&mut self, config: &Config) -> Vec<(DomainName, Secret)> {
        let XmppMode::Component(component) = &config.xmpp.mode else {
            return Vec::new();
        };
        let domains = component.domains.iter();
        let secrets = domains.filter_map(|domain| {
            let secret = self.secret(&domain.secret)?;
            Some((domain.name.clone(), secret))
        });
        secrets.collect()
    }

    fn secret(&mut self, source: &SecretSource) -> Option<Secret> {
        match source {
            SecretSource::Text(secret) => Some(secret.clone()),
            SecretSource::File(file) => {
                let text = self.text(file)?;
                let secret = text.trim_end_matches(['\r', '\n']);
                if secret.is_empty() {
                    self.fail(file, Problem::EmptySecret);
                    return None;
                }
                Some(Secret::new(secret))
            }
        }
    }

    fn text(&mut self, file: &FileAt) -> Option<String> {
        let bytes = self.bytes(file)?;
        let text = String::from_utf8(bytes);
        // The bytes may be a secret, and are not shown.
        if text.is_err() {
            self.refuse(file, &"the file is not UTF-8");
        }
        text.ok()
    }

    fn bytes(&mut self, file: &FileAt) -> Option<Vec<u8>> {
        match fs::read(&file.path) {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                let name = file.path.display().to_string();
                let kind = error.kind();
                self.fail(file, Problem::Unreadable { file: name, kind });
                None
            }
        }
    }

    fn refuse(&mut self, file: &FileAt, reason: &dyn std::fmt::Display) {
        let problem = Problem::File {
            file: file.path.display().to_string(),
            reason: reason.to_string(),
        };
        self.fail(file, problem);
    }

    fn fail(&mut self, file: &FileAt, problem: Problem) {
        self.errors.push(ConfigError {
            line: file.line,
            key: file.key.clone(),
            problem,
        });
    }
}

#[cfg(test)]
mod tests;

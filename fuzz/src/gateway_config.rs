use std::path::Path;

use comity_gateway_config::{Config, ConfigErrors, LogFilter};
use toml::{Table, Value};

/// Reads bytes as the configuration of the gateway.
///
/// What is wrong with it is told line by line, in a few words that can be shown and that hold no
/// secret; lines above it move it, and lines below it do not. What is accepted says what a plain
/// reading of the same text says, and what the rules ask for.
pub fn gateway_config(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let read = |text: &str| Config::parse(text, Path::new(FOLDER));
    let below = format!("{text}\n# The end.");
    match read(&text) {
        Ok(config) => {
            let again = read(&below).expect("the same with a comment");
            assert_eq!(format!("{again:?}"), format!("{config:?}"));
            let table = text.parse().expect("TOML");
            check_config(&config, &table);
            check_secret(&text, &table, &format!("{config:?}"));
        }
        Err(errors) => {
            check_errors(&errors, &text);
            let above = read(&format!("# The begin.\n\n{text}")).expect_err("the same, lower");
            for (error, lower) in told(&errors).iter().zip(told(&above)) {
                assert_eq!((&error.0, &error.1), (&lower.0, &lower.1));
                // What is missing as a whole is told of the first line.
                let moved = error.2 + usize::from(error.2 > 0) * 2;
                assert!([moved, error.2].contains(&lower.2), "{lower:?}");
            }
            assert_eq!(above.errors().len(), errors.errors().len());
            if let Ok(table) = text.parse() {
                check_secret(&text, &table, &errors.to_string());
            }
        }
    }
}

/// Key, words and line of every error, in an order of its own.
fn told(errors: &ConfigErrors) -> Vec<(String, String, usize)> {
    let errors = errors.errors().iter();
    let told = errors.map(|one| (one.key.clone(), one.problem().to_string(), one.line));
    let mut told: Vec<_> = told.collect();
    told.sort();
    told
}

fn check_errors(errors: &ConfigErrors, text: &str) {
    let lines = text.matches('\n').count() + 1;
    let errors = errors.errors();
    assert!(!errors.is_empty());
    assert!(errors.is_sorted_by_key(|error| error.line));
    // An empty text lacks a few tables, and what lacks keys is written in some bytes.
    assert!(errors.len() <= 3 * text.len() + 3, "{}", errors.len());
    for error in errors {
        assert!(error.line <= lines, "{error}");
        let shown = error.to_string();
        assert!(!shown.contains(char::is_control), "{shown:?}");
    }
}

/// A secret that stands in the text once is shown nowhere.
fn check_secret(text: &str, table: &Table, shown: &str) {
    let secret = get(table, "xmpp.dialback-secret").and_then(Value::as_str);
    if let Some(secret) = secret.filter(|secret| secret.len() >= MIN_SECRET_BYTES)
        && text.matches(secret).count() == 1
    {
        assert!(!shown.contains(secret), "{shown}");
    }
}

/// Whether a configuration says what the text says.
fn check_config(config: &Config, table: &Table) {
    let domains = &config.domains;
    assert!(domains.xmpp.is_disjoint(&domains.sip));
    for (key, found) in [
        ("domains.xmpp", &domains.xmpp),
        ("domains.sip", &domains.sip),
        ("domains.chat-aliases", &domains.chat_aliases),
        (
            "domains.file-transfer-aliases",
            &domains.file_transfer_aliases,
        ),
    ] {
        let said = texts(table, key).into_iter().map(str::parse);
        let said: Result<_, _> = said.collect();
        assert_eq!(said.as_ref(), Ok(found), "{key}");
    }
    check_paths(config, table);
    check_listeners(config, table);
    let switch = |key, default| get(table, key).map_or(Some(default), Value::as_bool);
    let addresses = &config.dns.addresses;
    for (key, default, found) in [
        ("dns.validating", false, config.dns.validating),
        (
            "dns.danger-allow-loopback",
            false,
            addresses.danger_allow_loopback,
        ),
        (
            "dns.danger-allow-private",
            false,
            addresses.danger_allow_private,
        ),
        ("log.redact", true, config.log.redact),
    ] {
        assert_eq!(switch(key, default), Some(found), "{key}");
    }
    assert_eq!(config.dns.servers.len(), texts(table, "dns.servers").len());
    let metrics = get(table, "metrics.listen").and_then(Value::as_str);
    assert_eq!(
        metrics.map(|text| text.parse().ok()),
        config.metrics.map(Some)
    );
    assert!(
        config
            .metrics
            .is_none_or(|address| address.ip().is_loopback())
    );
    let filter = config.log.filter.to_string().parse();
    assert_eq!(
        filter.as_ref().map(LogFilter::to_string),
        Ok(config.log.filter.to_string())
    );
}

fn check_paths(config: &Config, table: &Table) {
    let said = |key| {
        let text = get(table, key).and_then(Value::as_str);
        text.map(|text| Path::new(FOLDER).join(text))
    };
    let email = config.email.as_ref().map(|file| &file.path);
    let inbound = config.tls.inbound.as_ref();
    for (key, found) in [
        ("policy.file", Some(&config.policy.path)),
        ("store.path", config.store.as_ref()),
        ("control.socket", config.control.as_ref()),
        ("email.file", email),
        ("tap.file", config.tap.as_ref().map(|tap| &tap.file)),
        ("tls.inbound.chain", inbound.map(|files| &files.chain.path)),
        ("tls.inbound.key", inbound.map(|files| &files.key.path)),
    ] {
        assert_eq!(said(key).as_ref(), found, "{key}");
    }
}

fn check_listeners(config: &Config, table: &Table) {
    let addresses = |key| {
        let listeners = get(table, key).and_then(Value::as_array);
        let listeners = listeners.into_iter().flatten();
        let addresses = listeners.map(|one| one.get("address")?.as_str()?.parse().ok());
        addresses.collect::<Vec<Option<std::net::SocketAddr>>>()
    };
    let (xmpp, sip) = (&config.xmpp.listeners, &config.sip.listeners);
    let found: Vec<_> = xmpp.iter().map(|one| Some(one.address)).collect();
    assert_eq!(addresses("xmpp.listeners"), found);
    let found: Vec<_> = sip.iter().map(|one| Some(one.address)).collect();
    assert_eq!(addresses("sip.listeners"), found);
    let needs_identity = !xmpp.is_empty() || sip.iter().any(|one| one.tls.is_some());
    assert!(!needs_identity || config.tls.inbound.is_some());
    for tls in sip.iter().filter_map(|one| one.tls.as_ref()) {
        assert!(tls.min_version <= tls.max_version);
    }
}

/// The value under keys with points between them.
fn get<'t>(table: &'t Table, key: &str) -> Option<&'t Value> {
    let (first, rest) = match key.split_once('.') {
        Some((first, rest)) => (first, Some(rest)),
        None => (key, None),
    };
    let value = table.get(first)?;
    match rest {
        Some(rest) => get(value.as_table()?, rest),
        None => Some(value),
    }
}

fn texts<'t>(table: &'t Table, key: &str) -> Vec<&'t str> {
    let list = get(table, key).and_then(Value::as_array);
    let list = list.into_iter().flatten();
    list.filter_map(Value::as_str).collect()
}

/// Nothing is read there.
const FOLDER: &str = "/nowhere";

const MIN_SECRET_BYTES: usize = 8;

//! The texts of rules.

use std::fmt::Write;

use comity_identity::DomainName;

/// So many exceptions, one in each line: exact names and wildcards in turn, all of three labels.
pub(crate) fn block(size: usize) -> String {
    let mut text = format!("{HEAD}[xmpp.exceptions]\nall = '''\n");
    for number in 0..size {
        writeln!(text, "{}", exception(number)).expect("a string takes it");
    }
    text.push_str("'''\n");
    text.shrink_to_fit();
    text
}

/// The same exceptions as an array.
pub(crate) fn array(size: usize) -> String {
    let mut text = format!("{HEAD}[xmpp.exceptions]\nall = [\n");
    for number in 0..size {
        writeln!(text, "\"{}\",", exception(number)).expect("a string takes it");
    }
    text.push_str("]\n");
    text
}

/// So many rules of users, about users and about domains in turn, four of each owner.
pub(crate) fn users(size: usize) -> String {
    let mut text = HEAD.to_owned();
    for number in 0..size {
        let owner = number / 4;
        let subject = match number % 2 {
            0 => format!("romeo@host.domain-{number}.example"),
            _ => format!("host.domain-{number}.example"),
        };
        write!(
            text,
            "[[user-rules]]\nowner = \"user-{owner}@{LOCAL}\"\nsubject = \"{subject}\"\n\
             verdict = \"block\"\n"
        )
        .expect("a string takes it");
    }
    text
}

/// So many entries of the access list: names, addresses and networks in turn.
pub(crate) fn acl(size: usize) -> String {
    let mut text = String::from("acl = '''\n");
    for number in 0..size {
        let (high, low) = (number >> 8 & 0xFFFF, number & 0xFF);
        match number % 3 {
            0 => writeln!(text, "host.domain-{number}.example"),
            1 => writeln!(text, "2001:db8::{high:x}:{low:x}"),
            _ => writeln!(text, "2001:db8:{high:x}:{low:x}::/64"),
        }
        .expect("a string takes it");
    }
    text.push_str("'''\n");
    text.push_str(HEAD);
    text
}

/// One pattern.
pub(crate) fn pattern(pattern: &str) -> String {
    format!("{HEAD}[xmpp.exceptions]\nall = [\"{pattern}\"]\n")
}

/// So many lines that are no patterns.
pub(crate) fn errors(size: usize) -> String {
    let mut text = format!("{HEAD}[xmpp.exceptions]\nall = '''\n");
    for number in 0..size {
        writeln!(text, "host_{number}.domain.example").expect("a string takes it");
    }
    text.push_str("'''\n");
    text
}

/// A domain that a decision is asked about, where there are so many rules: in turn one with a rule
/// of its own, one below a wildcard, and one without a rule.
pub(crate) fn asked(number: usize, rules: usize) -> DomainName {
    // Far apart, so that none is asked about for its neighbour's sake.
    let rule = number * STRIDE % rules / 2 * 2;
    match number % 3 {
        0 => name(rule),
        1 => format!("conference.{}", name(rule + 1))
            .parse()
            .expect("a domain name"),
        _ => format!("chat.host.other-{number}.example")
            .parse()
            .expect("a domain name"),
    }
}

fn exception(number: usize) -> String {
    let name = name(number);
    match number % 2 {
        0 => name.to_string(),
        _ => format!("*.{name}"),
    }
}

fn name(number: usize) -> DomainName {
    format!("host.domain-{number}.example")
        .parse()
        .expect("a domain name")
}

/// The domain that is ours.
pub(crate) const LOCAL: &str = "imp.example.com";

const HEAD: &str = "local-domains = [\"imp.example.com\"]\n[xmpp]\nenabled = true\n";

/// A prime.
const STRIDE: usize = 7_919;

#[cfg(test)]
mod tests {
    use comity_policy::Config;

    use super::*;

    #[test]
    fn the_block_and_the_array_are_the_same_rules() {
        let block = Config::from_toml(&block(20)).expect("rules");
        assert_eq!(block.xmpp.exceptions.len(), 20);
        assert_eq!(Config::from_toml(&array(20)), Ok(block));
    }

    #[test]
    fn every_size_is_the_number_of_rules() {
        let users = Config::from_toml(&users(20)).expect("rules");
        assert_eq!(users.user_rules.len(), 20);
        let acl = Config::from_toml(&acl(1000)).expect("rules");
        assert_eq!(acl.acl.len(), 1000);
        let errors = Config::from_toml(&errors(20)).expect_err("errors");
        assert_eq!(errors.errors().len(), 20);
    }
}

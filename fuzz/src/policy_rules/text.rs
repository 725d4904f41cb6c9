//! Texts of rules that agree.

use std::collections::BTreeSet;

use crate::program::Program;

/// Writes rules as the program says.
pub(super) fn write(program: &mut Program<'_>) -> String {
    let mut local: BTreeSet<String> = (0..=program.byte() % 3).map(|_| name(program)).collect();
    // Those of whom a rule may be written are others.
    local.insert("l.example".into());
    let mut text = format!("local-domains = {}\n", list(&local));
    acl(program, &mut text);
    let mode = ["polite", "rejected"][usize::from(program.byte() & 1)];
    text.push_str(&format!("deny-mode = \"{mode}\"\n"));
    let mut named = local.clone();
    xmpp(program, &mut named, &mut text);
    sip(program, &mut named, &mut text);
    let local: Vec<String> = local.into_iter().collect();
    users(program, &local, &mut text);
    email(program, &local, &mut named, &mut text);
    text
}

fn acl(program: &mut Program<'_>, text: &mut String) {
    let entries: BTreeSet<String> = (0..program.byte() % 5)
        .map(|_| match program.byte() % 12 {
            0 => "all".into(),
            1 => "10.0.0.0/15".into(),
            2 => "10.1.0.0/16".into(),
            3 => "2001:db8::/32".into(),
            4 => "::/0".into(),
            5 => "10.1.0.1".into(),
            6 => "2001:db8::1".into(),
            7 => "0.0.0.0/0".into(),
            _ => name(program),
        })
        .collect();
    text.push_str(&format!("acl = {}\n", list(&entries)));
}

fn xmpp(program: &mut Program<'_>, named: &mut BTreeSet<String>, text: &mut String) {
    let local = named.clone();
    text.push_str("[xmpp]\n");
    switches(program, text);
    text.push_str("[xmpp.exceptions]\n");
    let mut seen = local.clone();
    for key in ["all", "incoming", "outgoing"] {
        let lines: Vec<String> = (0..program.byte() % 5)
            .map(|_| pattern(program))
            .filter(|pattern| seen.insert(pattern.clone()))
            .collect();
        text.push_str(&format!("{key} = '''\n{}\n'''\n", lines.join("\n")));
    }
    named.append(&mut seen);
    text.push_str("[xmpp.security]\n");
    mode(program, text);
    let mut seen = local;
    for _ in 0..program.byte() % 4 {
        let pattern = pattern(program);
        if seen.insert(pattern.clone()) {
            let header = "[[xmpp.security-rules]]";
            text.push_str(&format!("{header}\ndomains = [\"{pattern}\"]\n"));
            mode(program, text);
        }
    }
    named.append(&mut seen);
}

/// A security mode that is none in itself contradictory.
fn mode(program: &mut Program<'_>, text: &mut String) {
    let byte = program.byte();
    let modes = [
        ("required", "required"),
        ("required", "optional"),
        ("optional", "optional"),
        ("optional", "required"),
    ];
    let (tls, certificate) = modes[usize::from(byte & 3)];
    let dialback = byte >> 2 & 1 == 1;
    let sasl = byte >> 3 & 1 == 1;
    text.push_str(&format!(
        "tls = \"{tls}\"\ncertificate = \"{certificate}\"\ndialback = {dialback}\n\
         sasl-inbound = {sasl}\n"
    ));
}

fn sip(program: &mut Program<'_>, named: &mut BTreeSet<String>, text: &mut String) {
    text.push_str("[sip]\n");
    switches(program, text);
    // Blocked names that are exact are none of the local or federated ones.
    let blocked: BTreeSet<String> = (0..program.byte() % 4)
        .map(|_| pattern(program))
        .filter(|pattern| pattern.starts_with('*') || named.insert(pattern.clone()))
        .collect();
    text.push_str(&format!("blocked = {}\n", list(&blocked)));
    for _ in 0..program.byte() % 4 {
        let name = name(program);
        if named.insert(name.clone()) {
            text.push_str(&format!("[[sip.domains]]\nname = \"{name}\"\n"));
        }
    }
}

fn users(program: &mut Program<'_>, local: &[String], text: &mut String) {
    let mut seen = BTreeSet::new();
    for _ in 0..program.byte() % 6 {
        let owner = address(program, local);
        let byte = program.byte();
        let subject = match byte & 1 {
            0 => name(program),
            _ => {
                let domain = name(program);
                address(program, &[domain])
            }
        };
        let scope = ["both", "messages", "presence", "presence"][usize::from(byte >> 1 & 3)];
        let verdict = ["block", "allow"][usize::from(byte >> 3 & 1)];
        // About one subject either both at once, or each by itself.
        let is_new = match scope {
            "both" => ["both", "messages", "presence"]
                .map(|scope| seen.insert((owner.clone(), subject.clone(), scope)))
                .iter()
                .all(|is_new| *is_new),
            scope => {
                !seen.contains(&(owner.clone(), subject.clone(), "both"))
                    && seen.insert((owner.clone(), subject.clone(), scope))
            }
        };
        if is_new {
            text.push_str(&format!(
                "[[user-rules]]\nowner = \"{owner}\"\nsubject = \"{subject}\"\n\
                 scope = \"{scope}\"\nverdict = \"{verdict}\"\n"
            ));
        }
    }
}

fn email(
    program: &mut Program<'_>,
    local: &[String],
    named: &mut BTreeSet<String>,
    text: &mut String,
) {
    let enabled = program.byte() & 3 != 0;
    // They are ours, and not those of the others.
    let domains: BTreeSet<String> = (0..program.byte() % 3)
        .map(|_| name(program))
        .filter(|name| named.insert(name.clone()))
        .collect();
    let ours: Vec<String> = local.iter().chain(&domains).cloned().collect();
    text.push_str(&format!(
        "[email]\nenabled = {enabled}\ndomains = {}\n[email.identities]\n",
        list(&domains)
    ));
    let mut seen = BTreeSet::new();
    for _ in 0..program.byte() % 3 {
        let user = address(program, local);
        let email = address(program, &ours);
        // Nobody's address is another's, unless both are one user's.
        let is_new = seen.insert(user.clone()) && (user == email || seen.insert(email.clone()));
        if is_new {
            text.push_str(&format!("\"{user}\" = \"{email}\"\n"));
        }
    }
}

fn switches(program: &mut Program<'_>, text: &mut String) {
    let byte = program.byte();
    let enabled = byte & 7 != 7;
    let default = ["deny", "allow"][usize::from(byte >> 3 & 1)];
    text.push_str(&format!("enabled = {enabled}\ndefault = \"{default}\"\n"));
}

fn pattern(program: &mut Program<'_>) -> String {
    let star = ["", "*."][usize::from(program.byte() & 1)];
    format!("{star}{}", name(program))
}

fn address(program: &mut Program<'_>, domains: &[String]) -> String {
    let local = ["u", "v"][usize::from(program.byte() & 1)];
    let domain = program.recent(domains).expect("at least one");
    format!("{local}@{domain}")
}

/// A name of up to four labels out of a few, so that names often meet, also by a common ending
/// inside a label.
pub(super) fn name(program: &mut Program<'_>) -> String {
    let word = usize::from(program.word());
    let labels: Vec<&str> = (0..=word & 3)
        .map(|place| LABELS[word >> (2 + 2 * place) & 3])
        .collect();
    labels.join(".")
}

fn list(items: &BTreeSet<String>) -> String {
    let items: Vec<String> = items.iter().map(|item| format!("\"{item}\"")).collect();
    format!("[{}]", items.join(", "))
}

const LABELS: [&str; 4] = ["a", "ba", "c", "example"];

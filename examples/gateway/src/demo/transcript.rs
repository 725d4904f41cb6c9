//! How the demonstration is shown: events as lines.

use std::fmt::{Arguments, Display};
use std::io::{self, Write};

use comity_identity::Direction;
use comity_policy::{Decision, SecurityDecision};
use comity_srv::Outcome;
use comity_tokio::{Channel, Event, Resolution, TlsSession};
use comity_trust::Verdict;
use comity_xmpp::router::{Failure, TlsRole};
use comity_xmpp::stream::{Method, Pair};
use comity_xmpp::{Stanza, Transport, ns};

use super::cast::{Cast, Role};
use super::scenes::{body, bounce};

/// Prints a line.
pub(super) fn say(line: Arguments<'_>) -> io::Result<()> {
    writeln!(io::stdout(), "{line}")
}

/// Prints the title of a scene.
pub(super) fn title(number: usize, title: &str) -> io::Result<()> {
    let title = format!("{number}. {title}");
    say(format_args!(
        "\n{title}\n{}",
        "=".repeat(title.chars().count())
    ))
}

/// Prints who is there.
pub(super) fn cast(cast: &Cast) -> io::Result<()> {
    say(format_args!(
        "Four XMPP domains on this host, each a federation with its own sockets, and a"
    ))?;
    say(format_args!("name server at {}.\n", cast.name_server))?;
    row("domain", "server", "SRV target", "certificate")?;
    for actor in cast.actors() {
        let server = actor.address().map(|address| address.to_string());
        let certificate = format!("{}, by {}", actor.certificate_name, actor.issuer);
        row(
            actor.role.domain(),
            &server.unwrap_or_default(),
            &actor.host(),
            &certificate,
        )?;
    }
    Ok(())
}

fn row(domain: &str, server: &str, host: &str, certificate: &str) -> io::Result<()> {
    say(format_args!(
        "  {domain:<18} {server:<16} {host:<22} {certificate}"
    ))
}

/// Prints what was given to a federation to be sent.
pub(super) fn sent(stanza: &Stanza) -> io::Result<()> {
    say(format_args!(
        "\n  {} writes to {}:",
        stanza.from(),
        stanza.to()
    ))?;
    say(format_args!(
        "      \"{}\"",
        body(stanza).unwrap_or_default()
    ))
}

/// Prints whose events follow.
pub(super) fn witness(role: Role) -> io::Result<()> {
    say(format_args!("\n  {}", role.domain()))
}

/// Prints one event.
pub(super) fn event(event: &Event) -> io::Result<()> {
    match event {
        Event::Accepted {
            connection,
            peer,
            transport,
        } => line(
            "accept",
            format_args!("{connection} from {peer}{}", suffix(*transport)),
        ),
        Event::Authorized {
            connection,
            pair,
            method,
            ..
        } => authorized(connection, pair, *method),
        Event::Closed { connection, reason } => line("end", format_args!("{connection}: {reason}")),
        Event::Connected { connection } => line("connect", format_args!("{connection} stands")),
        Event::ConnectFailed { connection, reason } => {
            line("connect", format_args!("{connection} failed: {reason}"))
        }
        Event::Decided {
            pair,
            direction,
            decision,
            security,
        } => decided(pair, *direction, decision, security),
        Event::Dialling {
            connection, target, ..
        } => line(
            "dial",
            format_args!(
                "{connection} to {} at {}{}",
                target.host,
                target.address,
                suffix(target.transport)
            ),
        ),
        Event::Established {
            connection,
            pair,
            method,
            channel,
        } => established(connection, pair, *method, channel),
        Event::Dropped { connection, reason } => {
            line("drop", format_args!("a stanza on {connection}: {reason}"))
        }
        Event::Judged {
            domain, verdict, ..
        } => judged(domain, verdict),
        Event::Resolved {
            domain,
            at,
            resolution,
        } => {
            if let Some(host) = at {
                line("redirect", format_args!("{domain} sends us on to {host}"))?;
            }
            match resolution {
                Ok(resolution) => resolved(domain, resolution),
                Err(error) => line("DNS", format_args!("{domain}: {error}")),
            }
        }
        Event::Secured {
            connection,
            role,
            session,
        } => secured(connection, role, session),
        Event::Stanza {
            connection, stanza, ..
        } => message(connection, stanza),
        Event::Refused { .. } | Event::TurnedAway { .. } => line("accept", event),
        Event::Undelivered {
            stanza, failure, ..
        } => undelivered(stanza, failure),
        other @ (Event::Sent { .. } | _) => line("", other),
    }
}

fn decided(
    pair: &Pair,
    direction: Direction,
    decision: &Decision,
    security: &SecurityDecision,
) -> io::Result<()> {
    let way = match direction {
        Direction::Inbound => format!("from {}", pair.remote),
        Direction::Outbound => format!("to {}", pair.remote),
    };
    line("policy", format_args!("{way}: {decision}"))?;
    if decision.verdict == comity_policy::Verdict::Allow {
        line("", format_args!("{security}"))?;
    }
    Ok(())
}

fn secured(connection: &dyn Display, role: &TlsRole, session: &TlsSession) -> io::Result<()> {
    let role = match role {
        TlsRole::Client { .. } => "client",
        TlsRole::Server => "server",
    };
    line(
        "TLS",
        format_args!("{session}, we are the {role} of {connection}"),
    )
}

fn authorized(connection: &dyn Display, pair: &Pair, method: Method) -> io::Result<()> {
    let Pair { local, remote, .. } = pair;
    line(
        "authorize",
        format_args!("{remote} may write to {local} on {connection}, proved by {method}"),
    )
}

fn established(
    connection: &dyn Display,
    pair: &Pair,
    method: Method,
    channel: &Channel,
) -> io::Result<()> {
    let remote = &pair.remote;
    if channel.opened == Direction::Inbound {
        return line(
            "stream",
            format_args!("{remote} takes our stanzas on {connection}, which it opened"),
        );
    }
    let how = if method == Method::Certificate {
        "our certificate, by SASL EXTERNAL".to_owned()
    } else {
        method.to_string()
    };
    line(
        "stream",
        format_args!("{remote} accepted {how}, on {connection}"),
    )
}

fn undelivered(stanza: &Stanza, failure: &Failure) -> io::Result<()> {
    line("undelivered", failure)?;
    match bounce(stanza, failure) {
        Some(error) => bounced(&error),
        None => Ok(()),
    }
}

fn judged(domain: &dyn Display, verdict: &Verdict) -> io::Result<()> {
    match verdict.outcome() {
        Ok(trusted) => line("certificate", trusted),
        Err(reason) => line(
            "certificate",
            format_args!("does not prove {domain}: {reason}"),
        ),
    }
}

fn resolved(domain: &dyn Display, resolution: &Resolution) -> io::Result<()> {
    if let Outcome::Candidates(candidates) = &resolution.outcome {
        for candidate in candidates {
            line("DNS", format_args!("{domain} is served by {candidate}"))?;
        }
    } else if let Err(reason) = resolution.targets() {
        line("DNS", format_args!("{domain}: {reason}"))?;
    }
    Ok(())
}

fn message(connection: &dyn Display, stanza: &Stanza) -> io::Result<()> {
    line(stanza.kind().name(), format_args!("on {connection}"))?;
    line("", format_args!("from {}", stanza.from()))?;
    line("", format_args!("to   {}", stanza.to()))?;
    match body(stanza) {
        Some(body) => line("", format_args!("\"{}\"", printable(&body))),
        None => Ok(()),
    }
}

/// What a server would give to the user whose stanza was not delivered.
fn bounced(error: &Stanza) -> io::Result<()> {
    line(
        "bounce",
        format_args!(
            "that the sender would get, from {} to {}",
            error.from(),
            error.to()
        ),
    )?;
    let element = error.element();
    let details = element.child(ns::SERVER, "error");
    for detail in details.iter().flat_map(|error| error.children()) {
        match detail.name() {
            "text" => line("", format_args!("\"{}\"", printable(&detail.text())))?,
            condition => line("", condition)?,
        }
    }
    Ok(())
}

/// What is special about a connection that begins so.
fn suffix(transport: Transport) -> &'static str {
    match transport {
        Transport::Tcp => "",
        Transport::DirectTls => ", direct TLS",
    }
}

/// Text of another domain without what a terminal would obey.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

/// Prints a line in two columns, the second broken between words where it grows too long.
fn line(what: &str, text: impl Display) -> io::Result<()> {
    let mut what = what;
    let mut row = String::new();
    for word in text.to_string().split(' ') {
        if !row.is_empty() && row.chars().count() + word.chars().count() >= TEXT_COLUMNS {
            say(format_args!("    {what:<12} {row}"))?;
            (what, row) = ("", "  ".to_owned());
        } else if !row.is_empty() {
            row.push(' ');
        }
        row.push_str(word);
    }
    say(format_args!("    {what:<12} {row}"))
}

const TEXT_COLUMNS: usize = 93;

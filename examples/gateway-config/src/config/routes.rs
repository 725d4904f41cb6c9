//! Static routes: `[routes]`.

use comity_identity::Host;
use comity_srv::routes::{Pattern, Route, Routes};
use comity_srv::{Messaging, Transport};

use super::problem::{Problem, Rule};
use super::read::HOST;
use super::source::{Section, Source};

/// The routes of both protocols. The default route, if there is one, is the last of SIP.
#[derive(Clone, Debug)]
pub struct RouteTables {
    /// Over SIP.
    pub sip: Routes,
    /// Over XMPP.
    pub xmpp: Routes,
    /// The lines of the routes over SIP, by their numbers.
    pub sip_lines: Vec<usize>,
    /// The lines of the routes over XMPP, by their numbers.
    pub xmpp_lines: Vec<usize>,
}

/// `None` only beside an error.
pub(super) fn read<'t>(source: &mut Source<'t>, root: &Section<'_, 't>) -> Option<RouteTables> {
    let section = source.section(root, "routes");
    let mut sip = List::new(Messaging::Sip);
    let mut xmpp = List::new(Messaging::Xmpp);
    if let Some(section) = section {
        source.know(&section, &["default", "sip", "xmpp"]);
        for (list, key) in [(&mut sip, "sip"), (&mut xmpp, "xmpp")] {
            for table in source.sections(&section, key) {
                source.know(&table, ROUTE);
                let remedy = "write the domain, as in .com.contoso.* or *.contoso.com";
                let pattern =
                    source.required::<Pattern>(&table, "pattern", "a pattern of domains", remedy);
                if pattern.as_ref().is_some_and(Pattern::is_everything) {
                    source.break_rule(&table, "pattern", Rule::DefaultRoute);
                }
                list.read(source, &table, pattern, false);
            }
        }
        if let Some(table) = source.section(&section, "default") {
            source.know(&table, DEFAULT);
            sip.read(source, &table, Some(Pattern::everything()), true);
        }
    }
    let (sip, sip_lines) = sip.finish(source)?;
    let (xmpp, xmpp_lines) = xmpp.finish(source)?;
    Some(RouteTables {
        sip,
        xmpp,
        sip_lines,
        xmpp_lines,
    })
}

struct List {
    messaging: Messaging,
    routes: Vec<Route>,
    lines: Vec<usize>,
}

impl List {
    fn new(messaging: Messaging) -> Self {
        Self {
            messaging,
            routes: Vec::new(),
            lines: Vec::new(),
        }
    }

    fn read<'t>(
        &mut self,
        source: &mut Source<'t>,
        table: &Section<'_, 't>,
        pattern: Option<Pattern>,
        blocked: bool,
    ) {
        let line = source.line_of_section(table);
        let route = route(source, table, self.messaging, pattern, blocked);
        let Some(route) = route else { return };
        // Alone, so that each is told what is wrong with it.
        match Routes::new(self.messaging, vec![route.clone()]) {
            Ok(_) => {
                self.routes.push(route);
                self.lines.push(line);
            }
            Err(error) => {
                let text = error.to_string();
                let text = text.strip_prefix("route 0: ").unwrap_or(&text);
                source.fail(
                    line,
                    table.path().to_owned(),
                    Problem::Route(text.to_owned()),
                );
            }
        }
    }

    fn finish(self, source: &mut Source<'_>) -> Option<(Routes, Vec<usize>)> {
        match Routes::new(self.messaging, self.routes) {
            Ok(routes) => Some((routes, self.lines)),
            Err(error) => {
                source.fail(0, "routes".to_owned(), Problem::Route(error.to_string()));
                None
            }
        }
    }
}

fn route<'t>(
    source: &mut Source<'t>,
    table: &Section<'_, 't>,
    messaging: Messaging,
    pattern: Option<Pattern>,
    blocked: bool,
) -> Option<Route> {
    let remedy = "name the host where the requests go";
    let next_hop = source.required::<Host>(table, "next-hop", HOST, remedy);
    let transport = transport(source, table, messaging);
    let port = source.number(table, "port", 0);
    let mut route = Route::new(pattern?, next_hop?, port.unwrap_or(0), transport);
    let is_backup = source.switch(table, "backup", false);
    let priority = source.number(table, "priority", 1);
    if is_backup && priority.is_some() {
        source.break_rule(table, "priority", Rule::PriorityOfBackup);
    }
    let usual = if is_backup { BACKUP_PRIORITY } else { 1 };
    route.priority = priority.unwrap_or(usual);
    route.weight = source.number(table, "weight", 1).unwrap_or(1);
    route.blocked = source.switch(table, "blocked", blocked);
    route.in_service = source.switch(table, "in-service", true);
    route.allow_less_specific = source.switch(table, "allow-less-specific", true);
    let description = source.text(table, "description");
    route.description = description.unwrap_or_default().to_owned();
    Some(route)
}

fn transport<'t>(
    source: &mut Source<'t>,
    table: &Section<'_, 't>,
    messaging: Messaging,
) -> Transport {
    match messaging {
        Messaging::Xmpp => match source.word(table, "transport", &["direct-tls", "starttls"]) {
            Some("direct-tls") => Transport::Tls,
            Some(_) | None => Transport::StartTls,
        },
        Messaging::Sip => match source.word(table, "transport", &["tcp", "tls", "udp"]) {
            Some("tcp") => Transport::Tcp,
            Some("udp") => Transport::Udp,
            Some(_) | None => Transport::Tls,
        },
    }
}

const ROUTE: &[&str] = &[
    "allow-less-specific",
    "backup",
    "blocked",
    "description",
    "in-service",
    "next-hop",
    "pattern",
    "port",
    "priority",
    "transport",
    "weight",
];
const DEFAULT: &[&str] = &[
    "blocked",
    "description",
    "in-service",
    "next-hop",
    "port",
    "transport",
];
/// Behind every route whose priority is not written as a worse one.
const BACKUP_PRIORITY: u16 = 1000;

//! Kamailio as the server of the callers' domain: registrar, presence server, and the edge through
//! which messages leave for other domains.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use comity_sip::Transport;

use crate::certificates::Identity;
use crate::echo;
use crate::process::Process;
use crate::sipp;
use crate::site;
use comity_testkit::site::{Site, free_address};

/// The name of its host, for whoever connects over TLS.
pub(crate) const HOST: &str = "edge.peer.example";

pub(crate) struct Kamailio {
    users: SocketAddr,
    _process: Process,
}

/// What Kamailio needs to start.
pub(crate) struct Setup<'a> {
    /// Where other domains find it.
    pub(crate) listen: SocketAddr,
    /// How it talks to other domains.
    pub(crate) transport: Transport,
    /// Where messages for the echo domain go.
    pub(crate) next_hop: SocketAddr,
    pub(crate) identity: &'a Identity,
}

impl Kamailio {
    pub(crate) fn start(site: &Site, setup: &Setup<'_>) -> Self {
        let users = free_address();
        let database = site.make("database");
        copy_tables(&database);
        let run = site.make("run");
        let tls = site.write("tls.cfg", &tls(setup.identity));
        let config = config(setup, users, &database, &tls);
        let config = site.write("kamailio.cfg", &config);
        let mut process = Process::spawn(
            "kamailio",
            Command::new("/usr/sbin/kamailio")
                .arg("-f")
                .arg(config)
                .args(["-DD", "-E", "-m", "32", "-M", "4", "-Y"])
                .arg(run),
            site.directory(),
        );
        process.wait_until_bound(Transport::Udp, users);
        process.wait_until_bound(setup.transport, setup.listen);
        Self {
            users,
            _process: process,
        }
    }

    /// Where its users reach it over UDP.
    pub(crate) fn users(&self) -> SocketAddr {
        self.users
    }
}

/// Gives a database of text files its empty tables.
fn copy_tables(database: &Path) {
    let tables = "/usr/share/kamailio/dbtext/kamailio/.";
    let copied = Command::new("cp")
        .arg("-r")
        .arg(tables)
        .arg(database)
        .status()
        .unwrap();
    assert!(copied.success(), "{tables} is not there");
}

fn tls(identity: &Identity) -> String {
    let Identity {
        certificate,
        key,
        trust,
    } = identity;
    ["server", "client"].map(|side| {
        format!(
            "[{side}:default]\nmethod = TLSv1.2+\nverify_certificate = yes\nrequire_certificate = yes\n\
             certificate = {}\nprivate_key = {}\nca_list = {}\n",
            certificate.display(),
            key.display(),
            trust.display()
        )
    })
    .concat()
}

fn config(setup: &Setup<'_>, users: SocketAddr, database: &Path, tls: &Path) -> String {
    let (listen, hop) = (setup.listen, setup.next_hop);
    let protocol = setup.transport.param();
    let advertised = site::advertised(setup.transport, listen, HOST);
    let modules: String = MODULES
        .iter()
        .map(|module| format!("loadmodule \"{module}.so\"\n"))
        .collect();
    // With more children, a request could overtake that before it.
    format!(
        r#"#!KAMAILIO
debug=2
log_stderror=yes
children=1
tcp_children=1
auto_aliases=no
alias="{domain}"
alias="{HOST}"
listen=udp:{users}
listen={protocol}:{listen}
enable_tls=yes
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/"
{modules}
modparam("tls", "config", "{tls}")
modparam("usrloc", "db_mode", 0)
modparam("presence|presence_xml", "db_url", "text://{database}")
modparam("presence", "server_address", "sip:{advertised};transport={protocol}")
modparam("presence", "subs_db_mode", 0)
modparam("presence_xml", "force_active", 1)
request_route {{
  xlog("L_NOTICE", "$rm from $proto:$si:$sp to $ru\n");
  if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
  if (is_method("CANCEL")) {{ if (t_check_trans()) {{ t_relay(); }} exit; }}
  if ($rd == "{echo}") {{ $du = "sip:{hop};transport={protocol}"; }}
  if (has_totag() && loose_route()) {{ t_relay(); exit; }}
  if (is_method("ACK")) {{ exit; }}
  remove_hf("Route");
  if (is_method("INVITE|SUBSCRIBE")) {{
    if ($Rp == {users_port}) {{
      record_route_preset("{advertised};transport={protocol};r2=on", "{users};r2=on");
    }} else {{
      record_route_preset("{advertised};transport={protocol}");
    }}
  }}
  if (uri != myself) {{ t_relay(); exit; }}
  if (is_method("REGISTER")) {{ save("location"); exit; }}
  if (is_method("PUBLISH")) {{ handle_publish(); exit; }}
  if (is_method("SUBSCRIBE")) {{ handle_subscribe(); exit; }}
  if (!lookup("location")) {{ sl_send_reply("404", "Not Found"); exit; }}
  t_relay();
}}
"#,
        domain = sipp::DOMAIN,
        users_port = users.port(),
        echo = echo::DOMAIN,
        database = database.display(),
        tls = tls.display(),
    )
}

const MODULES: &[&str] = &[
    "tm",
    "sl",
    "rr",
    "pv",
    "maxfwd",
    "textops",
    "siputils",
    "xlog",
    "usrloc",
    "registrar",
    "db_text",
    "presence",
    "presence_xml",
    "tls",
];

//! linphonec as a user of the callers' domain, with a friend in the echo domain.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use comity_sip::Transport;

use crate::certificates::Identity;
use crate::process::Process;
use crate::sipp;
use comity_testkit::site::{Site, free_address};

pub(crate) struct Linphone(Process);

impl Linphone {
    /// Starts linphonec with everything that it sends going to `server`.
    pub(crate) fn start(
        site: &Site,
        transport: Transport,
        identity: &Identity,
        server: SocketAddr,
    ) -> Self {
        // Without this directory it crashes at the first message.
        let home = site.make("home");
        fs::create_dir_all(home.join(".local/share/linphone")).unwrap();
        let config = site.write("linphonerc", &config(transport, identity, server));
        let process = Process::spawn(
            "linphonec",
            Command::new("/usr/bin/linphonec")
                .arg("-c")
                .arg(config)
                .args(["-d", "5", "-l"])
                .arg(site.directory().join("linphone.log"))
                .env("HOME", home),
            site.directory(),
        );
        Self(process)
    }

    /// Sends a text to the friend, and waits for the same from there.
    pub(crate) fn assert_echo(&mut self, friend: &str, text: &str) {
        self.0.write(&format!("chat sip:{friend} {text}\n"));
        let received = format!("Message received from sip:{friend}: {text}");
        self.0.stdout().wait_for(&[&received]);
    }

    /// Waits until the friend's presence is known.
    pub(crate) fn assert_online(&self, friend: &str) {
        let online = format!("Friend \"friend\" <sip:{friend}> is Online");
        self.0.stdout().wait_for(&[&online]);
    }
}

fn config(transport: Transport, identity: &Identity, server: SocketAddr) -> String {
    let address = free_address();
    let (ip, port) = (address.ip(), address.port());
    let (protocol, [udp, tcp, tls]) = match transport {
        Transport::Udp => ("udp", [port, 0, 0]),
        Transport::Tcp => ("tcp", [0, port, 0]),
        Transport::Tls => ("tls", [0, 0, port]),
    };
    // It knows the server by address only, so there is no name to compare.
    format!(
        "[sip]\nsip_port={udp}\nsip_tcp_port={tcp}\nsip_tls_port={tls}\nuse_ipv6=0\n\
         bind_address={ip}\nguess_hostname=0\ndefault_proxy=0\nregister_only_when_network_is_up=0\n\
         root_ca={}\nclient_cert_chain={}\nclient_cert_key={}\n\
         verify_server_certs=1\nverify_server_cn=0\n\
         subscribe_expires=600\nsubscribe_presence_only_when_registered=0\n\
         [proxy_0]\nreg_identity=sip:caller@{}\nreg_proxy=<sip:{server};transport={protocol}>\n\
         reg_route=<sip:{server};transport={protocol};lr>\nreg_sendregister=0\npublish=0\n\
         [friend_0]\nurl=\"friend\" <sip:alice@echo.example>\npol=accept\nsubscribe=1\n",
        identity.trust.display(),
        identity.certificate.display(),
        identity.key.display(),
        sipp::DOMAIN,
    )
}

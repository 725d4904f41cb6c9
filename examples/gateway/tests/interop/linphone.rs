//! linphonec as a user of Kamailio's, with a friend behind the gateway.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use comity_testkit::site::{Site, free_address};

use crate::process::Process;

pub(crate) struct Linphone(Process);

impl Linphone {
    /// Starts linphonec, which registers at `server` and subscribes to `friend`.
    pub(crate) fn start(site: &Site, server: SocketAddr, user: &str, friend: &str) -> Self {
        // Without this directory it crashes at the first message.
        let home = site.make("home");
        fs::create_dir_all(home.join(".local/share/linphone")).unwrap();
        let config = site.write("linphonerc", &config(server, user, friend));
        let mut command = Command::new("/usr/bin/linphonec");
        command
            .arg("-c")
            .arg(config)
            .args(["-d", "5", "-l"])
            .arg(site.directory().join("linphone.log"))
            .env("HOME", home);
        let process = Process::spawn("linphonec", &mut command, site.directory());
        Self(process)
    }

    pub(crate) fn text(&mut self, to: &str, text: &str) {
        self.0.write(&format!("chat sip:{to} {text}\n"));
    }

    pub(crate) fn assert_received(&self, from: &str, text: &str) {
        self.0
            .wait_for(&[&format!("Message received from sip:{from}: {text}")]);
    }

    /// Waits until the friend's presence is known.
    pub(crate) fn assert_online(&self, friend: &str) {
        self.0
            .wait_for(&[&format!("Friend \"friend\" <sip:{friend}> is Online")]);
    }
}

fn config(server: SocketAddr, user: &str, friend: &str) -> String {
    let address = free_address();
    format!(
        "[sip]\nsip_port={}\nsip_tcp_port=0\nsip_tls_port=0\nuse_ipv6=0\n\
         supported=replaces\n\
         bind_address={}\nguess_hostname=0\ndefault_proxy=0\nregister_only_when_network_is_up=0\n\
         subscribe_expires=600\nsubscribe_presence_only_when_registered=0\n\
         [proxy_0]\nreg_identity=sip:{user}\nreg_proxy=<sip:{server}>\n\
         reg_route=<sip:{server};lr>\nreg_sendregister=1\nreg_expires=600\npublish=0\n\
         [friend_0]\nurl=\"friend\" <sip:{friend}>\npol=accept\nsubscribe=1\n",
        address.port(),
        address.ip(),
    )
}

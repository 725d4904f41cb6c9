use std::path::Path;
use std::process::Command;

use super::setup::Setup;

pub(super) fn command(setup: &Setup<'_>, program: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .args(["--domain", setup.domain])
        .args(["--listen", &setup.listen.to_string()])
        .args(["--dns", &setup.dns.to_string()])
        .arg("--identity")
        .arg(&setup.certificate)
        .arg("--key")
        .arg(&setup.key)
        .arg("--trust")
        .arg(setup.trust)
        .args(["--require-certificate", "--allow-loopback"]);
    command
}

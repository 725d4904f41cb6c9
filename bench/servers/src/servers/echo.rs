use std::path::Path;
use std::process::Command;

use super::Setup;

pub(super) fn command(setup: &Setup<'_>, program: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .args(["--domain", setup.domain])
        .args(["--listen", &setup.listen.to_string()])
        .args(["--dns", &setup.surroundings.dns.to_string()])
        .arg("--identity")
        .arg(&setup.certificate)
        .arg("--key")
        .arg(&setup.key)
        .arg("--trust")
        .arg(&setup.surroundings.trust)
        .args(["--require-certificate", "--allow-loopback"]);
    command
}

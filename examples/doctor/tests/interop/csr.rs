//! A request as OpenSSL reads it.

use std::process::Command;

use crate::bench::Bench;

#[test]
#[ignore = "needs openssl"]
fn a_request_is_taken_by_openssl() {
    let bench = Bench::new();
    let visit = bench.ask(&[
        "csr",
        "--config=gateway.toml",
        "--subject=/C=DE/CN=ours.test",
    ]);
    visit.assert_healthy();
    let request = bench.site.write("request.pem", &visit.page);
    let mut openssl = Command::new("/usr/bin/openssl");
    openssl.args(["req", "-verify", "-noout", "-text", "-in"]);
    let output = openssl.arg(request).output().unwrap();
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    for words in [
        "self-signature verify OK",
        "Subject: C = DE, CN = ours.test",
        "DNS:ours.test",
        "TLS Web Server Authentication, TLS Web Client Authentication",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
}

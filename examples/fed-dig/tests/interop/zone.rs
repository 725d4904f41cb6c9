//! Zones as files, signed or not.

use std::path::Path;
use std::process::Command;
use std::{fs, str};

use comity_testkit::site::Site;

/// A zone and its records below the SOA.
#[derive(Clone, Copy)]
pub(crate) struct Zone {
    pub(crate) name: &'static str,
    pub(crate) signing: Signing,
    pub(crate) records: &'static str,
}

#[derive(Clone, Copy)]
pub(crate) enum Signing {
    Unsigned,
    /// The resolver has the key, and every signature holds.
    Signed,
    /// The resolver has the key, and the signatures have expired.
    Expired,
    /// The resolver has the key. After the zone was signed, the address 192.0.2.66 took the place of
    /// 192.0.2.6.
    Altered,
}

/// A zone as its servers need it.
pub(crate) struct Written {
    pub(crate) name: &'static str,
    /// The file with the key that the resolver trusts.
    pub(crate) anchor: Option<String>,
}

impl Zone {
    pub(crate) fn unsigned(name: &'static str, records: &'static str) -> Self {
        Self {
            name,
            signing: Signing::Unsigned,
            records,
        }
    }

    pub(crate) fn signed(name: &'static str, records: &'static str) -> Self {
        Self {
            signing: Signing::Signed,
            ..Self::unsigned(name, records)
        }
    }

    /// Writes the zone to a file of its name.
    pub(crate) fn write(&self, site: &Site) -> Written {
        let Self { name, records, .. } = *self;
        let records: Vec<_> = records.lines().map(str::trim).collect();
        let records = records.join("\n");
        let text = format!(
            "$ORIGIN {name}.\n$TTL 300\n\
             @ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\n{records}\n"
        );
        let file = site.write(name, &text);
        let anchor = match self.signing {
            Signing::Unsigned => None,
            Signing::Signed => Some(sign(name, site.directory(), &[])),
            Signing::Expired => {
                let past = ["-i", "20200101000000", "-e", "20200201000000"];
                Some(sign(name, site.directory(), &past))
            }
            Signing::Altered => {
                let anchor = sign(name, site.directory(), &[]);
                let signed = fs::read_to_string(&file).unwrap();
                let altered = signed.replace("\t192.0.2.6\n", "\t192.0.2.66\n");
                assert_ne!(signed, altered, "there is nothing to alter");
                fs::write(file, altered).unwrap();
                Some(anchor)
            }
        };
        Written { name, anchor }
    }
}

/// Signs a zone file in its place with a new key, and returns the file of the key.
fn sign(name: &str, directory: &Path, options: &[&str]) -> String {
    let run = |program: &str, args: &[&str]| {
        let output = Command::new(program)
            .current_dir(directory)
            .args(args)
            .output()
            .unwrap_or_else(|error| panic!("{program} does not start: {error}"));
        assert!(output.status.success(), "{program}: {output:?}");
        str::from_utf8(&output.stdout).unwrap().trim().to_owned()
    };
    let key = run("ldns-keygen", &["-k", "-a", "ECDSAP256SHA256", name]);
    let args = [options, &["-o", name, "-f", name, name, &key]].concat();
    run("ldns-signzone", &args);
    format!("{key}.key")
}

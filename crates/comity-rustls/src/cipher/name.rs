/// A cipher suite as its name describes it.
///
/// Two names of one suite, those of IANA and of OpenSSL, describe the same.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Suite {
    pub(super) key_exchange: KeyExchange,
    pub(super) signature: Signature,
    pub(super) strength: Strength,
    pub(super) cipher: Cipher,
    hash: Hash,
}

impl Suite {
    /// Reads a name of the TLS registry, or one of OpenSSL.
    ///
    /// The rules are those by which names are made (RFC 5246 appendix C, RFC 8446 §B.4), so a name
    /// may be well-formed that nobody has registered.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let name = name.to_ascii_uppercase();
        let tokens: Vec<_> = name.split(['_', '-']).flat_map(numbered).collect();
        match tokens.as_slice() {
            ["TLS" | "TLS13" | "SSL", rest @ ..] => registered(rest),
            tokens => by_openssl(tokens),
        }
    }

    pub(super) fn needs_elliptic_curves(self) -> bool {
        matches!(self.key_exchange, KeyExchange::Ecdhe | KeyExchange::Tls13)
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum KeyExchange {
    Anonymous,
    Dhe,
    Ecdhe,
    Gost,
    Kerberos,
    Null,
    Password,
    Psk,
    Rsa,
    Srp,
    Static,
    /// Named by the groups of the hello, not by the suite.
    Tls13,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Signature {
    Dss,
    Ecdsa,
    /// Not by the suite, or not at all.
    None,
    Rsa,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Strength {
    Export,
    Full,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Cipher {
    Aegis,
    Block(Block, Bits, Mode),
    ChaCha20,
    Des,
    Gost,
    Idea,
    Null,
    Rc2,
    Rc4,
    Seed,
    TripleDes,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Block {
    Aes,
    Aria,
    Camellia,
    Sm4,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Bits {
    B128,
    B256,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Mode {
    Cbc,
    Ccm,
    Ccm8,
    Gcm,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Hash {
    Gost,
    Md5,
    Null,
    Ripemd,
    Sha1,
    Sha256,
    Sha384,
    Sha512,
    Sm3,
    /// The suite takes that of the protocol's version.
    Unnamed,
}

type Tokens<'a> = &'a [&'a str];

/// A name of the registry without its `TLS_`.
fn registered(tokens: Tokens<'_>) -> Option<Suite> {
    let Some(with) = tokens.iter().position(|token| *token == "WITH") else {
        return tls13(tokens);
    };
    let (exchange, rest) = tokens.split_at_checked(with)?;
    let (exchange, strength) = match exchange {
        [exchange @ .., "EXPORT" | "EXPORT1024"] => (exchange, Strength::Export),
        [exchange @ .., "FIPS"] | exchange => (exchange, Strength::Full),
    };
    let (key_exchange, signature, none) = match exchange {
        // The state before the first handshake (RFC 5246 §A.5).
        ["NULL"] => (KeyExchange::Null, Signature::None, &[][..]),
        exchange => key_exchange(exchange)?,
    };
    let (cipher, hash_tokens) = cipher(rest.get(1..)?)?;
    none.is_empty().then_some(Suite {
        key_exchange,
        signature,
        strength,
        cipher,
        hash: hash(cipher, hash_tokens)?,
    })
}

/// A name of TLS 1.3, which tells cipher and hash alone.
fn tls13(tokens: Tokens<'_>) -> Option<Suite> {
    let (cipher, rest) = match tokens {
        // Integrity without encryption (RFC 9150).
        ["SHA256" | "SHA384", rest @ ..] => (Cipher::Null, rest),
        _ => cipher(tokens)?,
    };
    let modern = match cipher {
        Cipher::Block(_, _, mode) => mode != Mode::Cbc,
        Cipher::Aegis | Cipher::ChaCha20 => true,
        Cipher::Null => tokens.first() != Some(&"NULL"),
        Cipher::Des
        | Cipher::Gost
        | Cipher::Idea
        | Cipher::Rc2
        | Cipher::Rc4
        | Cipher::Seed
        | Cipher::TripleDes => false,
    };
    modern.then_some(Suite {
        key_exchange: KeyExchange::Tls13,
        signature: Signature::None,
        strength: Strength::Full,
        cipher,
        hash: hash(cipher, rest)?,
    })
}

/// A name of OpenSSL, which leaves out what was usual once: RSA key exchange, and the mode CBC.
fn by_openssl(tokens: Tokens<'_>) -> Option<Suite> {
    let (strength, tokens) = match tokens {
        ["EXP" | "EXP1024", rest @ ..] => (Strength::Export, rest),
        tokens => (Strength::Full, tokens),
    };
    let (key_exchange, signature, rest) =
        key_exchange(tokens).unwrap_or((KeyExchange::Rsa, Signature::Rsa, tokens));
    let (cipher, rest) = cipher(rest)?;
    Some(Suite {
        key_exchange,
        signature,
        strength,
        cipher,
        hash: hash(cipher, rest)?,
    })
}

/// The key exchange that the tokens begin with, and what follows it.
fn key_exchange<'a>(tokens: Tokens<'a>) -> Option<(KeyExchange, Signature, Tokens<'a>)> {
    let (exchange, signature, rest) = match tokens {
        ["RSA" | "DHE" | "ECDHE", "PSK", rest @ ..]
        | ["PSK", "DHE", rest @ ..]
        | ["PSK", rest @ ..] => (KeyExchange::Psk, Signature::None, rest),
        ["SRP", rest @ ..] => srp(rest),
        ["ECDHE" | "EECDH", "ECDSA", rest @ ..] => (KeyExchange::Ecdhe, Signature::Ecdsa, rest),
        ["ECDHE" | "EECDH", "RSA", rest @ ..] => (KeyExchange::Ecdhe, Signature::Rsa, rest),
        // OpenSSL leaves out what signs here.
        ["ECDHE", "ARIA", ..] => (KeyExchange::Ecdhe, Signature::Rsa, tokens.get(1..)?),
        ["DHE" | "EDH", "RSA", rest @ ..] => (KeyExchange::Dhe, Signature::Rsa, rest),
        ["DHE" | "EDH", "DSS" | "DSA", rest @ ..] => (KeyExchange::Dhe, Signature::Dss, rest),
        ["DH" | "ECDH", "ANON", rest @ ..] | ["ADH" | "AECDH", rest @ ..] => {
            (KeyExchange::Anonymous, Signature::None, rest)
        }
        ["DH" | "ECDH", "RSA", rest @ ..] => (KeyExchange::Static, Signature::Rsa, rest),
        ["DH", "DSS" | "DSA", rest @ ..] => (KeyExchange::Static, Signature::Dss, rest),
        ["ECDH", "ECDSA", rest @ ..] => (KeyExchange::Static, Signature::Ecdsa, rest),
        ["KRB5", rest @ ..] => (KeyExchange::Kerberos, Signature::None, rest),
        ["ECCPWD", rest @ ..] => (KeyExchange::Password, Signature::None, rest),
        ["RSA", rest @ ..] => (KeyExchange::Rsa, Signature::Rsa, rest),
        [first, "256", rest @ ..] | [first, rest @ ..] if first.starts_with("GOST") => {
            (KeyExchange::Gost, Signature::None, rest)
        }
        _ => return None,
    };
    Some((exchange, signature, rest))
}

/// What follows `SRP`, with the hash that only the registry names.
fn srp<'a>(tokens: Tokens<'a>) -> (KeyExchange, Signature, Tokens<'a>) {
    let tokens = match tokens {
        ["SHA", rest @ ..] => rest,
        tokens => tokens,
    };
    let (signature, rest) = match tokens {
        ["RSA", rest @ ..] => (Signature::Rsa, rest),
        ["DSS", rest @ ..] => (Signature::Dss, rest),
        tokens => (Signature::None, tokens),
    };
    (KeyExchange::Srp, signature, rest)
}

/// The cipher that the tokens begin with, and what follows it.
fn cipher<'a>(tokens: Tokens<'a>) -> Option<(Cipher, Tokens<'a>)> {
    Some(match tokens {
        ["NULL", rest @ ..] => (Cipher::Null, rest),
        ["RC4", "40" | "56" | "128", rest @ ..] | ["RC4", rest @ ..] => (Cipher::Rc4, rest),
        ["RC2", "CBC", "40" | "56", rest @ ..] | ["RC2", "CBC", rest @ ..] => (Cipher::Rc2, rest),
        ["IDEA", "CBC", rest @ ..] => (Cipher::Idea, rest),
        ["SEED", "CBC", rest @ ..] | ["SEED", rest @ ..] => (Cipher::Seed, rest),
        ["3DES", "EDE", "CBC", rest @ ..] | ["DES", "CBC3", rest @ ..] => (Cipher::TripleDes, rest),
        ["DES", "CBC", "40", rest @ ..] | ["DES" | "DES40", "CBC", rest @ ..] => {
            (Cipher::Des, rest)
        }
        ["CHACHA20", "POLY1305", rest @ ..] => (Cipher::ChaCha20, rest),
        ["AEGIS", "128L" | "256" | "128X2" | "256X2", rest @ ..] => (Cipher::Aegis, rest),
        ["28147" | "KUZNYECHIK" | "MAGMA", _, ..] => (Cipher::Gost, &[]),
        [first, ..] if first.starts_with("GOST") => (Cipher::Gost, &[]),
        ["SM4", rest @ ..] => mode(Block::Sm4, Bits::B128, rest),
        [block, "128", rest @ ..] => mode(Block::parse(block)?, Bits::B128, rest),
        [block, "256", rest @ ..] => mode(Block::parse(block)?, Bits::B256, rest),
        _ => return None,
    })
}

fn mode<'a>(block: Block, bits: Bits, tokens: Tokens<'a>) -> (Cipher, Tokens<'a>) {
    let (mode, rest) = match tokens {
        ["GCM", rest @ ..] => (Mode::Gcm, rest),
        ["CCM", "8", rest @ ..] => (Mode::Ccm8, rest),
        ["CCM", rest @ ..] => (Mode::Ccm, rest),
        ["CBC", rest @ ..] | rest => (Mode::Cbc, rest),
    };
    (Cipher::Block(block, bits, mode), rest)
}

impl Block {
    fn parse(token: &str) -> Option<Self> {
        match token {
            "AES" => Some(Self::Aes),
            "ARIA" => Some(Self::Aria),
            "CAMELLIA" => Some(Self::Camellia),
            _ => None,
        }
    }
}

/// The hash that a name ends with.
fn hash(cipher: Cipher, tokens: Tokens<'_>) -> Option<Hash> {
    match (tokens, cipher) {
        (["MD5"], _) => Some(Hash::Md5),
        (["NULL"], Cipher::Null) => Some(Hash::Null),
        (["RMD"], _) => Some(Hash::Ripemd),
        (["SHA" | "SHA1"], _) => Some(Hash::Sha1),
        (["SHA256"], _) | ([], Cipher::ChaCha20) => Some(Hash::Sha256),
        (["SHA384"], _) => Some(Hash::Sha384),
        (["SHA512"], _) => Some(Hash::Sha512),
        (["SM3"], _) => Some(Hash::Sm3),
        ([], Cipher::Gost) | (["GOSTR3411"], Cipher::Null) => Some(Hash::Gost),
        ([], Cipher::Block(_, _, Mode::Ccm | Mode::Ccm8)) => Some(Hash::Unnamed),
        _ => None,
    }
}

/// Takes apart what OpenSSL writes without a separator, such as `AES128`.
fn numbered(token: &str) -> impl Iterator<Item = &str> {
    let word = ["AES", "ARIA", "CAMELLIA", "CCM"]
        .into_iter()
        .find_map(|word| token.strip_prefix(word).map(|number| (word, number)))
        .filter(|(_, number)| !number.is_empty());
    let (first, second) = match word {
        Some((word, number)) => (word, Some(number)),
        None => (token, None),
    };
    std::iter::once(first).chain(second)
}

#[cfg(test)]
mod tests {
    use rustls::CipherSuite;

    use super::*;

    /// Every suite that rustls has a name for, with the name as the registry writes it.
    fn registry() -> impl Iterator<Item = String> {
        (0..=u16::MAX)
            .filter_map(|code| CipherSuite::from(code).as_str())
            .map(|name| name.replace("TLS13_", "TLS_"))
    }

    #[test]
    fn every_name_of_the_registry_is_known() {
        let unknown: Vec<_> = registry()
            .filter(|name| !name.ends_with("_draft") && !name.contains("FORTEZZA"))
            .filter(|name| Suite::parse(name).is_none())
            .collect();
        assert_eq!(unknown, ["TLS_EMPTY_RENEGOTIATION_INFO_SCSV"]);
    }

    #[test]
    fn a_name_of_openssl_is_the_suite_of_its_code() {
        let mut count = 0;
        for entry in OPENSSL.split_whitespace() {
            let (code, name) = entry.split_once('=').unwrap();
            let code = u16::from_str_radix(code, 16).unwrap();
            let suite = CipherSuite::from(code);
            let registered = suite.as_str().map(|name| name.replace("TLS13_", "TLS_"));
            let Some(registered) = registered else {
                panic!("{name}");
            };
            assert_eq!(Suite::parse(name), Suite::parse(&registered), "{name}");
            assert!(Suite::parse(name).is_some(), "{name}");
            count += 1;
        }
        assert_eq!(count, 175);
    }

    #[test]
    fn case_and_the_prefix_of_java_do_not_matter() {
        let suite = Suite::parse("TLS_RSA_WITH_RC4_128_MD5");
        assert!(suite.is_some());
        assert_eq!(Suite::parse("SSL_RSA_WITH_RC4_128_MD5"), suite);
        assert_eq!(Suite::parse("tls_rsa_with_rc4_128_md5"), suite);
        assert_eq!(Suite::parse("Rc4-md5"), suite);
    }

    #[test]
    fn what_is_no_name_is_not_taken_for_one() {
        for name in [
            "",
            "_",
            "-",
            "TLS",
            "TLS_",
            "WITH",
            "TLS_WITH",
            "TLS_WITH_AES_128_GCM_SHA256",
            "TLS_RSA_WITH",
            "TLS_RSA_WITH_AES_128_GCM",
            "TLS_RSA_RSA_WITH_AES_128_GCM_SHA256",
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256_",
            "TLS_ECDHE_RSA_WITH_AES_192_GCM_SHA256",
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA257",
            "TLS_ECDHE_RSA_WITH_WITH_AES_128_GCM_SHA256",
            "TLS_AES_128_CBC_SHA256",
            "TLS_RC4_128_SHA",
            "TLS_NULL_SHA256",
            "ECDHE-RSA-AES128-GCM",
            "ECDHE_RSA",
            "AES",
            "AES128",
            "TLS_AES_128_GCM_SHA256 ",
            "Ä",
        ] {
            assert_eq!(Suite::parse(name), None, "{name}");
        }
    }

    /// What `openssl ciphers -V` lists, and names that only older versions have.
    const OPENSSL: &str = "
        1302=TLS_AES_256_GCM_SHA384 1303=TLS_CHACHA20_POLY1305_SHA256 1301=TLS_AES_128_GCM_SHA256
        C02C=ECDHE-ECDSA-AES256-GCM-SHA384 C030=ECDHE-RSA-AES256-GCM-SHA384
        00A3=DHE-DSS-AES256-GCM-SHA384 009F=DHE-RSA-AES256-GCM-SHA384 CCA9=ECDHE-ECDSA-CHACHA20-POLY1305
        CCA8=ECDHE-RSA-CHACHA20-POLY1305 CCAA=DHE-RSA-CHACHA20-POLY1305 C0AF=ECDHE-ECDSA-AES256-CCM8
        C0AD=ECDHE-ECDSA-AES256-CCM C0A3=DHE-RSA-AES256-CCM8 C09F=DHE-RSA-AES256-CCM
        C05D=ECDHE-ECDSA-ARIA256-GCM-SHA384 C061=ECDHE-ARIA256-GCM-SHA384
        C057=DHE-DSS-ARIA256-GCM-SHA384 C053=DHE-RSA-ARIA256-GCM-SHA384 00A7=ADH-AES256-GCM-SHA384
        C02B=ECDHE-ECDSA-AES128-GCM-SHA256 C02F=ECDHE-RSA-AES128-GCM-SHA256
        00A2=DHE-DSS-AES128-GCM-SHA256 009E=DHE-RSA-AES128-GCM-SHA256 C0AE=ECDHE-ECDSA-AES128-CCM8
        C0AC=ECDHE-ECDSA-AES128-CCM C0A2=DHE-RSA-AES128-CCM8 C09E=DHE-RSA-AES128-CCM
        C05C=ECDHE-ECDSA-ARIA128-GCM-SHA256 C060=ECDHE-ARIA128-GCM-SHA256
        C056=DHE-DSS-ARIA128-GCM-SHA256 C052=DHE-RSA-ARIA128-GCM-SHA256 00A6=ADH-AES128-GCM-SHA256
        C024=ECDHE-ECDSA-AES256-SHA384 C028=ECDHE-RSA-AES256-SHA384 006B=DHE-RSA-AES256-SHA256
        006A=DHE-DSS-AES256-SHA256 C073=ECDHE-ECDSA-CAMELLIA256-SHA384 C077=ECDHE-RSA-CAMELLIA256-SHA384
        00C4=DHE-RSA-CAMELLIA256-SHA256 00C3=DHE-DSS-CAMELLIA256-SHA256 006D=ADH-AES256-SHA256
        00C5=ADH-CAMELLIA256-SHA256 C023=ECDHE-ECDSA-AES128-SHA256 C027=ECDHE-RSA-AES128-SHA256
        0067=DHE-RSA-AES128-SHA256 0040=DHE-DSS-AES128-SHA256 C072=ECDHE-ECDSA-CAMELLIA128-SHA256
        C076=ECDHE-RSA-CAMELLIA128-SHA256 00BE=DHE-RSA-CAMELLIA128-SHA256
        00BD=DHE-DSS-CAMELLIA128-SHA256 006C=ADH-AES128-SHA256 00BF=ADH-CAMELLIA128-SHA256
        C00A=ECDHE-ECDSA-AES256-SHA C014=ECDHE-RSA-AES256-SHA 0039=DHE-RSA-AES256-SHA
        0038=DHE-DSS-AES256-SHA 0088=DHE-RSA-CAMELLIA256-SHA 0087=DHE-DSS-CAMELLIA256-SHA
        C019=AECDH-AES256-SHA 003A=ADH-AES256-SHA 0089=ADH-CAMELLIA256-SHA C009=ECDHE-ECDSA-AES128-SHA
        C013=ECDHE-RSA-AES128-SHA 0033=DHE-RSA-AES128-SHA 0032=DHE-DSS-AES128-SHA
        0045=DHE-RSA-CAMELLIA128-SHA 0044=DHE-DSS-CAMELLIA128-SHA C018=AECDH-AES128-SHA
        0034=ADH-AES128-SHA 0046=ADH-CAMELLIA128-SHA 00AD=RSA-PSK-AES256-GCM-SHA384
        00AB=DHE-PSK-AES256-GCM-SHA384 CCAE=RSA-PSK-CHACHA20-POLY1305 CCAD=DHE-PSK-CHACHA20-POLY1305
        CCAC=ECDHE-PSK-CHACHA20-POLY1305 C0AB=DHE-PSK-AES256-CCM8 C0A7=DHE-PSK-AES256-CCM
        C06F=RSA-PSK-ARIA256-GCM-SHA384 C06D=DHE-PSK-ARIA256-GCM-SHA384 009D=AES256-GCM-SHA384
        C0A1=AES256-CCM8 C09D=AES256-CCM C051=ARIA256-GCM-SHA384 00A9=PSK-AES256-GCM-SHA384
        CCAB=PSK-CHACHA20-POLY1305 C0A9=PSK-AES256-CCM8 C0A5=PSK-AES256-CCM C06B=PSK-ARIA256-GCM-SHA384
        00AC=RSA-PSK-AES128-GCM-SHA256 00AA=DHE-PSK-AES128-GCM-SHA256 C0AA=DHE-PSK-AES128-CCM8
        C0A6=DHE-PSK-AES128-CCM C06E=RSA-PSK-ARIA128-GCM-SHA256 C06C=DHE-PSK-ARIA128-GCM-SHA256
        009C=AES128-GCM-SHA256 C0A0=AES128-CCM8 C09C=AES128-CCM C050=ARIA128-GCM-SHA256
        00A8=PSK-AES128-GCM-SHA256 C0A8=PSK-AES128-CCM8 C0A4=PSK-AES128-CCM C06A=PSK-ARIA128-GCM-SHA256
        003D=AES256-SHA256 00C0=CAMELLIA256-SHA256 003C=AES128-SHA256 00BA=CAMELLIA128-SHA256
        C038=ECDHE-PSK-AES256-CBC-SHA384 C036=ECDHE-PSK-AES256-CBC-SHA C022=SRP-DSS-AES-256-CBC-SHA
        C021=SRP-RSA-AES-256-CBC-SHA C020=SRP-AES-256-CBC-SHA 00B7=RSA-PSK-AES256-CBC-SHA384
        00B3=DHE-PSK-AES256-CBC-SHA384 0095=RSA-PSK-AES256-CBC-SHA 0091=DHE-PSK-AES256-CBC-SHA
        C09B=ECDHE-PSK-CAMELLIA256-SHA384 C099=RSA-PSK-CAMELLIA256-SHA384
        C097=DHE-PSK-CAMELLIA256-SHA384 0035=AES256-SHA 0084=CAMELLIA256-SHA 00AF=PSK-AES256-CBC-SHA384
        008D=PSK-AES256-CBC-SHA C095=PSK-CAMELLIA256-SHA384 C037=ECDHE-PSK-AES128-CBC-SHA256
        C035=ECDHE-PSK-AES128-CBC-SHA C01F=SRP-DSS-AES-128-CBC-SHA C01E=SRP-RSA-AES-128-CBC-SHA
        C01D=SRP-AES-128-CBC-SHA 00B6=RSA-PSK-AES128-CBC-SHA256 00B2=DHE-PSK-AES128-CBC-SHA256
        0094=RSA-PSK-AES128-CBC-SHA 0090=DHE-PSK-AES128-CBC-SHA C09A=ECDHE-PSK-CAMELLIA128-SHA256
        C098=RSA-PSK-CAMELLIA128-SHA256 C096=DHE-PSK-CAMELLIA128-SHA256 002F=AES128-SHA
        0041=CAMELLIA128-SHA 00AE=PSK-AES128-CBC-SHA256 008C=PSK-AES128-CBC-SHA
        C094=PSK-CAMELLIA128-SHA256 C006=ECDHE-ECDSA-NULL-SHA C010=ECDHE-RSA-NULL-SHA
        C015=AECDH-NULL-SHA 003B=NULL-SHA256 C03B=ECDHE-PSK-NULL-SHA384 C03A=ECDHE-PSK-NULL-SHA256
        C039=ECDHE-PSK-NULL-SHA 00B9=RSA-PSK-NULL-SHA384 00B8=RSA-PSK-NULL-SHA256
        00B5=DHE-PSK-NULL-SHA384 00B4=DHE-PSK-NULL-SHA256 002E=RSA-PSK-NULL-SHA 002D=DHE-PSK-NULL-SHA
        0002=NULL-SHA 0001=NULL-MD5 00B1=PSK-NULL-SHA384 00B0=PSK-NULL-SHA256 002C=PSK-NULL-SHA
        000A=DES-CBC3-SHA 0016=EDH-RSA-DES-CBC3-SHA 0009=DES-CBC-SHA 0003=EXP-RC4-MD5 0005=RC4-SHA
        0004=RC4-MD5 0006=EXP-RC2-CBC-MD5 0008=EXP-DES-CBC-SHA 0007=IDEA-CBC-SHA 0096=SEED-SHA
        C011=ECDHE-RSA-RC4-SHA C012=ECDHE-RSA-DES-CBC3-SHA C00D=ECDH-RSA-DES-CBC3-SHA
        C00E=ECDH-RSA-AES128-SHA 0018=ADH-RC4-MD5 001F=KRB5-DES-CBC3-SHA 0081=GOST2001-GOST89-GOST89
    ";
}

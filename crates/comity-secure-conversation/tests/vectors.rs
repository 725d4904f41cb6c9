//! Known answers of other implementations, and one of our own that crosses blocks.
#![cfg(test)]

use base64ct::{Base64, Encoding};
use comity_secure_conversation::{
    DerivedKey, KeyMaterial, KeySize, Position, Secret, password_key,
};
use sha1::{Digest, Sha1};

/// From the tests of node-psha1.
const NODE: [&str; 2] = [
    "GS5olVevYMI4vW1Df/7FUpHcJJopTszp6sodlK4/rP8=",
    "LmF9Mjf9lYMa9YkxZDjaRFe6iMAfReKjzhLHDx376jA=",
];
/// From the tests of Raku's Digest::PSHA1.
const RAKU: [&str; 2] = [
    "grrlUUfhuNwlvQzQ4bV6TT3wA8ieZPltIf4+H7nIvCE=",
    "YLABh3ZmZyiO5gvVLZe9J4JPd9w59KGeTFwE85XlzxE=",
];

fn secret(base64: &str) -> Secret {
    Secret::from_base64(base64).unwrap()
}

fn computed(client: &str, server: &str, bits: u32) -> String {
    let key = KeyMaterial::Computed {
        client: secret(client),
        server: secret(server),
        size: KeySize::from_bits(bits).unwrap(),
    };
    Base64::encode_string(key.into_secret().as_bytes())
}

#[test]
fn keys_are_computed_as_others_compute_them() {
    for ([client, server], bits, key) in [
        (NODE, 256, "ZMOP1NFa5VKTQ8I2awGXDjzKP+686eujiangAgf5N+Q="),
        (RAKU, 256, "Wv3QzY84KfgwSkn1z3QV+LXEoo3nPraZPysJYtA3u4c="),
        (NODE, 128, "ZMOP1NFa5VKTQ8I2awGXDg=="),
        (NODE, 192, "ZMOP1NFa5VKTQ8I2awGXDjzKP+686euj"),
        (
            NODE,
            512,
            "ZMOP1NFa5VKTQ8I2awGXDjzKP+686eujiangAgf5N+QoY9VlWGkYQoz7BkJkIud8DW0Flq1KDFRXzvWXCIsdIQ==",
        ),
    ] {
        assert_eq!(computed(client, server, bits), key, "{bits}");
    }
}

#[test]
fn a_size_that_is_not_said_is_256_bits() {
    let [client, server] = NODE;
    assert_eq!(computed(client, server, 0), computed(client, server, 256));
}

#[test]
fn client_and_server_are_not_the_same_swapped() {
    let [client, server] = RAKU;
    assert_eq!(
        computed(server, client, 256),
        "g/uYZmYX7rOm/X7UV4usrvjIPCiWMWwNZJL0ejvz6Y4="
    );
}

#[test]
fn a_key_is_derived_as_mono_derives_it() {
    let key = secret("eX2EeE969RCv/5Lx8OIGLHtJrSD5PzVzO3tTy9JxU58=");
    let derived = DerivedKey::new(&[0; 256]).derive(&key);
    assert_eq!(
        derived.unwrap(),
        secret("50UfLeg58TbfADujVeafUAS8typGX9LvqLOXezK/eJY=")
    );
}

#[test]
fn a_derived_key_may_cross_the_blocks_of_its_hash() {
    let key = secret("ZMOP1NFa5VKTQ8I2awGXDjzKP+686eujiangAgf5N+Q=");
    let nonce: Vec<u8> = (0..16).collect();
    let mut derived = DerivedKey::new(&nonce);
    derived.position = Position::Offset(20);
    derived.length = 24;
    let derived = derived.derive(&key).unwrap();
    let digits: Vec<_> = derived
        .as_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(
        digits.concat(),
        "f8dd4ee5ce22d735ac2bacab32c274df853c28d269434d37"
    );
}

#[test]
fn a_password_makes_the_key_that_wss4j_makes() {
    let password = Sha1::digest(b"password");
    let mut salt = [0; 16];
    Base64::decode("LKpycbfgRzwDnBz6kkhAAQ==", &mut salt).unwrap();
    assert_eq!(
        password_key(&password, &salt, 1049),
        Ok(secret("C7Ll/OY4TECb6hZuMMiX/5hzszo="))
    );
}

//! What is left in memory of secrets that were dropped.
#![cfg(test)]
#![cfg(target_os = "linux")]

use std::fs::File;
use std::os::unix::fs::FileExt;

use comity_secure_conversation::{DerivedKey, KeyMaterial, KeySize, Secret};

const BITS: u32 = 32_768;
/// What the allocator may write to when it gets memory back.
const ALLOCATOR_BYTES: usize = 64;

fn given() -> Secret {
    Secret::new(&[0xa5; 4096]).unwrap()
}

#[track_caller]
fn assert_wiped_when_dropped(secret: Secret) {
    let memory = File::open("/proc/self/mem").unwrap();
    // Room that is taken now is not that which the secret leaves.
    let [mut before, mut behind] = [(); 2].map(|()| vec![0; secret.as_bytes().len()]);
    let address = u64::try_from(secret.as_bytes().as_ptr().addr()).unwrap();
    memory.read_exact_at(&mut before, address).unwrap();
    assert_eq!(before, secret.as_bytes());
    drop(secret);
    memory.read_exact_at(&mut behind, address).unwrap();
    assert!(behind[ALLOCATOR_BYTES..].iter().all(|byte| *byte == 0));
}

#[test]
fn dropped_secrets_are_wiped() {
    assert_wiped_when_dropped(given());
    let computed = KeyMaterial::Computed {
        client: given(),
        server: given(),
        size: KeySize::from_bits(BITS).unwrap(),
    };
    assert_wiped_when_dropped(computed.into_secret());
    let mut derived = DerivedKey::new(b"nonce");
    derived.length = 4096;
    assert_wiped_when_dropped(derived.derive(&given()).unwrap());
}

use sha1::{Digest, Sha1};
use zeroize::Zeroizing;

use crate::Secret;

/// The most rounds of [`password_key`]: the peer names their number, and each of them is a SHA-1.
pub const MAX_PASSWORD_ROUNDS: u32 = 100_000;

/// Why no key is made of a password.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PasswordError {
    /// The number of rounds is 0 or above [`MAX_PASSWORD_ROUNDS`].
    #[error("a key is made of a password in 1 to {MAX_PASSWORD_ROUNDS} rounds, not {rounds}")]
    Rounds {
        /// What was asked for.
        rounds: u32,
    },
}

/// Makes the key of a `UsernameToken` of a password (Web Services Security UsernameToken Profile 1.1
/// §4): SHA-1 of the password and the salt, and again of what came out. The password is its UTF-8, or
/// what both sides keep in its place, which often is its SHA-1.
///
/// It is as weak as the password, since a SHA-1 is cheap to try: use it with those who offer
/// nothing else, and a random secret everywhere else. Its 160 bits can be the secret of a
/// [`DerivedKey`](crate::DerivedKey). 1,000 rounds are usual.
///
/// # Errors
///
/// If there is no round, or too many.
pub fn password_key(
    password: &[u8],
    salt: &[u8; 16],
    rounds: u32,
) -> Result<Secret, PasswordError> {
    if !(1..=MAX_PASSWORD_ROUNDS).contains(&rounds) {
        return Err(PasswordError::Rounds { rounds });
    }
    let first = Sha1::new().chain_update(password).chain_update(salt);
    let mut key = Zeroizing::new(<[u8; 20]>::from(first.finalize()));
    for _ in 1..rounds {
        *key = Sha1::digest(*key).into();
    }
    Ok(Secret::fill(key.len(), |bytes| {
        bytes.copy_from_slice(&*key);
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rounds_that_a_peer_asks_for_are_bounded() {
        for rounds in [0, MAX_PASSWORD_ROUNDS + 1, u32::MAX] {
            assert_eq!(
                password_key(b"password", &[1; 16], rounds),
                Err(PasswordError::Rounds { rounds })
            );
        }
    }

    #[test]
    fn one_round_is_the_hash_of_password_and_salt() {
        let mut both = b"password".to_vec();
        both.extend([1; 16]);
        let key = password_key(b"password", &[1; 16], 1).unwrap();
        assert_eq!(key.as_bytes(), &*Sha1::digest(&both));
        let twice = password_key(b"password", &[1; 16], 2).unwrap();
        assert_eq!(twice.as_bytes(), &*Sha1::digest(key.as_bytes()));
    }
}

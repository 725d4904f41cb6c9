//! Numbers and addresses as they stand in a message, without the machinery of `fmt`.

use std::io::{self, Write};
use std::net::IpAddr;

/// The digits of a number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Digits {
    digits: [u8; MAX_DIGITS],
    start: usize,
}

impl Digits {
    pub(crate) fn of(number: impl Into<u64>) -> Self {
        let mut digits = [b'0'; MAX_DIGITS];
        let mut start = MAX_DIGITS;
        let mut rest = number.into();
        for digit in digits.iter_mut().rev() {
            *digit += (rest % 10) as u8;
            start -= 1;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        Self { digits, start }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.digits.get(self.start..).unwrap_or_default()
    }
}

/// Appends an address, without brackets.
pub(crate) fn push_address(text: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(address) => {
            let [first, rest @ ..] = address.octets();
            text.extend(Digits::of(first).as_bytes());
            for octet in rest {
                text.push(b'.');
                text.extend(Digits::of(octet).as_bytes());
            }
        }
        IpAddr::V6(address) => {
            // Writing into memory cannot fail.
            let _: io::Result<()> = write!(text, "{address}");
        }
    }
}

/// How long a number is at most.
const MAX_DIGITS: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_addresses_are_written_as_fmt_writes_them() {
        for number in [0, 9, 10, 5060, 65_535, u64::MAX / 10, u64::MAX] {
            assert_eq!(Digits::of(number).as_bytes(), number.to_string().as_bytes());
        }
        for address in ["0.0.0.0", "192.0.2.101", "255.255.255.255", "2001:db8::1"] {
            let mut text = b";received=".to_vec();
            push_address(&mut text, address.parse().unwrap());
            assert_eq!(text, format!(";received={address}").into_bytes());
        }
    }
}

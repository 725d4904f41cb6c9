use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Which addresses may be dialled when a remote domain names them.
///
/// A record of a remote domain decides where we connect to, so that without a policy it could make us
/// talk to our own machine or to hosts inside our network. The default allows public addresses only.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct AddressPolicy {
    /// Allows 127.0.0.0/8 and `::1`. For tests, and for domains served by this very machine.
    pub danger_allow_loopback: bool,
    /// Allows RFC 1918, RFC 6598 and benchmarking space, unique-local and site-local addresses. For
    /// federation inside one organisation.
    pub danger_allow_private: bool,
}

impl AddressPolicy {
    /// What an operator may name: private and loopback addresses too. What no server can have, such as
    /// link-local and multicast addresses, remains forbidden.
    #[must_use]
    pub fn for_next_hops() -> Self {
        Self {
            danger_allow_loopback: true,
            danger_allow_private: true,
        }
    }

    /// Decides whether `address` may be dialled.
    ///
    /// An IPv6 address that carries an IPv4 address (mapped, compatible, 6to4, NAT64 or Teredo) is
    /// judged by that one too.
    ///
    /// # Errors
    ///
    /// Why it must not be.
    pub fn check(&self, address: IpAddr) -> Result<(), Forbidden> {
        let found = match address {
            IpAddr::V4(v4) => self.judge(forbidden_v4(v4)),
            IpAddr::V6(v6) => match embedded_v4(v6) {
                // `::` and `::1` lie inside the compatible range.
                _ if v6.is_unspecified() || v6.is_loopback() => self.judge(forbidden_v6(v6)),
                [None, None] => self.judge(forbidden_v6(v6)),
                carried => carried
                    .into_iter()
                    .flatten()
                    .find_map(|v4| self.judge(forbidden_v4(v4))),
            },
        };
        found.map_or(Ok(()), Err)
    }

    /// Drops a reason that this policy allows.
    fn judge(&self, found: Option<Forbidden>) -> Option<Forbidden> {
        found.filter(|reason| match reason {
            Forbidden::Loopback => !self.danger_allow_loopback,
            Forbidden::Private => !self.danger_allow_private,
            Forbidden::Unspecified
            | Forbidden::LinkLocal
            | Forbidden::Multicast
            | Forbidden::Broadcast
            | Forbidden::Reserved => true,
        })
    }
}

/// Why an address is not dialled.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Forbidden {
    /// 0.0.0.0/8 or `::`, which reaches this machine.
    #[error("an unspecified address")]
    Unspecified,
    /// 127.0.0.0/8 or `::1`.
    #[error("a loopback address")]
    Loopback,
    /// RFC 1918, RFC 6598, benchmarking, unique-local or site-local space.
    #[error("a private address")]
    Private,
    /// 169.254.0.0/16 or `fe80::/10`, where cloud metadata services live.
    #[error("a link-local address")]
    LinkLocal,
    /// 224.0.0.0/4 or `ff00::/8`.
    #[error("a multicast address")]
    Multicast,
    /// 255.255.255.255.
    #[error("the broadcast address")]
    Broadcast,
    /// 192.0.0.0/24, 240.0.0.0/4, ORCHID, ISATAP, or outside of `2000::/3`.
    #[error("a reserved address")]
    Reserved,
}

fn forbidden_v4(v4: Ipv4Addr) -> Option<Forbidden> {
    match v4.octets() {
        [0, ..] => Some(Forbidden::Unspecified),
        [127, ..] => Some(Forbidden::Loopback),
        [10, ..]
        | [172, 16..=31, ..]
        | [192, 168, ..]
        | [100, 64..=127, ..]
        | [198, 18..=19, ..] => Some(Forbidden::Private),
        [169, 254, ..] => Some(Forbidden::LinkLocal),
        [224..=239, ..] => Some(Forbidden::Multicast),
        [255, 255, 255, 255] => Some(Forbidden::Broadcast),
        [192, 0, 0, _] | [240..=255, ..] => Some(Forbidden::Reserved),
        _ => None,
    }
}

fn forbidden_v6(v6: Ipv6Addr) -> Option<Forbidden> {
    match v6.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Some(Forbidden::Unspecified),
        [0, 0, 0, 0, 0, 0, 0, 1] => Some(Forbidden::Loopback),
        [0xfc00..=0xfdff | 0xfec0..=0xfeff, ..] | [0x2001, 2, 0, ..] => Some(Forbidden::Private),
        [0xfe80..=0xfebf, ..] => Some(Forbidden::LinkLocal),
        [0xff00..=0xffff, ..] => Some(Forbidden::Multicast),
        // ORCHID (RFC 7343) names keys and no hosts. An ISATAP interface (RFC 5214 §6.1) is a tunnel
        // to whatever IPv4 address it holds.
        [0x2001, 0x10..=0x2f, ..] | [_, _, _, _, 0 | 0x200, 0x5efe, ..] => {
            Some(Forbidden::Reserved)
        }
        // Global unicast is 2000::/3; everything else is reserved, or local to a network.
        [0x2000..=0x3fff, ..] => None,
        _ => Some(Forbidden::Reserved),
    }
}

/// The IPv4 addresses that the packets to `v6` may reach.
fn embedded_v4(v6: Ipv6Addr) -> [Option<Ipv4Addr>; 2] {
    let joined = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Some(Ipv4Addr::new(a, b, c, d))
    };
    match v6.segments() {
        // Mapped (RFC 4291 §2.5.5.2), compatible (§2.5.5.1), translated (RFC 2765) and NAT64
        // (RFC 6052 §2.1).
        [0, 0, 0, 0, 0, 0xffff | 0, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        // 6to4 (RFC 3056 §2).
        | [0x2002, high, low, ..] => [joined(high, low), None],
        // Teredo (RFC 4380 §4): the server, and the client with every bit inverted.
        [0x2001, 0, server_high, server_low, _, _, high, low] => {
            [joined(server_high, server_low), joined(!high, !low)]
        }
        _ => [None, None],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_dialled() {
        for (address, verdict) in [
            ("8.8.8.8", None),
            ("192.0.2.1", None),
            ("2001:db8::1", None),
            ("2606:4700::1111", None),
            ("0.0.0.0", Some(Forbidden::Unspecified)),
            ("0.1.2.3", Some(Forbidden::Unspecified)),
            ("127.0.0.1", Some(Forbidden::Loopback)),
            ("127.255.255.255", Some(Forbidden::Loopback)),
            ("126.255.255.255", None),
            ("128.0.0.0", None),
            ("10.0.0.0", Some(Forbidden::Private)),
            ("11.0.0.0", None),
            ("172.15.255.255", None),
            ("172.16.0.0", Some(Forbidden::Private)),
            ("172.31.255.255", Some(Forbidden::Private)),
            ("172.32.0.0", None),
            ("192.168.0.1", Some(Forbidden::Private)),
            ("192.169.0.0", None),
            ("100.63.255.255", None),
            ("100.64.0.0", Some(Forbidden::Private)),
            ("100.127.255.255", Some(Forbidden::Private)),
            ("100.128.0.0", None),
            ("198.18.0.0", Some(Forbidden::Private)),
            ("198.20.0.0", None),
            ("169.254.169.254", Some(Forbidden::LinkLocal)),
            ("169.253.0.0", None),
            ("224.0.0.1", Some(Forbidden::Multicast)),
            ("239.255.255.255", Some(Forbidden::Multicast)),
            ("240.0.0.0", Some(Forbidden::Reserved)),
            ("255.255.255.255", Some(Forbidden::Broadcast)),
            ("192.0.0.8", Some(Forbidden::Reserved)),
            ("192.0.1.0", None),
            ("::", Some(Forbidden::Unspecified)),
            ("::1", Some(Forbidden::Loopback)),
            ("fc00::1", Some(Forbidden::Private)),
            ("fdff::1", Some(Forbidden::Private)),
            ("fe00::1", Some(Forbidden::Reserved)),
            ("4000::1", Some(Forbidden::Reserved)),
            ("3fff:ffff::1", None),
            ("2001:2::1", Some(Forbidden::Private)),
            ("2001:3::1", None),
            ("2001:20::1", Some(Forbidden::Reserved)),
            ("2001:30::1", None),
            ("2001:db8::5efe:7f00:1", Some(Forbidden::Reserved)),
            ("2001:db8::200:5efe:7f00:1", Some(Forbidden::Reserved)),
            ("fe80::1", Some(Forbidden::LinkLocal)),
            ("febf::1", Some(Forbidden::LinkLocal)),
            ("fec0::1", Some(Forbidden::Private)),
            ("ff02::1", Some(Forbidden::Multicast)),
            ("100::1", Some(Forbidden::Reserved)),
            ("64:ff9b:1::808:808", Some(Forbidden::Reserved)),
        ] {
            assert_eq!(
                AddressPolicy::default().check(address.parse().unwrap()),
                verdict.map_or(Ok(()), Err),
                "{address}"
            );
        }
    }

    #[test]
    fn a_carried_v4_address_is_judged() {
        for (address, verdict) in [
            ("::ffff:127.0.0.1", Some(Forbidden::Loopback)),
            ("::ffff:8.8.8.8", None),
            ("::ffff:0:10.0.0.1", Some(Forbidden::Private)),
            ("::169.254.169.254", Some(Forbidden::LinkLocal)),
            ("::2", Some(Forbidden::Unspecified)),
            ("64:ff9b::10.0.0.1", Some(Forbidden::Private)),
            ("64:ff9b::808:808", None),
            ("2002:7f00:1::1", Some(Forbidden::Loopback)),
            ("2002:808:808::1", None),
            // Teredo: server 8.8.8.8, client 127.0.0.1 inverted, 192.0.0.8; then server 10.0.0.1.
            ("2001:0:808:808::80ff:fffe", Some(Forbidden::Loopback)),
            ("2001:0:808:808::3fff:fff7", Some(Forbidden::Reserved)),
            ("2001:0:a00:1::f7f7:f7f7", Some(Forbidden::Private)),
            ("2001:0:808:808::f7f7:f7f7", None),
        ] {
            assert_eq!(
                AddressPolicy::default().check(address.parse().unwrap()),
                verdict.map_or(Ok(()), Err),
                "{address}"
            );
        }
    }

    #[test]
    fn each_permission_opens_its_own_space_only() {
        let mut policy = AddressPolicy::default();
        let check = |policy: &AddressPolicy, text: &str| policy.check(text.parse().unwrap());
        policy.danger_allow_loopback = true;
        assert_eq!(check(&policy, "127.0.0.9"), Ok(()));
        assert_eq!(check(&policy, "::1"), Ok(()));
        assert_eq!(check(&policy, "::ffff:127.0.0.1"), Ok(()));
        assert_eq!(check(&policy, "10.0.0.1"), Err(Forbidden::Private));
        assert_eq!(check(&policy, "::"), Err(Forbidden::Unspecified));
        policy = AddressPolicy::default();
        policy.danger_allow_private = true;
        assert_eq!(check(&policy, "10.0.0.1"), Ok(()));
        assert_eq!(check(&policy, "fd00::1"), Ok(()));
        assert_eq!(check(&policy, "::1"), Err(Forbidden::Loopback));
        assert_eq!(check(&policy, "169.254.0.1"), Err(Forbidden::LinkLocal));
        // The loopback server hides behind nothing: both addresses of a Teredo address count.
        assert_eq!(
            check(&policy, "2001:0:7f00:1::f5ff:fffe"),
            Err(Forbidden::Loopback)
        );
    }
}

//! An address with its prefix, of either version: what all address filters calculate with.

use std::cmp::Ordering;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// An address inside a network, `10.0.0.1/24`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Net {
    v6: bool,
    bits: u128,
    prefix: u8,
}

impl Net {
    /// From its parts; `None` if they do not fit the version.
    pub(super) fn new(v6: bool, bits: u128, prefix: u8) -> Option<Self> {
        let width = if v6 { 128 } else { 32 };
        let fits = v6 || bits <= u128::from(u32::MAX);
        (fits && prefix <= width).then_some(Self { v6, bits, prefix })
    }

    /// `address`, `address/prefix`, `address/netmask`, `address/hostmask`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (address, rest) = match text.split_once('/') {
            Some((address, rest)) => (address, Some(rest)),
            None => (text, None),
        };
        let host = Self::from_address(address.parse().ok()?);
        let Some(rest) = rest else {
            return Some(host);
        };
        let prefix = match rest.parse::<u8>() {
            Ok(prefix) if rest.bytes().all(|b| b.is_ascii_digit()) => prefix,
            Ok(_) => return None,
            Err(_) => mask_prefix(Self::from_address(rest.parse().ok()?), host.v6)?,
        };
        Self::new(host.v6, host.bits, prefix)
    }

    /// One address alone.
    pub(super) fn from_address(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(a) => Self {
                v6: false,
                bits: u128::from(a.to_bits()),
                prefix: 32,
            },
            IpAddr::V6(a) => Self {
                v6: true,
                bits: a.to_bits(),
                prefix: 128,
            },
        }
    }

    /// Bits of an address of this version.
    pub(super) fn width(self) -> u8 {
        if self.v6 { 128 } else { 32 }
    }

    /// 4 or 6.
    pub(super) fn version(self) -> u8 {
        if self.v6 { 6 } else { 4 }
    }

    /// The address as a number.
    pub(super) fn bits(self) -> u128 {
        self.bits
    }

    /// Length of the prefix.
    pub(super) fn prefix(self) -> u8 {
        self.prefix
    }

    /// Bits of the host part set.
    fn host_bits(self) -> u128 {
        let free = u32::from(self.width() - self.prefix);
        u128::MAX.checked_shr(128 - free).unwrap_or(0)
    }

    /// All addresses of the version.
    fn all_bits(self) -> u128 {
        if self.v6 {
            u128::MAX
        } else {
            u128::from(u32::MAX)
        }
    }

    /// First address as a number.
    pub(super) fn first(self) -> u128 {
        self.bits & !self.host_bits()
    }

    /// Last address as a number.
    pub(super) fn last(self) -> u128 {
        self.bits | self.host_bits()
    }

    /// Number of addresses; `None` if it does not fit (a /0 of version 6).
    pub(super) fn size(self) -> Option<u128> {
        self.host_bits().checked_add(1)
    }

    /// More than `n` addresses.
    pub(super) fn larger_than(self, n: u128) -> bool {
        self.host_bits() >= n
    }

    /// An address of the same version.
    pub(super) fn address(self, bits: u128) -> IpAddr {
        if self.v6 {
            IpAddr::V6(Ipv6Addr::from_bits(bits))
        } else {
            IpAddr::V4(Ipv4Addr::from_bits(
                u32::try_from(bits & u128::from(u32::MAX)).unwrap_or(u32::MAX),
            ))
        }
    }

    /// The address itself.
    pub(super) fn ip(self) -> IpAddr {
        self.address(self.bits)
    }

    /// The network's address.
    pub(super) fn network(self) -> IpAddr {
        self.address(self.first())
    }

    /// The last address, where it is a broadcast address.
    pub(super) fn broadcast(self) -> Option<IpAddr> {
        let has = self.v6 || self.width() - self.prefix >= 2;
        has.then(|| self.address(self.last()))
    }

    /// The netmask.
    pub(super) fn netmask(self) -> IpAddr {
        self.address(self.all_bits() & !self.host_bits())
    }

    /// The inverse of the netmask.
    pub(super) fn hostmask(self) -> IpAddr {
        self.address(self.host_bits())
    }

    /// The network with its prefix.
    pub(super) fn cidr(self) -> Self {
        Self {
            bits: self.first(),
            ..self
        }
    }

    /// The same with another prefix length.
    pub(super) fn with_prefix(self, prefix: u8) -> Option<Self> {
        Self::new(self.v6, self.bits, prefix)
    }

    /// First and last address a host may have.
    pub(super) fn usable(self) -> (u128, u128) {
        if self.larger_than(2) {
            (self.first() + 1, self.last() - 1)
        } else {
            (self.first(), self.last())
        }
    }

    /// The address `n` further on; `None` outside the version's range.
    pub(super) fn plus(self, n: i128) -> Option<u128> {
        let bits = if n < 0 {
            self.bits.checked_sub(n.unsigned_abs())
        } else {
            self.bits.checked_add(n.unsigned_abs())
        };
        bits.filter(|b| *b <= self.all_bits())
    }

    /// Whether all of `other` is in this network.
    pub(super) fn contains(self, other: Self) -> bool {
        self.v6 == other.v6 && self.first() <= other.first() && other.last() <= self.last()
    }

    /// For the network arithmetic of `ipnet`.
    pub(super) fn to_ipnet(self) -> Option<IpNet> {
        IpNet::new(self.network(), self.prefix).ok()
    }

    /// Back from `ipnet`.
    pub(super) fn from_ipnet(net: IpNet) -> Self {
        Self {
            prefix: net.prefix_len(),
            ..Self::from_address(net.network())
        }
    }
}

/// The prefix length a netmask or hostmask stands for.
fn mask_prefix(mask: Net, v6: bool) -> Option<u8> {
    if mask.v6 != v6 {
        return None;
    }
    let all = mask.all_bits();
    let contiguous = |bits: u128| {
        // Ones from the top, then zeroes.
        let inverse = !bits & all;
        (inverse & (inverse.wrapping_add(1))) == 0
    };
    let ones = |bits: u128| u8::try_from(bits.count_ones()).ok();
    if contiguous(mask.bits) {
        ones(mask.bits)
    } else if contiguous(!mask.bits & all) {
        ones(!mask.bits & all)
    } else {
        None
    }
}

impl fmt::Display for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.ip(), self.prefix)
    }
}

impl PartialOrd for Net {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Net {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.v6, self.bits, self.prefix).cmp(&(other.v6, other.bits, other.prefix))
    }
}

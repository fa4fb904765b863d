"""Which addresses a look-up may connect to: global unicast, and nothing of any inside (SF-02). Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# Python's own table follows the IANA registries, but changes between versions; what must never be reached is written
# out, with the ranges that are "global" there and lead inside all the same.
_DENIED: tuple[Network, ...] = tuple(
    ipaddress.ip_network(text)
    for text in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24"),
        *("203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        "168.63.129.16/32",  # the platform's own service inside every Azure network
        "::/96",  # unspecified, loopback, and IPv4 in its oldest disguise
        "64:ff9b:1::/48",  # NAT64 for local use (RFC 8215)
        "100::/64",
        "2001::/23",  # Teredo, ORCHID and other protocol assignments
        "2001:db8::/32",
        "2002::/16",  # 6to4: an IPv4 address of the writer's choice
        "3fff::/20",
        *("fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8"),
    )
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: what DNS64 makes of public IPv4 addresses
_GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")  # the only block that IANA hands out from


def is_public(text: str, own_ranges: Iterable[Network] = ()) -> bool:
    """Whether ``text`` is an address that a look-up may connect to. ``own_ranges``: the operator's own networks."""
    try:
        address = _unwrapped(ipaddress.ip_address(text))
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address not in _GLOBAL_V6:
        return False
    if not address.is_global or address.is_multicast:
        return False
    return not any(address in network for network in (*_DENIED, *own_ranges) if network.version == address.version)


def _unwrapped(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that a mapped or NAT64 address leads to."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return address.ipv4_mapped
        if address in _NAT64:
            return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address

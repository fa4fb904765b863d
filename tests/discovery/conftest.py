"""The small world of the discovery tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.discovery.world import Authority, Web, World, Zone, authority, name_server, web_server

HOSTS = (
    *("example.org", "*.example.org", "example.net", "*.example.net", "victim.co.uk", "*.victim.co.uk"),
    "data.iana.org",
)


@pytest.fixture(scope="session")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def world(ca: Authority) -> Iterator[World]:
    zone, web = Zone(), Web(ca.context("common", HOSTS))
    with name_server(zone) as nameserver, web_server(web) as https:
        yield World(zone, web, nameserver, https, ca.file)

"""keys.openpgp.org and its like, asked with manners: limits are kept, answers are remembered for a day (KD-06)."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

from disclosure.discovery.evidence import Outcome
from disclosure.discovery.fetch import Fetched, Fetcher
from disclosure.discovery.keyplaces import keyserver_url
from disclosure.protocol.values import Address, Domain

DEFAULT_HOST = Domain("keys.openpgp.org")
REMEMBERED = timedelta(hours=24)
MOST_REMEMBERED = 1_000  # ours: a certificate is a few kB
MAX_CERTIFICATE = 1_048_576 + 1  # KD-07: one octet more tells one that is too large


@dataclass
class Allowance:
    """So many questions at once, and one more after each ``every``: a bucket that is told the time."""

    most: int
    every: timedelta
    left: float = 0.0
    filled_at: datetime | None = None

    def take(self, now: datetime) -> bool:
        if self.filled_at is None:
            self.left, self.filled_at = float(self.most), now
        elif now > self.filled_at:
            self.left = min(float(self.most), self.left + (now - self.filled_at) / self.every)
            self.filled_at = now
        if self.left < 1:
            return False
        self.left -= 1
        return True


class Keyserver:
    """One per process: it remembers. ``host`` is another one only where a test has a stand-in on loopback."""

    def __init__(self, fetcher: Fetcher, *, host: Domain = DEFAULT_HOST) -> None:
        self.host = host
        self._fetcher = fetcher
        self._lock = threading.Lock()
        self._known: OrderedDict[str, Fetched] = OrderedDict()
        # The server allows 50 at once and one a minute by mail, five a second by fingerprint: we stay below.
        self._by_mail = Allowance(20, timedelta(minutes=1))
        self._by_fingerprint = Allowance(20, timedelta(seconds=1))

    def by_mail(self, address: Address, *, now: datetime) -> Fetched | None:
        """The certificate whose owner has verified the address; None: not asked now, the allowance is used up."""
        return self._ask(keyserver_url(self.host, mail=address), self._by_mail, now)

    def by_fingerprint(self, fingerprint: str, *, now: datetime) -> Fetched | None:
        """``fingerprint``: upper-case hexadecimal. It may come without user IDs."""
        return self._ask(keyserver_url(self.host, fingerprint=fingerprint), self._by_fingerprint, now)

    def _ask(self, url: str, allowance: Allowance, now: datetime) -> Fetched | None:
        with self._lock:
            known = self._known.get(url)
            if known and timedelta(0) <= now - known.asked_at < REMEMBERED:
                return known
            if not allowance.take(now):
                return None
        fetched = self._fetcher.get(url, now=now, most=MAX_CERTIFICATE)
        if fetched.outcome is not Outcome.UNKNOWN:
            self._remember(url, fetched)
        return fetched

    def _remember(self, url: str, fetched: Fetched) -> None:
        with self._lock:
            self._known[url] = fetched
            self._known.move_to_end(url)
            while len(self._known) > MOST_REMEMBERED:
                self._known.popitem(last=False)

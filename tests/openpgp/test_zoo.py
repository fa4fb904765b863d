"""The judge walks through the zoo: what must be refused is, what can be used is, and each row says why (R18)."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from disclosure.openpgp.judge import Verdict, judge
from disclosure.openpgp.sandbox import judge_safely
from disclosure.openpgp.verdict import Reason
from disclosure.protocol.values import Address
from tests.openpgp.zoo import DAY, NOW, Zoo, encrypting_subkey, fingerprint

R = Reason
USABLE: list[tuple[str, int, str]] = [
    ("cv25519", 1, "what gpg makes today"),
    ("p256", 1, "curves of NIST"),
    ("p384", 1, "likewise"),
    ("p521", 1, "likewise, and 521 is no multiple of eight"),
    ("rsa2048", 1, "the smallest RSA that we take"),
    ("rsa-single", 1, "one key for everything: the primary key itself encrypts"),
    ("sq-cv25519", 1, "three subkeys, one of them encrypts"),
    ("sq-rsa3k", 1, "likewise, RSA"),
    ("sq-good", 1, "the one that is spoilt below"),
    ("v6", 1, "RFC 9580"),
    ("v6-pqc", 1, "post-quantum"),
    ("v4-x25519", 1, "a new algorithm in an old certificate"),
    ("v4-x448", 1, "likewise"),
    ("no-name", 1, "no user ID at all: a direct signature carries everything"),
    ("extended", 1, "ran out, and its owner made it last longer: the newest self-signature counts"),
    ("extended-old-copy-last", 1, "whatever their order"),
    ("subkey-extended", 1, "likewise of a subkey, and the old copy comes last"),
    ("first-subkey-expired", 1, "the second is good, and only the second"),
    ("two-good-subkeys", 2, "whoever holds either can read"),
    ("two-names", 1, "two people, one key"),
    ("name-revoked", 1, "one name is gone, the key is not"),
    ("injected-first", 1, "the attacker's subkey comes first, and gets nothing"),
    ("forged-revocation", 1, "a revocation by another key revokes nothing"),
    ("forged-name-in-front", 1, "a name that nobody signed changes nothing"),
    ("padded", 1, "padding and a line end behind the last packet"),
    ("photograph", 1, "a picture is never looked at, nor what is signed of it"),
    ("bomb-behind", 1, "compressed data is never unpacked"),
    ("expired-first", 1, "of two, the good one"),
    ("one-broken-of-two", 1, "a version that we cannot read does not spoil its neighbour"),
    ("flood-of-strangers", 1, "10,000 signatures of strangers, as they stood on real keys"),
    ("flood-of-self-signatures", 1, "2,000 forged self-signatures"),
    ("flood-of-names", 1, "500 forged names"),
    ("flood-of-bindings", 1, "2,000 forged bindings"),
]
REFUSED: list[tuple[str, Reason, str]] = [
    ("primary-expired", R.EXPIRED, "the subkey has no date of its own; libraries would still encrypt"),
    ("both-expired", R.EXPIRED, "primary and subkey"),
    ("sq-expired", R.EXPIRED, "likewise, by another program"),
    ("subkey-expired", R.EXPIRED, "only the subkey: libraries fall back to it"),
    ("shortened", R.EXPIRED, "its owner made it end earlier; the older copy is in the file too"),
    ("subkey-shortened", R.EXPIRED, "likewise of a subkey: the older binding holds, the newer counts"),
    ("revoked-compromised", R.REVOKED, "the whole certificate"),
    ("revoked-superseded", R.REVOKED, "a soft reason is a reason"),
    ("revoked-retired", R.REVOKED, "likewise"),
    ("revoked-unspecified", R.REVOKED, "likewise"),
    ("old-copy-of-a-revoked-one", R.REVOKED, "an old copy beside it does not bring it back to life"),
    ("subkey-revoked", R.REVOKED, "the only one that encrypts"),
    ("revocation-astray", R.REVOKED, "the same, behind another subkey"),
    ("born-later", R.NOT_YET_VALID, "made in 2090"),
    ("rsa1024", R.WEAK_KEY, "primary and subkey; gpg offers it"),
    ("weak-subkey", R.WEAK_KEY, "a good primary key, and RSA of 1024 bits to encrypt to"),
    ("sha1", R.WEAK_SELF_SIGNATURE, "gpg accepts it; a collision makes another key of it"),
    ("md5", R.WEAK_SELF_SIGNATURE, "likewise, at a breakfast table"),
    ("brainpool", R.UNSUPPORTED_ALGORITHM, "whose signatures we cannot check is not trusted"),
    ("secp256k1", R.UNSUPPORTED_ALGORITHM, "likewise"),
    ("dsa-elgamal", R.UNSUPPORTED_ALGORITHM, "no writer of ours encrypts to ElGamal"),
    ("version-3", R.UNSUPPORTED_KEY_VERSION, "of the last century"),
    ("version-5", R.UNSUPPORTED_KEY_VERSION, "GnuPG's own"),
    ("sign-only", R.NO_ENCRYPTION_SUBKEY, "only signs"),
    ("auth-only", R.NO_ENCRYPTION_SUBKEY, "only signs in"),
    ("injected-alone", R.NO_ENCRYPTION_SUBKEY, "the attacker's subkey is all there is to encrypt to"),
    ("flipped-subkey", R.NO_ENCRYPTION_SUBKEY, "one bit: another key, which nobody signed"),
    ("switched-subkey", R.NO_ENCRYPTION_SUBKEY, "the attacker's key under the owner's signature"),
    ("revived-subkey", R.NO_ENCRYPTION_SUBKEY, "signatures moved about, so that an expired subkey seems dateless"),
    ("last-binding-missing", R.NO_ENCRYPTION_SUBKEY, "a subkey that nobody bound"),
    ("last-binding-cut", R.CORRUPT, "a copy that broke off"),
    ("no-self-signature", R.NO_VALID_SELF_SIGNATURE, "anybody could have put this together"),
    ("secret-in-front", R.SECRET_KEY, "a private key, and its certificate"),
    ("secret-behind", R.SECRET_KEY, "wherever it stands"),
    ("secret-cut", R.SECRET_KEY, "also when its end is missing"),
    ("twenty-one", R.SEVERAL_KEYS, "a whole keyring"),
    ("too-many-self-signatures", R.TOO_LARGE, "nobody signs oneself 5,000 times"),
    ("too-many-packets", R.TOO_LARGE, "20,000 markers"),
    ("too-many-subkeys", R.TOO_LARGE, "a hundred and one"),
]


def verdict(zoo: Zoo, name: str, address: str | None = None) -> Verdict:
    return judge(zoo.certificates[name], address=Address.parse(address) if address else None, now=later())


def later() -> datetime:
    """pysequoia dates what it makes by the clock, while the zoo is being built."""
    return NOW + timedelta(hours=1)


@pytest.mark.parametrize(("name", "subkeys", "why"), USABLE, ids=[row[0] for row in USABLE])
def test_usable(zoo: Zoo, name: str, subkeys: int, why: str) -> None:
    found = verdict(zoo, name)
    assert (found.usable, found.reason, len(set(found.encrypts_to))) == (True, None, subkeys), why
    assert found.certificate, why
    again = judge(found.certificate, address=None, now=later())
    assert again.encrypts_to == found.encrypts_to, "what is kept is judged the same"


@pytest.mark.parametrize(("name", "reason", "why"), REFUSED, ids=[row[0] for row in REFUSED])
def test_refused(zoo: Zoo, name: str, reason: Reason, why: str) -> None:
    found = verdict(zoo, name)
    assert (found.usable, found.reason) == (False, reason), why
    assert (found.certificate, found.encrypts_to) == (b"", ()), "nothing to keep, nothing to encrypt to"


def test_every_animal_is_judged(zoo: Zoo) -> None:
    assert zoo.certificates.keys() - {"stranger"} == {row[0] for row in (*USABLE, *REFUSED)}


def test_the_attackers_subkey_is_never_among_them(zoo: Zoo) -> None:
    theirs = (encrypting_subkey(zoo.certificates["stranger"]).fingerprint or "").upper()
    for name in ("injected-first", "injected-alone", "switched-subkey"):
        assert theirs not in verdict(zoo, name).encrypts_to
    assert verdict(zoo, "injected-first").encrypts_to == verdict(zoo, "cv25519").encrypts_to


def test_what_is_kept_has_no_flood_in_it(zoo: Zoo) -> None:
    for name in ("flood-of-strangers", "flood-of-self-signatures", "flood-of-names", "flood-of-bindings"):
        assert verdict(zoo, name).certificate == verdict(zoo, "cv25519").certificate, name


NAMES: list[tuple[str, str, bool, str]] = [
    ("cv25519", "cv25519@org.example", True, "bare address"),
    ("cv25519", "CV25519@ORG.example", True, "whatever its letters"),
    ("sq-good", "sq@org.example", True, "in angle brackets"),
    ("sq-good", "x@org.example", False, "somebody else"),
    ("sq-good", "q@org.example", False, "the end of an address is another address"),
    ("two-names", "names@org.example", True, "the first name"),
    ("two-names", "other@org.example", True, "the second"),
    ("name-revoked", "names@org.example", False, "this name was revoked"),
    ("name-revoked", "other@org.example", True, "this one was not"),
    ("no-name", "a@org.example", False, "names nobody"),
    ("forged-name-in-front", "a@org.example", False, "a name that nobody signed"),
    ("flood-of-names", "fake7@org.example", False, "likewise, one of 500"),
]


@pytest.mark.parametrize(("name", "address", "named", "why"), NAMES)
def test_whom_it_names(zoo: Zoo, name: str, address: str, named: bool, why: str) -> None:
    found = verdict(zoo, name, address)
    assert found.usable
    assert ("uid_mismatch" in found.flags) is not named, why


def test_of_several_the_named_one_then_the_newest(zoo: Zoo) -> None:
    held = zoo.certificates
    mixed = held["two-names"] + held["sq-good"] + held["v4-x25519"]
    for address, name in (("names@org.example", "two-names"), ("sq@org.example", "sq-good"), (None, "v4-x25519")):
        who = Address.parse(address) if address else None
        assert judge(mixed, address=who, now=later()).fingerprint == fingerprint(held[name])


def test_an_announced_fingerprint_chooses(zoo: Zoo) -> None:
    held = zoo.certificates
    mixed, wanted = held["v4-x25519"] + held["sq-good"], fingerprint(held["sq-good"])
    spaced = " ".join(wanted[n : n + 4] for n in range(0, 40, 4)).lower()
    assert judge(mixed, address=None, now=later(), expected_fingerprint=spaced).fingerprint == wanted
    other = judge(held["v4-x25519"], address=None, now=later(), expected_fingerprint=wanted)
    assert (other.usable, other.flags) == (False, ("fingerprint_mismatch",))


TIMES: list[tuple[str, int, Reason | None, str]] = [
    ("sq-expired", -51, None, "before it ran out"),
    ("sq-expired", -49, R.EXPIRED, "after"),
    ("sq-cv25519", -61, R.NOT_YET_VALID, "before it was made"),
    ("sq-cv25519", 364, R.EXPIRED, "after a year"),
    ("subkey-expired", -51, None, "before its subkey ran out"),
    ("subkey-expired", -49, R.EXPIRED, "after"),
    ("extended", -48, R.EXPIRED, "between running out and being extended: that signature was not made yet"),
    ("extended", -29, None, "after"),
]


@pytest.mark.parametrize(("name", "days", "reason", "why"), TIMES)
def test_time_is_handed_in(zoo: Zoo, name: str, days: int, reason: Reason | None, why: str) -> None:
    found = judge(zoo.certificates[name], address=None, now=NOW + days * DAY + timedelta(hours=1))
    assert found.reason is reason, why


def test_the_child_says_the_same(zoo: Zoo) -> None:
    for name, data in zoo.certificates.items():
        assert judge_safely(data, address=None, now=later()) == verdict(zoo, name), name

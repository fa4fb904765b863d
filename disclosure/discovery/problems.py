"""Problem codes of security.txt: sectxt's names where it has one, ours for the rest; levels as data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Level(StrEnum):
    ERROR = "error"  # RFC 9116 does not allow it: the file is not valid
    ADVICE = "advice"  # RFC 9116 recommends otherwise
    NOTICE = "notice"  # allowed, and worth knowing


class Code(StrEnum):
    """What can be said of a file; words are looked up per language when shown."""

    # Where and how it was served.
    NO_SECURITY_TXT = "no_security_txt"
    LOCATION = "location"
    INVALID_URI_SCHEME = "invalid_uri_scheme"
    INVALID_CERT = "invalid_cert"
    NO_CONTENT_TYPE = "no_content_type"
    INVALID_MEDIA = "invalid_media"
    INVALID_CHARSET = "invalid_charset"
    OFFSITE_REDIRECT = "offsite_redirect"
    # The bytes.
    TOO_LARGE = "too_large"
    TOO_MANY_LINES = "too_many_lines"
    FIELD_TOO_LONG = "field_too_long"
    UTF8 = "utf8"
    BOM_IN_FILE = "bom_in_file"
    NO_LINE_SEPARATORS = "no_line_separators"
    CONTROL_CHARACTER = "control_character"
    # Lines.
    INVALID_LINE = "invalid_line"
    PREC_WS = "prec_ws"
    NO_SPACE = "no_space"
    EXTRA_SPACE = "extra_space"
    EMPTY_KEY = "empty_key"
    EMPTY_VALUE = "empty_value"
    UNKNOWN_FIELD = "unknown_field"
    # The signed form.
    SIGNED_FORMAT_ISSUE = "signed_format_issue"
    DATA_AFTER_SIG = "data_after_sig"
    PGP_SIGNATURE_ERROR = "pgp_signature_error"
    NOT_SIGNED = "not_signed"
    # Fields.
    NO_CONTACT = "no_contact"
    NO_EXPIRE = "no_expire"
    MULTI_EXPIRE = "multi_expire"
    INVALID_EXPIRY = "invalid_expiry"
    EXPIRED = "expired"
    LONG_EXPIRY = "long_expiry"
    NO_CANONICAL = "no_canonical"
    NO_CANONICAL_MATCH = "no_canonical_match"
    NO_ENCRYPTION = "no_encryption"
    INVALID_FINGERPRINT = "invalid_fingerprint"
    MULTI_LANG = "multi_lang"
    INVALID_LANG = "invalid_lang"
    NO_URI = "no_uri"
    NO_HTTPS = "no_https"
    REFUSED_SCHEME = "refused_scheme"
    OTHER_SCHEME = "other_scheme"
    INVALID_ADDRESS = "invalid_address"
    INVALID_PHONE = "invalid_phone"
    INVALID_URL = "invalid_url"
    NO_CSAF_FILE = "no_csaf_file"
    MULTIPLE_CSAF_FIELDS = "multiple_csaf_fields"
    DEFAULT_FILE = "default_file"


ADVICE = frozenset(
    {Code.LONG_EXPIRY, Code.NO_ENCRYPTION, Code.NOT_SIGNED, Code.NO_CANONICAL, Code.MULTIPLE_CSAF_FIELDS}
)
NOTICES = frozenset({Code.UNKNOWN_FIELD, Code.OTHER_SCHEME, Code.OFFSITE_REDIRECT, Code.DEFAULT_FILE})
# The file is refused as a whole rather than read in part (ST-09).
REFUSES = frozenset({Code.TOO_LARGE, Code.TOO_MANY_LINES, Code.FIELD_TOO_LONG})
# R17: contacts stay readable, a person decides.
NEEDS_A_PERSON = frozenset(
    {
        *(Code.NO_EXPIRE, Code.MULTI_EXPIRE, Code.INVALID_EXPIRY, Code.EXPIRED, Code.NO_CANONICAL_MATCH),
        *(Code.OFFSITE_REDIRECT, Code.INVALID_URI_SCHEME, Code.INVALID_CERT, Code.DEFAULT_FILE),
        *(Code.SIGNED_FORMAT_ISSUE, Code.DATA_AFTER_SIG, Code.PGP_SIGNATURE_ERROR),
    }
)


@dataclass(frozen=True)
class Problem:
    """``line`` counts from 1; None: the whole file. ``params`` are facts for the words."""

    code: Code
    line: int | None = None
    params: tuple[tuple[str, str], ...] = ()

    @property
    def level(self) -> Level:
        if self.code in ADVICE:
            return Level.ADVICE
        return Level.NOTICE if self.code in NOTICES else Level.ERROR

    def to_json(self) -> dict[str, Any]:
        return {"code": str(self.code), "line": self.line, "level": str(self.level), "params": dict(self.params)}

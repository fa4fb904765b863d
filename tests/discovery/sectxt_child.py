"""sectxt's parser, in a process that can be ended: a list of files in, the codes of each out (JSON, base 64).

Run by test_oracle.py only; nothing imports it, and nothing but this imports sectxt.
"""

from __future__ import annotations

import json
import sys
import warnings
from base64 import b64decode
from datetime import datetime, tzinfo
from typing import Any


def main() -> None:
    warnings.simplefilter("ignore")  # what its OpenPGP library imports is deprecated
    import sectxt  # noqa: PLC0415 - the warning comes with it

    asked = json.load(sys.stdin)
    instant = datetime.fromisoformat(asked["now"])

    class Frozen(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return instant.astimezone(tz)

    sectxt.datetime = Frozen
    json.dump([codes(sectxt.Parser(b64decode(file), urls=asked["url"])) for file in asked["files"]], sys.stdout)


def codes(parsed: Any) -> list[str]:
    said = (*parsed.errors, *parsed.recommendations, *parsed.notifications)
    return sorted({one["code"] for one in said})


if __name__ == "__main__":
    main()

"""The body of a request, read into memory: no byte of a stranger's file touches the disk (R45).

Werkzeug's own way writes what is larger than half a megabyte to a temporary file; the cap of a whole form
(``uploads.max_request_bytes``) bounds what is held instead.
"""

from __future__ import annotations

import io
from typing import IO

from flask import Request


class FormInMemory(Request):
    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        return io.BytesIO()

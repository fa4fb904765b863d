"""Small files that must be whole or not there at all, whenever a process ends: keys, and what is published of them."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import NamedTemporaryFile


def create(path: Path, content: bytes) -> bool:
    """``path``, 0600, with exactly ``content``; False, and nothing changed, if there is one. Whole from the first."""
    beside = _beside(path, content)
    try:
        os.link(beside, path)  # unlike a rename, never over another file
    except FileExistsError:
        return False
    finally:
        beside.unlink()
    _flush_folder(path.parent)
    return True


def replace(path: Path, content: bytes) -> None:
    """``content`` in the place of what was there; whoever opens ``path`` meanwhile has the one or the other, whole."""
    os.replace(_beside(path, content), path)
    _flush_folder(path.parent)


def _beside(path: Path, content: bytes) -> Path:
    # A name that begins with a dot: what a dead process leaves behind is taken for nothing else. 0600 from the start.
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    return Path(out.name)


def _flush_folder(folder: Path) -> None:
    """Else a power cut may take the name away again, and with it a key that something was signed with."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

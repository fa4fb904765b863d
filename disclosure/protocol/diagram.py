"""The transition tables as one Mermaid diagram: README holds what it gives."""

from __future__ import annotations

import re
from collections.abc import Iterator

from disclosure.protocol.axes import FIRST, TRANSITIONS, Axis

# What a reader needs to follow an alert; moves that stay in their state are left out.
SHOWN = (Axis.TRIAGE, Axis.CONTACT, Axis.NOTICE, Axis.ACKNOWLEDGEMENT, Axis.REMEDIATION)


def diagram() -> str:
    """One state diagram, an axis after the other."""
    lines = ["```mermaid", "stateDiagram-v2"]
    for axis in SHOWN:
        lines += [f'  state "{axis}" as {axis} {{', *_moves(axis), "  }"]
    return "\n".join([*lines, "```"])


def _moves(axis: Axis) -> Iterator[str]:
    yield f"    [*] --> {axis}_{FIRST[axis]}"
    states = dict.fromkeys(state for pair in TRANSITIONS[axis].items() for state in (pair[0][0], pair[1]))
    for state in states:
        yield f'    state "{state}" as {axis}_{state}'
    for (state, kind), to in TRANSITIONS[axis].items():
        if state != to:
            yield f"    {axis}_{state} --> {axis}_{to}: {_words(kind.__name__)}"


def _words(name: str) -> str:
    return re.sub(r"(?<!^)([A-Z])", r" \1", name).lower()

"""The body of a POST: `application/x-www-form-urlencoded`, as every client writes it (§2)."""

from __future__ import annotations

from urllib.parse import parse_qsl

FORM = "application/x-www-form-urlencoded"
_MOST_FIELDS = 20


def read_form(body: bytes, content_type: str) -> dict[str, str]:
    """The fields; none where this is no such form. Of a field that comes twice the last counts."""
    if content_type not in (FORM, "application/octet-stream"):
        return {}
    try:
        return dict(parse_qsl(body.decode().strip(), max_num_fields=_MOST_FIELDS, errors="strict"))
    except ValueError:
        return {}

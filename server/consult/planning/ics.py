"""One person's appointments as an iCalendar file (RFC 5545), for the calendar on his phone.

It leaves the hub, so it holds no patient: the other institution, the times, and where to enter.
"""

from __future__ import annotations

from collections.abc import Iterable

LINE_BYTES = 75


def calendar(appointments: Iterable[tuple[str, str, str, str]], now: str, *, lang: str) -> bytes:
    """`appointments`: (consultation, from, to, the other side), times as the hub writes them."""
    summary = "Consultation" if lang == "en" else "远程会诊"
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//XinLian//consultations//EN", "CALSCALE:GREGORIAN"]
    for consult, from_at, to_at, other in appointments:
        lines += [
            "BEGIN:VEVENT",
            f"UID:{consult}@xinlian",
            f"DTSTAMP:{_utc(now)}",
            f"DTSTART:{_utc(from_at)}",
            f"DTEND:{_utc(to_at)}",
            f"SUMMARY:{_text(f'{summary} {other}'.strip())}",
            f"LOCATION:{_text(f'/room/{consult}')}",
            "BEGIN:VALARM",
            "ACTION:DISPLAY",
            f"DESCRIPTION:{_text(summary)}",
            "TRIGGER:-PT10M",
            "END:VALARM",
            "END:VEVENT",
        ]
    return "".join(f"{part}\r\n" for line in [*lines, "END:VCALENDAR"] for part in _folded(line)).encode()


def _utc(at: str) -> str:
    """`20261122T060000Z`"""
    return at.partition(".")[0].replace("-", "").replace(":", "") + "Z"


def _text(words: str) -> str:
    for special in ("\\", ";", ","):
        words = words.replace(special, f"\\{special}")
    return " ".join(words.split())


def _folded(line: str) -> list[str]:
    """No line is longer than 75 bytes; a continued one begins with a space, and no character is torn."""
    parts, part = [], ""
    for char in line:
        if len((part + char).encode()) > LINE_BYTES:
            parts.append(part)
            part = " "
        part += char
    return [*parts, part]

"""XML of electrocardiographs, read safely: bytes to a tree, and the numbers, units, times and names that stand in one.

A file is hostile until read: entities and attribute defaults of its own are refused, an external DTD is never fetched
(real GE files name one), and size, depth and number of elements are bounded. Names of elements and attributes come
without prefix and in small letters: makers differ in both. No format lives here, and no lead (`leads.py`).
"""

from __future__ import annotations

import base64
import binascii
import codecs
import re
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, pairwise
from typing import Final
from xml.parsers import expat

import numpy as np
import numpy.typing as npt

from ecg.errors import (
    FieldWrong,
    FileBroken,
    FileTooLarge,
    FileTruncated,
    FormatUnknown,
    GainMissing,
    UnitUnknown,
    XmlRefused,
)
from ecg.formats.document import I32, THE_FILE

XML_BYTES_MAX: Final = 24 * 1024 * 1024  # a quarter of an hour of 12 leads, written as digits
ELEMENTS_MAX: Final = 100_000  # elements and attributes; the fullest file seen has 12,000
DEPTH_MAX: Final = 100
TAG_BYTES_MAX: Final = 4 * 1024 * 1024  # one tag with its attributes; some makers write samples into an attribute
RATE_MAX_HZ: Final = 100_000.0
STEP_MAX: Final = 2**31 - 2
WORD_MAX: Final = 24  # letters of one number
PLACES_MAX: Final = 6  # decimals of one number that are kept
SAMPLES_MAX: Final = 6_000_000  # of all leads: a quarter of an hour of 12 leads at 500 Hz
CHUNK: Final = 64 * 1024

_UV = {
    "v": 1e6, "volt": 1e6, "volts": 1e6,
    "mv": 1e3, "millivolt": 1e3, "millivolts": 1e3,
    "uv": 1.0, "μv": 1.0, "microvolt": 1.0, "microvolts": 1.0, "uvperlsb": 1.0,
    "nv": 1e-3, "nanovolt": 1e-3, "nanovolts": 1e-3,
}  # fmt: skip
_ENCODINGS = {
    "utf-8", "ascii", "iso8859-1", "iso8859-2", "iso8859-5", "iso8859-9", "iso8859-15", "cp1250", "cp1251", "cp1252",
    "cp1254", "gb2312", "gbk", "gb18030", "big5", "shift_jis", "euc_jp", "euc_kr",
}  # fmt: skip
_DECLARED = re.compile(rb"^\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9._:-]{1,40})[\"']")
_HIGH = re.compile(rb"[\x80-\xff]+")
_LONE = re.compile(rb"(?<=[A-Za-z])[\xc0-\xff](?![\x80-\xff])|(?<![\x80-\xff])[\xc0-\xff](?=[a-z])")
_TAG = re.compile(r"<(?:!DOCTYPE\s+)?([^\W\d][\w.:-]*)", re.IGNORECASE)
_PLAIN_DOCTYPE = re.compile(r"<!DOCTYPE[^\[>]*+>")
_NUMBER = re.compile(r"[-+]?(\d+([.,]\d*)?|[.,]\d+)([eE][-+]?\d{1,2})?", re.ASCII)
_LIST = re.compile(r"\s*+(?:[-+]?+(?:\d++(?:\.\d*+)?+|\.\d++)(?:\s++|\Z))*+", re.ASCII)  # possessive: linear in time
_DECIMALS = re.compile(r"\.(\d+)", re.ASCII)
_ENDS_EARLY = {"no element found", "unclosed token", "partial character", "unclosed CDATA section"}


@dataclass(slots=True)
class Node:
    """One element: its local name in small letters, attributes likewise, elements below it, and pieces of text."""

    name: str
    attributes: dict[str, str]
    children: list[Node] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Its own text, without that of the elements below; blanks of any kind become one."""
        return " ".join("".join(self.pieces).split())

    def value(self, attribute: str) -> str:
        """An attribute without blanks around it, or nothing."""
        return self.attributes.get(attribute, "").strip()

    def along(self, *path: str) -> list[Node]:
        """All elements at the end of a path of child names."""
        found = [self]
        for name in path:
            found = [child for node in found for child in node.children if child.name == name]
        return found

    def first(self, *path: str) -> Node:
        """The first element at the end of a path, or an empty one."""
        return next(iter(self.along(*path)), Node("", {}))

    def every(self, *names: str) -> Iterator[Node]:
        """All elements of these names at any depth below this one, in the order of the file."""
        waiting = list(reversed(self.children))
        while waiting:
            node = waiting.pop()
            if node.name in names:
                yield node
            waiting.extend(reversed(node.children))

    def any(self, *names: str) -> Node:
        """The first element of one of these names at any depth, or an empty one."""
        return next(self.every(*names), Node("", {}))


def root_name(raw: bytes) -> str:
    """The local name of the outermost element in small letters, from the first bytes alone; nothing if it is no XML."""
    head = raw[:CHUNK]
    text = head.decode(_wide(head) or "latin-1", errors="ignore").lstrip("\ufeffï»¿\0 \t\r\n")
    while text.startswith(("<?", "<!--", "<!DOCTYPE")):
        doctype = _PLAIN_DOCTYPE.match(text)
        if text.startswith("<!D") and not doctype:
            break  # with a part of its own: the name it promises must do
        _, closed, text = text.partition("?>" if text.startswith("<?") else "-->" if text.startswith("<!-") else ">")
        if not closed:
            return ""
        text = text.lstrip()
    tag = _TAG.match(text)
    return _local(tag[1]) if tag else ""


def tree(raw: bytes, *roots: str) -> Node:
    """The outermost element, which has one of these names.

    Raises FileTooLarge, FileTruncated, FileBroken, XmlRefused, FormatUnknown (another root than the prolog promised).
    """
    if len(raw) > XML_BYTES_MAX:
        raise FileTooLarge(path=THE_FILE, got=len(raw), unit="bytes of XML", most=XML_BYTES_MAX)
    builder = _Builder()
    for at, text in _decoded(raw):
        builder.take(text.lstrip("\ufeff \t\r\n") if at == 0 else text)
    root = builder.close()
    if root.name not in roots:
        raise FormatUnknown(path=THE_FILE)
    return root


class _Builder:
    """Feeds expat and keeps what it reports, within the limits."""

    def __init__(self) -> None:
        self.root: Node | None = None
        self.open: list[Node] = []
        self.elements = 0
        self.fed = 0
        self.parser = expat.ParserCreate("utf-8")
        self.parser.buffer_text = True
        self.parser.buffer_size = CHUNK
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.EntityDeclHandler = self._entity
        self.parser.SkippedEntityHandler = self._skipped
        self.parser.AttlistDeclHandler = self._attlist

    def take(self, text: str, last: bool = False) -> None:
        part = text.encode("utf-8", errors="replace")
        self.fed += len(part)
        try:
            self.parser.Parse(part, last)
        except expat.ExpatError as error:
            raise self._refusal(error) from None
        if self.fed - max(self.parser.CurrentByteIndex, 0) > TAG_BYTES_MAX:
            raise XmlRefused(path=THE_FILE, reason=f"one of its tags is longer than {TAG_BYTES_MAX} bytes")

    def close(self) -> Node:
        self.take("", last=True)
        assert self.root is not None  # expat ends a document without an element with an error
        return self.root

    def _refusal(self, error: expat.ExpatError) -> FileTruncated | FileBroken | XmlRefused:
        words = expat.ErrorString(error.code) or "unknown"
        if words in _ENDS_EARLY:
            inside = f" inside <{self.open[-1].name}>" if self.open else ""
            return FileTruncated(path=THE_FILE, where=f"its XML ends{inside} and is not well-formed")
        if "entity" in words:
            return XmlRefused(path=THE_FILE, reason=f"it uses an entity of its own (line {error.lineno}: {words})")
        return FileBroken(path=THE_FILE, reason=f"its XML is not well-formed (line {error.lineno}: {words})")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self.elements += 1 + len(attributes)
        if self.elements > ELEMENTS_MAX:
            raise XmlRefused(path=THE_FILE, reason=f"it has more than {ELEMENTS_MAX} elements and attributes")
        if len(self.open) >= DEPTH_MAX:
            raise XmlRefused(path=THE_FILE, reason=f"its depth of nested elements is above {DEPTH_MAX}")
        plain = {_local(key): value for key, value in attributes.items() if ":" in key}
        plain.update((key.lower(), value) for key, value in attributes.items() if ":" not in key)
        node = Node(_local(name), plain)
        if self.open:
            self.open[-1].children.append(node)
        else:
            self.root = node
        self.open.append(node)

    def _end(self, _name: str) -> None:
        self.open.pop()

    def _text(self, text: str) -> None:
        self.open[-1].pieces.append(" " if text.isspace() else text)

    def _entity(self, name: str, *_rest: object) -> None:
        raise XmlRefused(path=THE_FILE, reason=f"it declares the entity {name[:40]}")

    def _skipped(self, name: str, _parameter: object) -> None:
        raise XmlRefused(path=THE_FILE, reason=f"it uses the entity {name[:40]} of a DTD that is not fetched")

    def _attlist(self, element: str, *_rest: object) -> None:
        raise XmlRefused(path=THE_FILE, reason=f"it declares attributes of {element[:40]} of its own")


def _local(name: str) -> str:
    return name.rpartition(":")[2].lower()


def _wide(head: bytes) -> str:
    """The UTF-16 that the first bytes are in, or nothing."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    return {b"<\0": "utf-16-le", b"\0<": "utf-16-be"}.get(head[:2], "")


def _decoded(raw: bytes) -> Iterator[tuple[int, str]]:
    """The text, piece by piece: as declared, or as UTF-8 or GB18030 where the bytes are not what the prolog says.

    Carts sold in China write GBK under any label. Bytes that fit nothing become U+FFFD: a name is then damaged, but
    never a sample, whose digits are ASCII in all of these.
    """
    if raw.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):
        raise XmlRefused(path=THE_FILE, reason="it is encoded as UTF-32")
    wide = _wide(raw)
    if not wide:
        raw = raw.rstrip(b"\0 \t\r\n")
    if wide or raw.isascii():
        encodings = [wide or "ascii"]
    else:
        declared = _DECLARED.match(raw.removeprefix(codecs.BOM_UTF8)[:400])
        encodings = [*_known(declared[1].decode("ascii") if declared else "utf-8"), "utf-8"]
        encodings.append("cp1252" if _is_western(raw) else "gb18030")
    encoding = next((encoding for encoding in encodings if _fits(raw, encoding)), encodings[0])
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    for at in range(0, len(raw), CHUNK):
        yield at, decoder.decode(raw[at : at + CHUNK], final=at + CHUNK >= len(raw))


def _is_western(raw: bytes) -> bool:
    """Whether all letters beyond ASCII stand alone beside ASCII ones, as in "Müller": Chinese has two bytes a sign."""
    return len(_LONE.findall(raw)) == sum(map(len, _HIGH.findall(raw)))


def _known(declared: str) -> list[str]:
    try:
        encoding = codecs.lookup(declared).name
    except LookupError:
        return []
    if encoding not in _ENCODINGS:
        return []
    return ["gb18030"] if encoding in ("gb2312", "gbk") else [encoding]  # the later ones hold the earlier ones


def _fits(raw: bytes, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    try:
        for at in range(0, len(raw), CHUNK):
            decoder.decode(raw[at : at + CHUNK], final=at + CHUNK >= len(raw))
    except UnicodeDecodeError:
        return False
    return True


# ---- what stands in a tree ----


def number(text: str, name: str) -> float:
    """A decimal number, with point or comma. Raises FieldWrong."""
    if not _NUMBER.fullmatch(text.strip()) or len(text) > WORD_MAX * 2:
        raise FieldWrong(path=THE_FILE, field=name, got=shown(text), why="a number is expected")
    return float(text.replace(",", "."))


def count(text: str, name: str) -> int | None:
    """A whole number from 0, or None where the file leaves it out. Raises FieldWrong."""
    if not text.strip():
        return None
    found = number(text, name)
    if not 0 <= found <= STEP_MAX or found != int(found):
        raise FieldWrong(path=THE_FILE, field=name, got=shown(text), why="a whole number from 0 is expected")
    return int(found)


def rate(hz: float, stated: str, name: str) -> float:
    """Samples a second that can be meant. Raises FieldWrong."""
    if not 0 < hz <= RATE_MAX_HZ:
        raise FieldWrong(path=THE_FILE, field=name, got=shown(stated), why="samples a second must be above 0")
    return hz


def microvolts(unit: str, lead: str) -> float:
    """How many microvolts a unit has. Raises GainMissing (no unit), UnitUnknown."""
    if not unit.strip():
        raise GainMissing(path=THE_FILE, lead=lead)
    found = _UV.get(unit.strip().casefold())
    if found is None:
        raise UnitUnknown(path=THE_FILE, lead=lead, unit=shown(unit))
    return found


def shown(text: str) -> str:
    """What an error shows of a field."""
    short = " ".join(text[:80].split())[:40]
    return short if short else "empty"


def samples(pieces: list[str], lead: str) -> tuple[I32, int]:
    """Numbers of a list, and how many decimal places were moved to make them whole ("0.5" is 5 with 1 place).

    Blanks, commas and semicolons part them. Empties `pieces` on the way: both need not stand in memory at once.
    Raises FieldWrong: something else stands there, or a number is too large. FileTooLarge.
    """
    name = f"samples of lead {lead}"
    places = min(_places(pieces), PLACES_MAX)
    found = array("i")
    for part in _whole_parts(pieces, name):
        plain = part.replace(",", " ").replace(";", " ")
        if not plain or plain.isspace():
            continue
        if not _LIST.fullmatch(plain):
            raise _no_number(plain, name)
        # `fromstring` stops at the first letter it cannot take, so the pattern above must have judged all of them.
        numbers: npt.NDArray[np.int64 | np.float64]
        if "." in plain or places:
            numbers = np.rint(np.fromstring(plain, dtype=np.float64, sep=" ") * 10.0**places)
        else:
            numbers = np.fromstring(plain, dtype=np.int64, sep=" ")
        if numbers.min() < -STEP_MAX or numbers.max() > STEP_MAX:
            raise _no_number(plain, name)
        found.frombytes(numbers.astype(np.int32).tobytes())
        if len(found) > SAMPLES_MAX:
            raise FileTooLarge(path=THE_FILE, got=len(found), unit=f"samples in lead {lead}", most=SAMPLES_MAX)
    return np.frombuffer(found, dtype=np.int32), places


def _places(pieces: Sequence[str]) -> int:
    """The most decimals of any number, those that two pieces share included."""
    seams = (before[-WORD_MAX:] + after[:WORD_MAX] for before, after in pairwise(pieces))
    return max(
        (len(tail.rstrip("0")) for piece in chain(pieces, seams) for tail in _DECIMALS.findall(piece)), default=0
    )


def _whole_parts(pieces: list[str], name: str) -> Iterator[str]:
    """The list in bounded parts that end between two numbers."""
    rest = ""
    for piece in _taken(pieces):
        text = rest + piece
        end = max(text.rfind(blank) for blank in (" ", ",", ";", "\n", "\t")) + 1
        rest = text[end:]
        if len(rest) > WORD_MAX:
            raise FieldWrong(path=THE_FILE, field=name, got=shown(rest), why="it is no list of numbers")
        yield text[:end]
    yield rest


def _taken(pieces: list[str]) -> Iterator[str]:
    pieces.reverse()
    while pieces:
        piece = pieces.pop()
        for at in range(0, len(piece), CHUNK):
            yield piece[at : at + CHUNK]


def _no_number(text: str, name: str) -> FieldWrong:
    words = text.split()
    wrong = next((word for word in words if not _LIST.fullmatch(word) or abs(float(word)) > STEP_MAX), words[0])
    return FieldWrong(path=THE_FILE, field=name, got=shown(wrong), why="a number of up to nine digits is expected")


def base64_of(pieces: list[str], name: str) -> bytes:
    """Bytes written as Base64, whatever blanks stand between; empties `pieces`. Raises FieldWrong."""
    found = bytearray()
    text = rest = ""
    ended = False
    try:
        for piece in _taken(pieces):
            text = rest + "".join(piece.split())
            if ended and text:
                raise ValueError("something stands behind the end")
            whole = len(text) // 4 * 4
            found += base64.b64decode(text[:whole], validate=True)
            rest, ended = text[whole:], text[:whole].endswith("=")
        found += base64.b64decode(rest, validate=True)
    except (binascii.Error, ValueError):
        raise FieldWrong(path=THE_FILE, field=name, got=shown(text), why="it is not Base64") from None
    return bytes(found)


def int16_of(raw: bytes, name: str) -> I32:
    """Little-endian signed 16-bit words. Raises FieldWrong: half a word is left over."""
    if len(raw) % 2:
        raise FieldWrong(path=THE_FILE, field=name, got=f"{len(raw)} bytes", why="samples have two bytes each")
    return np.frombuffer(raw, dtype="<i2").astype(np.int32)

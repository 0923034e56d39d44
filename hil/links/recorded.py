"""Reads recordings of CAN frames, whatever wrote them. The content tells the format; the name of the file does not count."""

import codecs
import hashlib
import re
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

from hil.errors import BadInput
from hil.links import candue_table, candump_table, frame_table, python_can_logs
from hil.links.recording import Gathered, Recording, Told, Unreadable

BINARY: tuple[tuple[bytes, str, Callable[[bytes, Told], Gathered]], ...] = (
    (b"LOGG", "Vector BLF", python_can_logs.gather_blf),
    (b"MDF ", "ASAM MF4", python_can_logs.gather_mf4),
    (b"UnFinMF ", "ASAM MF4", python_can_logs.gather_mf4),
    (b"SQLite format 3\0", "python-can database", python_can_logs.gather_db),
)
"""First bytes, name and reader."""

GZIP = b"\x1f\x8b"

TEXT: tuple[tuple[str, Callable[[Sequence[str]], bool], Callable[[str, Told], Gathered]], ...] = (
    ("candump text", candump_table.claims, candump_table.gather),
    ("CANDue text", candue_table.claims, candue_table.gather),
    ("PEAK TRC", python_can_logs.claims_trc, python_can_logs.gather_trc),
    ("Vector ASC", python_can_logs.claims_asc, python_can_logs.gather_asc),
    ("python-can CSV", python_can_logs.claims_csv, python_can_logs.gather_csv),
    ("SavvyCAN/GVRET CSV", frame_table.is_gvret, frame_table.gather),
    ("Chinese CAN-tool CSV", frame_table.is_chinese, frame_table.gather),
    ("table", frame_table.claims, frame_table.gather),
)
"""Name, whether the first lines are of this format, reader. The first that claims a file gets it."""

KNOWN = (
    "candump, Vector ASC and BLF, PEAK TRC, ASAM MF4, python-can CSV and .db, SavvyCAN/GVRET CSV, CANDue text, "
    "Chinese CAN-tool CSV, tables with columns time, id, data; each also compressed with gzip"
)

HEAD_LINES = 200


def read(path: Path | str, *, told: Told = lambda _: None) -> Recording:
    """The frames in the file *path*. Raises `BadInput`, one line, if there are none to be had. *told* hears of progress."""
    path = Path(path)
    content = _content(path)
    sha256 = hashlib.sha256(content).hexdigest()
    notes: list[str] = []
    if content[:2] == GZIP:
        content, notes = _unpacked(path, content)
    try:
        kind, found = _found(content, told)
        if not found.ids and not (found.remote_frames or found.error_frames or found.long_frames):
            raise Unreadable(f"{kind} without a single frame")
        found.notes[:0] = notes
        return found.recording(path, kind, sha256)
    except Unreadable as error:
        raise BadInput(f"{path}: {error}") from None


def _content(path: Path) -> bytes:
    if path.is_dir():
        raise BadInput(f"{path}: is a folder; give the recordings in it")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror or error}") from None
    if not content:
        raise BadInput(f"{path}: is empty. Known formats: {KNOWN}")
    return content


def _unpacked(path: Path, content: bytes) -> tuple[bytes, list[str]]:
    """What is in a gzip file, as far as it goes."""
    unpacker = zlib.decompressobj(wbits=31)
    try:
        content = unpacker.decompress(content)
    except zlib.error:
        raise BadInput(f"{path}: damaged gzip file") from None
    return content, [] if unpacker.eof else ["The gzip file is cut off; what it holds was read."]


def _found(content: bytes, told: Told) -> tuple[str, Gathered]:
    for start, kind, gather in BINARY:
        if content.startswith(start):
            return kind, gather(content, told)
    text, cut = _whole_lines(_text(content))
    lines = [line for line in text[: 1 << 17].splitlines() if line.strip()][:HEAD_LINES]
    for kind, claims, gather_text in TEXT:
        if claims(lines):
            found = gather_text(text, told)
            found.notes += cut
            return kind, found
    if frame_table.looks_like_table(lines):
        raise Unreadable(f"a table without columns for time, id and data; its heading is {lines[0][:80]!r}")
    raise Unreadable(f"not a recording of CAN frames in a known format. Known formats: {KNOWN}")


def _text(content: bytes) -> str:
    """The characters of a text file in UTF-8, UTF-16 or GB18030; a character that is cut off at the end is left out."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return codecs.getincrementaldecoder("utf-16")(errors="replace").decode(content)
    if b"\0" in content[: 1 << 16]:
        raise Unreadable(f"binary, but in no known format. Known formats: {KNOWN}")
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return codecs.getincrementaldecoder(encoding)().decode(content)
        except UnicodeDecodeError:
            continue
    return content.decode("latin-1")


def _whole_lines(text: str) -> tuple[str, list[str]]:
    """*text* without a last line that ends within a byte, which would pass for a whole one; a note on a missing end."""
    before, end, last = text.rpartition("\n")
    if not last.strip():
        return text, []
    if len(re.split(r"[\s,;]+", last)[-1]) == 1:
        return before + end, ["The last line is cut within a byte and was left out."]
    return text, ["The last line has no end; the file may have been cut off there."]

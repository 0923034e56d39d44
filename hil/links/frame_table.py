"""Tables with a row per frame, whatever their columns are called: SavvyCAN/GVRET, Chinese CAN tools, ``time,id,data``."""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from hil.links.recording import Gathered, Told, Unreadable
from hil.links.stamps import times_us

NAMES = {
    "time": ("time", "timestamp", "time stamp", "t", "时间标识", "时间", "系统时间", "相对时间", "传输时间", "时间戳"),
    "id": ("id", "canid", "can id", "msgid", "msg id", "message id", "arbitration id", "identifier", "frame id", "帧id", "id号"),
    "data": ("data", "payload", "bytes", "data bytes", "数据", "帧数据", "数据hex"),
    "length": ("len", "length", "dlc", "data length", "长度", "数据长度"),
    "kind": ("type", "frame type", "类型", "帧类型", "帧格式"),
    "extended": ("extended", "ext", "ide", "is extended"),
}
"""What the columns may be called, in lower case, without unit and punctuation."""

_UNIT = re.compile(r"[\[(_ ]\s*(s|sec|ms|us|µs|μs|ns)\s*[\])]?$")
_UNIT_NAMES = {"sec": "s", "us": "µs", "μs": "µs"}
_BYTE = re.compile(r"(?:d|b|db|byte|data)[ _]?\d$")
_SPACES = re.compile(r"[\s,;_:-]+")
_HEX = re.compile(r"(?:0[xX])?[0-9A-Fa-f]+[hHxX]?$")
NO = ("0", "false", "no", "n", "std", "standard", "")
DELIMITERS = ",;\t"
STEP = 4096


@dataclass
class Layout:
    """Which column holds what."""

    at: dict[str, int] = field(default_factory=dict)
    byte_columns: list[int] = field(default_factory=list)
    unit: str | None = None
    has_heading: bool = True

    @property
    def whole(self) -> bool:
        """Whether time, identifier and data are there."""
        return "time" in self.at and "id" in self.at and ("data" in self.at or bool(self.byte_columns))

    @property
    def is_gvret(self) -> bool:
        """SavvyCAN's and GVRET's heading; their time is in µs."""
        return bool(self.byte_columns) and {"time", "id", "extended", "length"} <= self.at.keys()


def claims(lines: Sequence[str]) -> bool:
    """Whether the first of *lines* is the heading of such a table or a row of one without."""
    return bool(lines) and _layout(lines[0], _delimiter(lines)).whole


def is_gvret(lines: Sequence[str]) -> bool:
    """Whether it is SavvyCAN's form."""
    return claims(lines) and _layout(lines[0], _delimiter(lines)).is_gvret


def is_chinese(lines: Sequence[str]) -> bool:
    """Whether it is the export of a Chinese CAN tool."""
    return claims(lines) and "帧" in lines[0]


def looks_like_table(lines: Sequence[str]) -> bool:
    """Whether *lines* have columns at all, to complain about the right thing."""
    delimiter = _delimiter(lines)
    return len(lines) > 1 and lines[0].count(delimiter) >= 2 and lines[1].count(delimiter) >= 2


def gather(text: str, told: Told) -> Gathered:
    """All frames of the table *text*."""
    lines = text.splitlines()
    while lines and not lines[0].strip():
        lines.pop(0)
    delimiter = _delimiter(lines[:20])
    layout = _layout(lines[0], delimiter)
    found = Gathered()
    stamps: list[str] = []
    rows = csv.reader(lines[layout.has_heading :], delimiter=delimiter)
    names_are_decimal = _decimal_names(lines[layout.has_heading : 2000], layout, delimiter)
    for number, row in enumerate(_rows(rows), 1 + layout.has_heading):
        if not row or not any(row):
            continue
        try:
            stamp = _frame(row, layout, found, decimal=names_are_decimal)
        except (ValueError, IndexError):
            found.unread.append(number)
        else:
            stamps += [stamp] if len(found.ids) > len(stamps) else []
        if number % STEP == 0:
            told(number / len(lines))
    try:
        found.times_us, assumed = times_us(stamps, unit="µs" if layout.is_gvret else layout.unit)
    except (ValueError, OverflowError):
        raise Unreadable("the column of times holds something else") from None
    if not text.endswith("\n"):
        found.drop_cut_frame()
    found.notes += [assumed] if assumed else []
    found.notes += ["Identifiers are taken as decimal numbers."] if names_are_decimal else []
    return found


def _rows(rows: Iterator[list[str]]) -> Iterator[list[str]]:
    """The rows; one that csv cannot split is an empty cell."""
    while True:
        try:
            yield next(rows)
        except StopIteration:
            return
        except csv.Error:
            yield ["?"]


def _frame(row: list[str], layout: Layout, found: Gathered, *, decimal: bool) -> str:
    """Add the frame in *row*; its time stamp."""
    stamp, kind = row[layout.at["time"]], _cell(row, layout, "kind").lower()
    if not stamp.strip(" -+0123456789.:/TZeE"):
        if "远程" in kind or "remote" in kind or "rtr" in kind:
            found.remote_frames += 1
        elif "错误" in kind or "error" in kind:
            found.error_frames += 1
        else:
            name = row[layout.at["id"]].strip()
            can_id = int(name) if decimal else int(name.rstrip("hHxX"), 16)
            data, mended = _data(row, layout)
            found.mended += mended
            found.add(0, can_id, data, _extended(row, layout, kind, name, can_id))
        return stamp
    raise ValueError(stamp)


def _data(row: list[str], layout: Layout) -> tuple[bytes, bool]:
    """The data bytes of *row*, and whether a leading zero had to be put back."""
    said = _cell(row, layout, "length")
    length = int(said, 0 if said[:2] in ("0x", "0X") else 10) if said else None
    mended = False
    if layout.byte_columns:
        cells = [row[at].strip() for at in layout.byte_columns if at < len(row)]
        tokens = [cell for cell in cells if cell]
    else:
        tokens = [token for token in _SPACES.split(row[layout.at["data"]].strip()) if token]
    if len(tokens) == 1 and not layout.byte_columns:
        digits = tokens[0].removeprefix("0x").removeprefix("0X")
        # A spreadsheet takes 00 for a number and drops the leading zero.
        mended = len(digits) % 2 == 1
        data = bytes.fromhex(digits.zfill(2 * (length or (len(digits) + 1) // 2)) if mended else digits)
    else:
        data = bytes(int(token, 16) for token in tokens)
    if length is not None and length > len(data):
        raise ValueError("fewer bytes than the row says")
    return (data if length is None else data[:length]), mended


def _extended(row: list[str], layout: Layout, kind: str, name: str, can_id: int) -> bool:
    said = _cell(row, layout, "extended").lower()
    if "extended" in layout.at:
        return said not in NO
    if "标准" in kind or "std" in kind or "standard" in kind:
        return False
    return can_id > 0x7FF or "扩展" in kind or len(name.removeprefix("0x")) == 8


def _cell(row: list[str], layout: Layout, name: str) -> str:
    at = layout.at.get(name)
    return row[at].strip() if at is not None and at < len(row) else ""


def _delimiter(lines: Sequence[str]) -> str:
    return max(DELIMITERS, key=lambda mark: sum(line.count(mark) for line in lines[:20]))


def _layout(heading: str, delimiter: str) -> Layout:
    cells = next(csv.reader([heading], delimiter=delimiter), [])
    layout = Layout()
    for index, cell in enumerate(cells):
        title = cell.strip().strip("\"'﻿").lower()
        unit = _UNIT.search(title)
        bare = re.sub(r"[\[(].*?[\])]", "", title[: unit.start()] if unit else title).replace("_", " ").strip(" .:")
        if _BYTE.match(bare):
            layout.byte_columns.append(index)
            continue
        name = next((name for name, titles in NAMES.items() if bare in titles), None)
        if name is not None and name not in layout.at:
            layout.at[name] = index
            if name == "time" and unit:
                layout.unit = _UNIT_NAMES.get(unit[1], unit[1])
    return layout if layout.at else _without_heading(cells)


def _without_heading(cells: list[str]) -> Layout:
    """A first row that is a frame: time, identifier, perhaps the number of bytes, data in one cell or in several."""
    none = Layout(has_heading=False)
    if len(cells) < 3 or not re.fullmatch(r"-?[\d.:/ -]+", cells[0].strip()) or not _HEX.match(cells[1].strip()):
        return none
    counted = len(cells) > 3 and cells[2].strip().isdigit() and int(cells[2]) <= 8
    first = 3 if counted else 2
    layout = Layout({"time": 0, "id": 1, **({"length": 2} if counted else {})}, has_heading=False)
    if len([cell for cell in cells[first:] if cell.strip()]) > 1:
        layout.byte_columns = list(range(first, first + 8))
    elif first < len(cells):
        layout.at["data"] = first
    return layout


def _decimal_names(lines: Sequence[str], layout: Layout, delimiter: str) -> bool:
    """Whether identifiers can only be decimal: no letter anywhere, no 0x, and one that does not fit into 29 bits as hex."""
    names = [row[layout.at["id"]].strip() for row in _rows(csv.reader(lines, delimiter=delimiter)) if len(row) > layout.at["id"]]
    digits = [name for name in names if name]
    return all(name.isdigit() for name in digits) and any(int(name, 16) >= 1 << 29 for name in digits)

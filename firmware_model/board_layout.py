"""The board seam as C structures: what a shared library, an emulator or a controller on a wire is handed.

Little-endian, naturally aligned; the field order is the order of declaration.
"""

import ctypes
from collections.abc import Sequence
from typing import Any

from firmware_model.board import CHANNELS, MAILBOX_DEPTH, NVM_WORDS, Inputs, Outputs, Window
from protocols.core.errors import LocalError
from protocols.core.frame import Frame


class CFrame(ctypes.LittleEndianStructure):
    """One classical CAN data frame."""

    _fields_ = (
        ("can_id", ctypes.c_uint32),
        ("extended", ctypes.c_uint8),
        ("length", ctypes.c_uint8),
        ("data", ctypes.c_uint8 * 8),
    )


class CWindow(ctypes.LittleEndianStructure):
    """One analogue watchdog."""

    _fields_ = (("low", ctypes.c_uint16), ("high", ctypes.c_uint16))


class CInputs(ctypes.LittleEndianStructure):
    """`firmware_model.board.Inputs`."""

    _fields_ = (
        ("tick_us", ctypes.c_uint64),
        ("gpio", ctypes.c_uint32),
        ("wake", ctypes.c_uint32),
        ("nvm", ctypes.c_uint32 * NVM_WORDS),
        ("adc", ctypes.c_uint16 * CHANNELS),
        ("monitor_plus_kohm", ctypes.c_uint16),
        ("monitor_minus_kohm", ctypes.c_uint16),
        ("overruns", ctypes.c_uint16),
        ("monitor_valid", ctypes.c_uint8),
        ("monitor_results", ctypes.c_uint8),
        ("bus_state", ctypes.c_uint8),
        ("rx_count", ctypes.c_uint8),
        ("rx", CFrame * MAILBOX_DEPTH),
    )


class COutputs(ctypes.LittleEndianStructure):
    """`firmware_model.board.Outputs`."""

    _fields_ = (
        ("next_us", ctypes.c_uint64),
        ("gpio", ctypes.c_uint32),
        ("voltage_mv", ctypes.c_uint32),
        ("current_ma", ctypes.c_int32),
        ("nvm", ctypes.c_uint32 * NVM_WORDS),
        ("windows", CWindow * CHANNELS),
        ("kick", ctypes.c_uint8),
        ("bus_recover", ctypes.c_uint8),
        ("tx_count", ctypes.c_uint8),
        ("tx", CFrame * MAILBOX_DEPTH),
    )


_INPUT_WORDS = (
    "tick_us",
    "gpio",
    "wake",
    "monitor_plus_kohm",
    "monitor_minus_kohm",
    "overruns",
    "monitor_valid",
    "monitor_results",
    "bus_state",
)
_OUTPUT_WORDS = ("next_us", "gpio", "voltage_mv", "current_ma", "kick", "bus_recover")


def pack_inputs(inputs: Inputs) -> CInputs:
    """The C form of *inputs*. Raises `LocalError` for a value that its word cannot hold."""
    raw = CInputs()
    _set_words(raw, inputs, _INPUT_WORDS)
    raw.adc[:], raw.nvm[:] = inputs.adc, inputs.nvm
    raw.rx_count = _pack_frames(raw.rx, inputs.rx)
    return raw


def unpack_inputs(raw: CInputs) -> Inputs:
    """The Python form of *raw*."""
    inputs = Inputs()
    _get_words(raw, inputs, _INPUT_WORDS)
    inputs.adc, inputs.nvm = tuple(raw.adc), list(raw.nvm)
    inputs.rx = _unpack_frames(raw.rx, raw.rx_count)
    return inputs


def pack_outputs(outputs: Outputs) -> COutputs:
    """The C form of *outputs*. Raises `LocalError` for a value that its word cannot hold."""
    raw = COutputs()
    _set_words(raw, outputs, _OUTPUT_WORDS)
    raw.nvm[:] = outputs.nvm
    raw.windows[:] = [CWindow(*window) for window in outputs.windows]
    raw.tx_count = _pack_frames(raw.tx, outputs.tx)
    return raw


def unpack_outputs(raw: COutputs) -> Outputs:
    """The Python form of *raw*."""
    outputs = Outputs()
    _get_words(raw, outputs, _OUTPUT_WORDS)
    outputs.nvm = list(raw.nvm)
    outputs.windows = [Window(window.low, window.high) for window in raw.windows]
    outputs.tx = _unpack_frames(raw.tx, raw.tx_count)
    return outputs


def _set_words(raw: ctypes.Structure, values: Any, names: Sequence[str]) -> None:
    for name in names:
        value = getattr(values, name)
        setattr(raw, name, value)
        if getattr(raw, name) != value:  # ctypes would wrap it silently
            raise LocalError(f"{name} = {value} does not fit its word")


def _get_words(raw: ctypes.Structure, values: Any, names: Sequence[str]) -> None:
    for name in names:
        setattr(values, name, getattr(raw, name))


def _pack_frames(room: Any, frames: Sequence[Frame]) -> int:
    if len(frames) > len(room):
        raise LocalError(f"{len(frames)} frames do not fit into {len(room)} mailboxes")
    for place, frame in zip(room, frames, strict=False):
        place.can_id, place.extended, place.length = frame.can_id, frame.extended, len(frame.data)
        place.data[: len(frame.data)] = frame.data
    return len(frames)


def _unpack_frames(room: Any, count: int) -> list[Frame]:
    return [Frame(p.can_id, bytes(p.data[: p.length]), bool(p.extended)) for p in room[:count]]

"""Tables, candump's and CANDue's text as people and tools write them."""

import pytest

from hil.errors import BadInput
from hil.links.recorded import read
from protocols.core.frame import Frame

CHM = Frame(0x1826F456, b"\1\1\0")


def recording_of(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "recording"
    path.write_bytes(text.encode(encoding))
    return read(path)


@pytest.mark.parametrize(
    "line, frame",
    [
        ("(1.500000) can0 1826F456#010100", CHM),
        ("1.500000 can0 1826F456#01.01.00", CHM),
        ("(1.500000) can0 1826F456#010100 R", CHM),
        (" (1.500000)  can0  1826F456   [3]  01 01 00", CHM),
        (" (1.500000)  can0  RX - -  1826F456   [3]  01 01 00   '...'", CHM),
        ("(1970-01-01 00:00:01.500000)  can0  1826F456   [3]  01 01 00", CHM),
        ("(1.500000) can0 123#", Frame(0x123, b"", extended=False)),
        ("(1.500000) can0 00000123#AB", Frame(0x123, b"\xab")),
    ],
)
def test_candump_in_all_its_forms(line, frame, tmp_path):
    assert list(recording_of(tmp_path, f"{line}\n").frames()) == [(1_500_000, frame)]


def test_candump_without_time_stamps_says_so(tmp_path):
    recording = recording_of(tmp_path, "  can0  1826F456   [3]  01 01 00\n  can0  1826F456   [3]  01 01 00\n")

    assert len(recording) == 2
    assert "The lines carry no time stamps." in recording.notes


def test_candue_text_gives_the_received_frames_only(tmp_path):
    recording = recording_of(
        tmp_path, "Debug= 1\nRcvd msgID: 0x108; 06; FF  23:59:59.900\nTarget 177 V\nRcvd msgID: 0x109; 02  00:00:00.150\n"
    )

    assert [frame for _, frame in recording.frames()] == [Frame(0x108, b"\6\xff", False), Frame(0x109, b"\2", False)]
    assert recording.times_us[1] - recording.times_us[0] == 250_000


def test_savvycan_times_are_microseconds_and_may_be_negative(tmp_path):
    recording = recording_of(
        tmp_path,
        "Time Stamp,ID,Extended,Dir,Bus,LEN,D1,D2,D3,D4,D5,D6,D7,D8\n"
        "-1688467643383897,1826F456,true,Rx,0,3,01,01,00,\n-1688467643373880,00000700,false,Rx,0,2,01,02,\n",
    )

    assert list(recording.frames()) == [(-1688467643383897, CHM), (-1688467643373880, Frame(0x700, b"\1\2", False))]


CHINESE = "序号,帧ID,时间标识,类型,报文描述,报文内容,长度,数据(Hex)\n"


def test_the_chinese_tools_clock_wraps_at_the_hour_and_lost_zeros_come_back(tmp_path):
    recording = recording_of(
        tmp_path,
        CHINESE
        + '0,0x1826F456,59:59.9,接收 CAN 扩展帧 数据帧,PDU1,"x",3,01 01 00 \n'
        + "1,0x100956F4,00:00.1,接收 CAN 扩展帧 数据帧,PDU1,y,1,0\n",
        "gb18030",
    )

    assert [frame for _, frame in recording.frames()] == [CHM, Frame(0x100956F4, b"\0")]
    assert recording.times_us[1] - recording.times_us[0] == 200_000
    assert recording.notes == ("1 rows had lost the leading zero of their data, which was put back.",)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize(
    "heading, stamps, said",
    [
        ("time,id,data", ("1.00", "1.25"), "taken as s"),
        ("time,id,data", ("1000", "1250"), "taken as ms"),
        ("time,id,data", ("1000000", "1250000"), "taken as µs"),
        ("Time (ms),ID,Data", ("1000", "1250"), None),
        ("timestamp_s,can_id,payload", ("1", "1.25"), None),
        ("time_us,id,data", ("1000000", "1250000"), None),
        (None, ("1.00", "1.25"), "taken as s"),
    ],
)
def test_plain_tables_in_any_unit_of_time(delimiter, heading, stamps, said, tmp_path):
    rows = [heading] if heading else []
    rows += [f"{stamp},0x1826F456,01 01 00" for stamp in stamps]

    recording = recording_of(tmp_path, "\n".join(rows).replace(",", delimiter) + "\n")

    assert list(recording.frames()) == [(1_000_000, CHM), (1_250_000, CHM)]
    assert [said in note for note in recording.notes] == ([True] if said else [])


def test_a_table_without_the_columns_says_what_it_lacks(tmp_path):
    with pytest.raises(BadInput, match=r"without columns for time, id and data.*name,age,size"):
        recording_of(tmp_path, "name,age,size\nBob,3,4\nAnn,5,6\n")


def test_rows_that_hold_no_frame_are_noted_with_the_first_of_them(tmp_path):
    recording = recording_of(tmp_path, "time,id,data\n1.0,0x1826F456,010100\n1.1,what,010100\n1.2,0x1826F456,0x010100\n")

    assert len(recording) == 2
    assert "1 line could not be read, the first is line 3." in recording.notes


def test_a_table_cut_within_a_byte_loses_that_row_only(tmp_path):
    recording = recording_of(tmp_path, "time,id,data\n1.0,0x1826F456,01 01 00\n1.1,0x1826F456,01 01 0")

    assert len(recording) == 1
    assert "The last line is cut within a byte and was left out." in recording.notes

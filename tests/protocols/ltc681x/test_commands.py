import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.core.errors import DecodeError, LocalError
from protocols.ltc681x.commands import COMMANDS, decode
from protocols.ltc681x.pec import sealed

PLAIN = """WRCFGA 00013D6E  WRCFGB 0024B19E  RDCFGA 00022B0A  RDCFGB 00262CC8  RDCVA 000407C2  RDCVB 00069A94  RDCVC 00085E52
RDCVD 000AC304  RDCVE 0009D560  RDCVF 000B4836  RDAUXA 000CEFCC  RDAUXB 000E729A  RDAUXC 000D64FE  RDAUXD 000FF9A8
RDSTATA 0010ED72  RDSTATB 00127024  WRSCTRL 00145CEC  RDSCTRL 0016C1BA  CLRSCTRL 0018057C  STSCTRL 00198E4E  WRPSB 001CB4E2
RDPSB 001E29B4  WRPWM 00200000  RDPWM 00229D56  MUTE 0028E80E  UNMUTE 0029633C  CLRCELL 0711C9C0  CLRAUX 0712DFA4
CLRSTAT 07135496  PLADC 0714F36C  DIAGN 0715785E  WRCOMM 072124B2  RDCOMM 072232D6  STCOMM 0723B9E4"""
"""Commands without options and their four bytes, from the vendor's tables."""

CHOSEN = [
    ("ADCV", {"mode": 2}, "0360F46C"),
    ("ADCV", {"mode": 2, "permit": 1}, "0370AF42"),
    ("ADCV", {"mode": 1}, "02E03806"),
    ("ADCV", {"mode": 3}, "03E0B04A"),
    ("ADCV", {}, "02607C20"),
    ("ADOW", {"mode": 2, "pull_up": 1}, "03681C62"),
    ("ADOW", {"mode": 2}, "0328FBE8"),
    ("CVST", {"mode": 2, "self_test": 1}, "0327B41C"),
    ("CVST", {"mode": 2, "self_test": 2}, "0347E5CA"),
    ("ADOL", {"mode": 2}, "03012E88"),
    ("ADAX", {"mode": 2}, "0560D3A0"),
    ("ADAXD", {"mode": 2}, "05008276"),
    ("AXOW", {"mode": 2}, "0510D958"),
    ("AXOW", {"mode": 2, "pull_up": 1}, "05503ED2"),
    ("ADSTAT", {"mode": 2}, "05683BAE"),
    ("ADSTATD", {"mode": 2}, "05086A78"),
    ("ADCVAX", {"mode": 2}, "056F9C54"),
    ("ADCVSC", {"mode": 2}, "0567745A"),
]


@pytest.mark.parametrize("row", [pair for line in PLAIN.splitlines() for pair in line.split("  ")])
def test_commands_without_options_are_those_of_the_vendor(row):
    name, _, expected = row.partition(" ")

    assert COMMANDS[name].encode() == bytes.fromhex(expected)


@pytest.mark.parametrize("name, options, expected", CHOSEN)
def test_commands_with_options_are_those_of_the_vendor(name, options, expected):
    assert COMMANDS[name].encode(**options) == bytes.fromhex(expected)


def test_every_command_without_options_has_a_vector():
    told = {pair.partition(" ")[0] for line in PLAIN.splitlines() for pair in line.split("  ")}

    assert told == {command.name for command in COMMANDS.values() if not command.options}


@given(st.sampled_from(CHOSEN))
def test_a_device_understands_what_the_master_means(row):
    name, options, _ = row

    heard = decode(COMMANDS[name].encode(**options) + b"\xff" * 8)

    assert heard.command.name == name
    assert {key: value for key, value in heard.options.items() if value} == options


@given(st.binary(min_size=0, max_size=4))
def test_anything_else_is_no_command(data):
    try:
        heard = decode(data)
    except DecodeError:
        return
    assert heard.command.encode(**heard.options)[:2] == bytes([data[0] & 0x07, data[1]])


def test_an_unknown_code_with_a_right_pec_is_refused():
    with pytest.raises(DecodeError, match="0x7FF"):
        decode(sealed(b"\x07\xff"))


def test_wrong_options_are_named():
    with pytest.raises(LocalError, match="RDCVA has no option 'mode'"):
        COMMANDS["RDCVA"].encode(mode=1)
    with pytest.raises(LocalError, match=r"ADCV: mode = 4 must be 0\.\.3"):
        COMMANDS["ADCV"].encode(mode=4)

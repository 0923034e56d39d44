"""What data sheets, vendor code and boards say about the cell-monitoring chips: what benchmarks/afe.py compares with."""

VECTORS = {
    "01": 0xAB32, "0360": 0xF46C, "FFFFFFFFFFFF": 0x664C, "000000000000": 0xC212, "010203040506": 0x22EE,
    "E80CE80CE80C": 0x34AC, "FC0000000000": 0x4F82, "E40D28A00100": 0xAD6A,
}  # fmt: skip
"""PEC15 of data, as vendor code and boards have it."""
PLAIN = """WRCFGA 00013D6E  WRCFGB 0024B19E  RDCFGA 00022B0A  RDCFGB 00262CC8  RDCVA 000407C2  RDCVB 00069A94  RDCVC 00085E52
RDCVD 000AC304  RDCVE 0009D560  RDCVF 000B4836  RDAUXA 000CEFCC  RDAUXB 000E729A  RDAUXC 000D64FE  RDAUXD 000FF9A8
RDSTATA 0010ED72  RDSTATB 00127024  WRSCTRL 00145CEC  RDSCTRL 0016C1BA  CLRSCTRL 0018057C  STSCTRL 00198E4E  WRPSB 001CB4E2
RDPSB 001E29B4  WRPWM 00200000  RDPWM 00229D56  MUTE 0028E80E  UNMUTE 0029633C  CLRCELL 0711C9C0  CLRAUX 0712DFA4
CLRSTAT 07135496  PLADC 0714F36C  DIAGN 0715785E  WRCOMM 072124B2  RDCOMM 072232D6  STCOMM 0723B9E4"""
CHOSEN: dict[str, tuple[str, dict[str, int]]] = {
    "0360F46C": ("ADCV", {"mode": 2}), "0370AF42": ("ADCV", {"mode": 2, "permit": 1}), "02E03806": ("ADCV", {"mode": 1}),
    "03E0B04A": ("ADCV", {"mode": 3}), "02607C20": ("ADCV", {}), "03681C62": ("ADOW", {"mode": 2, "pull_up": 1}),
    "0328FBE8": ("ADOW", {"mode": 2}), "0327B41C": ("CVST", {"mode": 2, "self_test": 1}),
    "0347E5CA": ("CVST", {"mode": 2, "self_test": 2}), "03012E88": ("ADOL", {"mode": 2}), "0560D3A0": ("ADAX", {"mode": 2}),
    "05008276": ("ADAXD", {"mode": 2}), "0510D958": ("AXOW", {"mode": 2}), "05503ED2": ("AXOW", {"mode": 2, "pull_up": 1}),
    "05683BAE": ("ADSTAT", {"mode": 2}), "05086A78": ("ADSTATD", {"mode": 2}), "056F9C54": ("ADCVAX", {"mode": 2}),
    "0567745A": ("ADCVSC", {"mode": 2}),
}  # fmt: skip
"""Whole command frames, as the tables of two drivers have them."""
PATTERNS = {"27 kHz": (0x9565, 0x6A9A), "14 kHz": (0x9553, 0x6AAC)}
"""Of the digital filter's self-tests; of all other modes the next."""
PATTERN = (0x9555, 0x6AAA)
SKEW_US = {"27 kHz": 233, "14 kHz": 379, "7 kHz": 670, "3 kHz": 1_252, "2 kHz": 2_415, "26 Hz": 149_033}
"""Between a converter's first and sixth cell (LTC6804 table 5)."""
TOTAL_US = {"27 kHz": 1_113, "14 kHz": 1_288, "7 kHz": 2_335, "3 kHz": 3_033, "2 kHz": 4_430, "1 kHz": 7_230, "422 Hz": 12_816,
            "26 Hz": 201_317}  # fmt: skip
"""Until all cells can be read: the same table; 1 kHz and 422 Hz are not in it."""
TOTAL_ERROR_MV = {"7 kHz": {2.0: 0.8, 3.3: 1.2, 4.2: 1.6}, "27 kHz": {2.0: 4.0, 3.3: 4.7, 4.2: 8.3}}
"""Data sheet of the smaller chip, 25 degC."""

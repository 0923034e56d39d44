"""The wires between pile and car in virtual time: bit times, arbitration, errors."""

"""SAE J1939-21: 29-bit identifiers, the transport protocol of 9..1785 bytes, and its reassembly from recordings."""

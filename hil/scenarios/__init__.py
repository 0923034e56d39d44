"""The scenarios that come with pilebench, one TOML file each; `pilebench run NAME` runs one."""

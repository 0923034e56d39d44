"""Runs a Python program inside a real Linux kernel (user-mode Linux) that has a virtual CAN bus vcan0.

The guest's root is the host's file system: programs run there as whoever runs the tests, in this virtual environment.
"""

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

LINUX = shutil.which("linux.uml") or shutil.which("linux")
BUSYBOX = shutil.which("busybox")
IP = shutil.which("ip") or "/sbin/ip"
MODULES = Path("/usr/lib/uml/modules")
COMPILER = shutil.which("cc")
NEEDED = "needs user-mode Linux: apt-get install user-mode-linux busybox-static iproute2 gcc"
DRIVERS = ("can", "can-raw", "can-dev", "vcan", "can-j1939")


def missing():
    """What is not installed, or None."""
    found = LINUX and BUSYBOX and Path(IP).exists() and MODULES.is_dir() and (COMPILER or not wide_registers())
    return None if found else NEEDED


def wide_registers():
    """Whether this processor's register state is wider than user-mode Linux 6.1 expects; it then needs `wide_registers.c`."""
    return "amx_tile" in Path("/proc/cpuinfo").read_text()


def preloaded(folder):
    """What the environment of user-mode Linux needs on this processor."""
    if not wide_registers():
        return {}
    library = folder / "wide_registers.so"
    source = Path(__file__).with_name("wide_registers.c")
    subprocess.run([COMPILER, "-O1", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return {"LD_PRELOAD": str(library)}


def run(program, folder, *arguments, timeout=150):
    """The standard output of the Python *program* (a path), run in the guest. *folder* is for its files and must be writable."""
    (version,) = [path for path in MODULES.iterdir() if path.is_dir()][-1:]
    drivers = [str(next(version.rglob(f"{name}.ko"))) for name in DRIVERS]
    told, code = folder / "told.txt", folder / "code.txt"
    command = " ".join([sys.executable, str(program), *map(str, arguments)])
    init = folder / "init.sh"
    init.write_text(
        textwrap.dedent(f"""\
            #!{BUSYBOX} sh
            {BUSYBOX} mount -t proc proc /proc
            {BUSYBOX} mount -t sysfs sysfs /sys
            for driver in {" ".join(drivers)}; do {BUSYBOX} insmod $driver; done
            {IP} link set lo up
            {IP} link add vcan0 type vcan && {IP} link set vcan0 up
            export PATH={os.environ["PATH"]} HOME={folder} NUMBA_CACHE_DIR={folder} PYTHONDONTWRITEBYTECODE=1
            export PYTHONPATH={Path.cwd()}
            cd {Path.cwd()}
            {command} > {told} 2>&1
            echo $? > {code}
            {BUSYBOX} poweroff -f
            """)
    )
    init.chmod(0o755)
    options = ["mem=1500M", "rootfstype=hostfs", "rootflags=/", "rw", f"init={init}", "con=null", "con0=fd:0,fd:1", "quiet"]
    environment = {**os.environ, "TMPDIR": str(folder), **preloaded(folder)}
    done = subprocess.run(
        [LINUX, *options], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, env=environment, check=False
    )
    text = told.read_text() if told.exists() else ""
    assert code.exists(), f"the guest did not come to an end:\n{done.stdout}\n{done.stderr}\n{text}"
    assert code.read_text().strip() == "0", text
    return text

"""Runs a Python program inside an emulated PC with two Kvaser PCI CAN cards on one bus, driven by Linux's own driver.

The guest's root is the host's file system, shared by 9p. QEMU's bus takes no bit time: this proves drivers and interfaces, never
timing; and everything is some ten to twenty times slower, for the processor is emulated too.
"""

import os
import platform
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

QEMU = shutil.which("qemu-system-x86_64")
BUSYBOX = shutil.which("busybox")
IP = shutil.which("ip") or "/sbin/ip"
KERNEL = Path(os.environ.get("PILEBENCH_QEMU_KERNEL", "/"))
"""Where Debian's kernel package is unpacked: a folder with boot/vmlinuz-* and lib/modules; where it is installed, the root."""
NEEDED = (
    "needs QEMU and Debian's kernel: apt-get install qemu-system-x86 busybox-static iproute2 linux-image-amd64 "
    "(or unpack that package with dpkg -x and name the folder in PILEBENCH_QEMU_KERNEL)"
)
BITRATE = 250_000
ROOT = ("virtio_ring", "virtio", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci")
FILES = ("netfs", "fscache", "9pnet", "9pnet_virtio", "9p")
CAN = ("can-dev", "sja1000", "kvaser_pci", "can", "can-raw", "can-j1939")


def missing():
    """What is not installed, or None."""
    return None if QEMU and BUSYBOX and Path(IP).exists() and platform.machine() == "x86_64" and _modules() else NEEDED


def _modules():
    """The folder of the newest kernel that has the driver, if there is one; its picture lies in boot."""
    found = sorted(KERNEL.glob("lib/modules/*/kernel/drivers/net/can/sja1000/kvaser_pci.ko"))
    folders = [path.parents[5] for path in found if (KERNEL / "boot" / f"vmlinuz-{path.parents[5].name}").is_file()]
    return folders[-1] if folders else None


def _archive(files):
    """An initial RAM disk ("newc" cpio) that holds *files* (name -> content; None: a folder)."""
    out = bytearray()
    for inode, (name, content) in enumerate([*files.items(), ("TRAILER!!!", b"")], start=1):
        mode = 0o40755 if content is None else 0o100755
        data = content or b""
        fields = (inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        out += b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
        out += b"\0" * (-len(out) % 4) + data
        out += b"\0" * (-len(out) % 4)
    return bytes(out)


def run(program, folder, *arguments, timeout=900):
    """The standard output of the Python *program* (a path), run in the guest. *folder* is for its files and must be writable."""
    modules = _modules()
    drivers = {name: next(modules.rglob(f"{name}.ko")).read_bytes() for name in (*ROOT, *FILES, *CAN)}
    told, code, inner, disk = (folder / name for name in ("told.txt", "code.txt", "inner.sh", "disk.cpio"))
    command = " ".join([sys.executable, str(program), *map(str, arguments)])
    inner.write_text(
        textwrap.dedent(f"""\
            #!{BUSYBOX} sh
            {IP} link set lo up
            for card in can0 can1; do {IP} link set $card up type can bitrate {BITRATE}; done
            export PATH={os.environ["PATH"]} HOME={folder} TMPDIR={folder} NUMBA_CACHE_DIR={folder}/numba
            export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH={Path.cwd()}
            cd {Path.cwd()}
            {command} > {told} 2>&1
            echo $? > {code}
            """)
    )
    inner.chmod(0o755)
    loaded = "; ".join(f"/busybox insmod /{name}.ko" for name in drivers)
    init = textwrap.dedent(f"""\
        #!/busybox sh
        /busybox mount -t devtmpfs dev /dev
        {loaded}
        /busybox mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,cache=loose root /root
        for kind in proc sysfs; do /busybox mount -t $kind $kind /root/${{kind%fs}}; done
        /busybox mount -t devtmpfs dev /root/dev
        /busybox chroot /root {inner}
        /busybox sync
        /busybox poweroff -f
        """)
    folders = dict.fromkeys(("dev", "root", "proc"))
    files = {"init": init.encode(), "busybox": Path(BUSYBOX).read_bytes(), **{f"{k}.ko": v for k, v in drivers.items()}}
    disk.write_bytes(_archive({**folders, **files}))
    options = (
        f"-accel tcg,thread=multi -smp 2 -m 2048 -cpu max -no-reboot -nic none -display none -nodefaults -serial stdio "
        f"-kernel {KERNEL / 'boot' / f'vmlinuz-{modules.name}'} -initrd {disk} "
        f"-object can-bus,id=bus -device kvaser_pci,canbus=bus -device kvaser_pci,canbus=bus "
        f"-virtfs local,path=/,mount_tag=root,security_model=none,multidevs=remap"
    )
    line = ["-append", "console=ttyS0 quiet panic=-1"]
    done = subprocess.run(
        [QEMU, *options.split(), *line], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, check=False
    )
    text = told.read_text() if told.exists() else ""
    assert code.exists(), f"the guest did not come to an end:\n{done.stdout}\n{done.stderr}\n{text}"
    assert code.read_text().strip() == "0", text
    return text

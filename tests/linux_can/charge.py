"""Run in the guest: `hil pile` and `hil vehicle` charge, each in its own process. Prints a line of JSON for each.

Arguments: a folder for results, and the network interfaces of pile and vehicle; without the latter both use vcan0.
"""

import json
import subprocess
import sys

COMMAND = [sys.executable, "-c", "from hil.cli import main; main()", "hil"]
LIMIT_S = 800


def main(folder, *cards):
    options = ["--arm", "--json", "--emulated", "--patience", "2000"]  # user-mode Linux pauses, an emulated processor is slow
    adapters = {
        side: ["--interface", "socketcan", "--channel", card, *options]
        for side, card in zip(("pile", "vehicle"), cards or ("vcan0", "vcan0"), strict=True)
    }
    running = {
        side: subprocess.Popen(
            [*COMMAND, side, "short_charge", "--out", f"{folder}/{side}", *adapter],
            stdout=subprocess.PIPE,
            stderr=sys.stderr,
            text=True,
        )
        for side, adapter in adapters.items()
    }
    for side, process in running.items():
        summary = json.loads(process.communicate(timeout=LIMIT_S)[0])
        kept = {key: summary[key] for key in ("ended", "stop_reason", "timeouts", "safe", "frames", "energy_wh")}
        print(json.dumps({"side": side, **kept, "resolution_us": summary["timing"]["resolution_us"]}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Run in the guest: `hil pile` and `hil vehicle` charge over vcan0, each in its own process. Prints a line of JSON for each."""

import json
import subprocess
import sys

COMMAND = [sys.executable, "-c", "from hil.cli import main; main()", "hil"]
ADAPTER = ["--interface", "socketcan", "--channel", "vcan0", "--arm", "--json", "--patience", "2000"]  # user-mode Linux pauses


def main(folder):
    running = {
        side: subprocess.Popen(
            [*COMMAND, side, "short_charge", "--out", f"{folder}/{side}", *ADAPTER],
            stdout=subprocess.PIPE,
            stderr=sys.stderr,
            text=True,
        )
        for side in ("pile", "vehicle")
    }
    for side, process in running.items():
        summary = json.loads(process.communicate(timeout=150)[0])
        kept = {key: summary[key] for key in ("ended", "stop_reason", "timeouts", "safe", "frames", "energy_wh")}
        print(json.dumps({"side": side, **kept, "resolution_us": summary["timing"]["resolution_us"]}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])

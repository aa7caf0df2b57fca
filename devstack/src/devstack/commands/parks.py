"""`parkcarbon parks`."""

from __future__ import annotations

from typing import Any

import click

from devstack.access import Access, access_options, opened
from devstack.tables import console, table
from devstack.wording import Words


def build(words: Words) -> click.Command:
    """Returns the subcommand in one language."""

    def run(**access: Any) -> None:
        with opened(words, Access(**access), role="reader") as client:
            parks = list(client.iterate_parks())
        if not parks:
            click.echo(words("no_parks"))
            return
        columns = [(words(key), "left") for key in ("park", "name", "region", "factor_set")]
        rows = [(park.park_id, words.name(park.name_zh, park.name_en), park.region_code, park.factor_set_id) for park in parks]
        console().print(table(words("parks"), columns, rows))

    return click.Command("parks", callback=run, help=words("help.parks"), params=access_options(words))

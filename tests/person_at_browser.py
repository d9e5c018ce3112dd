"""A browser for `weir sign-in` in tests: the demo's operator confirms what opens in it.

`BROWSER="python person_at_browser.py STATE %s"` is what a shell beside the demo sets. STATE holds
the platform's addresses and the operator's one-time link, and from the first use on the sign-in.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from weir.client.exchange import Exchange
from weir_demo import staff
from weir_demo.browser import Browser
from weir_demo.stage import Employee


async def confirm(kept: dict[str, Any], address: str) -> str:
    """Sign in, by the link the first time, and confirm; the address of the terminal's port."""
    async with Exchange(Path(kept["ca_file"]), connections=2) as exchange:
        browser = Browser(exchange, tuple(kept["origins"]))
        if "secret" in kept:
            browser._jar = kept["jar"]
            person = Employee(browser, kept["name"], kept["passphrase"], kept["secret"])
        else:
            person = await staff.join(browser, kept["link"], "operator")
        page = await staff.confirm(person, address)
    kept |= {"name": person.name, "passphrase": person.passphrase, "secret": person.secret}
    kept["jar"] = browser._jar
    (back,) = [link for link in page.links if link.startswith("http://127.0.0.1:")]
    return back


if __name__ == "__main__":
    state = Path(sys.argv[1])
    known = json.loads(state.read_text())
    back = asyncio.run(confirm(known, sys.argv[2]))
    state.write_text(json.dumps(known))
    with urlopen(back) as answered:
        assert answered.status == 200

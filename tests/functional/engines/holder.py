"""Start both engines of a home, say which processes they are, and wait to be killed."""

import json
import signal
import sys
from pathlib import Path

from weir.store.engines import EmbeddedPostgres, EmbeddedValkey, Home

home = Home.open(Path(sys.argv[1]), create=True)
home.acquire()
engines = (EmbeddedPostgres(home), EmbeddedValkey(home))
for engine in engines:
    engine.start()
print(json.dumps([engine.status().pid for engine in engines]), flush=True)
signal.pause()

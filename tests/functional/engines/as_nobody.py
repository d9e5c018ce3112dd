"""Give up root for good, then live through a crash of both engines as an ordinary user.

Everything is imported first: the interpreter may lie in a folder that only root can enter.
"""

import os
import pwd
import signal
import sys
from pathlib import Path

import psycopg
import valkey

from weir.kernel.outcomes import Refusal
from weir.store.engines import EmbeddedPostgres, EmbeddedValkey, Home

place = Path(sys.argv[1])
nobody = pwd.getpwnam("nobody")
for module in (psycopg, valkey):  # both load parts of themselves when first used
    try:
        if module is psycopg:
            psycopg.connect("host=/nowhere")
        else:
            valkey.Valkey(unix_socket_path="/nowhere").ping()
    except (psycopg.Error, valkey.ValkeyError):
        pass
os.setgroups([])
os.setgid(nobody.pw_gid)
os.setuid(nobody.pw_uid)

home = Home.open(place / "own/h", create=True)
home.acquire()
postgres, cache = EmbeddedPostgres(home), EmbeddedValkey(home)
address = postgres.start().replace("postgresql+psycopg://", "postgresql://")
with psycopg.connect(address, autocommit=True) as connection:
    connection.execute("CREATE TABLE kept AS SELECT 'kept' AS words")
with valkey.Valkey.from_url(cache.start()) as client:
    client.set("kept", "kept")
    client.execute_command("WAITAOF", 1, 0, 10_000)
servers = [engine.status().pid or 0 for engine in (postgres, cache)]
print(*(os.stat(f"/proc/{pid}").st_uid for pid in servers))
for pid in servers:
    os.kill(pid, signal.SIGKILL)
while postgres.alive() or cache.alive():
    pass
postgres.start()
cache.start()
with psycopg.connect(address) as connection, valkey.Valkey.from_url(cache.url()) as client:
    row = connection.execute("SELECT words FROM kept").fetchone()
    versions = [engine.server_version().split(".")[0] for engine in (postgres, cache)]
    print(*versions, row[0] if row else None, client.get("kept").decode())
for engine in (postgres, cache):
    engine.stop()
for closed in ("closed/h", "h"):
    try:
        Home.open(place / closed, create=True)
    except Refusal as refusal:
        print(refusal.public["why"])

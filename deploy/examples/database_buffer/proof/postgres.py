"""A PostgreSQL of our own, from Debian's packages, that can be stopped as by a crash.

It does not run as root: if we are root, it is the user `postgres` who runs it, or `nobody`.
"""

import os
import pathlib
import pwd
import secrets
import shutil
import signal
import subprocess

import psycopg
import table
from harness import debian
from harness.trouble import Trouble, until

START_SECONDS = 30
DEBIAN = pathlib.Path("/usr/lib/postgresql")
# Whether Debian's package makes and starts a server of its own when it is installed.
CREATE_SERVER = pathlib.Path("/etc/postgresql-common/createcluster.conf")


class Postgres:
    def __init__(self, stage, port):
        self.stage, self.programs, self.user = stage, programs(), other_user()
        self.folder = stage.own_folder("postgres", self.user)
        self.environment = {"PGHOST": "127.0.0.1", "PGPORT": str(port), "PGUSER": "shop", "PGPASSWORD": secrets.token_hex(16)}
        self.environment["PGDATABASE"] = "postgres"
        # For the connections of this program.
        os.environ.update(self.environment)
        self.make()
        self.start()

    def make(self):
        password = self.folder / "password"
        password.write_text(self.environment["PGPASSWORD"])
        command = [self.programs / "initdb", "--pgdata", self.folder / "data", "--username", "shop", "--auth", "scram-sha-256"]
        initdb = self.stage.process("initdb", [*command, "--pwfile", password, "--encoding", "UTF8"], plain(), user=self.user)
        if initdb.wait(START_SECONDS) != 0:
            raise Trouble("initdb could not make a database")

    def start(self):
        """Starts it and waits until it takes connections, after a crash that is once it has recovered."""
        settings = {"listen_addresses": "127.0.0.1", "port": self.environment["PGPORT"], "unix_socket_directories": ""}
        flags = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command = [self.programs / "postgres", "-D", self.folder / "data", *flags]
        self.process = self.stage.process("postgres", command, plain(), user=self.user, ending=signal.SIGQUIT)
        until("PostgreSQL takes connections", self.answers, START_SECONDS)

    def answers(self):
        if not self.process.runs():
            raise Trouble("PostgreSQL ended by itself")
        try:
            with table.connect() as connection:
                return connection.execute("SELECT true").fetchone()
        except psycopg.OperationalError:
            return None

    def crash(self):
        """What `pg_ctl stop -m immediate` does: all its processes end at once, and nothing is written any more."""
        self.process.stop(signal.SIGQUIT)

    def crashes(self):
        """How often it found, when it started, that it had not been stopped properly."""
        return self.process.err.read_text(errors="replace").count("automatic recovery in progress")


def programs():
    """The folder with `initdb` and `postgres`."""
    found = find_programs()
    if found is None:
        install()
        found = find_programs()
    if found is None:
        raise Trouble(f"PostgreSQL was installed, but {DEBIAN} has no initdb")
    return found


def install():
    """Installs the programs, but has Debian start no server."""
    missing = "PostgreSQL was not found"
    debian.install(missing, "postgresql-common" if os.geteuid() == 0 else "postgresql")
    settings = CREATE_SERVER.read_text()
    CREATE_SERVER.write_text(settings + "\ncreate_main_cluster = false\n")
    try:
        debian.install(missing, "postgresql")
    finally:
        CREATE_SERVER.write_text(settings)


def find_programs():
    versions = [path.parent for path in DEBIAN.glob("*/bin/initdb") if (path.parent / "postgres").exists()]
    if versions:
        return max(versions, key=lambda path: float(path.parent.name))
    there = shutil.which("initdb")
    return pathlib.Path(there).resolve().parent if there else None


def other_user():
    """Who runs PostgreSQL in place of root; None if we are somebody else."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise Trouble("PostgreSQL refuses to run as root, and there is neither a user postgres nor a user nobody")


def plain():
    """An environment without this user's settings, and with messages in English, which `crashes` reads."""
    return {"PATH": os.environ["PATH"], "LC_ALL": "C"}

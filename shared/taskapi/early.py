"""What a cold start does first: it connects while Python imports the rest.

Opening a connection takes several round trips, and importing FastAPI takes about as
long without using the network. So each function imports this module first of all, and
waits for it last (`connected`): no freeze falls into a handshake.
"""

import threading

from taskapi.init_phase import FROM_SNAPSHOT, START
from taskapi import db, secret, tokens
from taskapi.errors import ServiceUnavailable, SettingsError


def connect() -> None:
    """Connect, and fetch the keys that check tokens beside that.

    What goes wrong is for the first request to meet again, and to report.
    """
    try:
        secret.held.values(patience=0.0)
    except (secret.NotReady, SettingsError, ServiceUnavailable):
        return
    keys = threading.Thread(target=tokens.prepare, daemon=True)
    keys.start()
    db.connect_early()
    keys.join()


beginning = threading.Thread(target=connect, daemon=True)
if START and not FROM_SNAPSHOT:
    beginning.start()


def connected() -> None:
    """Wait until the connection is there or has failed.

    A snapshot is restored many times, so it holds neither a connection nor a setting,
    and nothing random: all that comes after it is restored. What any token may need
    is imported before.
    """
    if FROM_SNAPSHOT:
        from snapshot_restore_py import register_after_restore

        import taskapi.jwks  # noqa: F401

        register_after_restore(connect)
    elif START:
        beginning.join()

"""Run ministack in its own environment; `emulator.py` starts this."""

from ministack import app


def main() -> None:
    """Leave GET /health to the API; the emulator would answer it on every host."""
    if "/health" not in app._HEALTH_PATHS:
        raise SystemExit("ministack no longer answers /health: serve.py isn't needed.")
    app._HEALTH_PATHS = tuple(path for path in app._HEALTH_PATHS if path != "/health")
    app.main()


if __name__ == "__main__":
    main()

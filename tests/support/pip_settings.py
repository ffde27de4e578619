"""Settings of pip and Python that change what is installed, and where."""

ELSEWHERE = {
    "PIP_USER": "1",
    "PIP_PREFIX": "elsewhere",
    "PIP_TARGET": "elsewhere",
    "PIP_ROOT": "elsewhere",
    "PIP_REQUIRE_VIRTUALENV": "1",
    "PIP_REQUIRE_HASHES": "1",
    "PIP_DRY_RUN": "1",
    "PIP_NO_BINARY": ":all:",
    "PIP_SITE": "1",
    "PIP_REQUIREMENT": "missing.txt",
    "PIP_PYTHON": "/bin/false",
    "PIP_PLATFORM": "win_amd64",
    "PIP_REPORT": "missing/report.json",
    "PYTHONHOME": "/none",
    "PYTHONPATH": "shadow",
    "PYTHONUSERBASE": "elsewhere",
    "PYTHONOPTIMIZE": "2",
}
"""Settings of pip and Python that a layer doesn't depend on (shared/run_pip.py)."""

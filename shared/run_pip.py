"""Run pip with this machine's settings about downloading, and none of the others.

`python -I run_pip.py install …`: pip.conf and the PIP_ variables still say which index,
mirror, proxy and certificates pip uses. They no longer say where and how it installs
(`user = true`, PIP_TARGET, PIP_NO_BINARY, …): the command line alone does.
"""

import ast
import os
import subprocess
import sys

DOWNLOADS = {
    "cache-dir",
    "cert",
    "client-cert",
    "constraint",
    "default-timeout",
    "disable-pip-version-check",
    "extra-index-url",
    "find-links",
    "index-url",
    "keyring-provider",
    "no-cache-dir",
    "no-index",
    "no-input",
    "proxy",
    "pypi-url",
    "retries",
    "timeout",
    "trusted-host",
    "use-deprecated",
    "use-feature",
}
"""Names of pip's options: https://pip.pypa.io/en/stable/cli/pip_install/"""

SECTIONS = ("global", "install", ":env:")
"""In pip's order: the last one that has a setting wins."""


def main() -> None:
    # PYTHON… variables say where an interpreter finds its packages, and pip's children
    # read them too.
    plain = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PIP_", "PYTHON")) and name != "__PYVENV_LAUNCHER__"
    }
    pip = [sys.executable, "-I", "-m", "pip"]
    # For `pip config`, these options mean "only this file", so they are off.
    every_file = {"PIP_USER": "0", "PIP_GLOBAL": "0", "PIP_SITE": "0"}
    listed = subprocess.run(  # noqa: S603
        [*pip, "config", "list"],
        env=plain | variables("config-file", *DOWNLOADS) | every_file,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
    # pip reads no file if this is the null device.
    settings = downloads(listed) | {"PIP_CONFIG_FILE": os.devnull}
    os.execve(sys.executable, [*pip, *sys.argv[1:]], plain | settings)  # noqa: S606


def variables(*options: str) -> dict[str, str]:
    """Return those PIP_ variables of the environment that set these options."""
    names = map(variable, options)
    return {name: os.environ[name] for name in names if name in os.environ}


def variable(option: str) -> str:
    return "PIP_" + option.upper().replace("-", "_")


def downloads(listed: str) -> dict[str, str]:
    """Return the settings about downloading of `pip config list`, as PIP_ variables."""
    found: dict[str, dict[str, str]] = {section: {} for section in SECTIONS}
    for line in listed.splitlines():
        name, _, value = line.partition("=")
        section, _, option = name.partition(".")
        option = option.replace("_", "-")
        if (
            section in found
            and option in DOWNLOADS
            and (text := ast.literal_eval(value))
        ):
            found[section][variable(option)] = text
    return {name: text for section in SECTIONS for name, text in found[section].items()}


if __name__ == "__main__":
    main()

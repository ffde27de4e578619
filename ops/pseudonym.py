"""`make pseudonym ID=…`: print the name by which a stage's logs call a user."""

import os
import sys

from dotenv import load_dotenv

from local.tokens import ROOT
from taskapi.auth.pseudonym import pseudonym
from taskapi.errors import ServiceUnavailable, SettingsError
from taskapi.postgres.migrate import operators_secret


def main() -> int:
    load_dotenv(ROOT / ".env")
    user_id = os.environ.get("ID")
    if not user_id:
        print("Usage: make pseudonym ID='auth0|12345'", file=sys.stderr)
        return 2
    try:
        if arn := os.environ.get("SECRET_ARN"):
            for name, value in operators_secret(arn).items():
                os.environ[name] = os.environ.get(name) or value
        print(pseudonym(user_id))
    except (SettingsError, ServiceUnavailable) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

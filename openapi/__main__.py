"""`make openapi`: write the OpenAPI document of all functions to standard output."""

import json
import sys

from openapi.document import document

if __name__ == "__main__":
    json.dump(document(), sys.stdout, indent=2, ensure_ascii=False)
    print()

"""`docs/verdict.schema.json`, from the model: `python -m roadworthy.report.schema > docs/verdict.schema.json`."""

from __future__ import annotations

import json
import sys

from roadworthy.verdict.models import Verdict


def render() -> str:
    """The JSON Schema (2020-12) of `verdict.json`."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Verdict.model_json_schema(mode="serialization"),
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(render())

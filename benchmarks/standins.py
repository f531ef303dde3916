"""Stand-ins for the work of cells, which do what their names say. They import next to nothing."""

from __future__ import annotations

import json
import math
import os
import time
from typing import Any

STARTS = "FAULTS_STARTS"
"""The variable that names the file in which every cell notes that it was begun."""


def execute(cell: Any, facts: Any, draws: bytes | None) -> tuple[bytes, bytes | None]:
    """A stand-in for the work of a cell: what its name says."""
    name = cell.guide.name if cell.guide else cell.model.name
    with open(os.environ[STARTS], "a") as file:
        file.write(f"{cell.title}\n")
    value = float(sum(map(ord, cell.title)))
    match name:
        case "raises":
            raise ArithmeticError("it was told to")
        case "exits":
            os._exit(7)
        case "hangs":
            time.sleep(3_600)
        case "allocates":
            held = []
            while True:
                held.append(bytearray(b"x" * 2**25))
        case "no_number":
            value = math.nan
    time.sleep(0.3)
    record = {"value": value, "kind": "exact"}
    return json.dumps(record).encode(), None if cell.guide else cell.title.encode()


def nothing(cell: Any, facts: Any, draws: bytes | None) -> tuple[bytes, bytes | None]:
    """A cell that does nothing."""
    return b'{"value": 0}', None

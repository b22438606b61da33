"""Makes `random_runs` importable, as `tests/` itself is."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

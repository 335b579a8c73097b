"""``python -m rmstore``."""

from __future__ import annotations

import sys

from rmstore.cli import main

sys.exit(main())

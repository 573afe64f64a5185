# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ansible-test would download from its own server: put pip into an empty virtual environment.

It takes the pip that comes with Python, and from the package index what is asked for.
"""

from __future__ import annotations

import subprocess
import sys

subprocess.run([sys.executable, "-m", "ensurepip"], check=True, stdout=subprocess.DEVNULL)
OWN = ("--no-setuptools", "--no-wheel")
wanted = [argument for argument in sys.argv[1:] if argument not in OWN]
sys.exit(subprocess.run([sys.executable, "-m", "pip", "install", *wanted], check=False).returncode)

#!/usr/bin/env bash
# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

# ansible-test sanity, for this checkout. It insists on a git tree at .../ansible_collections/podwright/fleet that is no
# link, so it gets a copy, and a home of its own, where it keeps its virtual environments for the next run.
# Arguments go to ansible-test.
#
# It looks at everything that Ansible loads. What Ansible never loads, the agent and the tests' own Python, has other
# rules (it bans the name `_`, and any shebang with options) and is held to mypy --strict and ruff instead.

set -euo pipefail
cd "$(dirname "$0")/../.."

readonly HOME_DIR=$PWD/.cache/sanity/home
readonly COPY=$PWD/.cache/sanity/ansible_collections/podwright/fleet
readonly PIP=$HOME_DIR/.ansible/test/cache/get_pip_24_2.py

mkdir -p "$COPY" "$(dirname "$PIP")"
cp tests/sanity/get_pip.py "$PIP"
find "$COPY" -mindepth 1 -maxdepth 1 -exec rm -rf {} +
git ls-files -z --cached --others --exclude-standard |
    tar -c --null --files-from=- --ignore-failed-read --warning=no-failed-read | tar -x -C "$COPY"

cd "$COPY"
git init --quiet
HOME=$HOME_DIR LC_ALL=C.UTF-8 exec ansible-test sanity --venv --python 3.11 --color no \
    --exclude agent/ --exclude docs/examples/ --exclude tests/ --exclude tools/ "$@"

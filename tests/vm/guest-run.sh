#!/bin/sh
# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

# In the virtual machine, from the second disk: the scenario's output and status go to the host.

output=/dev/virtio-ports/podwright.output
modprobe virtio_console
udevadm settle
[ -e "$output" ] || {
    echo "podwright-scenario: there is no $output" >/dev/console
    exit 1
}
cd /run/payload || exit 1
export PYTHONPATH=/run/payload PYTHONDONTWRITEBYTECODE=1
{
    /usr/bin/python3 scenario.py 2>&1
    echo "podwright-scenario: status $?"
} >"$output"

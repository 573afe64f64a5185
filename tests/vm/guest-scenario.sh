#!/bin/sh
# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

# In the virtual machine: run what is on the second disk, then power off.

mkdir -p /run/payload
mount -o ro /dev/vdb /run/payload
sh /run/payload/guest-run.sh
systemctl poweroff --force --force

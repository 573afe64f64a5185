# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""All verbs but those that start pods."""

from __future__ import annotations

from podwright.cli.flags import FORMAT, PULL, UUID_FILE
from podwright.cli.options import Option, Verb

VERBS = (
    Verb(
        "apply",
        "apply",
        "Bring this host to a desired state (JSON); changes only what differs",
        "FILE|-",
        (
            Option("check", "say what would change, change nothing"),
            Option("stage", "fetch and verify images, say what would change, change nothing else"),
            Option("diff", "include before and after in the answer"),
            Option(
                "progress",
                "auto, json (one event per line on standard error), or none",
                "FORM",
                choices=("", "auto", "json", "none"),
            ),
            Option("wait", "wait until what was started is ready, as it always does"),
            Option("no-wait", "refused: see --wait", hidden=True),
            Option("lock-timeout", "seconds to wait for another apply", "SECONDS", "60"),
            Option(
                "format",
                "answer: json, or text for people",
                "FORMAT",
                choices=("", "json", "json-pretty", "text"),
            ),
        ),
        "Reads pods, images, networks and trusted keys as one JSON document and answers with one JSON object:\n"
        "changed, and per pod the actions taken. A second run changes nothing. It always waits until what it\n"
        "started is ready: a pod that does not become ready is taken back.",
        ("podwright apply --check --diff pods.json",),
    ),
    Verb(
        "fetch",
        "fetch",
        "Fetch image(s) into the store, verifying signatures",
        "IMAGE...",
        (
            Option("full", "print full image IDs"),
            Option("signature", "detached signature of the image before it", "FILE", per_app=True),
            Option(
                "progress",
                "auto, json (one event per line on standard error), or none",
                "FORM",
                choices=("", "auto", "json", "none"),
            ),
            Option(
                "pull-policy",
                "update: network first; new: store first; never",
                "POLICY",
                "update",
                choices=PULL,
            ),
            Option("store-only", "", deprecated="pull-policy=never"),
            Option("no-store", "", deprecated="pull-policy=update"),
            FORMAT,
        ),
        "Prints one image ID per line.",
        (
            "podwright fetch example.com/redis:7",
            "podwright fetch ./app.aci --signature=./app.aci.asc",
        ),
    ),
    Verb(
        "trust",
        "trust",
        "Trust a key for an image name prefix",
        "--prefix=PREFIX|--root [KEY...]",
        (
            Option("prefix", "trust for image names at and below PREFIX", "PREFIX"),
            Option("root", "trust for every image name"),
            Option("fingerprint", "full fingerprint (40 digits) the key must have", "HEX"),
            Option("skip-fingerprint-review", "do not ask; what the location gives is trusted"),
            Option("insecure-allow-http", "allow http:// key locations"),
            FORMAT,
        ),
        "Shows the key's fingerprint, identities and subkeys and asks; only the word yes accepts. KEY is a\n"
        "file or URL; without KEY the locations are discovered from the prefix. Scripts give the full\n"
        "--fingerprint instead of answering. Weak, expired and revoked keys are refused. A location that\n"
        "gave another key before says so, and is not accepted unseen.",
        (
            "podwright trust --prefix=example.com/redis key.asc",
            "podwright trust --prefix=example.com/redis key.asc --fingerprint=$FINGERPRINT",
            "podwright trust --prefix=example.com            # asks https://example.com for its keys",
            "podwright trust --root https://example.com/pubkeys/key.asc",
        ),
    ),
    Verb(
        "list",
        "list",
        "List pods",
        "",
        (
            Option("full", "full UUIDs, image IDs and times"),
            Option("no-legend", "no column titles"),
            FORMAT,
        ),
        "One line per app, the youngest pod last. A pod that cannot be read is shown with what is wrong.",
        (
            "podwright list",
            "podwright list --format=json | jq -r '.[] | select(.state == \"running\").name'",
        ),
    ),
    Verb(
        "status",
        "status",
        "Show the status of a pod",
        "POD",
        (
            Option(
                "wait",
                "wait until it has ended, at most DURATION: --wait, --wait=30s",
                "[DURATION]",
            ),
            Option("wait-ready", "wait until it is ready, at most DURATION", "[DURATION]"),
            FORMAT,
            UUID_FILE,
        ),
        "Lines of NAME=VALUE: what the pod is, where it can be reached, how it is isolated, and for each\n"
        "app its state and how it ended. A wait that takes longer than DURATION is an error.",
        (
            "podwright status web",
            "podwright status --wait-ready=30s web",
            "podwright status --wait --format=json 6d1b2e8c | jq .exit_status",
        ),
    ),
    Verb(
        "enter",
        "enter",
        "Run a command in an app of a running pod",
        "POD [COMMAND [ARG...]]",
        (
            Option("app", "name of the app; needed when the pod has several", "APP"),
            Option("user", "as another user of its image, by name or number", "USER[:GROUP]"),
            Option("workdir", "in this directory of the app, absolute", "DIR"),
            Option("env", "a further variable of its environment", "NAME=VALUE", repeat=True),
            Option("privileged", "as root of the pod, with all its capabilities and no filter"),
            Option("no-tty", "pass standard input and output on as they are, even a terminal"),
            Option("outcome", "tell how it ended, for programs: see below", "WORD"),
            UUID_FILE,
        ),
        "Without COMMAND: /bin/bash of the image, or else /bin/sh. The process is confined exactly as the\n"
        "app is, and its limits hold. It gets the app's environment and TERM. A terminal is replaced by\n"
        "one of the app's own. Returns the command's status; 203 when it cannot be executed.\n\n"
        "--user looks in /etc/passwd and /etc/group of the image, and sets HOME, USER, LOGNAME and SHELL:\n"
        "with the user's own groups, or with GROUP alone. It takes the place of sudo, which cannot work where\n"
        "nothing gains privileges. root has the capabilities that the app has as root; any other user than the\n"
        "app's has none. Filter and limits stay the app's.\n\n"
        "--outcome writes two lines on standard error: first podwright-begin WORD; at the end, after a newline,\n"
        "podwright-outcome WORD and JSON with end (exited, refused, pod-ended), status, message, hint and reason.\n"
        "The status of enter itself is 0 then, so that what the command says is never taken for what enter,\n"
        "or a connection to this host, has to say.",
        (
            "podwright enter web",
            "podwright enter --user=postgres --app=db shop psql -c 'select 1'",
        ),
        words=2,
    ),
    Verb(
        "stop",
        "stop",
        "Stop running pods",
        "POD...",
        (Option("force", "kill at once"), UUID_FILE, FORMAT),
        "Asks and does not wait for the end: podwright status --wait does. A named pod that systemd\n"
        "supervises is stopped through its unit, which waits. One that has ended already is fine. Prints\n"
        "the UUIDs; 254 when one could not be stopped.",
        (
            "podwright stop web",
            "podwright stop --force $(podwright list --full --no-legend | cut -f1)",
        ),
    ),
    Verb(
        "rm",
        "rm",
        "Remove pods that do not run",
        "POD...",
        (UUID_FILE, FORMAT),
        "Prepared, ended and aborted pods, with everything that they wrote. Prints the UUIDs; 254 when one\n"
        "could not be removed.",
        ("podwright rm 6d1b2e8c", "podwright rm --uuid-file=/run/redis.uuid"),
    ),
    Verb(
        "gc",
        "gc",
        "Remove ended, aborted and expired pods",
        "",
        (
            Option("grace-period", "keep ended pods for this long", "DURATION", "30m"),
            Option("expire-prepared", "expire prepared pods after this long", "DURATION", "24h"),
            Option("mark-only", "only mark, remove nothing"),
            Option("check", "say what would be done, change nothing"),
            FORMAT,
        ),
        "Pods that ended are marked first, and removed when they have been marked for the grace period.\n"
        "What cannot be removed is said on standard error; the status stays 0.",
        ("podwright gc", "podwright gc --grace-period=0s --expire-prepared=0s"),
    ),
    Verb(
        "cat-manifest",
        "cat_manifest",
        "Print the manifest of a pod",
        "POD",
        (Option("pretty-print", "indent", default="true"), FORMAT, UUID_FILE),
        "The manifest that the pod was made from, with everything filled in; `podwright run\n"
        "--pod-manifest=FILE` takes it again. --format=json is --pretty-print=false.",
        ("podwright cat-manifest web", "podwright cat-manifest web | jq .apps[].image.id"),
    ),
    Verb(
        "image",
        "image",
        "Work with images: list, verify, build, push, ...",
        "COMMAND ...",
        examples=("podwright image list", "podwright help image build"),
    ),
    Verb(
        "network",
        "network",
        "Show the networks that pods can be on",
        "COMMAND ...",
        examples=("podwright network list",),
    ),
    Verb(
        "policy",
        "policy",
        "Explain the admission policy",
        "COMMAND ...",
        examples=("podwright policy check example.com/redis:7",),
    ),
    Verb(
        "secret",
        "secret",
        "Keep secrets that pods refer to by name",
        "COMMAND ...",
        examples=("podwright secret put db-password </run/keys/db", "podwright secret list"),
    ),
    Verb(
        "selinux",
        "selinux",
        "Check the SELinux labels of running pods",
        "COMMAND ...",
        examples=("podwright selinux verify web",),
    ),
    Verb(
        "stage1",
        "stage1",
        "Make stage1 images",
        "COMMAND ...",
        examples=(
            "podwright stage1 build kvm stage1-kvm.aci",
            "podwright stage1 build xen stage1-xen.aci",
        ),
    ),
    Verb(
        "tpm",
        "tpm",
        "Show what the TPM says about pods that were started",
        "COMMAND ...",
        examples=("podwright tpm status", "podwright tpm verify"),
    ),
    Verb(
        "config",
        "config",
        "Print the merged configuration as JSON",
        "",
        (
            Option("pretty-print", "indent", default="true"),
            Option("without-credentials", "say for what there are log-ins, not which"),
            FORMAT,
        ),
        "Paths, stage1 and log-ins that are in force, with their passwords as far as the caller may read\n"
        "them, and the directories that they come from, the last of which has the last word.\n"
        "--format=json is --pretty-print=false.",
        (
            "podwright config",
            "podwright config | jq -r '.stage0[] | select(.rktKind == \"paths\").data'",
        ),
    ),
    Verb(
        "check-host",
        "check_host",
        "Tell what this host can enforce, and what to install or enable for the rest",
        "",
        (
            Option("require", "end with 1 when one of these is missing: kvm,selinux", "LIST"),
            Option("no-legend", "no column titles"),
            FORMAT,
        ),
        "Everything is tried, and nothing is left behind. Returns 0 unless --require names something\n"
        "that is missing.",
        ("podwright check-host", "podwright check-host --require=user-namespaces,cgroups"),
    ),
    Verb(
        "metadata-service",
        "metadata_service",
        "Answer pods that ask who they are, until it is stopped",
        "",
        (
            Option(
                "listen-address",
                "only on this address, IPv4 or IPv6 (default: all)",
                "ADDRESS",
                repeat=True,
            ),
            Option("listen-port", "TCP port for pods", "PORT", "18112"),
            Option("idle", "end when no registered pod ran for so long", "DURATION"),
        ),
        "Pods that were started with --mds-register find it at $AC_METADATA_URL. Each is answered on the\n"
        "connections from its own addresses only, with its own token, as long as it runs. Registers\n"
        "pods on /run/podwright/metadata-svc.sock. Takes over sockets that systemd has opened, tells it\n"
        "when it is ready, and then ends a minute after the last registered pod.",
        (
            "podwright metadata-service",
            "podwright run --mds-register example.com/web",
        ),
    ),
    Verb(
        "version",
        "version",
        "Print the version",
        "",
        (FORMAT,),
        "Also of the App Container specification that is followed, of Python, and what was built in.",
        ("podwright version", "podwright version --format=json | jq -r .podwright"),
    ),
    Verb(
        "completion",
        "completion",
        "Print a completion script for a shell",
        "bash|zsh|fish",
        (),
        "The script asks the agent what may stand at the cursor: verbs, options and their words, and the\n"
        "names of pods, apps, images and networks of this host. The role installs all three.",
        (
            "source <(podwright completion bash)",
            "podwright completion zsh >/usr/local/share/zsh/site-functions/_podwright",
            "podwright completion fish >~/.config/fish/completions/podwright.fish",
        ),
    ),
    Verb(
        "help",
        "help",
        "Help about any command",
        "[COMMAND [SUB-COMMAND]]",
        (
            Option("man", "as a manual page (man -l - shows it)"),
            Option("write", "write all manual pages and completions below DIR", "DIR"),
        ),
        "",
        (
            "podwright help run",
            "podwright help image list",
            "podwright help --man run | man -l -",
            "podwright help --write=/usr/local/share",
        ),
    ),
)

# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright completion bash`: a script made from the option tables."""

from __future__ import annotations

from podwright.cli import options, verbs
from podwright.cli.context import Context, say
from podwright.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.cli.options import Arguments, Option

SCRIPT = """# bash completion of podwright; load it with: source <(podwright completion bash)
_podwright() {{
    local cur=${{COMP_WORDS[COMP_CWORD]}} verb="" word
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        case $word in -*) ;; *) verb=$word; break ;; esac
    done
    case $verb in
        "") COMPREPLY=($(compgen -W "{words} {shared}" -- "$cur")) ;;
{cases}
    esac
    [[ ${{COMPREPLY[0]}} == *= ]] && compopt -o nospace
    return 0
}}
complete -o default -F _podwright podwright
"""
PODS = " $(podwright list --full --no-legend 2>/dev/null | cut -f1)"
IMAGES = " $(podwright image list --fields=name --no-legend 2>/dev/null)"
DYNAMIC = {
    "status": PODS,
    "stop": PODS,
    "rm": PODS,
    "cat-manifest": PODS,
    "run-prepared": PODS,
    "run": IMAGES,
    "prepare": IMAGES,
}


def _words(items: tuple[Option, ...]) -> str:
    return " ".join(f"--{item.name}{'=' if item.metavar else ''}" for item in items)


def run(context: Context, args: Arguments) -> int:
    """Print the script."""
    if args.rest != ["bash"]:
        raise UsageError("completion needs the name of a shell", "podwright completion bash")
    shared = _words(options.GLOBAL)
    cases = []
    for verb in verbs.VERBS:
        if not verb.hidden:
            own = _words(verb.options)
            if verb.name == "image":
                own = " ".join(sub.name for sub in verbs.IMAGE_VERBS) + " fetch"
            found = DYNAMIC.get(verb.name, "")
            cases.append(
                f'        {verb.name}) COMPREPLY=($(compgen -W "{own} {shared}{found}" -- "$cur")) ;;'
            )
    names = " ".join(verb.name for verb in verbs.VERBS if not verb.hidden)
    say(SCRIPT.format(words=names, shared=shared, cases="\n".join(cases)).rstrip("\n"))
    return 0

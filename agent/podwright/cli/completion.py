# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright completion bash`: a script made from the option tables."""

from __future__ import annotations

from podwright.cli import options, verbs
from podwright.cli.context import Context, say
from podwright.errors import UsageError
from podwright.host.checks.every import NAMES
from podwright.model import netchoice
from podwright.model.podspec import FLAVOURS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.cli.options import Arguments, Option, Verb

# Readline cuts words at `=` too: `--net=ho` is three of them.
SCRIPT = """# bash completion of podwright; load it with: source <(podwright completion bash)
_podwright() {{
    local cur=${{COMP_WORDS[COMP_CWORD]}} verb="" sub="" flag="" word value="" plain=()
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        case $value$word in
            =) value="=" ;;
            =*) value="" ;;
            -*) ;;
            *) if [[ $verb ]]; then sub=${{sub:-$word}}; else verb=$word; fi ;;
        esac
    done
    if [[ $cur == = ]]; then
        flag=${{COMP_WORDS[COMP_CWORD-1]}} cur=""
    elif [[ $value ]]; then
        flag=${{COMP_WORDS[COMP_CWORD-2]}}
    fi
    COMPREPLY=()
    if [[ $flag ]]; then
        case "$verb $flag" in
{values}
        esac
        return 0
    fi
    case $verb in
        "") COMPREPLY=($(compgen -W "{words} {shared}" -- "$cur")) ;;
{cases}
    esac
    if [[ -z $cur ]]; then  # options only when there is nothing else, or when asked for
        for word in "${{COMPREPLY[@]}}"; do
            [[ $word == -* ]] || plain+=("$word")
        done
        [[ ${{plain[0]}} ]] && COMPREPLY=("${{plain[@]}}")
    fi
    [[ ${{COMPREPLY[0]}} == *= ]] && compopt -o nospace
    return 0
}}
complete -o default -F _podwright podwright
"""
PODS = (
    "$(podwright list --full --no-legend 2>/dev/null"
    " | awk -F'\\t' '$1 !~ /^ *$/ {print $1; if ($2 !~ /^- *$/) print $2}')"
)
NETWORKS = "$(podwright network list --no-legend 2>/dev/null | awk -F'[\\t ]' '{print $1}')"
IMAGES = "$(podwright image list --fields=name --no-legend 2>/dev/null)"
DYNAMIC = {
    "status": PODS,
    "enter": PODS,
    "stop": PODS,
    "rm": PODS,
    "cat-manifest": PODS,
    "run-prepared": PODS,
    "run": IMAGES,
    "prepare": IMAGES,
    "image rm": IMAGES,
    "image verify": IMAGES,
    "image render": IMAGES,
    "image extract": IMAGES,
    "image export": IMAGES,
    "image cat-manifest": IMAGES,
    "network inspect": NETWORKS,
    "network check": PODS,
    "completion": "bash",
}
VALUES = {
    "net": (NETWORKS, *netchoice.WORDS),
    "dns": ("host", "none"),
    "stage1-name": FLAVOURS,
    "require": NAMES,
}
"""What options take whose choices are not in the option table."""


def _words(items: tuple[Option, ...]) -> str:
    return " ".join(f"--{item.name}{'=' if item.metavar else ''}" for item in items)


def _reply(words: str) -> str:
    return f'COMPREPLY=($(compgen -W "{words}" -- "$cur")) ;;'


def _more(words: str) -> str:
    """A reply where several may stand with commas between them; the words of one alone come first."""
    return (
        f'if [[ $cur == *,* ]]; then COMPREPLY=($(compgen -P "${{cur%,*}}," -W "{NETWORKS}" --'
        f' "${{cur##*,}}")); else {_reply(words)[:-3]}; fi ;;'
    )


def _case(verb: Verb, shared: str, names: str) -> str:
    """The words that may follow one verb."""
    subs = [sub for sub in verbs.subs_of(verb) if not sub.hidden]
    if subs:
        inner = "\n".join(
            f"            {sub.name}) {_reply(_after(sub, shared, f'{verb.name} {sub.name}'))}"
            for sub in subs
        )
        words = " ".join(sub.name for sub in subs)
        none = f"            *) {_reply(f'{words} {_after(verb, shared, verb.name)}')}"
        return f"        {verb.name}) case $sub in\n{inner}\n{none}\n        esac ;;"
    more = f"{names} " if verb.name == "help" else ""
    return f"        {verb.name}) {_reply(more + _after(verb, shared, verb.name))}"


def _after(verb: Verb, shared: str, name: str) -> str:
    words = (_words(verb.options), shared, DYNAMIC.get(name, ""))
    return " ".join(word for word in words if word)


def _values() -> str:
    """What may stand after `--name=`, for options that take one of a few words."""
    found = []
    for verb in verbs.every():
        subs = (verb, *(sub for sub in verbs.subs_of(verb) if not sub.hidden))
        for option in (option for sub in subs for option in sub.options if not verb.hidden):
            words = " ".join(VALUES.get(option.name, option.choices)).strip()
            if option.name == "net":
                found.append(f'            "{verb.name} --net") {_more(words)}')
            elif words:
                found.append(f'            "{verb.name} --{option.name}") {_reply(words)}')
    return "\n".join(dict.fromkeys(found))


def run(context: Context, args: Arguments) -> int:
    """Print the script."""
    if args.rest != ["bash"]:
        raise UsageError("completion needs the name of a shell", "podwright completion bash")
    shared = _words(options.GLOBAL)
    shown = [verb for verb in verbs.every() if not verb.hidden]
    names = " ".join(verb.name for verb in shown)
    cases = "\n".join(_case(verb, shared, names) for verb in shown)
    say(SCRIPT.format(words=names, shared=shared, cases=cases, values=_values()).rstrip("\n"))
    return 0

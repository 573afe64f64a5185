# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright completion bash|zsh|fish`: scripts that ask `podwright complete` what may stand."""

from __future__ import annotations

from podwright.cli.context import Context, say
from podwright.errors import UsageError
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.cli.options import Arguments

# Readline cuts words at `=` and `:`, too: it is told only what follows the last of them. It puts
# words on the line as they are: one that the shell would read as more than a word is left out.
BASH = r"""# bash completion of podwright; load it with: source <(podwright completion bash)
_podwright() {
    local line=${COMP_LINE:0:COMP_POINT} current=${COMP_WORDS[COMP_CWORD]} answer
    local -a words
    read -r -a words <<<"$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    [[ $current == [=:] ]] && current=""
    local typed=${words[${#words[@]} - 1]}
    local before=${typed%"$current"}
    COMPREPLY=()
    while IFS= read -r answer; do
        if [[ $answer == :files ]]; then
            compopt -o default
        else
            answer=${answer%%$'\t'*}
            [[ $answer == *[^[:alnum:]_.:/@,=+~%-]* ]] && continue
            COMPREPLY+=("${answer#"$before"}")
        fi
    done < <("${words[0]}" complete -- "${words[@]:1}" 2>/dev/null)
    [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace
    return 0
}
complete -F _podwright podwright rkt
"""
ZSH = r"""#compdef podwright rkt
# zsh completion of podwright; put it as _podwright into a directory of $fpath
_podwright() {
    local answer word files=
    local -a plain open
    for answer in ${(f)"$("${(Q)words[1]}" complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)"}; do
        word=${${answer%%$'\t'*}//:/\\:}
        case $answer in
            :files) files=1 ;;
            *=$'\t'*|*=) open+=("$word:${answer#*$'\t'}") ;;
            *$'\t'*) plain+=("$word:${answer#*$'\t'}") ;;
            *) plain+=("$word") ;;
        esac
    done
    (( $#plain )) && _describe -V podwright plain
    (( $#open )) && _describe -V option open -S ''
    if [[ -n $files ]]; then
        compset -P '--*='
        _files
    fi
}
if [[ $funcstack[1] == _podwright ]]; then
    _podwright "$@"
else
    compdef _podwright podwright rkt
fi
"""
FISH = r"""# fish completion of podwright
function __podwright_answers
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for answer in ($words[1] complete -- $words[2..-1] "$current" 2>/dev/null)
        if test "$answer" = :files
            set -l before (string match -r -- '^--[^=]*=' $current)
            for file in (__fish_complete_path (string replace -r -- '^--[^=]*=' '' "$current"))
                echo "$before$file"
            end
        else
            echo $answer
        end
    end
end
complete -c podwright -f -k -a '(__podwright_answers)'
complete -c rkt -f -k -a '(__podwright_answers)'
"""
SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}
PATHS = {
    "bash": "bash-completion/completions/podwright",
    "zsh": "zsh/vendor-completions/_podwright",
    "fish": "fish/vendor_completions.d/podwright.fish",
}
"""Where distributions look for them, below /usr/share."""


def run(context: Context, args: Arguments) -> int:
    """Print the script of one shell."""
    shell = args.rest[0] if len(args.rest) == 1 else ""
    if shell not in SCRIPTS:
        said = safe(" ".join(args.rest), 40)
        raise UsageError(
            f"completion is for {', '.join(SCRIPTS)}, not {said!r}"
            if said
            else "completion needs the name of a shell",
            "podwright completion bash|zsh|fish",
        )
    say(SCRIPTS[shell].rstrip("\n"))
    return 0

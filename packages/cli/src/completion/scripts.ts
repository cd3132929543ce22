/** The shells that `netkit completion` knows. All of them ask `netkit __complete WORD...` for what may come next. */
export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

// Bash splits words at '=' and ':' too, and replaces only the part after the last of them: the words are therefore cut
// at blanks here, and what stands before that part is taken off the answers.
const bash = String.raw`# netkit completion for bash: eval "$(netkit completion bash)"
_netkit() {
  local line=${"$"}{COMP_LINE:0:COMP_POINT} words cur before reply
  read -ra words <<< "$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  cur=${"$"}{words[${"$"}{#words[@]}-1]}
  before=${"$"}{cur%"${"$"}{cur##*[=:]}"}
  COMPREPLY=()
  while IFS=$'\t' read -r reply _; do
    if [[ $reply == :path ]]; then
      compopt -o default
      return
    fi
    [[ $reply == *[=:/] ]] && compopt -o nospace
    COMPREPLY+=("${"$"}{reply#"$before"}")
  done < <(netkit __complete "${"$"}{words[@]:1}" 2> /dev/null)
}
complete -F _netkit netkit
`;

const zsh = String.raw`#compdef netkit
# netkit completion for zsh: eval "$(netkit completion zsh)"
_netkit() {
  local -a plain open
  local word summary
  while IFS=$'\t' read -r word summary; do
    if [[ $word == :path ]]; then
      _files
      return
    fi
    if [[ $word == *[=:/] ]]; then
      open+=("${"$"}{word//:/\\:}:$summary")
    else
      plain+=("${"$"}{word//:/\\:}:$summary")
    fi
  done < <(netkit __complete "${"$"}{(@)words[2,CURRENT]}" 2> /dev/null)
  _describe netkit plain -- open -S ''
}
compdef _netkit netkit
`;

const fish = String.raw`# netkit completion for fish: netkit completion fish | source
function __netkit_complete
    set -l words (commandline -opc)[2..] (commandline -ct)
    set -l answers (netkit __complete $words 2> /dev/null)
    if test "$answers" = :path
        __fish_complete_path (commandline -ct)
    else
        printf '%s\n' $answers
    end
end
complete -c netkit -f -a '(__netkit_complete)'
`;

export const scripts: Readonly<Record<Shell, string>> = { bash, zsh, fish };

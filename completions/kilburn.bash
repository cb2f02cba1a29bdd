# bash completion for kilburn. Options and policies are asked of the program itself, once a shell.

_kilburn_policies() {
    [[ -n ${_kilburn_policy_names-} ]] ||
        _kilburn_policy_names=$(kilburn sim --policy help 2>/dev/null)
    sed -nE 's/^[[:blank:]]*([a-z0-9]+(-[a-z0-9]+)*)([[:blank:]:].*)?$/\1/p' <<<"$_kilburn_policy_names"
}

# The long options of a subcommand, from its --help.
_kilburn_options() {
    kilburn "$@" --help 2>/dev/null | grep -oE -- '(^|[[:blank:],[])--[a-z][a-z-]*=?' |
        grep -oE -- '--[a-z-]+' | sort -u
}

_kilburn() {
    local cur prev subcommand=() i
    cur=${COMP_WORDS[COMP_CWORD]}
    prev=${COMP_WORDS[COMP_CWORD - 1]}
    COMPREPLY=()

    # --option=value arrives in one word or, split at “=”, in three.
    if [[ $cur == --*=* ]]; then
        prev=${cur%%=*} cur=${cur#*=}
    elif [[ $cur == "=" ]]; then
        cur=
    elif [[ $prev == "=" ]]; then
        prev=${COMP_WORDS[COMP_CWORD - 2]}
    fi

    for ((i = 1; i < COMP_CWORD && ${#subcommand[@]} < 2; i++)); do
        case ${COMP_WORDS[i]} in
        sim | trace | step | explain | study | record) ((${#subcommand[@]})) || subcommand+=("${COMP_WORDS[i]}") ;;
        info | convert | generate | verify | annotate-release | working-set)
            [[ ${subcommand[0]-} == trace ]] && subcommand+=("${COMP_WORDS[i]}")
            ;;
        organisations | multiprogramming | associative | page-size | allocation) [[ ${subcommand[0]-} == study ]] && subcommand+=("${COMP_WORDS[i]}") ;;
        esac
    done

    case $prev in
    --policy | -p)
        # A list: complete its last name.
        local before=
        [[ $cur == *,* ]] && before=${cur%,*},
        if [[ ${cur##*,} == */* ]]; then
            mapfile -t COMPREPLY < <(compgen -P "$before" -f -X '!*.so' -- "${cur##*,}")
        else
            mapfile -t COMPREPLY < <(compgen -P "$before" -W "$(_kilburn_policies)" -- "${cur##*,}")
        fi
        return
        ;;
    --format)
        if [[ ${subcommand[0]-} == explain ]]; then
            mapfile -t COMPREPLY < <(compgen -W "sv32 sv39 sv48 sv57 x86-32 x86-64 s370" -- "$cur")
            return
        fi
        mapfile -t COMPREPLY < <(compgen -W "pages rw ls lackey din pin champsim oracle kbt" -- "$cur")
        return
        ;;
    --with)
        mapfile -t COMPREPLY < <(compgen -W "qemu lackey" -- "$cur")
        return
        ;;
    --table-format)
        mapfile -t COMPREPLY < <(compgen -W "generic sv32 sv39 sv48 sv57 x86-32 x86-64 inverted" -- "$cur")
        return
        ;;
    --timeline)
        mapfile -t COMPREPLY < <(compgen -f -X '!*.json' -- "$cur")
        return
        ;;
    --fetch)
        mapfile -t COMPREPLY < <(compgen -W "demand sequential stride history help" -- "$cur")
        return
        ;;
    --allocation)
        mapfile -t COMPREPLY < <(compgen -W "global equal proportional variable" -- "$cur")
        return
        ;;
    --load-control)
        mapfile -t COMPREPLY < <(compgen -W "none working-set fault-rate" -- "$cur")
        return
        ;;
    --tables)
        mapfile -t COMPREPLY < <(compgen -W "apart resident pageable" -- "$cur")
        return
        ;;
    --tlb | --tlb2)
        mapfile -t COMPREPLY < <(compgen -W "none 64 16x4" -- "$cur")
        return
        ;;
    --lang)
        mapfile -t COMPREPLY < <(compgen -W "en es" -- "$cur")
        return
        ;;
    --access)
        mapfile -t COMPREPLY < <(compgen -W "r w x" -- "$cur")
        return
        ;;
    --mode)
        mapfile -t COMPREPLY < <(compgen -W "u s" -- "$cur")
        return
        ;;
    --ad)
        mapfile -t COMPREPLY < <(compgen -W "set fault" -- "$cur")
        return
        ;;
    --memory)
        [[ ${subcommand[0]-} == explain ]] && mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    --frames | --page-size | --asids | --levels | --swap | --quantum | --processes | --disk | --memory-time | --cycle-time | --minimum | --cluster | --reserve | --distance | --window | --at | --grain | --limit) return ;;
    esac

    if [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_kilburn_options "${subcommand[@]}")" -- "$cur")
    elif ((${#subcommand[@]} == 0)); then
        mapfile -t COMPREPLY < <(compgen -W "sim trace step explain study record" -- "$cur")
    elif [[ ${subcommand[*]} == trace ]]; then
        mapfile -t COMPREPLY < <(compgen -W "info convert generate verify annotate-release working-set" -- "$cur")
    elif [[ ${subcommand[*]} == study ]]; then
        mapfile -t COMPREPLY < <(compgen -W "organisations multiprogramming associative page-size allocation" -- "$cur")
    elif [[ ${subcommand[0]} == record ]]; then
        mapfile -t COMPREPLY < <(compgen -f -- "$cur"; compgen -c -- "$cur")
    elif [[ ${subcommand[0]} == step ]]; then
        mapfile -t COMPREPLY < <(compgen -f -X '!*.kb' -- "$cur"; compgen -d -- "$cur")
    else
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    fi
} && complete -o filenames -F _kilburn kilburn

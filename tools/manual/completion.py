"""Completion for bash, zsh and fish, from the tree of commands that `vedette commands` prints."""
import re

FILES = {"FILE", "FOLDER", "DST", "SRC", "MANIFEST", "MESSAGES", "--config", "--output", "--inputs", "--outputs", "--model", "--see",
         "--think", "--hear"}


def walk(command, path=()):
    yield path, command
    for inner in command["commands"]:
        yield from walk(inner, (*path, inner["name"]))


def choices(option):
    """{a,b} in the type's name, or "x, y or z" alone behind the description's colon."""
    found = re.search(r"\{(.*)\}", option["type"])
    if found:
        return found.group(1).split(",")
    found = re.search(r": (\w+(?:, \w+)* or \w+)$", option["description"])
    return re.split(r", | or ", found.group(1)) if found else []


def files(option):
    return bool(FILES & {*option["names"], option.get("positional", "")})


def options(command):
    return [option for option in command["options"] if option["names"]]


def positionals(command):
    return [option for option in command["options"] if "positional" in option]


def bash(tree):
    cases, values = [], []
    for path, command in walk(tree):
        words = [inner["name"] for inner in command["commands"]] + [name for option in options(command) for name in option["names"]]
        takes_files = any(files(option) for option in positionals(command))
        cases.append(f'    "{" ".join(path)}") words="{" ".join(words)}" files={int(takes_files)} ;;')
        for option in options(command):
            if not option["takes_value"]:
                continue
            how = f'words="{" ".join(choices(option))}" files={int(files(option))}'
            values += [f'    "{" ".join((*path, name))}") {how}; return 0 ;;' for name in option["names"]]
    valued = sorted({name for _, command in walk(tree) for option in options(command) if option["takes_value"] for name in option["names"]})
    commands = sorted({" ".join(path) for path, _ in walk(tree) if path})
    return "\n".join([
        "# bash completion for vedette; written by tools/manual/pages", "",
        "# What the option before the cursor takes, if it takes a value.",
        "_vedette_value() {", '  case "$1" in', *values, "  esac", "  return 1", "}", "",
        "_vedette() {", '  local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD-1]}" path="" words="" files=0 i word',
        "  for ((i = 1; i < COMP_CWORD; ++i)); do", '    word="${COMP_WORDS[i]}"', '    case "$word" in',
        *([f'      {"|".join(valued)}) ((++i)); continue ;;'] if valued else []),
        "    esac", '    case "${path:+$path }$word" in', "      " + "|".join(f'"{name}"' for name in commands) + ') path="${path:+$path }$word" ;;',
        "    esac", "  done", '  if ! _vedette_value "${path:+$path }$previous"; then', '    case "$path" in', *["  " + case for case in cases], "    esac", "  fi",
        '  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")',
        '  if ((files)) && [[ $current != -* ]]; then', '    local found', '    mapfile -t found < <(compgen -f -- "$current")',
        '    COMPREPLY+=("${found[@]}")', "    compopt -o filenames 2>/dev/null", "  fi", "}",
        "complete -F _vedette vedette", ""])


def shell_quoted(text):
    return "'" + text.replace("'", "'\\''") + "'"


def zsh_spec(option):
    text = re.sub(r"([\[\]:])", r"\\\1", option["description"])
    action = "_files" if files(option) else f"({' '.join(choices(option))})" if choices(option) else " "
    value = f":{option['names'][-1].lstrip('-')}:{action}" if option["takes_value"] else ""
    return [shell_quoted(f"{name}[{text}]{value}") for name in option["names"]]


def zsh(tree):
    lines = ["#compdef vedette", "# zsh completion for vedette; written by tools/manual/pages", ""]
    for path, command in walk(tree):
        name = "_" + "_".join(("vedette", *path))
        specs = [spec for option in options(command) for spec in zsh_spec(option)]
        lines.append(f"{name}() {{")
        if command["commands"]:
            lines += ["  local state line", "  _arguments -C " + " ".join([*specs, "'1:command:->command'", "'*::arguments:->arguments'"]),
                      "  case $state in", "    command)", "      local -a commands", "      commands=("]
            lines += [f"        {shell_quoted(inner['name'] + ':' + inner['description'].replace(':', ' -'))}" for inner in command["commands"]]
            lines += ["      )", "      _describe command commands ;;", "    arguments)", "      case $line[1] in"]
            lines += [f"        {inner['name']}) {name}_{inner['name']} ;;" for inner in command["commands"]]
            lines += ["      esac ;;", "  esac"]
        else:
            specs += [shell_quoted(f"{'*' if option['many'] else str(i + 1)}:{option['positional'].lower()}:{'_files' if files(option) else ' '}")
                      for i, option in enumerate(positionals(command))]
            lines.append("  _arguments " + " ".join(specs))
        lines += ["}", ""]
    return "\n".join([*lines, '_vedette "$@"', ""])


def fish(tree):
    lines = ["# fish completion for vedette; written by tools/manual/pages", "complete -c vedette -f"]
    for path, command in walk(tree):
        inner = [one["name"] for one in command["commands"]]
        seen = " ".join(f"; and __fish_seen_subcommand_from {name}" for name in path).removeprefix("; and ")
        unseen = f"not __fish_seen_subcommand_from {' '.join(inner)}" if inner else ""
        when = " ; and ".join(part for part in (seen, unseen) if part)
        condition = f" -n {shell_quoted(when)}" if when else ""
        for one in command["commands"]:
            lines.append(f"complete -c vedette{condition} -a {one['name']} -d {shell_quoted(one['description'])}")
        if any(files(option) for option in positionals(command)):
            lines.append(f"complete -c vedette{condition} -F")
        for option in options(command):
            names = " ".join(f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option["names"])
            value = "" if not option["takes_value"] else " -r -F" if files(option) else " -x"
            if choices(option):
                value += f" -a {shell_quoted(' '.join(choices(option)))}"
            lines.append(f"complete -c vedette{condition} {names}{value} -d {shell_quoted(option['description'])}")
    return "\n".join([*lines, ""])

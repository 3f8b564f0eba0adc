/** Completion for bash (bash(1), "Programmable Completion"), with the helpers of the bash-completion package. */
import {
  pipeline,
  positionsOf,
  questionsAbout,
  spellings,
  walkSteps,
  type CommandShape,
  type Offer,
  type OptionShape,
} from './command-shape.ts';

/** A file for share/bash-completion/completions. */
export function bashCompletion(command: CommandShape): string {
  const { program } = command;
  const name = program.replaceAll('-', '_');
  return `# Completion of ${program} for bash. Made from the tables of its options and verbs: not to be edited.

# Offers the lines that begin as the word does. Not "compgen -W": that would run what is in them. bash quotes what it
# completes, but not "$": names with that must be typed.
_${name}_offer() {
    local line
    while IFS= read -r line; do
        [[ $line == "$cur"* && $line != *'$'* ]] && COMPREPLY+=("$line")
    done
    compopt -o filenames 2>/dev/null
}
${command.verbs.length === 0 ? '' : questions(program, name)}
_${name}() {
    local cur prev words cword split=false
    _init_completion -s || return
    local -a host=() given=()
    local verb= i
    for ((i = 1; i < cword; i++)); do
        case \${words[i]} in
${walk(command)}
            -*) ;;
            *) ${command.verbs.length === 0 ? 'given+=("${words[i]}")' : 'if [[ -z $verb ]]; then verb=${words[i]}; else given+=("${words[i]}"); fi'} ;;
        esac
    done
    case $prev in
${command.options.flatMap((option) => optionCase(option, name)).join('\n')}
    esac
    $split && return
    if [[ $cur == -* ]]; then
        case $verb in
${optionLists(command)}
        esac
        [[ \${#COMPREPLY[@]} == 1 && \${COMPREPLY[0]} == *= ]] && compopt -o nospace
        return
    fi
    case "$verb \${#given[@]}" in
${positions(command, name).join('\n')}
    esac
} && complete -F _${name} ${program}
`;
}

/** Functions that ask the program itself, about the host that was chosen. */
function questions(program: string, name: string): string {
  const lines = questionsAbout('"${given[0]}"').map(
    (question) => `_${name}_${question.about}() { ${pipeline(`${program} "\${host[@]}"`, question)}; }`,
  );
  return `\n${lines.join('\n')}\n`;
}

/** The cases that step over options. */
function walk({ options }: CommandShape): string {
  return walkSteps(options)
    .map(({ patterns, remembered, takesNext }) => {
      const words = takesNext ? '"${words[i]}" "${words[i + 1]}"' : '"${words[i]}"';
      const actions = [...(remembered ? [`host+=(${words})`] : []), ...(takesNext ? ['((i++))'] : [])];
      return `            ${patterns.join('|')}) ${actions.join(' && ')} ;;`;
    })
    .join('\n');
}

function optionCase(option: OptionShape, name: string): readonly string[] {
  if (option.argument === undefined) return [];
  return [`        ${spellings(option).join('|')}) ${offer(option.argument.offer, name)}; return ;;`];
}

function optionLists({ options, verbs }: CommandShape): string {
  const list = (wanted: readonly OptionShape[]): string => {
    const words = wanted.flatMap((option) => [
      `--${option.name}${option.argument === undefined ? '' : '='}`,
      ...(option.short === undefined ? [] : [`-${option.short}`]),
    ]);
    return `COMPREPLY=($(compgen -W '${words.join(' ')}' -- "$cur"))`;
  };
  const cases = verbs.map(
    (verb) =>
      `            ${verb.name}) ${list(options.filter(({ name }) => verb.options.includes(name)))} ;;`,
  );
  return [...cases, `            *) ${list(options)} ;;`].join('\n');
}

function positions(command: CommandShape, name: string): readonly string[] {
  const verbs = command.verbs.map((verb) => verb.name).join(' ');
  return [
    ...(verbs === '' ? [] : [`        " 0") COMPREPLY=($(compgen -W '${verbs}' -- "$cur")) ;;`]),
    ...positionsOf(command).map(
      ([verb = '', at, argument]) => `        "${verb} "${at}) ${offer(argument.offer, name)} ;;`,
    ),
  ];
}

function offer(what: Offer, name: string): string {
  switch (what.kind) {
    case 'words':
      return `COMPREPLY=($(compgen -W '${what.words.join(' ')}' -- "$cur"))`;
    case 'image':
      return `_${name}_offer < <(_${name}_images); _filedir`;
    case 'attached-image':
      return `_${name}_offer < <(_${name}_attached); _filedir`;
    case 'unit':
      return `_${name}_offer < <(_${name}_units; _${name}_images); [[ $cur == */* ]] && _filedir`;
    case 'profile':
      return `_${name}_offer < <(_${name}_profiles); _filedir`;
    case 'directory':
      return '_filedir -d';
    case 'file':
      return '_filedir';
    case 'host':
      return 'COMPREPLY=($(compgen -A hostname -- "$cur"))';
    case 'machine':
      return `_${name}_offer < <(ls /run/systemd/machines 2>/dev/null | grep -v '^unit:')`;
    case 'nothing':
      return ':';
  }
}

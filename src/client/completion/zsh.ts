/** Completion for zsh (zshcompsys(1)). */
import {
  attachedNames,
  imageNames,
  offersByPosition,
  quietly,
  spellings,
  unitNames,
  type ArgumentShape,
  type CommandShape,
  type Offer,
  type OptionShape,
} from './command-shape.ts';

/** A file for share/zsh/site-functions, to be called _PROGRAM. */
export function zshCompletion(command: CommandShape): string {
  const { program, options, verbs } = command;
  const name = `_${program}`;
  return `#compdef ${program}
# Completion of ${program} for zsh. Made from the tables of its options and verbs: not to be edited.
${verbs.length === 0 ? '' : questions(program, name)}
${name}_argument() {
    case "$verb \${#given}" in
${positions(command, name).join('\n')}
        *) _message 'no more arguments' ;;
    esac
}

${name}() {
    local verb= i
    local -a host given specs
    for ((i = 2; i < CURRENT; i++)); do
        case \${words[i]} in
${walk(command)}
            -*) ;;
            *) ${verbs.length === 0 ? 'given+=("${(Q)words[i]}")' : 'if [[ -z $verb ]]; then verb=${words[i]}; else given+=("${(Q)words[i]}"); fi'} ;;
        esac
    done
    case $verb in
${verbs
  .map((verb) =>
    optionCase(
      verb.name,
      options.filter(({ name: each }) => verb.options.includes(each)),
      name,
    ),
  )
  .join('\n')}
${optionCase('*', options, name)}
    esac
    _arguments -s -S $specs '*:argument:${name}_argument'
}

${name} "$@"
`;
}

function questions(program: string, name: string): string {
  const ask = `_call_program images ${program} "\${(q)host[@]}" ${quietly}`;
  const lines = (question: string, filter?: string): string =>
    `\${(f)"$(${ask} ${question} 2>/dev/null${filter === undefined ? '' : ` | ${filter}`})"}`;
  return `
${name}_images() {
    local -a found=(${lines('list', imageNames)})
    _alternative 'images:image:compadd -a found' 'files:file:_files'
}

${name}_attached() {
    local -a found=(${lines('list', attachedNames)})
    _alternative 'images:image:compadd -a found' 'files:file:_files'
}

${name}_profiles() {
    local -a found=(${lines('--profile=help')})
    _alternative 'profiles:profile:compadd -a found' 'files:file:_files'
}

${name}_units() {
    local -a units=(${lines('inspect "${(q)given[1]}" -', unitNames)}) found=(${lines('list', imageNames)})
    _alternative 'units:unit:compadd -a units' 'images:image:compadd -a found'
}
`;
}

function walk({ options }: CommandShape): string {
  const patterns = (wanted: readonly OptionShape[], suffix = ''): string =>
    wanted
      .flatMap(spellings)
      .map((each) => `${each}${suffix}`)
      .join('|');
  const withArgument = options.filter(({ argument }) => argument !== undefined);
  const choosing = withArgument.filter(({ chooses }) => chooses === 'host');
  const switches = options.filter(({ chooses, argument }) => chooses === 'host' && argument === undefined);
  const others = withArgument.filter(({ chooses }) => chooses !== 'host');
  return [
    [patterns(choosing), 'host+=("${(Q)words[i]}" "${(Q)words[i + 1]}"); ((++i))'],
    [[patterns(choosing, '=*'), patterns(switches)].filter(Boolean).join('|'), 'host+=("${(Q)words[i]}")'],
    [patterns(others), '((++i))'],
  ]
    .filter(([pattern]) => pattern !== '')
    .map(([pattern, action]) => `            ${pattern}) ${action} ;;`)
    .join('\n');
}

function optionCase(verb: string, options: readonly OptionShape[], name: string): string {
  const specs = options.flatMap((option) => optionSpecs(option, name));
  return [
    `        ${verb}) specs=(`,
    ...specs.map((spec) => `            ${quote(spec)}`),
    '        ) ;;',
  ].join('\n');
}

/** "(-p --profile)--profile=[What it is]:PROFILE:action", for each way to write it. */
function optionSpecs(option: OptionShape, name: string): readonly string[] {
  const { argument, help } = option;
  const isRepeatable = argument?.offer.kind === 'image';
  const exclusive = isRepeatable ? '*' : `(${spellings(option).join(' ')})`;
  return spellings(option).map((spelling) => {
    const follows = argument === undefined ? '' : spelling.startsWith('--') ? '=' : '+';
    const value = argument === undefined ? '' : `:${escape(argument.name)}:${action(argument.offer, name)}`;
    return `${exclusive}${spelling}${follows}[${escape(help)}]${value}`;
  });
}

function positions({ verbs, arguments: own }: CommandShape, name: string): readonly string[] {
  const described = verbs
    .map((verb) => quote(`${verb.name}:${verb.help.replaceAll(':', String.raw`\:`)}`))
    .join(' ');
  const choose = `        ' 0') local -a commands=(${described}); _describe -t commands command commands ;;`;
  const cases = (verb: string, given: readonly ArgumentShape[]): readonly string[] =>
    offersByPosition(given).map(([at, what]) => `        '${verb} '${at}) ${action(what, name)} ;;`);
  return [
    ...(verbs.length === 0 ? cases('', own) : [choose]),
    ...verbs.flatMap((verb) => cases(verb.name, verb.arguments)),
  ];
}

function action(what: Offer, name: string): string {
  switch (what.kind) {
    case 'words':
      return `_values word ${what.words.join(' ')}`;
    case 'image':
      return `${name}_images`;
    case 'attached-image':
      return `${name}_attached`;
    case 'unit':
      return `${name}_units`;
    case 'profile':
      return `${name}_profiles`;
    case 'directory':
      return '_files -/';
    case 'file':
      return '_files';
    case 'host':
      return '_hosts';
    case 'machine':
      return `_values machine \${\${(f)"$(ls /run/systemd/machines 2>/dev/null)"}:#unit:*}`;
    case 'nothing':
      return '_message value';
  }
}

/** What would end a description, or begin another part of a specification. */
function escape(text: string): string {
  return text.replace(/[[\]:]/g, String.raw`\$&`);
}

function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

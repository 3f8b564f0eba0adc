/** Completion for zsh (zshcompsys(1)). */
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

/** How what was found is offered, besides files or images. */
const alternatives = {
  images: "'images:image:compadd -a images' 'files:file:_files'",
  attached: "'images:image:compadd -a attached' 'files:file:_files'",
  profiles: "'profiles:profile:compadd -a profiles' 'files:file:_files'",
  units: "'units:unit:compadd -a units' 'images:image:compadd -a images'",
} as const;

/** Functions that ask the program itself, about the host that was chosen. */
function questions(program: string, name: string): string {
  const asked = questionsAbout('"${(q)given[1]}"');
  const found = new Map(
    asked.map((question) => {
      const lines = pipeline(`_call_program images ${program} "\${(q)host[@]}"`, question);
      return [question.about, `${question.about}=(\${(f)"$(${lines})"})`];
    }),
  );
  const functions = asked.map(({ about }) => {
    const arrays = about === 'units' ? [found.get('units'), found.get('images')] : [found.get(about)];
    return `${name}_${about}() {\n    local -a ${arrays.join(' ')}\n    _alternative ${alternatives[about]}\n}\n`;
  });
  return `\n${functions.join('\n')}`;
}

/** The cases that step over options. */
function walk({ options }: CommandShape): string {
  return walkSteps(options)
    .map(({ patterns, remembered, takesNext }) => {
      const words = takesNext ? '"${(Q)words[i]}" "${(Q)words[i + 1]}"' : '"${(Q)words[i]}"';
      const actions = [...(remembered ? [`host+=(${words})`] : []), ...(takesNext ? ['((++i))'] : [])];
      return `            ${patterns.join('|')}) ${actions.join('; ')} ;;`;
    })
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

function positions(command: CommandShape, name: string): readonly string[] {
  const described = command.verbs.map((verb) =>
    quote(`${verb.name}:${verb.help.replaceAll(':', String.raw`\:`)}`),
  );
  const choose = `        ' 0') local -a commands=(${described.join(' ')}); _describe -t commands command commands ;;`;
  return [
    ...(described.length === 0 ? [] : [choose]),
    ...positionsOf(command).map(
      ([verb = '', at, argument]) => `        '${verb} '${at}) ${action(argument.offer, name)} ;;`,
    ),
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

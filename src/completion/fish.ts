/** Completion for fish (complete(1) of fish). */
import {
  pipeline,
  questionsAbout,
  walkSteps,
  type ArgumentShape,
  type CommandShape,
  type Offer,
  type OptionShape,
} from './command-shape.ts';

/** A file for share/fish/vendor_completions.d. */
export function fishCompletion(command: CommandShape): string {
  const { program, verbs } = command;
  const name = `__${program.replaceAll('-', '_')}`;
  return `# Completion of ${program} for fish. Made from the tables of its options and verbs: not to be edited.

# Tells what was typed so far: with "verb", "given" or "host" that part of it
function ${name}_typed
    set -l words (commandline -opc)[2..-1]
    set -l verb
    set -l given
    set -l host
    while set -q words[1]
        switch $words[1]
${walk(command)}
            case '-*'
            case '*'
                ${verbs.length === 0 ? 'set -a given $words[1]' : 'if set -q verb[1]; set -a given $words[1]; else; set verb $words[1]; end'}
        end
        set -e words[1]
    end
    switch $argv[1]
        case verb
            printf '%s\\n' $verb
        case given
            printf '%s\\n' $given
        case host
            printf '%s\\n' $host
    end
end

# Whether the verb is one of these; without any, whether there is none
function ${name}_verb
    set -l verb (${name}_typed verb)
    if set -q argv[1]
        contains -- "$verb" $argv
    else
        test -z "$verb"
    end
end

# Whether so many arguments, or more, came before
function ${name}_after
    set -l given (${name}_typed given | string match -r '.+')
    test (count $given) $argv[1] $argv[2]
end
${verbs.length === 0 ? '' : questions(program, name)}
complete -c ${program} -f
${verbLines(command, name)}${command.options.map((option) => optionLine(command, option, name)).join('\n')}
${argumentLines(command, name).join('\n')}
`;
}

/** Functions that ask the program itself, about the host that was chosen. */
function questions(program: string, name: string): string {
  const ask = `command ${program} (${name}_typed host | string match -r '.+')`;
  const functions = questionsAbout(`(${name}_typed given)[1]`).map(
    (question) => `function ${name}_${question.about}\n    ${pipeline(ask, question)}\nend\n`,
  );
  return `\n${functions.join('\n')}`;
}

/** The cases that step over options. */
function walk({ options }: CommandShape): string {
  return walkSteps(options)
    .map(({ patterns, remembered, takesNext }) => {
      const words = takesNext ? '$words[1..2]' : '$words[1]';
      const actions = [
        ...(remembered ? [`set -a host ${words}`] : []),
        ...(takesNext ? ['set -e words[1]'] : []),
      ];
      const quoted = patterns.map((pattern) => `'${pattern}'`).join(' ');
      return `            case ${quoted}\n                ${actions.join('; ')}`;
    })
    .join('\n');
}

function verbLines({ program, verbs }: CommandShape, name: string): string {
  return verbs
    .map((verb) => `complete -c ${program} -n ${name}_verb -a ${verb.name} -d ${quote(verb.help)}\n`)
    .join('');
}

function optionLine({ program, verbs }: CommandShape, option: OptionShape, name: string): string {
  const users = verbs.filter((verb) => verb.options.includes(option.name)).map((verb) => verb.name);
  const condition =
    users.length === verbs.length ? '' : ` -n '${name}_verb; or ${name}_verb ${users.join(' ')}'`;
  const short = option.short === undefined ? '' : ` -s ${option.short}`;
  const value = option.argument === undefined ? '' : ` ${values(option.argument.offer, name)}`;
  return `complete -c ${program}${condition} -l ${option.name}${short}${value} -d ${quote(option.help)}`;
}

function argumentLines({ program, verbs, arguments: own }: CommandShape, name: string): readonly string[] {
  const lines = (verb: string | undefined, given: readonly ArgumentShape[]): readonly string[] =>
    given.map(({ offer, repeats }, i) => {
      const count = `${name}_after ${repeats ? '-ge' : '-eq'} ${i}`;
      const condition = verb === undefined ? count : `${name}_verb ${verb}; and ${count}`;
      return `complete -c ${program} -n '${condition}' ${values(offer, name).replace(/^-r /, '').replace(/^-x /, '')}`;
    });
  return verbs.length === 0
    ? lines(undefined, own)
    : verbs.flatMap((verb) => lines(verb.name, verb.arguments));
}

/** "-r" takes a value, file names included; "-x" takes one, without file names. */
function values(what: Offer, name: string): string {
  switch (what.kind) {
    case 'words':
      return `-x -a ${quote(what.words.join(' '))}`;
    case 'image':
      return `-r -F -a '(${name}_images)'`;
    case 'attached-image':
      return `-r -F -a '(${name}_attached)'`;
    case 'unit':
      return `-x -a '(${name}_units; ${name}_images)'`;
    case 'profile':
      return `-r -F -a '(${name}_profiles)'`;
    case 'directory':
      return `-x -a '(__fish_complete_directories)'`;
    case 'file':
      return '-r -F';
    case 'host':
      return `-x -a '(__fish_print_hostnames)'`;
    case 'machine':
      return `-x -a '(command ls /run/systemd/machines 2>/dev/null | string match -v "unit:*")'`;
    case 'nothing':
      return '-x';
  }
}

function quote(text: string): string {
  return `'${text.replace(/[\\']/g, String.raw`\$&`)}'`;
}

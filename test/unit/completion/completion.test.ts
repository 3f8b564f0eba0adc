/** Completion as a person gets it: keys typed into real shells on a terminal, with a stand-in for the program. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';

import { dissect } from '../../../src/completion/dissect.ts';
import { completionFiles } from '../../../src/completion/files.ts';
import { portableBuild } from '../../../src/completion/portable-build.ts';
import { helpText as buildHelp } from '../../../src/build/arguments.ts';
import { helpText } from '../../../src/dissect/arguments.ts';
import { scratchDirectory } from '../../support/scratch.ts';

const prefix = scratchDirectory('completion');
for (const { path: file, text } of completionFiles) {
  mkdirSync(path.dirname(path.join(prefix, file)), { recursive: true });
  writeFileSync(path.join(prefix, file), text);
}
/** Answers what completion asks; whatever else it is called with, it prints. */
const program = `#!/bin/sh
case " $* " in
*" --root"[=\\ ]"/tree "*" list "*) echo 'treeish directory no Sat 2026-11-21 14:51:08 UTC - detached' ;;
*" list "*)
  echo 'web_1.0    raw       no Sat 2026-11-21 14:51:08 UTC - 12M running'
  echo 'spaced out directory no Sat 2026-11-21 14:51:08 UTC - detached'
  echo 'evil$(touch ${prefix}/evil) directory no Sat 2026-11-21 14:51:08 UTC - detached' ;;
*" --profile=help "*) printf '%s\\n' default strict trusted ;;
*" inspect web_1.0 - "*) printf 'Image:\\n\\t/x\\nUnit files:\\n\\tweb-server.service\\n' ;;
*) printf 'RAN'; printf '[%s]' "$@"; echo ;;
esac
`;
mkdirSync(path.join(prefix, 'bin'));
writeFileSync(path.join(prefix, 'bin/portablectl'), program, { mode: 0o755 });
writeFileSync(path.join(prefix, 'bin/portabled-dissect'), program, { mode: 0o755 });
writeFileSync(path.join(prefix, 'bin/portable-build'), program, { mode: 0o755 });
writeFileSync(path.join(prefix, 'app.json'), '');
writeFileSync(path.join(prefix, 'image.raw'), '');

const prompt = 'READY> ';
const shells = {
  bash: ['bash', '--norc', '--noprofile', '-i'],
  zsh: ['zsh', '-f', '-i'],
  fish: ['fish', '--no-config', '-i'],
} as const;
const setUp = {
  bash: `. /usr/share/bash-completion/bash_completion; . ${prefix}/share/bash-completion/completions/portablectl; . ${prefix}/share/bash-completion/completions/portabled-dissect; . ${prefix}/share/bash-completion/completions/portable-build; PS1='READ''Y> '`,
  zsh: `fpath=(${prefix}/share/zsh/site-functions $fpath); autoload -Uz compinit; compinit -u -D; unsetopt beep; PS1='READ''Y> '`,
  fish: `source ${prefix}/share/fish/vendor_completions.d/portablectl.fish; source ${prefix}/share/fish/vendor_completions.d/portabled-dissect.fish; source ${prefix}/share/fish/vendor_completions.d/portable-build.fish; function fish_prompt; printf 'READ%s' 'Y> '; end`,
} as const;

/** Types a line, with tabs in it, into a shell. @returns the words that the program was called with */
async function type(shell: keyof typeof shells, keys: string): Promise<string> {
  const child = spawn('script', ['-qfec', shells[shell].join(' '), '/dev/null'], {
    env: {
      PATH: `${prefix}/bin:${process.env['PATH'] ?? ''}`,
      HOME: prefix,
      TERM: 'dumb',
      LC_ALL: 'C.UTF-8',
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  let output = '';
  child.stdout.on('data', (data: Buffer) => (output += data.toString()));
  const seen = async (pattern: RegExp): Promise<string> => {
    for (const end = Date.now() + 20_000; Date.now() < end;) {
      const match = pattern.exec(output);
      if (match !== null) return match[0];
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`${shell} does not say ${String(pattern)}: ${JSON.stringify(output)}`);
  };
  try {
    child.stdin.write(`${setUp[shell]}\n`);
    await seen(new RegExp(prompt));
    for (const piece of keys.split(/(?<=\t)/)) {
      child.stdin.write(piece);
      // what is typed while a completion runs is taken for more of it by some shells
      await new Promise((resolve) => setTimeout(resolve, 700));
    }
    child.stdin.write('\n');
    return (await seen(/RAN(?:\[[^\r\n]*\])/)).slice('RAN'.length);
  } finally {
    child.kill('SIGKILL');
  }
}

const lines: readonly (readonly [typed: string, called: string])[] = [
  ['portablectl is-\t web\t', '[is-attached][web_1.0]'],
  ['portablectl attach --prof\tstr\t web_\t', '[attach][--profile=strict][web_1.0]'],
  ['portablectl inspect web_1.0 web-\t', '[inspect][web_1.0][web-server.service]'],
  ['portablectl inspect --cop\tx', '[inspect][--copx]'],
  ['portablectl attach --copy=sym\t x', '[attach][--copy=symlink][x]'],
  ['portablectl detach spa\t', '[detach][spa]'],
  [`portabled-dissect --li\t ${prefix}/im\t`, `[--list][${prefix}/image.raw]`],
  [
    `portable-build --tim\t --form\tero\t ${prefix}/ap\t`,
    `[--time-zones][--format=erofs][${prefix}/app.json]`,
  ],
  ['portablectl attach spa\t', '[attach][spaced out]'],
  ['portablectl --root=/tree attach tre\t', '[--root=/tree][attach][treeish]'],
  ['portablectl is-attached x --js\tsh\t', '[is-attached][x][--json=short]'],
  ['portablectl attach evi\t', `[attach][evil$(touch ${prefix}/evil)]`],
];

for (const shell of ['bash', 'zsh', 'fish'] as const) {
  describe(`completion in ${shell}`, { concurrency: 4 }, () => {
    for (const [typed, called] of lines) {
      it(JSON.stringify(typed), async () => {
        // fish puts a value into a word of its own
        const words = (await type(shell, typed)).replace(/\[--(profile|json|format)\]\[/, '[--$1=');
        const isTooOdd = shell === 'bash' && called.includes('$');
        assert.equal(words, isTooOdd ? '[attach][evi]' : called);
        assert.ok(!existsSync(path.join(prefix, 'evil')), 'names are not run');
      });
    }
  });
}

describe('completion of portable-build', () => {
  it('has every option of its help', () => {
    const long = [...buildHelp().matchAll(/^ {2,6}(?:-., )?--([a-z-]+)/gm)].map(([, name = '']) => name);
    assert.deepEqual(new Set(portableBuild.options.map(({ name }) => name)), new Set(long));
  });
});

describe('completion of portabled-dissect', () => {
  it('has every option of its help', () => {
    const long = [...helpText.matchAll(/--([a-z-]+)/g)].map(([, name = '']) => name);
    assert.deepEqual(new Set(dissect.options.map(({ name }) => name)), new Set(long));
  });
});

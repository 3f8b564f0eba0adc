/** The files that make shells complete our command lines, and where each shell looks for them. */
import { bashCompletion } from './bash.ts';
import type { CommandShape } from './command-shape.ts';
import { dissect } from './dissect.ts';
import { fishCompletion } from './fish.ts';
import { portableBuild } from './portable-build.ts';
import { portablectl } from './portablectl.ts';
import { zshCompletion } from './zsh.ts';

export interface CompletionFile {
  /** Below the prefix of the installation. */
  readonly path: string;
  readonly text: string;
}

const commands: readonly CommandShape[] = [portablectl, portableBuild, dissect];

export const completionFiles: readonly CompletionFile[] = commands.flatMap((command) => {
  const { program } = command;
  return [
    { path: `share/bash-completion/completions/${program}`, text: bashCompletion(command) },
    { path: `share/zsh/site-functions/_${program}`, text: zshCompletion(command) },
    { path: `share/fish/vendor_completions.d/${program}.fish`, text: fishCompletion(command) },
  ];
});

/** What the engine has to say, for the person at the terminal. */
import { escapeControl } from '../../base/errors.ts';
import { silentLog, type Log } from '../../base/log.ts';
import type { Terminal } from '../../terminal/terminal.ts';
import type { Settings } from '../command-line/settings.ts';

/** Warnings and errors always; what is worth a note, unless --quiet. */
export function terminalLog({ quiet }: Settings, { stderr }: Terminal): Log {
  const print = (message: string): void => {
    stderr.write(`${stderr.styles.yellow(escapeControl(message))}\n`);
  };
  return { ...silentLog, error: print, warning: print, ...(quiet ? {} : { notice: print }) };
}

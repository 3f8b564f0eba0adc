/** What was done to the host, in the words of the bus interface. */
import type { Done, Step } from '../transaction/steps.ts';
import type { Change, ReattachResult } from './requests.ts';

/**
 * The changes that a client is told of, in order.
 * @param silent tells of a directory whether its coming and going is not reported
 */
export function toChanges(done: readonly Done[], silent: (directory: string) => boolean): readonly Change[] {
  return done.filter(({ step }) => !isSilent(step, silent)).map(({ step }) => toChange(step));
}

/** The changes of a reattach, as clients are told of them: what went, and what was written. */
export function splitChanges(changes: readonly Change[]): ReattachResult {
  return {
    removed: changes.filter((change) => change.type === 'unlink'),
    updated: changes.filter((change) => change.type !== 'unlink'),
  };
}

function isSilent(step: Step, silent: (directory: string) => boolean): boolean {
  return (step.kind === 'mkdir' || step.kind === 'rmdir') && silent(step.path);
}

function toChange(step: Step): Change {
  switch (step.kind) {
    case 'mkdir':
    case 'write':
      return { type: step.kind, path: step.path, source: '' };
    case 'copy':
    case 'copy-image':
      return { type: 'copy', path: step.path, source: step.source };
    case 'symlink':
      return { type: 'symlink', path: step.path, source: step.target };
    case 'unlink':
    case 'rmdir':
      return { type: 'unlink', path: step.path, source: '' };
  }
}

/** Chooses what the verbs work with. */
import { openBus } from './bus/open.ts';
import type { Settings } from './command-line/settings.ts';
import type { Process } from './main.ts';
import type { Services } from './services.ts';

/** @throws UsageError, CommandError */
export async function openServices(settings: Settings, process: Process): Promise<Services> {
  if (settings.root !== undefined || settings.dryRun) {
    const { openFiles } = await import('./files/open.ts');
    return openFiles(settings, process);
  }
  return openBus(settings, process);
}

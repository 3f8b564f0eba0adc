/** What the bus objects need done, whoever does it: the daemon gives them the real thing, tests a fake. */
import type { Portables } from '../portable/portables.ts';

/** Everything but what only programs on the spot ask for. */
export type Engine = Omit<Portables, 'find' | 'recover'>;

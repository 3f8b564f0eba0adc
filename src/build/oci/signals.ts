/** Signals by the names that KillSignal= takes: systemd.kill(5), signal(7). */
import { constants } from 'node:os';
import { PortableError, quoted } from '../../base/errors.ts';

/**
 * @param text "SIGTERM", "TERM", "15", "SIGRTMIN+3", in any case
 * @throws PortableError InvalidArgs when there is no such signal
 */
export function signalName(text: string): string {
  const upper = text.toUpperCase().replace(/^SIG/, '');
  if (/^\d+$/.test(upper)) {
    const number = Number(upper);
    const name = Object.entries(constants.signals).find(([, value]) => value === number)?.[0];
    if (name !== undefined) return name;
    if (number >= 34 && number <= 64) return String(number);
  }
  if (Object.hasOwn(constants.signals, `SIG${upper}`)) return `SIG${upper}`;
  if (/^RTMIN(\+([0-9]|[12][0-9]|30))?$|^RTMAX(-([0-9]|[12][0-9]|30))?$/.test(upper)) return `SIG${upper}`;
  throw new PortableError(
    'InvalidArgs',
    `the container is to be stopped with ${quoted(text)}, which is no signal`,
  );
}

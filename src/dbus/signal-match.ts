/** Which signals somebody wants: a rule for the bus, and the same check on what it delivers. */
import type { IncomingMessage } from './message.ts';

export interface Match {
  /**
   * A unique name, or the bus driver's. Not another well-known name: signals carry the sender's unique name, and
   * anybody can send us one directly, past the bus's rule.
   */
  readonly sender: string;
  readonly interface: string;
  readonly member: string;
  readonly path?: string;
  /** The first argument, a string. */
  readonly arg0?: string;
}

export class SignalMatch {
  readonly #match: Match;

  constructor(match: Match) {
    this.#match = match;
  }

  /** As AddMatch takes it (D-Bus Specification, "Match Rules"). */
  get rule(): string {
    const { sender, interface: iface, member, path, arg0 } = this.#match;
    const pairs = { type: 'signal', sender, interface: iface, member, path, arg0 };
    return Object.entries(pairs)
      .filter((pair): pair is [string, string] => pair[1] !== undefined)
      .map(([key, value]) => `${key}='${value.replaceAll("'", String.raw`'\''`)}'`)
      .join(',');
  }

  fits(signal: IncomingMessage): boolean {
    const { sender, interface: iface, member, path, arg0 } = this.#match;
    return (
      signal.sender === sender &&
      signal.interface === iface &&
      signal.member === member &&
      (path === undefined || signal.path === path) &&
      (arg0 === undefined || firstString(signal) === arg0)
    );
  }
}

function firstString(signal: IncomingMessage): string | undefined {
  return signal.signature.startsWith('s') && !signal.oversized ? signal.values('s')[0] : undefined;
}

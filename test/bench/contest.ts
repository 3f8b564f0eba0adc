/** The two daemons on one host, taking turns on the bus name. */
import type { BusCall, HostBus } from '../host/bus.ts';
import type { Host } from '../host/host.ts';

export type Contestant = 'systemd' | 'portabled';

const units: Readonly<Record<Contestant, string>> = {
  systemd: 'systemd-portabled.service',
  portabled: 'portabled.service',
};

/** The alias that bus activation starts. */
const alias = '/etc/systemd/system/dbus-org.freedesktop.portable1.service';

export class Contest {
  readonly host: Host;
  #bus: HostBus | undefined;
  #unitFiles: Readonly<Record<Contestant, string>> | undefined;

  constructor(host: Host) {
    this.host = host;
  }

  /** Lets `who` answer from now on; it is not started yet. */
  async turn(who: Contestant): Promise<void> {
    this.#unitFiles ??= {
      systemd: await this.#fragment(units.systemd),
      portabled: await this.#fragment(units.portabled),
    };
    await this.stop();
    await this.host.check(['ln', '-sfn', this.#unitFiles[who], alias]);
    await this.host.check(['systemctl', 'daemon-reload']);
  }

  /** Ends both daemons, as idling would. */
  async stop(): Promise<void> {
    // a unit that systemd has not loaded is as good as stopped, and an error
    for (const unit of Object.values(units)) await this.host.run(['systemctl', 'stop', unit]);
  }

  async call(call: BusCall): Promise<readonly unknown[]> {
    this.#bus ??= await this.host.bus();
    return this.#bus.get(call);
  }

  /** Milliseconds of one call. */
  async time(call: BusCall): Promise<number> {
    const started = performance.now();
    await this.call(call);
    return performance.now() - started;
  }

  async pid(who: Contestant): Promise<number> {
    return Number(await this.host.check(['systemctl', 'show', '--value', '-P', 'MainPID', units[who]]));
  }

  async #fragment(unit: string): Promise<string> {
    return (await this.host.check(['systemctl', 'show', '--value', '-P', 'FragmentPath', unit])).trim();
  }
}

export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

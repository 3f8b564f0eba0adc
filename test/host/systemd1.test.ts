/** The adapter to the service manager, against real ones. */
import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { connect, type BusConnection } from '../../src/dbus/connection.ts';
import { systemdManager } from '../../src/host/systemd1.ts';
import type { ServiceManager } from '../../src/host/service-manager.ts';
import { processorMs } from '../support/scratch.ts';
import { bootHost, type Host } from './host.ts';
import { chosenSuites, hostSettings, suites } from './settings.ts';

const settings = hostSettings(process.env);
const systemd = {
  destination: 'org.freedesktop.systemd1',
  path: '/org/freedesktop/systemd1',
  interface: 'org.freedesktop.systemd1.Manager',
} as const;

const service = '[Service]\nExecStart=/bin/sleep infinity\n';
const installable = (install: string): string => `${service}[Install]\n${install}\n`;
const attached = '/run/systemd/system.attached';
const kept = '/etc/systemd/system.attached';
const etc = '/etc/systemd/system';
const run = '/run/systemd/system';
const wants = 'multi-user.target.wants';

/** Files of the host that make up every state of a unit file there is. */
const files: Readonly<Record<string, string>> = {
  [`${attached}/t-static.service`]: service,
  [`${attached}/t-disabled.service`]: installable('WantedBy=multi-user.target'),
  [`${attached}/t-required.service`]: installable('RequiredBy=multi-user.target'),
  [`${attached}/t-also.service`]: installable('Also=t-static.service'),
  [`${attached}/t-reset.service`]: installable(
    'WantedBy=multi-user.target\nWantedBy=\nAlso=t-static.service',
  ),
  [`${attached}/t-enabled.service`]: installable('WantedBy=multi-user.target'),
  [`${attached}/t-enabled-runtime.service`]: installable('WantedBy=multi-user.target'),
  [`${attached}/t-static-wanted.service`]: service,
  [`${attached}/t-alias.service`]: installable('Alias=t-other.service t-more.service'),
  [`${attached}/t-alias-continued.service`]: installable('Alias=t-x1.service \\\n  t-x2.service'),
  [`${attached}/t-not-alias.service`]: installable('Alias=t-nobody.service'),
  [`${attached}/t-both.service`]: installable('WantedBy=multi-user.target'),
  [`${attached}/t-tmpl@.service`]: installable('WantedBy=multi-user.target'),
  [`${attached}/t-default@.service`]: installable('DefaultInstance=one\nWantedBy=multi-user.target'),
  [`${attached}/t-default-off@.service`]: installable('DefaultInstance=one\nWantedBy=multi-user.target'),
  [`${attached}/t-masked.service`]: service,
  [`${attached}/t-masked-runtime.service`]: service,
  [`${attached}/t-emptied.service`]: service,
  [`${etc}/t-emptied.service`]: '',
  [`${kept}/t-kept.service`]: installable('WantedBy=multi-user.target'),
  [`${kept}/t-kept-enabled.service`]: installable('WantedBy=multi-user.target'),
  [`${attached}/t-later.service`]: `${service}\n[Install ]\nWantedBy=x.target\n[X-Mine]\nAlias=t-z.service\n`,
  [`${attached}/t-socket.socket`]: '[Socket]\nListenStream=/run/t\n[Install]\nWantedBy=sockets.target\n',
  '/opt/t-linked.service': service,
  '/opt/t-linked-kept.service': service,
  '/opt/t-linked-also.service': installable('Also=t-static.service'),
  '/opt/t-linked-install-run.service': installable('WantedBy=multi-user.target'),
  '/opt/t-linked-enabled.service': installable('WantedBy=multi-user.target'),
  '/opt/t-linked-wanted.service': service,
  '/opt/t-other-name.service': service,
  [`${attached}/t-same-name.service`]: service,
  [`${attached}/t-same-name-install.service`]: installable('WantedBy=multi-user.target'),
  [`${attached}/t-same-name-run.service`]: service,
  [`${attached}/t-inside.service`]: service,
  '/opt/t-linked-install.service': installable('WantedBy=multi-user.target'),
};
const links: Readonly<Record<string, string>> = {
  [`${etc}/${wants}/t-enabled.service`]: `${attached}/t-enabled.service`,
  [`${run}/${wants}/t-enabled-runtime.service`]: `${attached}/t-enabled-runtime.service`,
  [`${etc}/${wants}/t-static-wanted.service`]: `${attached}/t-static-wanted.service`,
  [`${etc}/t-other.service`]: `${attached}/t-alias.service`,
  [`${run}/t-x2.service`]: `${attached}/t-alias-continued.service`,
  [`${etc}/t-unlisted.service`]: `${attached}/t-not-alias.service`,
  [`${run}/${wants}/t-both.service`]: `${attached}/t-both.service`,
  [`${etc}/multi-user.target.requires/t-both.service`]: `${attached}/t-both.service`,
  [`${etc}/${wants}/t-tmpl@two.service`]: `${attached}/t-tmpl@.service`,
  [`${etc}/${wants}/t-default@one.service`]: `${attached}/t-default@.service`,
  [`${etc}/${wants}/t-default-off@two.service`]: `${attached}/t-default-off@.service`,
  [`${etc}/t-masked.service`]: '/dev/null',
  [`${run}/t-masked-runtime.service`]: '/dev/null',
  [`${etc}/sockets.target.wants/t-socket.socket`]: `${attached}/t-socket.socket`,
  [`${etc}/${wants}/t-kept-enabled.service`]: `${kept}/t-kept-enabled.service`,
  [`${attached}/t-linked.service`]: '/opt/t-linked.service',
  [`${kept}/t-linked-install.service`]: '/opt/t-linked-install.service',
  [`${kept}/t-linked-kept.service`]: '/opt/t-linked-kept.service',
  [`${kept}/t-linked-also.service`]: '/opt/t-linked-also.service',
  [`${attached}/t-linked-install-run.service`]: '/opt/t-linked-install-run.service',
  [`${attached}/t-linked-enabled.service`]: '/opt/t-linked-enabled.service',
  [`${etc}/${wants}/t-linked-enabled.service`]: `${attached}/t-linked-enabled.service`,
  [`${attached}/t-linked-wanted.service`]: '/opt/t-linked-wanted.service',
  [`${run}/${wants}/t-linked-wanted.service`]: '/opt/t-linked-wanted.service',
  [`${attached}/t-renamed.service`]: '/opt/t-other-name.service',
  [`${etc}/t-same-name.service`]: `${attached}/t-same-name.service`,
  [`${etc}/t-same-name-install.service`]: `${attached}/t-same-name-install.service`,
  [`${run}/t-same-name-run.service`]: `${attached}/t-same-name-run.service`,
  [`${attached}/t-inside-alias.service`]: 't-inside.service',
  [`${attached}/t-dangling.service`]: '/opt/t-nowhere.service',
};

for (const suite of chosenSuites(process.env, ['trixie'])) {
  describe(`systemd ${suites[suite]}`, () => {
    let host: Host;
    let connection: BusConnection;
    let manager: ServiceManager;

    before(async () => {
      host = await bootHost({ ...settings, suite });
      connection = await connect({ address: `unix:path=${host.path('/run/dbus/system_bus_socket')}` });
      manager = systemdManager(connection, host.path('/'));
      for (const [file, text] of Object.entries(files)) await host.write(file, text);
      for (const [link, target] of Object.entries(links)) {
        mkdirSync(dirname(host.path(link)), { recursive: true });
        symlinkSync(target, host.path(link));
      }
      await host.check(['systemctl', 'daemon-reload']);
    });
    after(async () => {
      await connection.close();
      await host.stop();
    });

    it('tells its version', async () => {
      assert.equal(await manager.version(), suites[suite]);
    });

    it('tells the same states of unit files as systemd, from one look at them', async () => {
      const names = [...Object.keys(files), ...Object.keys(links)].flatMap((file) => {
        const name = file.slice(file.lastIndexOf('/') + 1);
        return file.startsWith('/opt/') || file.includes('.wants/') || file.includes('.requires/')
          ? []
          : [name];
      });
      const reply = await connection.call({ ...systemd, member: 'ListUnitFilesByPatterns' }, 'asas', [
        [],
        ['t-*'],
      ]);
      const theirs = new Map(
        reply.values('a(ss)')[0].map(([file, state]) => [file.slice(file.lastIndexOf('/') + 1), state]),
      );
      const ours = await manager.unitFileStates([...names, 't-absent.service']);
      const sorted = (states: ReadonlyMap<string, string>): string[] =>
        names.map((name) => `${name} ${states.get(name) ?? '-'}`).sort();
      assert.deepEqual(sorted(ours), sorted(theirs));
      assert.equal(ours.has('t-absent.service'), false);
      assert.ok(new Set(ours.values()).size >= 8, 'the samples have many states');
    });

    it('tells what is active, of templates every instance', async () => {
      await host.check(['systemctl', 'start', 't-static.service', 't-tmpl@a.service', 't-tmpl@b-c.service']);
      const asked = [
        't-static.service',
        't-disabled.service',
        't-tmpl@.service',
        't-[a].service',
        't-*.service',
      ];
      assert.deepEqual(
        await manager.activeStates(asked),
        new Map([
          ['t-static.service', 'active'],
          ['t-tmpl@a.service', 'active'],
          ['t-tmpl@b-c.service', 'active'],
          ['t-tmpl@two.service', 'inactive'], // loaded, because a target wants it
        ]),
      );
      const many = Array.from({ length: 200 }, (_, n) => `t-none${n}.service`);
      assert.deepEqual(
        await manager.activeStates([...many, 't-static.service']),
        new Map([['t-static.service', 'active']]),
      );
    });

    it('is asked as often for a thousand units as for one', async () => {
      const unit = (n: number): string => `many${n}.service`;
      mkdirSync(host.path(kept), { recursive: true });
      for (let n = 0; n < 1000; n++)
        writeFileSync(host.path(`${kept}/${unit(n)}`), installable('WantedBy=multi-user.target'));
      const names = Array.from({ length: 1000 }, (_, n) => unit(n));
      const started = processorMs();
      const states = await manager.unitFileStates(names);
      const ms = processorMs() - started;
      assert.deepEqual(new Set(states.values()), new Set(['disabled']));
      assert.equal(states.size, 1000);
      // systemd 257 takes six seconds
      assert.ok(ms < 500, `${ms} ms of processor time`);
    });
  });
}

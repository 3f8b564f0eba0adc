/**
 * Our profiles have the effect of systemd's: a service under one looks to the service manager, and to itself, as it does
 * under the other. What is written differently on purpose is listed here, with the reason.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { bootHost, tester, type Host } from './host.ts';
import { chosenSuites, hostSettings, suites } from './settings.ts';

const settings = hostSettings(process.env);
const systemd = path.join(import.meta.dirname, '../../systemd');
const profiles = ['default', 'nonetwork', 'strict', 'trusted'] as const;

/** Settings that say the same in other words. */
const otherWords = [
  // systemd 257 and later name the log sockets by BindLogSockets=, which 252 does not know; paths all of them do
  'BindLogSockets',
  'BindReadOnlyPaths',
  // systemd 262 says what is the default anyway
  'DelegateNamespaces',
];

/** What a process finds: who it is, what it may do, what it sees. Printed by a service's own command. */
const look = [
  'grep -E "^(Uid|Gid|CapBnd|CapEff|CapPrm|NoNewPrivs|Seccomp):" /proc/self/status | sed "s/^\\(.id\\):.*/\\1/"',
  'awk \'{print $5, $6 ~ /^ro/ ? "ro" : "rw"}\' /proc/self/mountinfo | grep -vE "^/(proc|sys|run/(credentials|systemd/(incoming|propagate|unit-root)))" | sort -u',
  'for f in /dev/log /run/systemd/journal/socket /run/systemd/journal/stdout /run/dbus/system_bus_socket /etc/machine-id /etc/resolv.conf; do [ -e $f ] && echo sees $f; done',
  'ls /dev | sort; ls /sys/class/net | sort',
  '[ "$(readlink /proc/self/ns/user)" = "@users@" ] && echo users of the host || echo users of its own',
].join('; ');

for (const suite of chosenSuites(process.env, ['bookworm', 'trixie', 'forky'])) {
  describe(`profiles on systemd ${suites[suite]}`, () => {
    let host: Host;

    before(async () => {
      host = await bootHost({ ...settings, suite, binds: [{ from: systemd, to: '/opt/ours' }] });
    });
    after(() => host.stop());

    /** A service with a profile, started as the service manager does it. @returns its settings, and what it found */
    const tryOut = async (
      conf: string,
      manager: readonly string[],
      run: (command: readonly string[]) => Promise<string>,
    ): Promise<{ shown: readonly string[]; found: readonly string[] }> => {
      const unit = 'probe.service';
      const where = manager.includes('--user') ? '/etc/systemd/user' : '/etc/systemd/system';
      const users = (await host.check(['readlink', '/proc/1/ns/user'])).trim();
      const shell = look
        .replace('@users@', users)
        .replaceAll('%', '%%')
        .replaceAll('\\', '\\\\')
        .replaceAll('"', '\\"')
        .replaceAll('$', '$$$$');
      await host.write(
        `${where}/${unit}`,
        `[Service]\nType=oneshot\nExecStart=/bin/sh -c "${shell}"\nStandardOutput=truncate:/tmp/%p.out\n`,
      );
      await host.write(`${where}/${unit}.d/10-profile.conf`, await host.check(['cat', conf]));
      await run(['systemctl', ...manager, 'daemon-reload']);
      const shown = (await run(['systemctl', ...manager, 'show', unit])).split('\n').sort();
      await run(['systemctl', ...manager, 'start', unit]);
      const log = await host.check(['cat', '/tmp/probe.out']);
      await host.check(['rm', '-r', '/tmp/probe.out', `${where}/${unit}`, `${where}/${unit}.d`]);
      return { shown, found: log.split('\n') };
    };
    /** Settings without times, numbers of processes, and what says the same in other words; lists in one order. */
    const comparable = (shown: readonly string[]): readonly string[] =>
      shown
        .filter(
          (line) => !/^\w*(Timestamp|Monotonic|InvocationID|ExecMain|ExecStart|NeedDaemonReload)/.test(line),
        )
        .filter((line) => !otherWords.includes(line.slice(0, line.indexOf('='))))
        .map((line) => line.replace(/=(.*)/, (_, value: string) => `=${value.split(' ').sort().join(' ')}`));

    const asRoot = (command: readonly string[]): Promise<string> => host.check(command);

    for (const profile of profiles) {
      it(`${profile} is like systemd’s`, async () => {
        const theirs = await tryOut(`/usr/lib/systemd/portable/profile/${profile}/service.conf`, [], asRoot);
        const ours = await tryOut(`/opt/ours/profile/${profile}/service.conf`, [], asRoot);
        assert.deepEqual(comparable(ours.shown), comparable(theirs.shown));
        assert.deepEqual(ours.found, theirs.found);
        assert.ok(ours.found.length > 10, ours.found.join('\n'));
      });
    }

    it('have no setting that this systemd does not know', async () => {
      for (const profile of profiles) {
        const unit = `known-${profile}.service`;
        await host.write(`/etc/systemd/system/${unit}`, '[Service]\nExecStart=/bin/true\n');
        await host.write(
          `/etc/systemd/system/${unit}.d/10-profile.conf`,
          await host.check(['cat', `/opt/ours/profile/${profile}/service.conf`]),
        );
        assert.deepEqual(await host.run(['systemd-analyze', 'verify', unit]), {
          stdout: '',
          stderr: '',
          exitCode: 0,
        });
      }
    });

    if (suite === 'forky') {
      it('of users are like systemd’s, too', async () => {
        await host.check(['loginctl', 'enable-linger', tester.name]);
        await host.check(['systemctl', 'start', `user@${tester.uid}.service`]);
        const asUser = async (command: readonly string[]): Promise<string> => {
          const { stdout, stderr, exitCode } = await host.runAs(tester.uid, command);
          assert.equal(exitCode, 0, stderr);
          return stdout;
        };
        for (const profile of profiles) {
          const theirs = await tryOut(
            `/usr/lib/systemd/user/portable/profile/${profile}/service.conf`,
            ['--user'],
            asUser,
          );
          const ours = await tryOut(`/opt/ours/user-profile/${profile}/service.conf`, ['--user'], asUser);
          // with all of the host's /run, as in systemd's, no service of a user starts from an image
          const differs = profile === 'trusted' ? /^(BindPaths=|\/run\b)/ : /^$/;
          const rest = (lines: readonly string[]): readonly string[] =>
            lines.filter((line) => !differs.test(line));
          assert.deepEqual(rest(comparable(ours.shown)), rest(comparable(theirs.shown)), profile);
          assert.deepEqual(rest(ours.found), rest(theirs.found), profile);
        }
      });
    }
  });
}

/**
 * Images made by portable-build on a booted host, by a user without privileges, of what that host has installed: each
 * attaches with the real portablectl under the default profile, starts and answers.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { compile } from '../support/programs.ts';
import { bootHost, tester, type Host, type RunOptions } from './host.ts';
import { withPortabled } from './install-portabled.ts';
import { serveBy, type Daemon } from './serving.ts';
import { hostSettings } from './settings.ts';

const builder = '/usr/local/bin/portable-build';
/** systemd's own. */
const portablectl = '/usr/bin/portablectl';
const work = `${tester.home}/work`;
const slack = 64 * 1024;

/** What --json prints, as far as it matters here. */
interface Built {
  readonly outputs: readonly [string];
  readonly imageBytes: number;
  readonly sha256: string;
  readonly units: readonly string[];
  readonly packages: readonly string[];
}

/** The example of docs/building.md: its three files, in the order of the page. */
function exampleFiles(): Readonly<Record<string, string>> {
  const page = readFileSync(path.join(import.meta.dirname, '../../docs/building.md'), 'utf8');
  const blocks = ['ini', 'nginx', 'json'].map((kind) => page.split(`\`\`\`${kind}\n`)[1]?.split('```')[0]);
  const [unit, configuration, buildFile] = blocks;
  assert.ok(unit !== undefined && configuration !== undefined && buildFile !== undefined);
  return { 'nginx.service': unit, 'nginx.conf': configuration, 'nginx.json': buildFile };
}

const python = {
  'echo.service': '[Service]\nExecStart=/usr/lib/echo/server\nDynamicUser=yes\n',
  'server.py': `#!/usr/bin/env python3
import http.server, json, ssl, sqlite3, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"path": self.path, "sqlite": sqlite3.sqlite_version}).encode())

http.server.HTTPServer(("127.0.0.1", 8081), Handler).serve_forever()
`,
};

/** Answers every connection with what its library says. */
const answerProgram = `
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
const char *answer(void);
int main(void) {
  int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(8082), .sin_addr = { htonl(INADDR_LOOPBACK) } };
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(listener, (struct sockaddr *)&at, sizeof at) < 0 || listen(listener, 8) < 0) return 1;
  for (;;) {
    int client = accept(listener, 0, 0);
    if (client < 0) continue;
    char request[1024];
    if (read(client, request, sizeof request) > 0) write(client, answer(), strlen(answer()));
    close(client);
  }
}
`;
const answerLibrary = `const char *answer(void) { return "HTTP/1.0 200 OK\\r\\n\\r\\nfrom the library"; }\n`;

describe('images built on a host', () => {
  let host: Host;
  let programs: string;

  const build = async (args: readonly string[], options: RunOptions = {}): Promise<Built> => {
    const command = ['sh', '-c', 'cd "$1"; shift; exec "$@"', 'sh', work, builder, ...args, '--json=short'];
    const result = await host.runAs(tester.uid, command, { timeout: 300_000, ...options });
    assert.equal(result.exitCode, 0, result.stderr);
    return JSON.parse(result.stdout) as Built;
  };

  /** The body of a reply; waits until the service is up. */
  const ask = async (port: number, at: string): Promise<string> => {
    const script = `
      const until = Date.now() + 20000;
      for (;;) try {
        const reply = await fetch('http://127.0.0.1:${port}${at}');
        console.log(await reply.text());
        break;
      } catch (error) {
        if (Date.now() > until) throw error;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }`;
    return (await host.check(['/usr/local/bin/node', '--input-type=module', '-e', script])).trim();
  };

  /** Attaches, starts, asks, and takes it away again. */
  const serves = async (
    image: string,
    unit: string,
    port: number,
    at: string,
    reply: RegExp,
  ): Promise<void> => {
    await host.check([portablectl, 'attach', '--runtime', '--now', image]);
    const show = async (property: string): Promise<string> =>
      (await host.check(['systemctl', 'show', '-P', property, unit])).trim();
    assert.match(await ask(port, at), reply);
    assert.equal(await show('RootImage'), image);
    assert.match(await show('DropInPaths'), /profile\/default\/service\.conf|10-profile\.conf/);
    assert.equal(await show('ActiveState'), 'active');
    await host.check([portablectl, 'detach', '--runtime', '--now', image]);
  };

  const assertPortable = async (image: string): Promise<void> => {
    assert.match(await host.check(['systemd-dissect', '--no-pager', image]), /✓ portable service/);
  };

  before(async () => {
    host = await bootHost({
      ...hostSettings(process.env),
      suite: 'trixie',
      packages: ['nginx', 'python3'],
      ...withPortabled(),
    });
    programs = await mkdtemp(path.join(tmpdir(), 'build-'));
    compile(path.join(programs, 'lib/libanswer.so.1'), { source: answerLibrary, soname: 'libanswer.so.1' });
    compile(path.join(programs, 'bin/answerd'), {
      source: answerProgram,
      libraries: [path.join(programs, 'lib/libanswer.so.1')],
      runpath: '$ORIGIN/../lib',
    });
    await host.check(['install', '-d', '-o', String(tester.uid), work]);
    for (const [name, text] of Object.entries({ ...exampleFiles(), ...python }))
      await host.write(`${work}/${name}`, text, name.endsWith('.py') ? 0o755 : 0o644);
    await host.write(`${work}/answer.service`, '[Service]\nExecStart=/opt/answer/bin/answerd\n');
    await host.copyIn(programs, `${work}/answer`);
    await host.check(['chmod', '755', `${work}/answer`]);
    // it has the package's port, and might have ours
    await host.run(['systemctl', 'stop', 'nginx.service']);
  });

  after(async () => {
    await host.stop();
    await rm(programs, { recursive: true, force: true });
  });

  for (const daemon of ['ours', 'systemd'] as const satisfies Daemon[]) {
    it(`a program with a RUNPATH, as squashfs and erofs, attached by ${daemon}`, async () => {
      await serveBy(host, daemon);
      for (const format of ['squashfs', 'erofs']) {
        const content = ['--content', 'answer/bin/answerd:/opt/answer/bin/answerd'];
        const named = ['--name', 'answer', '--version', `${format}-${daemon}`, '--unit', 'answer.service'];
        const { outputs, units } = await build([...named, ...content, '--format', format]);
        assert.deepEqual(units, ['answer.service']);
        await assertPortable(outputs[0]);
        await serves(outputs[0], 'answer.service', 8082, '/', /^from the library$/);
      }
    });
  }

  it('a Python service, with its interpreter', async () => {
    const named = ['--name', 'echo', '--version', '1', '--unit', 'echo.service', '--compression', 'gzip'];
    const { outputs } = await build([...named, '--content', 'server.py:/usr/lib/echo/server']);
    await assertPortable(outputs[0]);
    await serves(outputs[0], 'echo.service', 8081, '/some/where', /"path": "\/some\/where"/);
  });

  it('nginx, from its Debian package: it answers, every build is the same, and it is as small as its files', async () => {
    const { outputs, imageBytes, sha256, packages } = await build(['nginx.json']);
    await assertPortable(outputs[0]);
    const command = ['sh', '-c', 'umask 077; cd /; exec "$@"', 'sh', builder, `${work}/nginx.json`];
    const again = await host.check([...command, '-o', '/root', '--json=short'], {
      env: { TZ: 'Asia/Tokyo', LC_ALL: 'C.UTF-8' },
      timeout: 300_000,
    });
    assert.equal((JSON.parse(again) as Built).sha256, sha256);
    await host.check(['cmp', outputs[0], '/root/nginx_1.26.raw']);

    assert.ok(packages.some((each) => each.startsWith('nginx 1.')));
    const script = `set -e
      for package in "$@"; do dpkg -L "\${package%% *}"; done | sort -u |
        grep -v -E '^/usr/share/(doc/.*/[^c][^/]*$|man|info|locale|lintian)' |
        while read -r each; do if [ -f "$each" ]; then echo "$each"; fi; done |
        tar --create --dereference --no-recursion --files-from - --owner 0 --group 0 --mtime @1 2>/dev/null |
        mksquashfs - /root/closure -tar -quiet -no-progress -b 1M -comp xz -Xdict-size 100% >/dev/null 2>&1
      stat -c %s /root/closure`;
    const closure = Number(await host.check(['sh', '-c', script, 'sh', ...packages], { timeout: 300_000 }));
    assert.ok(closure > 1024 * 1024, `${closure} bytes`);
    assert.ok(imageBytes <= closure + slack, `${imageBytes} bytes, its files alone ${closure}`);

    // the host's own server has units of the same name, one of them made of its init script
    await host.check(['apt-get', 'purge', '-q', '-y', 'nginx', 'nginx-common']);
    await host.check(['systemctl', 'daemon-reload']);
    await serves(outputs[0], 'nginx.service', 8080, '/', /Welcome to nginx/);
  });
});

/**
 * The entry point of `npm test` and `npm run demo`. Plain JavaScript without imports from node_modules: it runs in a
 * clean clone where nothing is installed but Node, sees to everything else, and then starts the real thing.
 *
 *   node test/run.js test [unit|integration|host]…    node test/run.js demo    node test/run.js bench [ARGUMENT]…
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const top = dirname(dirname(fileURLToPath(import.meta.url)));

/** Programs that tasks need, and the Debian packages that have them. */
const packages = {
  demo: {
    'dbus-daemon': 'dbus-daemon',
    mksquashfs: 'squashfs-tools',
    busctl: 'systemd',
    busybox: 'busybox-static',
  },
  unit: {
    mksquashfs: 'squashfs-tools',
    'mkfs.erofs': 'erofs-utils',
    mke2fs: 'e2fsprogs',
    getfattr: 'attr',
    setfacl: 'acl',
    sfdisk: 'fdisk',
    sgdisk: 'gdisk',
    cryptsetup: 'cryptsetup-bin',
    'mkfs.btrfs': 'btrfs-progs',
    'mkfs.xfs': 'xfsprogs',
    'mkfs.f2fs': 'f2fs-tools',
    blkid: 'util-linux',
    'mkfs.vfat': 'dosfstools',
    mcopy: 'mtools',
    xz: 'xz-utils',
    zstd: 'zstd',
    lz4: 'lz4',
    openssl: 'openssl',
    // with the C library's headers, which gcc only recommends
    'g++': 'g++',
    python3: 'python3',
    man: 'man-db',
    mandoc: 'mandoc',
    zsh: 'zsh',
    fish: 'fish',
    'dh_bash-completion': 'bash-completion',
  },
  integration: {
    'dbus-daemon': 'dbus-daemon',
    busctl: 'systemd',
    gdbus: 'libglib2.0-bin',
    strace: 'strace',
    pkcheck: 'polkitd',
    // and the server from its package, which is not installed: test/support/sshd.ts
    ssh: 'openssh-client',
  },
  host: {
    debootstrap: 'debootstrap',
    'systemd-nspawn': 'systemd-container',
    script: 'bsdutils',
    nsenter: 'util-linux',
  },
};

const suites = /** @type {const} */ (['unit', 'integration', 'host']);

const [task = 'test', ...args] = process.argv.slice(2);
process.exitCode = main();

function main() {
  if (!suitableNode()) return 1;
  switch (task) {
    case 'demo':
      return prepare(['demo']) || run('node', ['--import', 'tsx', 'test/demo/demo.ts', ...args]);
    case 'bench':
      return prepare(['unit', 'host']) || run('node', ['--import', 'tsx', 'test/bench/bench.ts', ...args]);
    case 'test':
      return test(args.length === 0 ? suites : suites.filter((suite) => args.includes(suite)));
    default:
      return fail(`unknown task "${task}": test, demo or bench`);
  }
}

/** @param {readonly (keyof typeof packages)[]} chosen */
function test(chosen) {
  if (chosen.length === 0) return fail(`no such suite; there are ${suites.join(', ')}`);
  const privileged = chosen.filter((suite) => suite !== 'unit');
  if (privileged.length > 0 && process.getuid?.() !== 0) {
    return fail(
      `the ${privileged.join(' and ')} tests mount images and boot hosts, and need root. Without it: npm test -- unit`,
    );
  }
  const failed = prepare(['unit', ...chosen]);
  if (failed !== 0) return failed;
  for (const suite of chosen) {
    const files = testFiles(suite);
    console.log(`\n== ${suite}: ${files.length} files`);
    // booted hosts share the machine's loop devices, and are heavy: one after the other
    const concurrency = suite === 'host' ? ['--test-concurrency=1'] : [];
    // this reporter tells once more at the end what failed: the last page of a log says why
    const status = run('node', [
      '--import',
      'tsx',
      '--test',
      '--test-reporter=spec',
      ...concurrency,
      ...files,
    ]);
    if (status !== 0) return fail(`the ${suite} tests failed; later suites were not run`);
  }
  return 0;
}

/** @param {string} suite */
function testFiles(suite) {
  return readdirSync(join(top, 'test', suite), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => join('test', suite, name))
    .sort();
}

/** Debian packages, npm packages, build. @param {readonly (keyof typeof packages)[]} needs */
function prepare(needs) {
  return installDebianPackages(needs) || installNpmPackages() || run('npm', ['run', '--silent', 'build']);
}

/** @param {readonly (keyof typeof packages)[]} needs */
function installDebianPackages(needs) {
  const wanted = needs.flatMap((need) => Object.entries(packages[need]));
  const missing = [
    ...new Set(wanted.filter(([program]) => !isInstalled(program)).map(([, name]) => name)),
  ].sort();
  if (missing.length === 0) return 0;
  const command = `apt-get install ${missing.join(' ')}`;
  if (process.getuid?.() !== 0 || !isInstalled('apt-get')) {
    return fail(`missing Debian packages: ${missing.join(' ')}\n  as root: ${command}`);
  }
  console.log(`== ${command}`);
  return run('sh', [join(top, 'test/support/install-quietly.sh'), ...missing], { quiet: true });
}

function installNpmPackages() {
  const lock = join(top, 'package-lock.json');
  const installed = join(top, 'node_modules/.package-lock.json');
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return 0;
  console.log('== npm ci');
  return run('npm', ['ci', '--no-fund', '--no-audit']);
}

/** @param {string} program */
function isInstalled(program) {
  const path = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;
  return path.split(delimiter).some((directory) => existsSync(join(directory, program)));
}

/**
 * @param {string} program
 * @param {readonly string[]} parameters
 * @param {{ quiet?: boolean }} [options]
 * @returns the exit status
 */
function run(program, parameters, { quiet = false } = {}) {
  const executable = program === 'node' ? process.execPath : program;
  const path = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;
  const result = spawnSync(executable, parameters, {
    cwd: top,
    stdio: quiet ? ['ignore', 'pipe', 'pipe'] : 'inherit',
    env: { ...process.env, PATH: path },
    maxBuffer: 64 * 1024 * 1024,
  });
  if (result.error !== undefined) return fail(`${program}: ${result.error.message}`);
  if (quiet && result.status !== 0) process.stderr.write(result.stderr);
  return result.status ?? 1;
}

function suitableNode() {
  /** @type {{ engines: { node: string } }} */
  const { engines } = JSON.parse(readFileSync(join(top, 'package.json'), 'utf8'));
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const [needMajor = 0, needMinor = 0] = engines.node.replace('>=', '').split('.').map(Number);
  if (major > needMajor || (major === needMajor && minor >= needMinor)) return true;
  fail(`Node ${engines.node} is needed, this is ${process.versions.node}`);
  return false;
}

/** @param {string} message */
function fail(message) {
  console.error(`portabled: ${message}`);
  return 1;
}

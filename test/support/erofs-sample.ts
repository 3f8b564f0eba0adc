/**
 * The directory that the images in test/fixtures/erofs were made of (README there), and that unit tests make
 * more of: small, but with everything that data layouts and compression treat differently. It is the same
 * wherever it is made; needs setfattr (package attr), not root.
 */
import { mkdir, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Random } from './random.ts';
import { runSync } from './run.ts';

/** Makes the sample in `root`, an existing empty directory. */
export async function makeErofsSample(root: string): Promise<void> {
  const random = new Random(7);
  const file = (name: string, content: string | Buffer) => writeFile(join(root, name), content);
  for (const name of ['etc', 'usr/lib/systemd/system', 'many', 'xattrs', 'empty']) {
    await mkdir(join(root, name), { recursive: true });
  }
  await file('usr/lib/os-release', 'ID=sample\nVERSION_ID=1\n');
  await symlink('../usr/lib/os-release', join(root, 'etc/os-release'));
  for (let i = 0; i < 5; i++) {
    await file(`usr/lib/systemd/system/sample-${i}.service`, `[Service]\nExecStart=/usr/bin/sample ${i}\n`);
  }

  // many clusters; the same bytes again at another offset; compressible around incompressible ones
  const text = lines(1500);
  await file('lines', text);
  await file('lines-again', Buffer.concat([lines(13), text.subarray(0, 30_000)]));
  await file('mixed', Buffer.concat([text.subarray(0, 5001), random.bytes(4700), text.subarray(0, 5003)]));
  await file('letters', Buffer.alloc(100_001, 'abc'));
  for (const size of [0, 1, 511, 512, 513, 4095, 4096, 4097]) {
    await file(`size-${size}`, text.subarray(1000, 1000 + size));
  }
  await file('hole', text.subarray(0, 300));
  await truncate(join(root, 'hole'), 70_000);

  // a directory of several blocks, also of 4096 bytes
  for (let i = 0; i < 60; i++)
    await file(`many/${String(i).padStart(3, '0')}${'-name'.repeat(i)}`.slice(0, 230), '');

  const attributes: readonly (readonly [string, string])[] = [
    ['one', 'user.one'],
    ['one', 'user.sample.one'],
    ['two', 'user.sample.one'],
    ['two', 'user.sample.two.three'],
    ['shared-1', 'user.shared'],
    ['shared-2', 'user.shared'],
    ['shared-3', 'user.shared'],
    ['shared-4', 'user.shared'],
  ];
  for (const [name, attribute] of attributes) {
    const path = join(root, 'xattrs', name);
    await writeFile(path, name);
    runSync('setfattr', ['-n', attribute, '-v', `value of ${attribute}`, path]);
  }
  // whatever the umask
  runSync('chmod', ['-R', 'u=rwX,go=rX', root]);
}

/** Lines that compress well, but not to nothing. */
function lines(count: number): Buffer {
  const random = new Random(count);
  return Buffer.from(
    Array.from({ length: count }, (_, i) => `${i % 40} wants=state-${random.below(7)}.service\n`).join(''),
  );
}

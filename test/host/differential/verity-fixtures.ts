/** Images with hash trees, below a directory that is to become the root of a host. */
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { writeAt } from '../../support/disk-images.ts';
import { runSync } from '../../support/run.ts';
import {
  makeHashTree,
  makeSigner,
  signatureJson,
  signRootHash,
  writeVerityDisk,
  type TreeOptions,
} from '../../support/verity.ts';
import { idleService, packSquashfs, writeImageTree } from '../images.ts';

/** In /opt, each with the unit verity.service; what systemd takes, and what it should not. */
export const verityImages = {
  good: ['signed', 'tree_only', 'partition', 'partition_sha512', 'partition_signed', 'partition_usr'],
  /** Systemd 262 says "signed" of them, which they are not. */
  unsigned: ['beside', 'beside_sha512', 'attribute'],
  bad: [
    'bad_tree',
    'bad_hash',
    'no_tree',
    'usr_hash',
    'partition_bad_tree',
    'partition_no_hash',
    'partition_junk',
  ],
  /** Refused by both. */
  refused: ['no_hex', 'empty_signature', 'partition_no_json', 'partition_other_hash', 'partition_beside'],
} as const;

export async function writeVerityImages(root: string): Promise<void> {
  const work = await mkdtemp(path.join(tmpdir(), 'verity-'));
  try {
    const [image, usr, extension] = ['image', 'usr', 'extension'].map((name) => path.join(work, name)) as [
      string,
      string,
      string,
    ];
    const tree = path.join(work, 'tree');
    // more than one block
    const files = {
      'usr/share/data': Buffer.from(Array.from({ length: 60_000 }, (_, i) => (i * i * 31) >> 7)),
    };
    await writeImageTree(tree, { units: { 'verity.service': idleService }, files });
    await packSquashfs(tree, image, 'gzip');
    await packSquashfs(path.join(tree, 'usr'), usr, 'gzip');
    const fields = { ID: 'test', VERSION_ID: '1' };
    await writeImageTree(path.join(work, 'more'), {
      extension: { name: 'verity_extension', kind: 'sysext', fields },
      units: { 'verity-more.service': idleService },
    });
    await packSquashfs(path.join(work, 'more'), extension, 'gzip');
    writeImages(path.join(root, 'opt'), work, { image, usr, extension });
  } finally {
    await rm(work, { recursive: true });
  }
}

interface Content {
  readonly image: string;
  readonly usr: string;
  readonly extension: string;
}

function writeImages(opt: string, work: string, { image, usr, extension }: Content): void {
  const signer = makeSigner(work, 'signer');
  /** An image with its tree beside it; the path without suffix, and the root hash, which is beside it as well. */
  const beside = (name: string, options: TreeOptions = {}, data = image): readonly [string, string] => {
    const base = path.join(opt, `verity_${name}`);
    copyFileSync(data, `${base}.raw`);
    const rootHash = makeHashTree(data, `${base}.verity`, options);
    writeFileSync(`${base}.roothash`, rootHash);
    return [base, rootHash];
  };
  const flip = (file: string, at: number): void =>
    writeAt(file, at, Buffer.from([(readFileSync(file)[at] ?? 0) ^ 1]));

  beside('beside');
  beside('beside_sha512', { hash: 'sha512', dataBlockSize: 512, hashBlockSize: 1024 });
  beside('extension', {}, extension);
  const [signed, signedHash] = beside('signed');
  writeFileSync(`${signed}.roothash.p7s`, signRootHash(signedHash, signer));
  const [attribute, attributeHash] = beside('attribute');
  rmSync(`${attribute}.roothash`);
  runSync('setfattr', ['-n', 'user.verity.roothash', '-v', attributeHash, `${attribute}.raw`]);
  rmSync(`${beside('tree_only')[0]}.roothash`);
  flip(`${beside('bad_tree')[0]}.verity`, 4096);
  writeFileSync(`${beside('bad_hash')[0]}.roothash`, '12'.repeat(32));
  rmSync(`${beside('no_tree')[0]}.verity`);
  const [usrHash, hash] = beside('usr_hash');
  rmSync(`${usrHash}.roothash`);
  writeFileSync(`${usrHash}.usrhash`, hash);
  writeFileSync(`${beside('no_hex')[0]}.roothash`, 'xy'.repeat(32));
  writeFileSync(`${beside('empty_signature')[0]}.roothash.p7s`, '');

  const readOnly = ['GUID:60', 'GUID:60', 'GUID:60'] as const;
  const [treeFile, usrTree, longTree] = ['root.tree', 'usr.tree', 'long.tree'].map((name) =>
    path.join(work, name),
  ) as [string, string, string];
  const rootHash = makeHashTree(image, treeFile);
  const disk = (name: string, more: Partial<Parameters<typeof writeVerityDisk>[1]> = {}): string => {
    const file = path.join(opt, `verity_${name}.raw`);
    writeVerityDisk(file, { data: image, tree: treeFile, rootHash, attributes: readOnly, ...more });
    return file;
  };
  const signature = (text: string): string => {
    const file = path.join(work, 'signature');
    writeFileSync(file, text.padEnd(16_384, '\0'));
    return file;
  };
  const json = signatureJson(rootHash, signRootHash(rootHash, signer), signer);

  disk('partition');
  disk('partition_signed', { signature: signature(json) });
  disk('partition_usr', { usr: true, data: usr, tree: usrTree, rootHash: makeHashTree(usr, usrTree) });
  const longHash = makeHashTree(image, longTree, { hash: 'sha512' });
  const long = disk('partition_sha512', { tree: longTree, rootHash: longHash });
  writeFileSync(long.replace(/raw$/, 'roothash'), longHash);
  flip(disk('partition_bad_tree'), 2 * 1024 * 1024 + 4096);
  disk('partition_no_hash', { otherUuids: true });
  disk('partition_junk', { signature: signature(JSON.stringify({ rootHash, signature: 'anVuaw==' })) });
  disk('partition_no_json', { signature: signature('junk') });
  const other = disk('partition_other_hash');
  writeFileSync(other.replace(/raw$/, 'roothash'), '12'.repeat(32));
  copyFileSync(treeFile, disk('partition_beside').replace(/raw$/, 'verity'));
}

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type ImagePolicy,
  type PolicyFacts,
  formatPolicy,
  pinningPolicy,
  unionPolicies,
} from '../../../src/disk/image-policy.ts';
import type { Designator } from '../../../src/disk/partition/discoverable.ts';

const readOnly = { readOnly: true, growFileSystem: false };

function fact(
  designator: Designator,
  fileSystem: string | undefined,
  flags?: PolicyFacts['flags'],
  protection: PolicyFacts['protection'] = 'unprotected',
): PolicyFacts {
  return { designator, fileSystem, flags, protection };
}

const squashfs = pinningPolicy([fact('root', 'squashfs')]);
const ext4 = pinningPolicy([fact('root', 'ext4')]);
const growing = pinningPolicy([fact('root', 'ext4', { readOnly: false, growFileSystem: true })]);
const usr = pinningPolicy([fact('usr', 'squashfs', readOnly)]);
const verity = pinningPolicy([
  fact('root-verity', undefined, readOnly),
  fact('root', 'erofs', readOnly, 'verity'),
]);

// Every expectation for 262 was written by systemd-portabled 262, into drop-ins for such images
describe('a policy for one image', () => {
  const cases: readonly [name: string, policy: ImagePolicy, systemd262: string, systemd257: string][] = [
    ['naked squashfs', squashfs, 'root=squashfs:=absent', 'root=unprotected:=absent'],
    [
      'GPT with a growing root',
      growing,
      'root=read-only-off+growfs-on+ext4:=absent',
      'root=unprotected+read-only-off+growfs-on:=absent',
    ],
    [
      'GPT with usr',
      usr,
      'usr=read-only-on+growfs-off+squashfs:=absent',
      'usr=unprotected+read-only-on+growfs-off:=absent',
    ],
    [
      'GPT with verity',
      verity,
      'root=verity+read-only-on+growfs-off+erofs:root-verity=read-only-on+growfs-off:=absent',
      'root=verity+read-only-on+growfs-off:root-verity=unprotected+read-only-on+growfs-off:=absent',
    ],
    [
      'GPT with a signature',
      pinningPolicy([
        fact('root', 'squashfs', readOnly, 'signed'),
        fact('root-verity', undefined, readOnly),
        fact('root-verity-sig', undefined, readOnly),
      ]),
      'root=signed+read-only-on+growfs-off+squashfs:root-verity=read-only-on+growfs-off:root-verity-sig=read-only-on+growfs-off:=absent',
      'root=signed+read-only-on+growfs-off:root-verity=unprotected+read-only-on+growfs-off:root-verity-sig=unprotected+read-only-on+growfs-off:=absent',
    ],
    [
      'naked squashfs with a hash tree beside it',
      pinningPolicy([fact('root', 'squashfs', undefined, 'verity')]),
      'root=verity+squashfs:=absent',
      'root=verity:=absent',
    ],
    [
      'GPT with everything',
      pinningPolicy([
        fact('var', 'squashfs', readOnly),
        fact('tmp', 'squashfs', readOnly),
        fact('swap', undefined, { readOnly: false, growFileSystem: false }),
        fact('srv', 'squashfs', readOnly),
        fact('home', 'squashfs', readOnly),
        fact('root', 'squashfs', readOnly),
      ]),
      'root=read-only-on+growfs-off+squashfs:home=read-only-on+growfs-off+squashfs:srv=read-only-on+growfs-off+squashfs:swap=read-only-off+growfs-off:tmp=read-only-on+growfs-off+squashfs:var=read-only-on+growfs-off+squashfs:=absent',
      'root=unprotected+read-only-on+growfs-off:home=unprotected+read-only-on+growfs-off:srv=unprotected+read-only-on+growfs-off:swap=unprotected+read-only-off+growfs-off:tmp=unprotected+read-only-on+growfs-off:var=unprotected+read-only-on+growfs-off:=absent',
    ],
  ];
  for (const [name, policy, systemd262, systemd257] of cases) {
    it(`${name}: pins what there is, in words that the service manager knows`, () => {
      for (const version of [260, 262, 300]) assert.equal(formatPolicy(policy, version), systemd262);
      for (const version of [254, 257, 259]) assert.equal(formatPolicy(policy, version), systemd257);
      for (const version of [undefined, 252, 253]) assert.equal(formatPolicy(policy, version), undefined);
    });
  }

  it('says "unprotected" of a file system that policies cannot name', () => {
    assert.equal(formatPolicy(pinningPolicy([fact('root', 'ext2')]), 262), 'root=unprotected:=absent');
  });
});

describe('a policy for several images', () => {
  const cases: readonly [name: string, policies: readonly ImagePolicy[], systemd262: string][] = [
    ['one image', [verity], formatPolicy(verity, 262)!],
    ['two file systems', [squashfs, ext4], 'root=ext4+squashfs:=absent'],
    ['with and without a partition table', [ext4, growing], 'root=ext4:=absent'],
    ['root and usr', [squashfs, usr], 'root=squashfs:usr=read-only-on+growfs-off+squashfs:=absent'],
    [
      'root with flags and usr',
      [growing, usr],
      'root=read-only-off+growfs-on+ext4:usr=read-only-on+growfs-off+squashfs:=absent',
    ],
    [
      'verity and none',
      [squashfs, verity],
      'root=erofs+squashfs:root-verity=unprotected+unused+absent+read-only-on+growfs-off:=absent',
    ],
    [
      'verity and none, with flags',
      [growing, verity],
      'root=erofs+ext4:root-verity=unprotected+unused+absent+read-only-on+growfs-off:=absent',
    ],
    [
      'usr and a root with verity',
      [usr, verity],
      'root=verity+absent+read-only-on+growfs-off+erofs:usr=read-only-on+growfs-off+squashfs:root-verity=unprotected+unused+absent+read-only-on+growfs-off:=absent',
    ],
  ];
  for (const [name, policies, systemd262] of cases) {
    it(`allows ${name}, in either order`, () => {
      assert.equal(formatPolicy(unionPolicies(policies), 262), systemd262);
      assert.equal(formatPolicy(unionPolicies([...policies].reverse()), 262), systemd262);
    });
  }

  it('is explicit for older service managers', () => {
    assert.equal(
      formatPolicy(unionPolicies([squashfs, usr]), 257),
      'root=unprotected+absent:usr=unprotected+absent+read-only-on+growfs-off:=absent',
    );
  });
});

/** The interface tables, the XML file, the bus policy, the polkit policy and the manual say the same, both ways. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { errorNames } from '../../../src/base/errors.ts';
import { imageInterface } from '../../../src/service/image.ts';
import { method, property, type Interface } from '../../../src/service/interface.ts';
import { interfaceFile, introspectionXml } from '../../../src/service/introspection.ts';
import { logControlInterface } from '../../../src/service/log-control.ts';
import { managerInterface } from '../../../src/service/manager.ts';
import { busName } from '../../../src/service/paths.ts';
import { togetherInterface } from '../../../src/service/together.ts';

const read = (file: string): string => readFileSync(new URL(`../../../${file}`, import.meta.url), 'utf8');
const interfaces: readonly Interface<never>[] = [managerInterface, imageInterface];
/** What can be called, told of or not. */
const callable = [...interfaces, togetherInterface];

/** Every group of every match. */
function all(text: string, pattern: RegExp): string[][] {
  return [...text.matchAll(pattern)].map((match) => match.slice(1));
}

describe('the interface', () => {
  it('is that of the manual page', () => {
    // org.freedesktop.portable1(5): name(in TYPE NAME, …, out TYPE NAME, …)
    const manager =
      'GetImage(in s image, out o object); ListImages(out a(ssbtttso) images); GetImageOSRelease(in s image, out a{ss} os_release); GetImageMetadata(in s image, in as matches, out s image, out ay os_release, out a{say} units); GetImageMetadataWithExtensions(in s image, in as extensions, in as matches, in t flags, out s image, out ay os_release, out a{say} extensions, out a{say} units); GetImageState(in s image, out s state); GetImageStateWithExtensions(in s image, in as extensions, in t flags, out s state); AttachImage(in s image, in as matches, in s profile, in b runtime, in s copy_mode, out a(sss) changes); AttachImageWithExtensions(in s image, in as extensions, in as matches, in s profile, in s copy_mode, in t flags, out a(sss) changes); DetachImage(in s image, in b runtime, out a(sss) changes); DetachImageWithExtensions(in s image, in as extensions, in t flags, out a(sss) changes); ReattachImage(in s image, in as matches, in s profile, in b runtime, in s copy_mode, out a(sss) changes_removed, out a(sss) changes_updated); ReattachImageWithExtensions(in s image, in as extensions, in as matches, in s profile, in s copy_mode, in t flags, out a(sss) changes_removed, out a(sss) changes_updated); RemoveImage(in s image); MarkImageReadOnly(in s image, in b read_only); SetImageLimit(in s image, in t limit); SetPoolLimit(in t limit)';
    const image =
      'GetOSRelease(out a{ss} os_release); GetMetadata(in as matches, out s image, out ay os_release, out a{say} units); GetMetadataWithExtensions(in as extensions, in as matches, in t flags, out s image, out ay os_release, out a{say} extensions, out a{say} units); GetState(out s state); GetStateWithExtensions(in as extensions, in t flags, out s state); Attach(in as matches, in s profile, in b runtime, in s copy_mode, out a(sss) changes); AttachWithExtensions(in as extensions, in as matches, in s profile, in s copy_mode, in t flags, out a(sss) changes); Detach(in b runtime, out a(sss) changes); DetachWithExtensions(in as extensions, in t flags, out a(sss) changes); Reattach(in as matches, in s profile, in b runtime, in s copy_mode, out a(sss) changes_removed, out a(sss) changes_updated); ReattachWithExtensions(in as extensions, in as matches, in s profile, in s copy_mode, in t flags, out a(sss) changes_removed, out a(sss) changes_updated); Remove(); MarkReadOnly(in b read_only); SetLimit(in t limit)';
    assert.deepEqual(describeMethods(managerInterface), manager.split('; '));
    assert.deepEqual(describeMethods(imageInterface), image.split('; '));
    const properties = (description: Interface<never>): string =>
      Object.entries(description.properties)
        .map(([name, { signature }]) => `${signature} ${name}`)
        .join(' ');
    assert.equal(properties(managerInterface), 's PoolPath t PoolUsage t PoolLimit as Profiles');
    assert.equal(
      properties(imageInterface),
      's Name s Path s Type b ReadOnly t CreationTimestamp t ModificationTimestamp t Usage t Limit t UsageExclusive t LimitExclusive',
    );
  });

  it('hides one method, the misspelt one', () => {
    const hidden = interfaces.flatMap(({ methods }) =>
      Object.entries(methods).flatMap(([name, method]) => (method.hidden ? [name] : [])),
    );
    assert.deepEqual(hidden, ['ReattacheWithExtensions']);
    assert.doesNotMatch(introspectionXml(imageInterface, []), /Reattache/);
  });

  it('only lets properties of the log be written', () => {
    const writable = [...interfaces, logControlInterface].flatMap(({ properties }) =>
      Object.entries(properties).flatMap(([name, { write }]) => (write === undefined ? [] : [name])),
    );
    assert.deepEqual(writable, ['LogLevel', 'LogTarget']);
  });

  it('needs its handlers to fit what it declares', () => {
    // these lines are checked by the compiler
    property('t', () => 1n);
    // @ts-expect-error -- the property's type
    property('t', () => 1);
    const out = [['changes', 'a(sss)']] as const;
    const access = 'anyone';
    const decode = (): { image: string } => ({ image: 'i' });
    const rows = Promise.resolve([['a', 'b', 'c'] as const]);
    const text = Promise.resolve('a');
    method({ in: [], out, access, decode, run: async () => [await rows] });
    // @ts-expect-error -- the reply's type
    method({ in: [], out, access, decode, run: async () => [await text] });
    // @ts-expect-error -- no handler
    method({ in: [], out, access, decode });
    const takesText = (_: unknown, n: string): { image: string } => ({ image: n });
    // @ts-expect-error -- the argument's type
    method({ in: [['n', 't']], out, access, decode: takesText, run: async () => [await rows] });
  });
});

describe('dbus/org.freedesktop.portable1.xml', () => {
  it('is what "npm run generate" makes of the tables', () => {
    assert.equal(read('dbus/org.freedesktop.portable1.xml'), interfaceFile());
  });
});

describe('dbus/org.freedesktop.portable1.conf', () => {
  const policy = read('dbus/org.freedesktop.portable1.conf');
  const everybody = /<policy context="default">(.*?)<\/policy>/s.exec(policy)?.[1] ?? '';

  it('lets everybody call every method, and nothing else', () => {
    const allowed = all(
      everybody,
      /<allow send_destination="([^"]+)" send_interface="([^"]+)"(?:\s+send_member="([^"]+)")?\/>/g,
    );
    const standard = ['Introspectable', 'Peer', 'Properties'].map((name) => [
      busName,
      `org.freedesktop.DBus.${name}`,
      undefined,
    ]);
    const methods = callable.flatMap(({ name, methods }) =>
      Object.keys(methods).map((member) => [busName, name, member]),
    );
    assert.deepEqual(allowed, [...standard, ...methods]);
    assert.match(everybody, /^\s*<deny send_destination="org\.freedesktop\.portable1"\/>/);
  });

  it('lets only root own the name', () => {
    assert.deepEqual(all(policy, /<policy ([^>]+)>\s*<allow own="([^"]+)"\/>/g), [['user="root"', busName]]);
    assert.equal(all(policy, /\bown=/g).length, 1);
  });
});

describe('dbus/org.freedesktop.portable1.policy', () => {
  it('defines the actions that the tables ask for, for administrators', () => {
    const policy = read('dbus/org.freedesktop.portable1.policy');
    const asked = new Set(
      callable.flatMap(({ methods }) => Object.values(methods).map(({ access }) => access)),
    );
    asked.delete('anyone');
    assert.deepEqual(
      all(policy, /<action id="([^"]+)">/g).flat(),
      [...asked].map((access) => `${busName}.${access}-images`),
    );
    const defaults =
      '<allow_any>auth_admin</allow_any> <allow_inactive>auth_admin</allow_inactive> <allow_active>auth_admin_keep</allow_active>';
    assert.deepEqual(
      all(policy, /<defaults>\s*(.*?)\s*<\/defaults>/gs)
        .flat()
        .map((text) => text.replaceAll(/\s+/g, ' ')),
      [...asked].map(() => defaults),
    );
    assert.match(
      policy,
      /attach-images">[^]*?policykit\.imply">org\.freedesktop\.systemd1\.reload-daemon<[^]*?<\/action>/,
    );
  });
});

describe('dbus/org.freedesktop.portable1.service', () => {
  it('has the service manager start us by the alias of our unit', () => {
    const file = read('dbus/org.freedesktop.portable1.service');
    assert.match(file, /^\[D-BUS Service\]\nName=org\.freedesktop\.portable1\n/m);
    assert.match(file, /^SystemdService=dbus-org\.freedesktop\.portable1\.service$/m);
  });
});

describe('docs/d-bus.md', () => {
  const manual = read('docs/d-bus.md');

  it('lists every method with its arguments, reply and authorization', () => {
    const table = /\n\| manager \|.*\n.*\n((?:\|.*\n)+)/.exec(manual)?.[1] ?? '';
    const listed = table
      .trim()
      .split('\n')
      .map((line) =>
        line
          .split('|')
          .slice(1, -1)
          .map((cell) => cell.replace('(no image)', '').trim()),
      )
      .map(([manager, image, args, reply, polkit]) => [
        plain(manager),
        plain(image),
        args,
        plain(reply),
        polkit,
      ]);
    const twins = Object.values(imageInterface.methods);
    const expected = Object.entries(managerInterface.methods).map(
      ([name, { in: args, outSignature, access }]) => {
        const [first, ...rest] = args;
        const behind = first?.[0] === 'image' ? rest : args;
        const image = Object.keys(imageInterface.methods).find(
          (twin) => twin === name.replace('Image', '') && name !== 'GetImage',
        );
        const shown = behind.map(([argument, signature]) => `\`${signature}\` ${argument}`).join(', ');
        return [name, image ?? '', shown, outSignature, access === 'anyone' ? '' : `${access}-images`];
      },
    );
    assert.deepEqual(listed, expected);
    assert.equal(listed.filter(([, image]) => image !== '').length, twins.length - 1);
  });

  it('lists every error of the catalogue, and no other', () => {
    const section = manual.slice(manual.indexOf('## Errors'));
    const listed = all(section, /^\| (`.*?`) \|/gm)
      .flatMap(([cell = '']) => all(cell, /`([^`]+)`/g).flat())
      .filter((name) => !name.endsWith('…'))
      .map((name) => (name.includes('.') ? name : `org.freedesktop.DBus.Error.${name}`));
    assert.deepEqual(new Set(listed), new Set(Object.values(errorNames)));
  });
});

function plain(cell = ''): string {
  return cell.replaceAll('`', '');
}

function describeMethods(description: Interface<never>): string[] {
  return Object.entries(description.methods)
    .filter(([, { hidden }]) => !hidden)
    .map(([name, { in: args, out }]) => {
      const shown = [
        ...args.map(([arg, type]) => `in ${type} ${arg}`),
        ...out.map(([arg, type]) => `out ${type} ${arg}`),
      ];
      return `${name}(${shown.join(', ')})`;
    });
}

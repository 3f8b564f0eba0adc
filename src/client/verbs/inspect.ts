/** portablectl inspect */
import { escapeControl } from '../../base/errors.ts';
import { parseOsRelease } from '../../portable/os-release.ts';
import type { Metadata } from '../../portable/requests.ts';
import { formatJson, type Json } from '../../terminal/json.ts';
import { page } from '../../terminal/pager.ts';
import type { Output } from '../../terminal/terminal.ts';
import { readTarget } from '../target.ts';
import type { Context, Verb } from '../verb.ts';

export const inspect: Verb = async (context) => {
  const { settings, services } = context;
  const [image = '', ...words] = context.args;
  const target = readTarget(context, image, words, { mayBeMissing: false, all: 'allowed', units: true });
  const metadata = await services.images.inspect({ ...target, forceExtension: settings.force });
  await print(context, metadata);
  return 0;
};

async function print({ settings, terminal, env }: Context, metadata: Metadata): Promise<void> {
  const { stdout } = terminal;
  if (settings.json !== 'off') {
    await page(formatJson(toJson(metadata, settings.cat), settings.json), stdout, env, settings.pager);
  } else if (!settings.cat) {
    await page(summary(metadata), stdout, env, settings.pager);
  } else if (stdout.isTerminal) {
    // files may have been made to do things to terminals
    const text = contents(metadata, stdout).toString('utf8').split('\n');
    const harmless = text.map((line) => line.split('\t').map(escapeControl).join('\t')).join('\n');
    await page(harmless, stdout, env, settings.pager);
  } else {
    stdout.write(contents(metadata, stdout));
  }
}

/** What people want to know of an image, in systemd's words. */
function summary({ image, osRelease, extensions, units }: Metadata): string {
  const os = parseOsRelease(osRelease);
  const lines = [
    'Image:',
    `\t${shown(image)}`,
    'Portable Service:',
    `\t${shown(os.get('PORTABLE_PRETTY_NAME'))}`,
    'Operating System:',
    `\t${shown(os.get('PRETTY_NAME'))}`,
    ...[...extensions].flatMap(([path, release]) => extensionSummary(path, parseOsRelease(release))),
    'Unit files:',
    ...[...units.keys()].map((name) => `\t${shown(name)}`),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

function extensionSummary(path: string, release: ReadonlyMap<string, string>): readonly string[] {
  const own = (field: string): string | undefined =>
    release.get(`SYSEXT_${field}`) ?? release.get(`CONFEXT_${field}`);
  const name = own('PRETTY_NAME');
  const [id, version] = [shown(own('ID')), shown(own('VERSION_ID'))];
  const facts: readonly (readonly [title: string, value: string])[] = [
    ['Extension Scope', shown(own('SCOPE'))],
    ['Extension Compatibility Level', shown(own('LEVEL'))],
    ['Extension Compatibility OS', shown(release.get('ID'))],
    ['Extension Compatibility OS Version', shown(release.get('VERSION_ID'))],
    ['Portable Service', shown(release.get('PORTABLE_PRETTY_NAME'))],
    ['Portable Prefixes', shown(release.get('PORTABLE_PREFIXES'))],
    [
      'Extension Image',
      name === undefined ? `ID: ${id} Version: ${version}` : `${shown(name)} (${id} ${version})`,
    ],
  ];
  return [
    'Extension:',
    `\t${escapeControl(path)}`,
    ...facts.flatMap(([title, value]) => [`\t${title}:`, `\t\t${value}`]),
  ];
}

function shown(text: string | undefined): string {
  return text === undefined || text === '' ? 'n/a' : escapeControl(text);
}

/** The files themselves, byte for byte, each below its title. */
function contents({ osRelease, extensions, units }: Metadata, { styles }: Output): Buffer {
  const sections: readonly (readonly [title: string, content: Buffer])[] = [
    ['OS Release:', osRelease],
    ...[...extensions].map(
      ([path, content]) => [`Extension Release: ${escapeControl(path)}`, content] as const,
    ),
    ...[...units].map(([name, content]) => [`Unit file: ${escapeControl(name)}`, content] as const),
  ];
  return Buffer.concat(
    sections.flatMap(([title, content], i) => [
      Buffer.from(`${i === 0 ? '' : '\n'}${styles.bold(`-- ${title} --`)}\n`),
      content,
    ]),
  );
}

function toJson({ image, osRelease, extensions, units }: Metadata, cat: boolean): Json {
  return {
    image,
    osRelease: Object.fromEntries(parseOsRelease(osRelease)),
    extensions: [...extensions].map(([path, release]) => {
      return { image: path, extensionRelease: Object.fromEntries(parseOsRelease(release)) };
    }),
    units: [...units].map(([name, content]) =>
      cat ? { name, content: content.toString('utf8') } : { name },
    ),
  };
}

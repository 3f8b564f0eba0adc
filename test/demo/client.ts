/** busctl, the real client, with its answers made readable. */
import { tryRunSync } from '../support/run.ts';
import { command, lines, table } from './show.ts';

const destination = [
  'org.freedesktop.portable1',
  '/org/freedesktop/portable1',
  'org.freedesktop.portable1.Manager',
];

type Change = readonly [type: string, path: string, source: string];
type Listed = readonly [string, string, boolean, number, number, number, string, string];

export class Client {
  readonly #address: string;

  constructor(address: string) {
    this.#address = address;
  }

  list(): void {
    const [images] = this.#call('ListImages') as [readonly Listed[]];
    table([['IMAGE', 'TYPE', 'STATE'], ...images.map(([name, type, , , , , state]) => [name, type, state])]);
  }

  metadata(image: string): void {
    const [path, release, units] = this.#call('GetImageMetadata', 'sas', image, '0') as [
      string,
      readonly number[],
      Record<string, readonly number[]>,
    ];
    const text = (bytes: readonly number[]): string => Buffer.from(bytes).toString().trimEnd();
    lines([
      path,
      ...text(release)
        .split('\n')
        .map((line) => `  ${line}`),
    ]);
    for (const [name, content] of Object.entries(units))
      lines([
        name,
        ...text(content)
          .split('\n')
          .map((line) => `  ${line}`),
      ]);
  }

  attach(image: string): void {
    const [changes] = this.#call('AttachImage', 'sassbs', image, '0', 'default', 'false', '') as [
      readonly Change[],
    ];
    showChanges(changes);
  }

  reattach(image: string): void {
    const [removed, updated] = this.#call('ReattachImage', 'sassbs', image, '0', 'default', 'false', '') as [
      readonly Change[],
      readonly Change[],
    ];
    showChanges([...removed, ...updated]);
  }

  detach(image: string): void {
    const [changes] = this.#call('DetachImage', 'sb', image, 'false') as [readonly Change[]];
    showChanges(changes);
  }

  refused(image: string, profile: string): void {
    const { stderr } = this.#run('AttachImage', 'sassbs', image, '0', profile, 'false', '');
    lines(stderr.trim().split('\n'));
  }

  #call(...args: string[]): unknown {
    const { status, stdout, stderr } = this.#run(...args);
    if (status !== 0) throw new Error(`${args.join(' ')}: ${stderr}`);
    return (JSON.parse(stdout) as { data: unknown }).data;
  }

  #run(...args: string[]): ReturnType<typeof tryRunSync> {
    command(`busctl call … ${args.map((arg) => (arg === '' ? '""' : arg)).join(' ')}`);
    return tryRunSync('busctl', [
      `--address=${this.#address}`,
      '--json=short',
      'call',
      ...destination,
      ...args,
    ]);
  }
}

function showChanges(changes: readonly Change[]): void {
  table(changes.map(([type, path, source]) => [type, path, source === '' ? '' : `<- ${source}`]));
}

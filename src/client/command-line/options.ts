/**
 * Every option of portablectl, as data: the parser, the help, shell completion and the manual's check come from here.
 * Those of systemd 262 are as in portablectl(1); `own` ones are ours.
 */

/** What an option's argument is, for completion. */
export type ArgumentKind =
  | 'bool'
  | 'copy-mode'
  | 'directory'
  | 'host'
  | 'image'
  | 'json'
  | 'machine'
  | 'prefix'
  | 'profile'
  | 'size'
  | 'unit';

export interface Option {
  /** Without dashes. */
  readonly name: string;
  readonly short?: string;
  /** Absent for switches. */
  readonly argument?: { readonly name: string; readonly kind: ArgumentKind };
  readonly help: string;
  /** systemd's client does not have it. */
  readonly own?: true;
}

export const options = [
  { name: 'help', short: 'h', help: 'Show this help' },
  { name: 'version', help: 'Show the version' },
  { name: 'no-pager', help: 'Do not pipe output into a pager' },
  { name: 'no-legend', help: 'Do not show headers and footers' },
  { name: 'no-ask-password', help: 'Do not ask for passwords' },
  {
    name: 'host',
    short: 'H',
    argument: { name: '[USER@]HOST', kind: 'host' },
    help: 'Operate on a remote host, over ssh',
  },
  {
    name: 'machine',
    short: 'M',
    argument: { name: 'CONTAINER', kind: 'machine' },
    help: 'Operate on a local container',
  },
  { name: 'user', help: "Talk to the user's own service manager" },
  { name: 'system', help: "Talk to the system's service manager (the default)" },
  { name: 'quiet', short: 'q', help: 'Do not tell what is being done' },
  {
    name: 'profile',
    short: 'p',
    argument: { name: 'PROFILE', kind: 'profile' },
    help: 'Security profile of the services, by name or as a path; "help" lists them',
  },
  {
    name: 'copy',
    argument: { name: 'MODE', kind: 'copy-mode' },
    help: 'Copy or link what is put in place (copy, symlink, auto, mixed)',
  },
  { name: 'runtime', help: 'Attach only until the next reboot' },
  { name: 'no-reload', help: 'Do not make the service manager reload' },
  { name: 'cat', help: 'With inspect, show os-release and the units themselves' },
  { name: 'enable', help: 'Enable the units after attach, disable them before detach' },
  { name: 'now', help: 'Start the units after attach, stop them before detach' },
  { name: 'no-block', help: 'With --now, do not wait until the units have started or stopped' },
  {
    name: 'extension',
    argument: { name: 'PATH', kind: 'image' },
    help: 'Lay an extension image over the image; may be given several times',
  },
  { name: 'force', help: 'Attach although units exist or run, with extensions of another name' },
  {
    name: 'clean',
    help: 'With detach, also remove configuration, state, cache, logs and runtime data of the services',
  },
  {
    name: 'root',
    argument: { name: 'DIR', kind: 'directory' },
    help: 'Operate on a tree that is not running: needs no daemon, no bus, no systemd and no root',
    own: true,
  },
  { name: 'dry-run', help: 'Only tell what would be changed', own: true },
  {
    name: 'json',
    argument: { name: 'MODE', kind: 'json' },
    help: 'Print JSON (short, pretty, off)',
    own: true,
  },
] as const satisfies readonly Option[];

/** The name of an option. */
export type OptionName = (typeof options)[number]['name'];

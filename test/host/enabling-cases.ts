/** Trees in which units are enabled and disabled, to see whether we make and remove the links that systemctl does. */

export interface EnablingCase {
  readonly name: string;
  /** Unit → its [Install] section; in /etc/systemd/system.attached. Empty: no such section. */
  readonly units: Readonly<Record<string, string>>;
  /** Other files. */
  readonly files?: Readonly<Record<string, string>>;
  /** Path → target. */
  readonly links?: Readonly<Record<string, string>>;
  readonly enable?: readonly string[];
  readonly disable?: readonly string[];
  /** systemctl refuses and we do not: why. */
  readonly weTake?: string;
}

const etc = '/etc/systemd/system';
const attached = '/etc/systemd/system.attached';
const wants = `${etc}/multi-user.target.wants`;
const wanted = 'WantedBy=multi-user.target';

/** A case whose first unit is enabled. */
function enabling(name: string, install: string, more: Partial<EnablingCase> = {}): EnablingCase {
  const unit = more.enable?.[0] ?? 'app.service';
  const file = unit.replace(/@.+(?=\.)/, '@');
  return { name, enable: [unit], ...more, units: { [file]: install, ...more.units } };
}

/** A case in which a unit with several links is disabled. */
function disabling(name: string, ...disable: readonly string[]): EnablingCase {
  return {
    name: `disable: ${name}`,
    disable,
    units: {
      'app.service': `${wanted}\nAlias=app-a.service app-b.service\nAlso=app-also.service`,
      'app-also.service': 'RequiredBy=lonely.target\nAlso=app.service',
      'app@.service': 'DefaultInstance=one\nAlias=appx@.service',
      'other.service': wanted,
    },
    files: {
      [`${etc}/x.target.wants/file.service`]: '',
      '/opt/linked.service': `[Install]\n${wanted}\n`,
    },
    links: {
      [`${wants}/app.service`]: `${attached}/app.service`,
      [`${wants}/other.service`]: `${attached}/other.service`,
      [`${wants}/app@one.service`]: `${attached}/app@.service`,
      [`${wants}/app@two.service`]: `${attached}/app@.service`,
      [`${etc}/appx@.service`]: `${attached}/app@.service`,
      [`${etc}/appx@two.service`]: `${attached}/app@.service`,
      [`${etc}/app-a.service`]: `${attached}/app.service`,
      [`${etc}/unlisted.service`]: `${attached}/app.service`,
      [`${etc}/x.target.wants/unlisted.service`]: `${etc}/unlisted.service`,
      [`${etc}/x.target.wants/app.service`]: '../../system.attached/app.service',
      [`${etc}/x.target.wants/renamed.service`]: `${attached}/app.service`,
      [`${etc}/y.target.requires/app.service`]: '/nowhere/app.service',
      [`${etc}/lonely.target.requires/app-also.service`]: `${attached}/app-also.service`,
      [`/run/systemd/system/z.target.wants/app.service`]: `${attached}/app.service`,
      [`/usr/lib/systemd/system/v.target.wants/app.service`]: `${attached}/app.service`,
      [`${attached}/linked.service`]: '/opt/linked.service',
      [`${etc}/linked.service`]: '/opt/linked.service',
      [`${wants}/linked.service`]: '/opt/linked.service',
      [`${etc}/masked.service`]: '/dev/null',
      [`${wants}/masked.service`]: `${attached}/masked.service`,
    },
  };
}

export const cases: readonly EnablingCase[] = [
  enabling('wanted', wanted),
  enabling('required and upheld', 'RequiredBy=a.target\nUpheldBy=b.target'),
  enabling('static', ''),
  enabling('aliases', `Alias=one.service two.service\n${wanted}`),
  enabling('its own alias', `Alias=app.service\n${wanted}`),
  enabling('an alias of another type', 'Alias=app.socket'),
  enabling('an alias that is a template', 'Alias=x@.service'),
  enabling('an alias that is an instance', 'Alias=x@i.service'),
  enabling('Also= that is there, and not', 'Also=more.service none.service\nWantedBy=a.target', {
    units: { 'more.service': wanted },
  }),
  enabling('Also= alone', 'Also=more.service', { units: { 'more.service': wanted } }),
  enabling('Also= in a circle', 'Also=more.service\nWantedBy=a.target', {
    units: { 'more.service': 'Also=app.service\nWantedBy=b.target' },
  }),
  enabling('Also= an instance', 'Also=more@%p.service', { units: { 'more@.service': wanted } }),
  enabling('Also= what is masked', `Also=more.service\n${wanted}`, {
    units: { 'more.service': wanted },
    links: { [`${etc}/more.service`]: '/dev/null' },
  }),
  enabling('masked', wanted, { links: { [`${etc}/app.service`]: '/dev/null' } }),
  enabling('masked by an empty file', wanted, { files: { [`${etc}/app.service`]: '' } }),
  enabling('hidden by another file', wanted, {
    files: { [`${etc}/app.service`]: '[Install]\nWantedBy=etc.target\n' },
  }),
  enabling('a template without an instance', wanted, {
    enable: ['app@.service'],
    weTake: 'an image with templates can be enabled: they are passed over',
  }),
  enabling('a template wanted by a template', 'WantedBy=x@.target', { enable: ['app@.service'] }),
  enabling('a default instance', `DefaultInstance=one\n${wanted}\nAlias=x@.service`, {
    enable: ['app@.service'],
  }),
  enabling('a default instance and a template that wants it', 'DefaultInstance=one\nWantedBy=x@.target', {
    enable: ['app@.service'],
  }),
  enabling('specifiers of a default instance', 'DefaultInstance=one\nWantedBy=x-%i-%j-%p-%N.target', {
    enable: ['app-b@.service'],
  }),
  enabling('a template with an instance as alias', 'Alias=x@two.service', { enable: ['app@.service'] }),
  enabling('a template with a plain alias', 'DefaultInstance=one\nAlias=x.service', {
    enable: ['app@.service'],
  }),
  enabling('an instance', `${wanted}\nAlias=x@.service`, { enable: ['app@i.service'] }),
  enabling('an instance with an alias that is another', 'Alias=x@other.service', {
    enable: ['app@i.service'],
  }),
  enabling('an instance with a plain alias', 'Alias=x.service', { enable: ['app@i.service'] }),
  enabling('wanted by a template, by instances, by other types', 'WantedBy=x@.target x@1.service x.mount'),
  enabling('specifiers', 'WantedBy=w-%n-%N-%p-%j-%i-%u-%U-%g-%G.target'),
  enabling('an unknown specifier', 'WantedBy=w-%Q.target'),
  enabling('a percent sign', 'WantedBy=w%%w.target'),
  enabling('names that are none', 'WantedBy=multi-user.targe a/b.target x'),
  enabling('quotes and escapes', String.raw`WantedBy="a.target" 'b.target' c\x2dd.target`),
  enabling(
    'continued lines and comments',
    'WantedBy = a.target \\\n  b.target\n; c\nWantedBy=\\\n# d\ne.target',
  ),
  enabling(
    'other sections, unknown keys, starting over',
    'Foo=x\nWantedBy=a.target\nWantedBy=\n[X]\nWantedBy=b.target\n[Install]\nWantedBy=c.target\nwantedby=d.target',
  ),
  enabling('no comments behind values', 'WantedBy=a.target # b'),
  enabling('drop-ins', 'WantedBy=orig.target', {
    files: {
      [`${attached}/app.service.d/a.conf`]: '[Install]\nWantedBy=a.target\n',
      [`${etc}/app.service.d/b.conf`]: '[Install]\nWantedBy=\nWantedBy=b.target\n',
      [`${etc}/service.d/c.conf`]: '[Install]\nWantedBy=c.target\n',
      '/usr/lib/systemd/system/app.service.d/a.conf': '[Install]\nWantedBy=hidden.target\n',
      '/usr/lib/systemd/system/app.service.d/d.conf': '[Install]\nWantedBy=d.target\n',
    },
  }),
  enabling('enabled already', wanted, { links: { [`${wants}/app.service`]: `${attached}/app.service` } }),
  enabling('enabled already, by another way there', wanted, {
    links: { [`${wants}/app.service`]: '../../system.attached/app.service' },
  }),
  enabling('wanted, but as something else', wanted, {
    units: { 'other.service': '' },
    links: { [`${wants}/app.service`]: `${attached}/other.service` },
  }),
  enabling('wanted, but from nowhere', wanted, {
    links: { [`${wants}/app.service`]: '/nowhere/app.service' },
  }),
  enabling('a file where the link belongs', wanted, { files: { [`${wants}/app.service`]: '' } }),
  enabling('an alias that is a file', 'Alias=x.service', { files: { [`${etc}/x.service`]: '' } }),
  enabling('an alias that is a directory', 'Alias=x.service', { files: { [`${etc}/x.service/file`]: '' } }),
  enabling('an alias that leads nowhere', 'Alias=x.service', {
    links: { [`${etc}/x.service`]: '/nowhere/x.service' },
  }),
  enabling('an alias that is masked', 'Alias=x.service', { links: { [`${etc}/x.service`]: '/dev/null' } }),
  enabling("an alias that is another unit's", 'Alias=x.service', {
    units: { 'other.service': '' },
    links: { [`${etc}/x.service`]: `${attached}/other.service` },
  }),
  enabling('an alias that a vendor has', 'Alias=x.service', {
    files: { '/usr/lib/systemd/system/x.service': '' },
  }),
  {
    name: 'a link to a file elsewhere',
    units: {},
    files: { '/opt/app.service': `[Install]\n${wanted}\nAlias=x.service\n` },
    links: { [`${attached}/app.service`]: '/opt/app.service' },
    enable: ['app.service'],
  },
  {
    name: 'a link to a file of another name elsewhere',
    units: {},
    files: { '/opt/image/other.service': `[Install]\n${wanted}\n` },
    links: { [`${attached}/app.service`]: '/opt/image/other.service' },
    enable: ['app.service'],
  },
  { name: 'nothing', units: {}, enable: ['app.service'] },
  disabling('a unit, what it is called, and what belongs to it', 'app.service'),
  disabling('the same by another name', 'unlisted.service'),
  disabling('the last of a target', 'app-also.service'),
  disabling('a template', 'app@.service'),
  disabling('an instance', 'app@two.service'),
  disabling('what is only linked', 'linked.service'),
  disabling('what is masked', 'masked.service'),
];

/** What programs look for without saying so in their headers: names, certificates, time zones. */
import { inlineContent, wholeContent } from './content.ts';
import type { Importer } from './importer.ts';

/** nsswitch.conf(5), and what the services named there read. */
const nssFiles = ['/etc/nsswitch.conf', '/etc/services', '/etc/protocols', '/etc/gai.conf', '/etc/host.conf'];

/** The users that every system has, without those of the source root: passwd(5), group(5). */
const passwd = 'root:x:0:0:root:/root:/usr/sbin/nologin\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n';
const groupFile = (nobody: string): string => `root:x:0:\n${nobody}:x:65534:\n`;

/** hosts(5), likewise. */
const hosts = '127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n';

/** Where the trusted certificates are: Debian, Fedora and others, Alpine. Never private keys. */
const certificates = [
  '/etc/ssl/certs',
  '/etc/ssl/cert.pem',
  '/etc/pki/tls/certs',
  '/etc/pki/ca-trust/extracted',
  '/usr/share/ca-certificates',
];

const zones = '/usr/share/zoneinfo';

const maxConfiguration = 1024 * 1024;

/**
 * Name service switch: its configuration, the modules that it names, and users where the contents have none.
 * @throws PortableError LimitsExceeded for an nsswitch.conf that is none
 */
export async function addNss(importer: Importer): Promise<void> {
  for (const file of nssFiles) importer.bring(file);
  const { tree } = importer;
  const nobody = importer.source.find('/etc/debian_version') === undefined ? 'nobody' : 'nogroup';
  const own = { '/etc/passwd': passwd, '/etc/group': groupFile(nobody), '/etc/hosts': hosts };
  for (const [file, text] of Object.entries(own)) {
    if (tree.find(file) === undefined)
      tree.put(file, { kind: 'file', mode: 0o644, content: inlineContent(text) });
  }
  const configuration = tree.find('/etc/nsswitch.conf')?.node;
  if (configuration?.kind !== 'file') return;
  const text = (await wholeContent(configuration.content, maxConfiguration)).toString();
  for (const service of servicesOf(text)) {
    for (const directory of moduleDirectories(importer))
      importer.bring(`${directory}/libnss_${service}.so.2`);
  }
}

/** Wherever the source root has libraries: the modules themselves say what they are for. */
function moduleDirectories({ source }: Importer): readonly string[] {
  const triplets = source.find('/usr/lib')?.path ?? '/usr/lib';
  const multiarch = source.list(triplets).filter((name) => name.endsWith('-linux-gnu'));
  return ['/lib64', '/lib', ...multiarch.map((name) => `/lib/${name}`)];
}

/** "hosts: files mdns4_minimal [NOTFOUND=return] dns" → files, mdns4_minimal, dns. */
function servicesOf(text: string): ReadonlySet<string> {
  const lists = text
    .split('\n')
    .map((line) => line.replace(/#.*|\[[^[\]]*\]/g, ' ').replace(/^[^:]*(?::|$)/, ''));
  return new Set(lists.flatMap((list) => list.split(/\s+/)).filter((name) => /^[A-Za-z0-9_-]+$/.test(name)));
}

/** Brings the certificates that the source root trusts; warns where there are none. */
export function addCertificates(importer: Importer): void {
  const found = certificates.map((place) => importer.bringAll(place));
  if (!found.includes(true)) importer.warnings.push('the source root has no certificates (ca-certificates)');
}

/** All of them, without the copies that count leap seconds, or say they do not. */
export function addTimeZones(importer: Importer): void {
  const skipped = (at: string): boolean => at === `${zones}/right` || at === `${zones}/posix`;
  if (!importer.bringAll(zones, skipped))
    importer.warnings.push('the source root has no time zones (tzdata)');
}

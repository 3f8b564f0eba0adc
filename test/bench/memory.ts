/** How big the daemon is when it idles, and whether it grows. */
import type { BenchImages } from './images.ts';
import type { Contest } from './contest.ts';
import type { Result } from './report.ts';

const calls = 10_000;
/** After so many calls everything that is ever loaded has been, and the heap has found its size. */
const settled = 3000;

export async function memory(contest: Contest, images: BenchImages): Promise<readonly Result[]> {
  const bare = await bareNode(contest);
  await contest.turn('portabled');
  await contest.call({ member: 'ListImages' });
  const pid = await contest.pid('portabled');
  const idle = await residentKiB(contest, pid);
  const mix = [
    { member: 'GetImageMetadata', signature: 'sas', body: [images.raw.zstd, []] },
    { member: 'GetImageMetadata', signature: 'sas', body: [images.directory, []] },
    { member: 'GetImageState', signature: 's', body: ['nope'] },
    { member: 'GetImageOSRelease', signature: 's', body: [images.raw.gzip] },
  ];
  let before = 0;
  for (let i = 0; i < calls; i++) {
    const call = mix[i % mix.length];
    if (call !== undefined) await contest.call(call);
    if (i === settled) before = await residentKiB(contest, pid);
  }
  const after = await residentKiB(contest, pid);
  console.log(
    `bare node ${bare} KiB, idle ${idle} KiB, after ${settled} calls ${before} KiB, after ${calls} ${after} KiB`,
  );
  return [
    {
      what: 'Resident memory when idle, against a bare Node process',
      ratio: idle / bare,
      limit: 1.5,
      met: idle <= 1.5 * bare,
    },
    {
      what: `Resident memory after ${calls} calls, against after ${settled}`,
      ratio: after / before,
      limit: 1.05,
      met: after <= 1.05 * before,
    },
  ];
}

async function bareNode(contest: Contest): Promise<number> {
  await contest.host.check([
    'systemd-run',
    '-q',
    '--unit=bare',
    '/usr/local/bin/node',
    '-e',
    'setInterval(() => {}, 1e9)',
  ]);
  await contest.host.check(['sleep', '1']);
  const pid = Number(
    await contest.host.check(['systemctl', 'show', '--value', '-P', 'MainPID', 'bare.service']),
  );
  const size = await residentKiB(contest, pid);
  await contest.host.check(['systemctl', 'stop', 'bare.service']);
  return size;
}

async function residentKiB(contest: Contest, pid: number): Promise<number> {
  const status = await contest.host.check(['cat', `/proc/${pid}/status`]);
  return Number(/^VmRSS:\s*(\d+) kB/m.exec(status)?.[1]);
}

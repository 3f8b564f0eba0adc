/** What polkit says to a user of a host. */
import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Host } from './host.ts';

const file = '/etc/polkit-1/rules.d/10-test.rules';
const action = 'org.freedesktop.portable1.attach-images';

/** Lets a user do everything with portable services, until the function it returns is called. */
export async function allowEverything(host: Host, user: string): Promise<() => Promise<void>> {
  await host.write(
    file,
    `polkit.addRule(function (action, subject) {
       if (action.id.indexOf('org.freedesktop.portable1.') == 0 && subject.user == '${user}') return 'yes';
     });\n`,
  );
  await until(host, user, true);
  return async () => {
    await rm(host.path(file));
    await until(host, user, false);
  };
}

/** polkitd sees a little later that its rules have changed. */
async function until(host: Host, user: string, allowed: boolean): Promise<void> {
  const uid = Number(await host.check(['id', '-u', user]));
  for (let attempt = 0; attempt < 100; attempt++) {
    const check = ['sh', '-c', 'exec pkcheck --action-id "$1" --process $$', 'sh', action];
    if (((await host.runAs(uid, check)).exitCode === 0) === allowed) return;
    await sleep(50);
  }
  throw new Error(
    `polkit does not follow its rules: ${user} should ${allowed ? '' : 'not '}be allowed ${action}`,
  );
}

/** A process that takes a lock file and keeps it until its standard input ends: node lock-holder.ts PATH */
import { FileLock } from '../../src/transaction/lock.ts';

const [path = ''] = process.argv.slice(2);
const unlock = await new FileLock(path, { lingerMs: 0 }).acquire();
process.stdout.write('locked\n');
process.stdin.resume().on('end', () => {
  void unlock().then(() => process.stdout.write('unlocked\n'));
});

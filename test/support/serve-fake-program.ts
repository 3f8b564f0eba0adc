/**
 * The bus objects with fakes behind them as a program of its own, so that what they cost can be measured:
 * serve-fake-program.ts ADDRESS. Prints "ready", and ends when standard input does.
 */
import { serveFake } from './serve-fake.ts';

const [address = ''] = process.argv.slice(2);
await serveFake({ address });
process.stdin.resume().once('end', () => process.exit(0));
process.stdout.write('ready\n');

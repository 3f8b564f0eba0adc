/** A client of the server in the test images, as any program on the host would talk to it. */
import type { Host } from './host.ts';
import { serverPort } from './server-image.ts';

/** Sends one inline command and returns the reply's text; waits up to five seconds for a non-empty one. */
export async function askServer(host: Host, command: string): Promise<string> {
  const script = `exec 3<>/dev/tcp/127.0.0.1/${serverPort} && printf '%s\\r\\n' "$1" >&3 &&
    read -t 2 -r first <&3 && case "$first" in '$-1'*) ;; '$'*) read -t 2 -r second <&3;; esac; echo "\${second:-$first}"`;
  let answer = '';
  for (let attempt = 0; attempt < 50; attempt++) {
    const result = await host.run(['bash', '-c', script, 'bash', command]);
    answer = result.stdout.trim();
    if (result.exitCode === 0 && answer !== '' && answer !== '$-1') return answer;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`no answer to '${command}' from the server on port ${serverPort}: last was '${answer}'`);
}

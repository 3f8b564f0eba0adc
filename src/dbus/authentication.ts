/**
 * Who we are, for the bus: D-Bus Specification, "Authentication Protocol", mechanism EXTERNAL. The kernel tells the bus
 * our user id, so that there is nothing to negotiate, and everything is said at once: each answer that is not waited
 * for shortens every start.
 */

/** Everything that we say; messages may follow it at once. */
export const authentication = '\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n';

/** More than this, in bytes, nobody says who lets us in. */
const maxAnswer = 4096;

/**
 * Returns a function to be given what the bus sends until it has let us in.
 * @returns from that function: the bytes after the answer, undefined while that is incomplete
 * @throws Error from it, in the words of the bus, when it does not let us in
 */
export function answerReader(): (chunk: Buffer) => Buffer | undefined {
  let answer = Buffer.alloc(0);
  return (chunk) => {
    answer = Buffer.concat([answer, chunk]);
    for (;;) {
      const end = answer.indexOf('\r\n');
      if (end < 0 && answer.length <= maxAnswer) return undefined;
      const line = answer.toString('latin1', 0, end < 0 ? 80 : end);
      if (end < 0 || !/^(?:DATA|OK)(?: |$)/.test(line)) throw new Error(`it answers ${JSON.stringify(line)}`);
      answer = answer.subarray(end + 2);
      // "DATA" asks for what we have sent already
      if (line.startsWith('OK')) return answer;
    }
  };
}

/** What a call is answered with, and how failures are put into the wire's words. */
import { fileError, errnoOf, messageOf, PortableError } from '../base/errors.ts';
import { DecodeError } from '../dbus/decode.ts';
import { EncodeError } from '../dbus/encode.ts';

export interface Answer {
  readonly signature: string;
  readonly values: readonly unknown[];
}

/** An error reply. */
export interface Failure {
  /** The error's D-Bus name. */
  readonly name: string;
  readonly text: string;
  /** It should not have happened: tell the log, with everything known. */
  readonly internal: boolean;
}

/** The only place where failures become error replies. */
export function failureOf(error: unknown): Failure {
  const { failure, internal } = classify(error);
  return { name: failure.dbusName, text: failure.describe(), internal };
}

function classify(error: unknown): { failure: PortableError; internal: boolean } {
  if (error instanceof PortableError) return { failure: error, internal: false };
  if (error instanceof EncodeError) {
    const failure = new PortableError('LimitsExceeded', `the answer cannot be sent: ${error.message}`, {
      cause: error,
    });
    return { failure, internal: false };
  }
  if (error instanceof DecodeError) {
    return { failure: new PortableError('InvalidArgs', error.message, { cause: error }), internal: false };
  }
  if (errnoOf(error) !== undefined) {
    return { failure: fileError(error, 'use', pathOf(error)), internal: true };
  }
  const failure = new PortableError('Failed', `internal error: ${messageOf(error)}`, { cause: error });
  return { failure, internal: true };
}

/** Node notes the path in the errors of most calls. */
function pathOf(error: unknown): string {
  return error instanceof Error && 'path' in error && typeof error.path === 'string' ? error.path : 'a file';
}

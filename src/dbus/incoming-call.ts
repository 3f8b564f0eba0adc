/** A method call somebody makes on us. */
import { Message } from 'dbus-next/lib/message-type.js';
import { messageFlag, messageType, type IncomingMessage } from './message.ts';
import type { ValuesOf } from './signature.ts';

/** An error text is for people; more than this many characters of it are not. */
const maxErrorText = 8192;

export class IncomingCall {
  readonly sender: string;
  readonly path: string;
  readonly interface: string | undefined;
  readonly member: string;
  readonly signature: string;
  /** The caller agrees to a question to the user (polkit). */
  readonly interactive: boolean;
  readonly expectsReply: boolean;
  /** Of the arguments, in bytes. */
  readonly size: number;
  /** The arguments were too many to keep; values() throws. */
  readonly oversized: boolean;
  readonly #message: IncomingMessage;
  readonly #send: (reply: Message) => void;

  constructor(message: IncomingMessage, send: (reply: Message) => void) {
    this.sender = message.sender ?? '';
    this.path = message.path ?? '';
    this.interface = message.interface;
    this.member = message.member ?? '';
    this.signature = message.signature;
    this.interactive = (message.flags & messageFlag.allowInteractiveAuthorization) !== 0;
    this.expectsReply = (message.flags & messageFlag.noReplyExpected) === 0;
    this.size = message.size;
    this.oversized = message.oversized;
    this.#message = message;
    this.#send = send;
  }

  /**
   * The arguments, which must begin with `signature`.
   * @throws DecodeError
   */
  values<S extends string>(signature: S): ValuesOf<S> {
    return this.#message.values(signature);
  }

  /** @throws EncodeError when the values do not fit the signature or a message; nothing was sent then */
  reply(signature: string, values: readonly unknown[]): void {
    this.#answer(messageType.return, undefined, signature, values);
  }

  /** Answers with an error. Never throws on account of the text. */
  fail(errorName: string, text: string): void {
    const sendable = text.slice(0, maxErrorText).toWellFormed().replaceAll('\0', '\u{fffd}');
    this.#answer(messageType.error, errorName, 's', [sendable]);
  }

  #answer(type: number, errorName: string | undefined, signature: string, body: readonly unknown[]): void {
    if (!this.expectsReply) return;
    this.#send(
      new Message({
        type,
        errorName,
        signature,
        body,
        replySerial: this.#message.serial,
        destination: this.#message.sender,
        flags: messageFlag.noReplyExpected,
      }),
    );
  }
}

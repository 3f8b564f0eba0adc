/**
 * The vocabulary that the tables of manager.ts, image.ts and log-control.ts are written in. A table entry says
 * everything about a method or property at once; introspection, argument checks, authorization, dispatch and the
 * XML file in dbus/ are all taken from it.
 */
import type { Value, ValueOf, ValuesOf } from '../dbus/signature.ts';
import type { Engine } from './engine.ts';

/** Names and signatures, in the order of the message. */
export type Arguments = readonly (readonly [name: string, signature: string])[];

/** The values that such arguments have. */
export type ValuesFor<A extends Arguments> = { readonly [K in keyof A]: ValueOf<A[K][1]> };

/**
 * Who may call a method: anybody; whoever may inspect (by name, anybody may see what the world can read);
 * whoever may attach; whoever may manage.
 */
export type Access = 'anyone' | 'inspect' | 'attach' | 'manage';

/** What a call is about, for authorization; `image` is undefined where it is about none. */
export interface Subject {
  readonly image: string | undefined;
  readonly extensions?: readonly string[];
}

/** Sends the caller, and nobody else, a signal of the interface that was called. */
export type Tell = <S extends string>(member: string, signature: S, values: ValuesOf<S>) => void;

/** A call whose arguments have been checked and that has done nothing yet. */
export interface Prepared {
  /** Each is to be authorized. */
  readonly subjects: readonly Subject[];
  /** @param signal cancels changes that are not decided yet */
  run(engine: Engine, tell: Tell, signal?: AbortSignal): Promise<readonly unknown[]>;
}

/** What a method takes and gives, in words and as the signatures of the two messages. */
export interface Shape {
  readonly in: Arguments;
  readonly out: Arguments;
  readonly inSignature: string;
  readonly outSignature: string;
}

export interface Method<Target> extends Shape {
  readonly access: Access;
  /** Callable, but not told of. */
  readonly hidden: boolean;
  /** @throws PortableError InvalidArgs */
  prepare(target: Target, args: readonly Value[]): Prepared;
}

export interface Property<Target> {
  readonly signature: string;
  read(target: Target): Promise<unknown>;
  /** Present where the property may be written, by root only. */
  readonly write?: (target: Target, value: Value) => void;
}

export interface Interface<Target> {
  readonly name: string;
  readonly properties: Readonly<Record<string, Property<Target>>>;
  readonly methods: Readonly<Record<string, Method<Target>>>;
}

export interface MethodSpec<Target, I extends Arguments, O extends Arguments, Request extends Subject> {
  readonly in: I;
  readonly out: O;
  readonly access: Access;
  readonly hidden?: boolean;
  /** Checks the arguments. @throws PortableError InvalidArgs */
  readonly decode: (target: Target, ...args: ValuesFor<I>) => Request;
  /** Does it, after authorization, and gives the values of the reply. */
  readonly run: (engine: Engine, request: Request, signal?: AbortSignal) => Promise<ValuesFor<O>>;
}

/** A method of the table; `decode` gets what `in` says and `run` must give what `out` says. */
export function method<Target, const I extends Arguments, const O extends Arguments, Request extends Subject>(
  spec: MethodSpec<Target, I, O, Request>,
): Method<Target> {
  return {
    ...shape(spec.in, spec.out),
    access: spec.access,
    hidden: spec.hidden ?? false,
    prepare: (target, args) => {
      // the arguments were decoded by the signature that `in` adds up to
      const request = spec.decode(target, ...(args as unknown as ValuesFor<I>));
      return { subjects: [request], run: (engine, _tell, signal) => spec.run(engine, request, signal) };
    },
  };
}

/** A property of the table, read-only without `write`. */
export function property<Target, S extends string>(
  signature: S,
  read: (target: Target) => ValueOf<S> | Promise<ValueOf<S>>,
  write?: (target: Target, value: ValueOf<S>) => void,
): Property<Target> {
  return {
    signature,
    read: async (target) => read(target),
    ...(write !== undefined && {
      write: (target: Target, value: Value) => {
        // the variant's signature was compared with the property's
        write(target, value as ValueOf<S>);
      },
    }),
  };
}

/** The signatures are put together once, not at every call. */
export function shape(takes: Arguments, gives: Arguments): Shape {
  return { in: takes, out: gives, inSignature: signatureOf(takes), outSignature: signatureOf(gives) };
}

function signatureOf(args: Arguments): string {
  return args.map(([, signature]) => signature).join('');
}

/** An interface with the object it is called on. */
export interface BoundInterface {
  readonly description: Interface<never>;
  prepare(member: string, args: readonly Value[]): Prepared;
  read(property: string): Promise<unknown>;
  write(property: string, value: Value): void;
}

/** Ties an interface to an object. Its functions may only be given names that the description has. */
export function bind<Target>(description: Interface<Target>, target: Target): BoundInterface {
  return {
    description,
    prepare: (member, args) => known(description.methods, member).prepare(target, args),
    read: (name) => known(description.properties, name).read(target),
    write: (name, value) => {
      known(description.properties, name).write?.(target, value);
    },
  };
}

function known<T>(entries: Readonly<Record<string, T>>, name: string): T {
  const entry = Object.hasOwn(entries, name) ? entries[name] : undefined;
  if (entry === undefined) throw new Error(`the interface has no ${name}`);
  return entry;
}

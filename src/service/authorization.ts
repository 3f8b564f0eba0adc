/** Who may do what, by the access that the interface tables name (spec "D-Bus interface", Methods). */
import type { Action, Authority, Caller } from '../host/authority.ts';
import type { Engine } from './engine.ts';
import type { Access, Subject } from './interface.ts';

const actions = {
  inspect: 'org.freedesktop.portable1.inspect-images',
  attach: 'org.freedesktop.portable1.attach-images',
  manage: 'org.freedesktop.portable1.manage-images',
} as const satisfies Record<Exclude<Access, 'anyone'>, Action>;

/**
 * Resolves when `caller` may make the call.
 * @throws PortableError AccessDenied, InteractiveAuthorizationRequired; NoSuchImage for a name to inspect
 */
export async function authorizeCall(
  access: Exclude<Access, 'anyone'>,
  subject: Subject,
  caller: Caller,
  { engine, authority }: { readonly engine: Engine; readonly authority: Authority },
): Promise<void> {
  if (access === 'inspect' && (await tellsNothingNew(subject, engine))) return;
  const details = subject.image === undefined ? {} : { image: subject.image };
  await authority.authorize(caller, actions[access], details);
}

/** By name, anybody may be told what anybody can read; a path may lead wherever the caller likes. */
async function tellsNothingNew({ image, extensions = [] }: Subject, engine: Engine): Promise<boolean> {
  if (image === undefined || [image, ...extensions].some((given) => given.startsWith('/'))) return false;
  return engine.worldReadable({ image, extensions });
}

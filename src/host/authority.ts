/** Who may do what: polkit on the system bus, everything on a user's own. */

/** The polkit actions (dbus/org.freedesktop.portable1.policy). */
export type Action =
  | 'org.freedesktop.portable1.inspect-images'
  | 'org.freedesktop.portable1.attach-images'
  | 'org.freedesktop.portable1.manage-images';

/** The caller of a method, as far as authorization is concerned. */
export interface Caller {
  /** Unique bus name, ":1.42". */
  readonly name: string;
  /** The message allowed interactive authorization. */
  readonly interactive: boolean;
}

export interface Authority {
  /**
   * Resolves when `caller` may do `action`.
   * @param details shown by polkit agents, e.g. the image
   * @throws PortableError AccessDenied, or InteractiveAuthorizationRequired when asking was not allowed
   */
  authorize(caller: Caller, action: Action, details: Readonly<Record<string, string>>): Promise<void>;

  /**
   * Whether the peer may do what no policy can allow others: turn the log up. On the system bus that is root.
   * @param name unique bus name
   */
  isPrivileged(name: string): Promise<boolean>;
}

/** Of a user's own bus, where nobody else can call. */
export const ownerAuthority: Authority = {
  authorize: () => Promise.resolve(),
  isPrivileged: () => Promise.resolve(true),
};

/** The bus itself, as something that can be called (D-Bus Specification, "Message Bus Messages"). */
export const busDriver = {
  destination: 'org.freedesktop.DBus',
  path: '/org/freedesktop/DBus',
  interface: 'org.freedesktop.DBus',
} as const;

/**
 * Introspection data from the interface tables, laid out as systemd's.
 * Format: D-Bus Specification, "Introspection Data Format".
 */
import { imageInterface } from './image.ts';
import type { Arguments, Interface, Method, Property } from './interface.ts';
import { managerInterface } from './manager.ts';

const doctype = `<!DOCTYPE node PUBLIC "-//freedesktop//DTD D-BUS Object Introspection 1.0//EN"
"https://www.freedesktop.org/standards/dbus/1.0/introspect.dtd">
`;

/** What every object has, described with the argument names that other implementations use. */
const standardInterfaces = ` <interface name="org.freedesktop.DBus.Peer">
  <method name="Ping"/>
  <method name="GetMachineId">
   <arg type="s" name="machine_uuid" direction="out"/>
  </method>
 </interface>
 <interface name="org.freedesktop.DBus.Introspectable">
  <method name="Introspect">
   <arg name="xml_data" type="s" direction="out"/>
  </method>
 </interface>
 <interface name="org.freedesktop.DBus.Properties">
  <method name="Get">
   <arg name="interface_name" direction="in" type="s"/>
   <arg name="property_name" direction="in" type="s"/>
   <arg name="value" direction="out" type="v"/>
  </method>
  <method name="GetAll">
   <arg name="interface_name" direction="in" type="s"/>
   <arg name="props" direction="out" type="a{sv}"/>
  </method>
  <method name="Set">
   <arg name="interface_name" direction="in" type="s"/>
   <arg name="property_name" direction="in" type="s"/>
   <arg name="value" direction="in" type="v"/>
  </method>
  <signal name="PropertiesChanged">
   <arg type="s" name="interface_name"/>
   <arg type="a{sv}" name="changed_properties"/>
   <arg type="as" name="invalidated_properties"/>
  </signal>
 </interface>
`;

/** Names of the interfaces above. */
export const standardNames: readonly string[] = [
  'org.freedesktop.DBus.Peer',
  'org.freedesktop.DBus.Introspectable',
  'org.freedesktop.DBus.Properties',
];

/** The answer to Introspect(). */
export function introspectionXml(
  description: Interface<never> | undefined,
  children: readonly string[],
): string {
  const own = description === undefined ? '' : interfaceXml(description);
  const nodes = children.map((label) => ` <node name="${label}"/>\n`).join('');
  return `${doctype}<node>\n${standardInterfaces}${own}${nodes}</node>\n`;
}

/** dbus/org.freedesktop.portable1.xml, for tools that make bindings. */
export function interfaceFile(): string {
  const interfaces = interfaceXml(managerInterface) + interfaceXml(imageInterface);
  return `${doctype}<!-- Made by "npm run generate" from src/service; change it there. -->\n<node>\n${interfaces}</node>\n`;
}

function interfaceXml(description: Interface<never>): string {
  const properties = Object.entries(description.properties).map((entry) => propertyXml(...entry));
  const methods = Object.entries(description.methods).map((entry) => methodXml(...entry));
  return ` <interface name="${description.name}">\n${properties.join('')}${methods.join('')} </interface>\n`;
}

function propertyXml(name: string, property: Property<never>): string {
  const writable = property.write !== undefined;
  const privileged = writable ? annotationXml('org.freedesktop.systemd1.Privileged', 'true') : '';
  return (
    `  <property name="${name}" type="${property.signature}" access="${writable ? 'readwrite' : 'read'}">\n` +
    annotationXml('org.freedesktop.DBus.Property.EmitsChangedSignal', 'false') +
    privileged +
    '  </property>\n'
  );
}

function annotationXml(name: string, value: string): string {
  return `   <annotation name="${name}" value="${value}"/>\n`;
}

function methodXml(name: string, method: Method<never>): string {
  if (method.hidden) return '';
  return `  <method name="${name}">\n${argumentsXml(method.in, 'in')}${argumentsXml(method.out, 'out')}  </method>\n`;
}

function argumentsXml(args: Arguments, direction: 'in' | 'out'): string {
  return args
    .map(([name, signature]) => `   <arg type="${signature}" name="${name}" direction="${direction}"/>\n`)
    .join('');
}

/** Writes dbus/org.freedesktop.portable1.xml from the interface tables: npm run generate. */
import { writeFileSync } from 'node:fs';
import { interfaceFile } from '../../src/service/introspection.ts';

writeFileSync(new URL('../../dbus/org.freedesktop.portable1.xml', import.meta.url), interfaceFile());

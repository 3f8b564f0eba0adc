/** Where the objects are (spec "D-Bus interface", Objects). */
import { encodeLabel } from '../dbus/object-path.ts';

export const busName = 'org.freedesktop.portable1';
export const managerPath = '/org/freedesktop/portable1';
/** The parent of the images' objects; has no interface of its own. */
export const imagesPath = `${managerPath}/image`;
export const logControlPath = '/org/freedesktop/LogControl1';
/** Where our own client asks for what the interface of systemd cannot say (together.ts). */
export const togetherPath = '/portabled/together';

/** The object of the image `name`. */
export function imagePath(name: string): string {
  return `${imagesPath}/${encodeLabel(name)}`;
}

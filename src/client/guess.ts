/** What a person whose command failed may have meant, or did not know: looked up once it has failed. */
import { imageNameOf, imagePrefix } from '../images/names.ts';
import { nearest } from '../base/nearest.ts';
import { PortableError, quoted } from '../base/errors.ts';
import { CommandError } from './command-error.ts';
import type { Images, ListedImage } from './services.ts';

/** What was typed. */
interface Typed {
  readonly verb: string;
  /** The first word behind it. */
  readonly image: string | undefined;
}

/** The failure, with a hint that knows more, where there is one. */
export async function withGuess(error: unknown, images: Images, typed: Typed): Promise<unknown> {
  if (!(error instanceof CommandError || error instanceof PortableError)) return error;
  const image = error instanceof CommandError ? error.image : error.file;
  const hint = await hintFor(error.dbusName ?? '', image, images, typed).catch(() => undefined);
  if (hint === undefined) return error;
  const { message, dbusName } = error;
  if (!(error instanceof PortableError))
    return new CommandError(message, { hint, dbusName, image, cause: error });
  return new PortableError(error.code, message, { hint, file: image, cause: error });
}

/** @throws whatever the looking up fails with, which is nobody's concern then */
async function hintFor(
  dbusName: string,
  image: string | undefined,
  images: Images,
  typed: Typed,
): Promise<string | undefined> {
  switch (dbusName) {
    case 'org.freedesktop.portable1.NoSuchImage':
      return image === undefined ? undefined : nearName(image, await images.list());
    case 'org.freedesktop.systemd1.NoSuchUnit':
      return image === undefined ? undefined : nearName(image, (await images.list()).filter(isAttached));
    case 'org.freedesktop.portable1.NoMatchingUnitFiles':
      return unitsOf(image ?? typed.image ?? '', images);
    case 'org.freedesktop.systemd1.UnitExists':
      return typed.verb === 'attach' ? attachedAlready(typed.image ?? '', images) : undefined;
    default:
      return undefined;
  }
}

/** The image that is called almost so, or the versions of the image of that name. */
function nearName(image: string, listed: readonly ListedImage[]): string | undefined {
  if (image.includes('/')) return undefined;
  const names = listed.map(({ name }) => name);
  const versions = names.filter((name) => name !== image && imagePrefix(name) === imageNameOf(image));
  if (versions.length > 1) return `there are ${some(versions)}`;
  const near = versions[0] ?? nearest(image, names);
  return near === undefined || near === image ? undefined : `did you mean '${near}'?`;
}

async function unitsOf(image: string, images: Images): Promise<string | undefined> {
  const request = { image, extensions: [], matches: [], forceExtension: false };
  const units = [...(await images.inspect(request)).units.keys()];
  return `its units are ${some(units)}; name the prefixes of those you want`;
}

async function attachedAlready(image: string, images: Images): Promise<string | undefined> {
  if (image.includes('/') || (await images.state({ image, extensions: [] })) === 'detached') return undefined;
  return `${quoted(image)} is attached already; reattach puts its units in place anew`;
}

function isAttached({ state }: ListedImage): boolean {
  return state !== 'detached';
}

const most = 6;

function some(names: readonly string[]): string {
  const shown = names.slice(0, most).map(quoted).join(', ');
  return names.length > most ? `${shown} and ${names.length - most} more` : shown;
}

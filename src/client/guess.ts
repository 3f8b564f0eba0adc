/** What a person who mistyped an image's name may have meant. */
import { nearest } from '../base/nearest.ts';
import { PortableError } from '../base/errors.ts';
import { CommandError } from './command-error.ts';
import type { Images, ListedImage } from './services.ts';

const noSuchImage = 'org.freedesktop.portable1.NoSuchImage';
const notAttached = 'org.freedesktop.systemd1.NoSuchUnit';

/** The failure, with the image that is called almost so as its hint, where there is one. */
export async function withGuess(error: unknown, images: Images): Promise<unknown> {
  const about = subjectOf(error);
  if (about === undefined || about.image.includes('/')) return error;
  const listed = await images.list().catch((): readonly ListedImage[] => []);
  const candidates = listed.filter(({ state }) => about.dbusName === noSuchImage || state !== 'detached');
  const near = nearest(
    about.image,
    candidates.map(({ name }) => name),
  );
  if (near === undefined || near === about.image) return error;
  return new CommandError(about.message, { ...about, hint: `did you mean '${near}'?`, cause: error });
}

interface Subject {
  readonly message: string;
  readonly dbusName: string;
  readonly image: string;
}

function subjectOf(error: unknown): Subject | undefined {
  const known = error instanceof CommandError || error instanceof PortableError ? error : undefined;
  if (known?.dbusName !== noSuchImage && known?.dbusName !== notAttached) return undefined;
  const image = known instanceof CommandError ? known.image : known.file;
  return image === undefined ? undefined : { message: known.message, dbusName: known.dbusName, image };
}

/** What an image carries, for people and clients (GetImageMetadata, GetImageOSRelease). */
import { findImage } from '../images/search.ts';
import type { PortableContext } from './context.ts';
import { readOsRelease, readStack } from './layers.ts';
import type { InspectRequest, Metadata } from './requests.ts';
import { noMatchingUnits } from './selection.ts';

/**
 * The os-release, extension-releases and units of an image and its extensions, whether they fit it or not.
 * @throws PortableError NoMatchingUnitFiles when there is no unit that matches; what finding and reading throw
 */
export async function inspect(context: PortableContext, request: InspectRequest): Promise<Metadata> {
  const stack = await readStack(context, request, {
    matches: request.matches,
    relax: request.forceExtension,
    check: false,
  });
  if (stack.units.size === 0) throw noMatchingUnits(stack, request.matches);
  return {
    image: stack.root.image.path,
    osRelease: stack.root.release,
    extensions: new Map(stack.extensions.map((layer) => [layer.image.path, layer.release])),
    units: new Map([...stack.units].map(([name, { file }]) => [name, file.content])),
  };
}

/** The os-release of an image, parsed; empty when it has none. */
export async function osRelease(
  context: PortableContext,
  image: string,
): Promise<ReadonlyMap<string, string>> {
  return readOsRelease(context, await findImage(context, image));
}

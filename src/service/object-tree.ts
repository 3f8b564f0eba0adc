/** From object paths to objects. Image objects exist while somebody calls them. */
import { decodeLabel, encodeLabel } from '../dbus/object-path.ts';
import { checkImageName } from '../images/names.ts';
import type { Engine } from './engine.ts';
import { ImageObject, imageInterface } from './image.ts';
import { bind, type BoundInterface } from './interface.ts';
import { logControlInterface, type LogControl } from './log-control.ts';
import { ManagerObject, managerInterface } from './manager.ts';
import { imagesPath, logControlPath, managerPath } from './paths.ts';

export interface BusObject {
  /** "node": on the way to an object, can be introspected but has no properties. */
  readonly kind: 'object' | 'node';
  /** Besides Peer, Introspectable and Properties. */
  readonly interface: BoundInterface | undefined;
  /** Labels of the objects below, sorted. */
  children(): Promise<readonly string[]>;
}

/** What the objects stand for. */
export interface Objects {
  readonly engine: Engine;
  readonly logControl: LogControl;
}

const fixedPaths = [logControlPath, managerPath, imagesPath];

/** The object at `path`, or undefined where there is and can be none, but for images. */
export function findFixedObject(path: string, { engine, logControl }: Objects): BusObject | undefined {
  switch (path) {
    case managerPath:
      return fixedObject(path, bind(managerInterface, new ManagerObject(engine)));
    case logControlPath:
      return fixedObject(path, bind(logControlInterface, logControl));
    case imagesPath:
      return { ...fixedObject(path, undefined), children: () => imageLabels(engine) };
  }
  const children = labelsBelow(path);
  if (children.length === 0) return undefined;
  return { kind: 'node', interface: undefined, children: () => Promise.resolve(children) };
}

/**
 * The image's object at `path`, or undefined where there is none.
 * @throws PortableError InvalidArgs or NoSuchImage below the images' path
 */
export async function findImageObject(path: string, { engine }: Objects): Promise<BusObject | undefined> {
  if (!path.startsWith(`${imagesPath}/`)) return undefined;
  const name = decodeLabel(path.slice(imagesPath.length + 1));
  if (name === undefined || name === '') return undefined;
  const image = await engine.findByName(checkImageName(name));
  return fixedObject(path, bind(imageInterface, new ImageObject(image, engine)));
}

function fixedObject(path: string, bound: BoundInterface | undefined): BusObject {
  return { kind: 'object', interface: bound, children: () => Promise.resolve(labelsBelow(path)) };
}

async function imageLabels(engine: Engine): Promise<readonly string[]> {
  const names = await engine.imageNames();
  return names.map((name) => encodeLabel(name)).sort();
}

/** The labels that lead from `path` to the fixed objects. */
function labelsBelow(path: string): readonly string[] {
  const prefix = path === '/' ? '/' : `${path}/`;
  const labels = fixedPaths
    .filter((fixed) => fixed.startsWith(prefix))
    .map((fixed) => fixed.slice(prefix.length).split('/', 1)[0] ?? '');
  return [...new Set(labels)].sort();
}

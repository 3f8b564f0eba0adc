/** portabled/build as a library: portable service images from programs and packages. */
export { PortableError, errorNames } from '../base/errors.ts';
export type { ErrorCode } from '../base/errors.ts';
export { buildImage } from './build.ts';
export type { BuildOptions, BuildResult } from './build.ts';
export type * from './description.ts';
export { completeDescription, parseBuildFile, readParameters } from './read-description.ts';
export type { DescriptionSource, RawDescription } from './read-description.ts';
export { buildFileSchema } from './schema.ts';

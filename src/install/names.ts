/** Names inside the bundle, shared by those who make it and the program that runs it. Imports nothing: it runs first. */

/** What is run. */
export const loaderFile = 'portabled.cjs';
/** The same, writing code caches when it ends. Not installed. */
export const trainFile = 'train.cjs';
/** What that loads, in a directory beside it. */
export const chunkDirectory = 'chunks';
/** The chunk that the program begins in, without its suffix. */
export const mainChunk = 'main';
/** Reads what the kernel mounts: disk/kernel/mounter.ts looks for it beside itself. */
export const kernelReaderFile = 'kernel-reader.cjs';
/** The licences of everything that is in there. */
export const licenseFile = 'LICENSES';

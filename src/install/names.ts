/** Names inside the bundle, shared by those who make it and the programs that run it. Imports nothing: it runs first. */

/** The files of one program. */
export interface Program {
  /** What is run. */
  readonly loader: string;
  /** The same, writing code caches when it ends. Not installed. */
  readonly train: string;
  /** What that loads, in a directory beside it. */
  readonly chunks: string;
}

export const daemon: Program = { loader: 'portabled.cjs', train: 'train.cjs', chunks: 'chunks' };
export const client: Program = {
  loader: 'portablectl.cjs',
  train: 'train-portablectl.cjs',
  chunks: 'portablectl-chunks',
};

export const dissect: Program = {
  loader: 'portabled-dissect.cjs',
  train: 'train-dissect.cjs',
  chunks: 'dissect-chunks',
};
/** Everything that is bundled. */
export const programs: readonly Program[] = [daemon, client, dissect];

/** The chunk that a program begins in, without its suffix. */
export const mainChunk = 'main';
/** Reads what the kernel mounts: disk/kernel/mounter.ts looks for it beside itself. */
export const kernelReaderFile = 'kernel-reader.cjs';
/** The licences of everything that is in there. */
export const licenseFile = 'LICENSES';

/** Names inside the bundle, shared by those who make it and the programs that run it. Imports nothing: it runs first. */

/** The files of one program. */
export interface Program {
  /** What is run. */
  readonly loader: string;
  /** What that loads, in a directory beside it. */
  readonly chunks: string;
}

/** One that starts so often that it gets code caches. */
export interface TrainedProgram extends Program {
  /** What is run to write them. Not installed. */
  readonly train: string;
}

export const daemon: TrainedProgram = { loader: 'portabled.cjs', train: 'train.cjs', chunks: 'chunks' };
export const client: TrainedProgram = {
  loader: 'portablectl.cjs',
  train: 'train-portablectl.cjs',
  chunks: 'portablectl-chunks',
};

export const dissect: TrainedProgram = {
  loader: 'portabled-dissect.cjs',
  train: 'train-dissect.cjs',
  chunks: 'dissect-chunks',
};
/** What it does takes longer than any start. */
export const builder: Program = { loader: 'portable-build.cjs', chunks: 'portable-build-chunks' };
/** Those with code caches, and all. */
export const trainedPrograms: readonly TrainedProgram[] = [daemon, client, dissect];
export const programs: readonly Program[] = [...trainedPrograms, builder];

/** The chunk that a program begins in, without its suffix. */
export const mainChunk = 'main';
/** The licences of everything that is in there. */
export const licenseFile = 'LICENSES';

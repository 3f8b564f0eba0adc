/** What is wrong with an archive, as it fits after "the header at offset N"; the reader adds file and offset. */
export class CorruptTar extends Error {
  override readonly name = 'CorruptTar';
}

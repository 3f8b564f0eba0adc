/**
 * What a transaction does, as data: a plan is a list of steps, computed after all checks and before anything
 * is touched; one executor stages, journals and commits any list (apply.ts).
 * Paths are absolute as seen from the host root in use; the executor adds the root. A plan names each file once.
 */

export type Step =
  /** A directory; no change when it exists already. */
  | { readonly kind: 'mkdir'; readonly path: string; readonly mode: number }
  /** A file with content of ours. */
  | {
      readonly kind: 'write';
      readonly path: string;
      readonly mode: number;
      readonly content: Buffer;
      readonly replace: boolean;
    }
  /** A file with content taken from `source` (an image's path, a profile). */
  | {
      readonly kind: 'copy';
      readonly path: string;
      readonly mode: number;
      readonly content: Buffer;
      readonly source: string;
      readonly replace: boolean;
    }
  /** A whole image (file or directory tree) copied on the host, with reflinks where possible. */
  | { readonly kind: 'copy-image'; readonly path: string; readonly source: string; readonly replace: boolean }
  | {
      readonly kind: 'symlink';
      readonly path: string;
      readonly target: string;
      readonly replace: boolean;
      /** With `replace`: also over a directory with all that is in it, where that is a copied image. */
      readonly replaceTree?: boolean;
    }
  /** A file, symlink or (recursive) a copied image that must go. Missing is fine. */
  | { readonly kind: 'unlink'; readonly path: string; readonly recursive?: boolean }
  /** A directory that goes if nothing foreign is left in it. */
  | { readonly kind: 'rmdir'; readonly path: string };

export interface Plan {
  readonly kind: 'attach' | 'detach' | 'reattach';
  /** For the log and the journal: the image. */
  readonly subject: string;
  readonly steps: readonly Step[];
}

/** What was really done, in order: one record per step that changed something. */
export interface Done {
  readonly step: Step;
}

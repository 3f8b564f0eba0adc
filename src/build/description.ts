/** What an image is to be built from: the parameters of nixpkgs' portableService, and where a closure comes from. */

/** A whole system with its services, or what is laid over one: systemd-sysext(8). */
export type ImageKind = 'portable' | 'sysext' | 'confext';

export type ImageFormat = 'squashfs' | 'erofs' | 'directory';

/** A symlink of the image. */
export interface SymlinkRequest {
  /** What it leads to: an absolute path in the image. */
  readonly object: string;
  /** Where it is: an absolute path in the image. */
  readonly symlink: string;
}

/** Files for the image. */
export interface ContentRequest {
  /** A path in the source root, or with `local` one of this machine. Absolute. */
  readonly source: string;
  readonly local: boolean;
  /** Where it goes; an absolute path in the image. */
  readonly destination: string;
}

/** All paths of this machine are absolute. */
export interface BuildDescription {
  /** Of the service: every unit's name begins with it. */
  readonly name: string;
  readonly version: string;
  /** Unit files of this machine. None: those that the contents bring. */
  readonly units?: readonly string[];
  /** One line for people: PORTABLE_PRETTY_NAME= in os-release. */
  readonly description?: string;
  /** HOME_URL= in os-release. */
  readonly homepage?: string;
  readonly symlinks?: readonly SymlinkRequest[];
  readonly contents?: readonly ContentRequest[];
  /** Debian packages installed in the source root. */
  readonly packages?: readonly string[];
  /** With documentation, manual pages and translations. */
  readonly packageDocs?: boolean;
  /** A container image to start from: an OCI image layout, or an archive of `docker save`. */
  readonly container?: string;
  /** Which of its platforms: "linux/arm64"; this machine's by default. */
  readonly platform?: string;
  /** Which of its images, by the name it was saved by. */
  readonly reference?: string;
  /** What its layers may expand to, bytes; how many entries they may have; how many times its size a layer may expand to. */
  readonly maxSize?: number;
  readonly maxEntries?: number;
  readonly maxRatio?: number;
  /** Where contents, libraries and interpreters come from; "/" by default. */
  readonly sourceRoot?: string;
  /** Paths that stay out of the image, with everything below them. */
  readonly exclude?: readonly string[];
  /** With what looks up users and hosts by name. */
  readonly nss?: boolean;
  /** With the certificates of the authorities that the source root trusts. */
  readonly certificates?: boolean;
  /** With the time zone database. */
  readonly timeZones?: boolean;
  readonly type?: ImageKind;
  /** What an extension is for: an image or directory of this machine, whose os-release it must fit. */
  readonly base?: string;
  /** Fields of an extension's extension-release file, "FIELD=VALUE". */
  readonly fields?: readonly string[];
  /** With a hash tree, and its root hash. */
  readonly verity?: boolean;
  /** A private key that signs the root hash, and its certificate: PEM files. */
  readonly sign?: string;
  readonly certificate?: string;
  /** A disk image with partitions for the file system, its hash tree and signature. */
  readonly gpt?: boolean;
  readonly format?: ImageFormat;
  /** As the format's tool takes it. */
  readonly compression?: string;
  /** Bytes. */
  readonly blockSize?: number;
}

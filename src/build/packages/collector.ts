/** The Debian packages that go into an image: those asked for, and those that interpreters belong to. */
import type { Importer } from '../importer.ts';
import { bringModules } from '../runtimes.ts';
import { addPackages } from './add.ts';
import { Dpkg, type DebianPackage } from './dpkg.ts';

export class PackageCollector {
  readonly #importer: Importer;
  readonly #withDocumentation: boolean;
  readonly #taken = new Set<DebianPackage>();
  #dpkg: Dpkg | undefined;

  constructor(importer: Importer, withDocumentation: boolean) {
    this.#importer = importer;
    this.#withDocumentation = withDocumentation;
  }

  /** @throws PortableError NotSupported without a package database; FileNotFound for what is not installed */
  add(names: readonly string[]): void {
    if (names.length === 0) return;
    const dpkg = this.#database();
    this.#take(
      dpkg,
      names.map((name) => dpkg.named(name)),
    );
  }

  /** Brings what an interpreter needs besides its libraries. @param program its path in the image */
  addModules(program: string): void {
    const { source, tree } = this.#importer;
    // a program of the same name that comes from elsewhere is not the package's
    const node = tree.find(program)?.node;
    const inSource = source.find(program)?.path;
    if (node?.kind !== 'file' || inSource === undefined || node.content.file !== source.onDisk(inSource))
      return;
    const dpkg = Dpkg.isIn(source) ? this.#database() : undefined;
    const packages = bringModules(this.#importer, inSource, dpkg);
    if (dpkg !== undefined) this.#take(dpkg, packages);
  }

  /** "name version" of each, sorted. */
  taken(): readonly string[] {
    return [...this.#taken].map(({ name, version }) => `${name} ${version}`).sort();
  }

  #take(dpkg: Dpkg, wanted: readonly DebianPackage[]): void {
    const missing = wanted.filter((each) => !this.#taken.has(each));
    const added = addPackages(this.#importer, dpkg, missing, this.#withDocumentation);
    for (const each of added) this.#taken.add(each);
  }

  #database(): Dpkg {
    return (this.#dpkg ??= new Dpkg(this.#importer.source));
  }
}

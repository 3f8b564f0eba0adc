/** No more than so many operations at once. */
import { PortableError } from '../base/errors.ts';
import type { Access } from './interface.ts';

/** As many as systemd's daemon allows. */
const maxOperations = 64;

/**
 * Counts what is running and refuses what is too much. Inspections, which anybody can ask for, are counted apart
 * from changes, which only the authorized get to: the former must not keep the latter out.
 */
export class OperationLimit {
  #inspecting = 0;
  #changing = 0;

  /** @throws PortableError LimitsExceeded instead of running `operation` */
  run<T>(access: Access, operation: () => Promise<T>): Promise<T> {
    return access === 'anyone' ? operation() : this.#counted(access, operation);
  }

  async #counted<T>(access: Access, operation: () => Promise<T>): Promise<T> {
    const inspecting = access === 'inspect';
    if ((inspecting ? this.#inspecting : this.#changing) >= maxOperations) {
      throw new PortableError('LimitsExceeded', `${maxOperations} operations are running already`, {
        hint: 'try again when they are done',
      });
    }
    this.#count(inspecting, 1);
    try {
      return await operation();
    } finally {
      this.#count(inspecting, -1);
    }
  }

  #count(inspecting: boolean, difference: number): void {
    if (inspecting) this.#inspecting += difference;
    else this.#changing += difference;
  }
}

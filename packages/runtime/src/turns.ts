/**
 * Work for one container goes one after the other. A plugin that is killed has its request go on in the agent, and its runtime
 * calls DEL at once, which must not find nothing to remove yet.
 */
export class Turns {
  readonly #last = new Map<string, Promise<unknown>>();

  /** @param container "": all of them, such as a GC is about */
  async take<T>(container: string, work: () => Promise<T>): Promise<T> {
    const before = container === "" ? [...this.#last.values()] : [this.#last.get(container), this.#last.get("")];
    const turn = Promise.allSettled(before.filter((each) => each !== undefined)).then(work);
    this.#last.set(container, turn);
    try {
      return await turn;
    } finally {
      if (this.#last.get(container) === turn) this.#last.delete(container);
    }
  }
}

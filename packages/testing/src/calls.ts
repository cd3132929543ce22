import type { ChildProcess } from "node:child_process";
import { NetkitError, toNetkitError, type ErrorCode } from "@netkit/core";

export type Functions = Readonly<Record<string, (...words: never[]) => unknown>>;

interface Call {
  readonly id: number;
  readonly name: string;
  readonly words: readonly never[];
}

interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: {
    readonly code: ErrorCode;
    readonly message: string;
    readonly hint?: string;
    readonly details: Readonly<Record<string, unknown>>;
    readonly cause?: string;
  };
}

/** The functions of a child process that answers calls ({@link answerCalls}), forked with `serialization: "advanced"`. */
export class Caller<F extends Functions> {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #calls = 0;
  /** Resolves once it answers. */
  readonly ready: Promise<void>;

  /** @param name what it is called when it ends too early */
  constructor(child: ChildProcess, name: string) {
    this.#child = child;
    child.on("message", ({ id, value, error }: Answer) => {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) waiting?.resolve(value);
      else waiting?.reject(new NetkitError(error.code, error.message, { ...error }));
    });
    child.on("exit", () => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`the process of ${name} has ended`));
      this.#waiting.clear();
    });
    this.ready = this.#expect(0) as Promise<void>;
  }

  /** @throws NetkitError as the function threw it, with its stack as the cause */
  async call<K extends keyof F & string>(name: K, ...words: Parameters<F[K]>): Promise<Awaited<ReturnType<F[K]>>> {
    const id = ++this.#calls;
    const answer = this.#expect(id);
    this.#child.send({ id, name, words });
    return (await answer) as Awaited<ReturnType<F[K]>>;
  }

  #expect(id: number): Promise<unknown> {
    const waiting = Promise.withResolvers<unknown>();
    this.#waiting.set(id, waiting);
    return waiting.promise;
  }
}

/** Answers the parent process's calls, each as it comes, until it disconnects. */
export function answerCalls(functions: Functions): void {
  const call = async ({ name, words }: Call): Promise<unknown> => await functions[name]?.(...words);
  process.on("message", (made: Call) => {
    const { id } = made;
    call(made).then(
      (value) => process.send?.({ id, value }),
      (thrown: unknown) => {
        const { code, message, hint, details } = toNetkitError(thrown);
        const cause = thrown instanceof Error ? thrown.stack : undefined;
        process.send?.({ id, error: { code, message, hint, details, cause } });
      },
    );
  });
  process.send?.({ id: 0 });
}

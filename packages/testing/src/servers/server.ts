import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { localMachine, type Machine } from "../hosts/machine.ts";
import type { Process } from "../hosts/process.ts";

export interface ServerOptions {
  readonly program: string;
  readonly argv: (directory: string) => readonly string[];
  /** What a line of its output says when it serves. */
  readonly ready: RegExp;
}

/** Where a server runs. */
export interface ServerPlace {
  readonly machine: Machine;
  /** There, for what it stores; it goes with the server. */
  readonly directory: string;
}

/** A server with a data directory of its own: by default here, in the namespaces of the thread that starts it. Dispose it to remove both. */
export class Server implements AsyncDisposable {
  readonly #machine: Machine;
  readonly #directory: string;
  readonly #options: ServerOptions;
  #process: Process | undefined;

  constructor(options: ServerOptions, place?: ServerPlace) {
    this.#options = options;
    this.#machine = place?.machine ?? localMachine();
    this.#directory = place?.directory ?? mkdtempSync(join(tmpdir(), "netkit-server-"));
  }

  /** Resolves when it serves. @throws with its last lines when it ends instead */
  async start(): Promise<void> {
    const { program, argv, ready } = this.#options;
    this.#process = this.#machine.start([program, ...argv(this.#directory)]);
    await this.#process.until(ready);
  }

  /** Resolves when it has ended. Its directory stays, and it can be started again. */
  async stop(signal: "SIGTERM" | "SIGKILL" | "SIGSTOP" = "SIGTERM"): Promise<void> {
    await this.#process?.kill(signal);
  }

  /** It forgets all; it has to be stopped. */
  async wipe(): Promise<void> {
    await this.#machine.run(["find", this.#directory, "-mindepth", "1", "-delete"]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop("SIGKILL");
    await this.#machine.run(["rm", "-rf", "--", this.#directory]);
  }
}

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

export interface ServerOptions {
  readonly program: string;
  readonly argv: (directory: string) => readonly string[];
  /** What a line of its output says when it serves. */
  readonly ready: RegExp;
}

/** A server with a data directory of its own, in the namespaces of the thread that starts it. Dispose it to remove both. */
export class Server implements AsyncDisposable {
  readonly directory: string = mkdtempSync(join(tmpdir(), "netkit-server-"));
  readonly #options: ServerOptions;
  #child: ChildProcess | undefined;

  constructor(options: ServerOptions) {
    this.#options = options;
  }

  /** Resolves when it serves. @throws with its last lines when it ends instead */
  async start(): Promise<void> {
    const { program, argv, ready } = this.#options;
    // It ends with the test's process, however that ends.
    const words = ["--pdeathsig", "KILL", "--", program, ...argv(this.directory)];
    const child = spawn("setpriv", words, { stdio: ["ignore", "pipe", "pipe"] });
    this.#child = child;
    const lines: string[] = [];
    await new Promise<void>((resolve, reject) => {
      child.on("error", reject);
      child.on("exit", () => reject(new Error(`${program} ended:\n${lines.slice(-20).join("\n")}`)));
      for (const input of [child.stdout, child.stderr]) {
        createInterface({ input }).on("line", (line) => {
          lines.push(line);
          if (ready.test(line)) resolve();
        });
      }
    });
  }

  /** Resolves when it has ended. Its directory stays, and it can be started again. */
  async stop(signal: "SIGTERM" | "SIGKILL" | "SIGSTOP" = "SIGTERM"): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill(signal);
    if (signal !== "SIGSTOP") await ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop("SIGKILL");
    rmSync(this.directory, { recursive: true, force: true });
  }
}

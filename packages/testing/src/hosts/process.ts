import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import type { Machine } from "./machine.ts";

/** A process on some machine that goes on, with what it prints. */
export class Process implements AsyncDisposable {
  /** All that it has printed, on either output. */
  readonly lines: string[] = [];
  /** When it has ended: its exit status, or undefined if a signal ended it. */
  readonly ended: Promise<number | undefined>;
  readonly #machine: Machine;
  readonly #child: ChildProcess;
  readonly #pid = Promise.withResolvers<number>();
  readonly #waiting = new Set<(line: string | undefined) => void>();
  #hasEnded = false;

  /** @param words of a program on this machine that runs {@link Process.announced} words on that one */
  constructor(machine: Machine, words: readonly string[], env: NodeJS.ProcessEnv) {
    this.#machine = machine;
    this.#pid.promise.catch(() => {});
    // It ends with this process, however that ends; elsewhere the end of its input tells it.
    this.#child = spawn("setpriv", ["--pdeathsig", "KILL", "--", ...words], { env, stdio: "pipe" });
    const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
    this.ended = promise;
    promise.catch(() => {});
    this.#child.stdin?.on("error", () => {});
    this.#child.on("error", reject);
    this.#child.on("close", (code) => {
      this.#hasEnded = true;
      this.#pid.reject(new Error(`it could not be started:\n${this.lines.join("\n")}`));
      for (const tell of this.#waiting) tell(undefined);
      resolve(code ?? undefined);
    });
    for (const input of [this.#child.stdout, this.#child.stderr])
      if (input !== null) createInterface({ input }).on("line", (line) => this.#note(line));
  }

  /** The words of a program that says its pid on a line before it is the one that `words` are of. */
  static announced(words: readonly string[]): string[] {
    return ["sh", "-c", 'echo "pid $$" && exec "$@"', "sh", ...words];
  }

  #note(line: string): void {
    const [, pid] = /^pid (\d+)$/.exec(line) ?? [];
    if (pid !== undefined) return this.#pid.resolve(Number(pid));
    this.lines.push(line);
    for (const tell of this.#waiting) tell(line);
  }

  /** As its machine counts. */
  async pid(): Promise<number> {
    return await this.#pid.promise;
  }

  /** The first line that looks so. @throws with its last lines if it ends instead */
  async until(pattern: RegExp): Promise<string> {
    const found = this.lines.find((line) => pattern.test(line));
    if (found !== undefined) return found;
    return await new Promise((resolve, reject) => {
      const tell = (line: string | undefined): void => {
        if (line !== undefined && !pattern.test(line)) return;
        this.#waiting.delete(tell);
        if (line === undefined)
          reject(new Error(`${this.#child.spawnargs.join(" ")} ended:\n${this.lines.slice(-20).join("\n")}`));
        else resolve(line);
      };
      this.#waiting.add(tell);
      if (this.#hasEnded) tell(undefined);
    });
  }

  /** Resolves when it has ended, or has got SIGSTOP. Nothing happens if it has ended before. */
  async kill(signal: "SIGTERM" | "SIGKILL" | "SIGSTOP" = "SIGTERM"): Promise<void> {
    if (this.#hasEnded) return;
    const pid = await this.#pid.promise;
    await this.#machine.run(["kill", "-s", signal.replace("SIG", ""), String(pid)]);
    if (signal !== "SIGSTOP") await this.ended;
  }

  /** After SIGSTOP; whoever runs it has stopped with it (nsenter(1) does). */
  async resume(): Promise<void> {
    await this.#machine.run(["kill", "-s", "CONT", String(await this.#pid.promise)]);
    this.#child.kill("SIGCONT");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill("SIGKILL");
  }
}

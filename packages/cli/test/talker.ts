import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";

/** A program of Node's in a network namespace, that is heard line by line. It ends with its stdin. */
export class Talker implements Disposable {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<string, () => void>();
  readonly #said = new Set<string>();

  constructor(netns: string, script: string) {
    const words = [`--net=${netns}`, "--", process.execPath, "--eval", script];
    this.#child = spawn("nsenter", words, { stdio: ["pipe", "pipe", "inherit"] });
    if (this.#child.stdout === null) throw new Error("it has no output");
    createInterface(this.#child.stdout).on("line", (line) => {
      this.#said.add(line);
      this.#waiting.get(line)?.();
    });
  }

  /** Resolves with a line once it has said that. */
  async line(text: string): Promise<string> {
    if (this.#said.has(text)) return text;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.set(text, resolve);
    await promise;
    return text;
  }

  [Symbol.dispose](): void {
    this.#child.kill("SIGKILL");
  }
}

import { execa } from "execa";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { Process } from "./process.ts";
import { timeScale } from "@netkit/conformance/lab";

export interface Outcome {
  /** The exit status; undefined if a signal ended it, or the way to the machine broke. */
  readonly status: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** On standard input; nothing by default. */
  readonly input?: string;
  /** Default 60 s; both are scaled. */
  readonly timeoutMs?: number;
}

/** What makes the words of a program into those of one on this machine that runs it elsewhere. */
type Way = (words: readonly string[]) => readonly string[];

/** Where commands run: this machine, another one, or namespaces on either. */
export class Machine {
  /** What messages call it. */
  readonly name: string;
  readonly #way: Way;

  constructor(name: string, way: Way) {
    this.name = name;
    this.#way = way;
  }

  /** @throws Error if the program can't be started from here, or takes too long */
  async run(words: readonly string[], { input = "", timeoutMs = 60_000 }: RunOptions = {}): Promise<Outcome> {
    const [program = "", ...rest] = this.#way(words);
    const options = { input, reject: false, stripFinalNewline: false, env, extendEnv: false } as const;
    const done = await execa(program, rest, { ...options, timeout: timeoutMs * timeScale });
    if (done.timedOut || (done.exitCode === undefined && done.signal === undefined)) throw new Error(done.message);
    return { status: done.exitCode, stdout: done.stdout, stderr: done.stderr };
  }

  /** What it prints. @throws Error with what it says on stderr when it fails */
  async exec(words: readonly string[], options?: RunOptions): Promise<string> {
    const { status, stdout, stderr } = await this.run(words, options);
    if (status === 0) return stdout;
    const how = status === undefined ? "was ended by a signal" : `exited with ${status}`;
    throw new Error(`${words.join(" ")} ${how} on ${this.name}:\n${stderr}${stdout}`);
  }

  /** A program that goes on. It ends with the process here, and is started by the time this returns. */
  start(words: readonly string[]): Process {
    return new Process(this, this.#way(Process.announced(words)), env);
  }

  /** Where everything is run by the program that the words begin: `nsenter ... --`. */
  through(name: string, words: readonly string[]): Machine {
    return new Machine(name, (more) => this.#way([...words, ...more]));
  }
}

/** The workspace's command and the servers that setup brought come first, and the system's programs before shims. */
const workspace = join(import.meta.dirname, "../../../..");
const servers = join(workspace, ".tools/servers");
/** By architecture, whichever this is. */
const libraries = ["x86_64-linux-gnu", "aarch64-linux-gnu"].flatMap((triplet) => [
  `lib/${triplet}`,
  `usr/lib/${triplet}`,
]);
const env: NodeJS.ProcessEnv = {
  PATH: [
    join(workspace, "packages/cli/bin"),
    ...["usr/bin", "usr/sbin", "bin"].map((folder) => join(servers, folder)),
    dirname(process.execPath),
    ..."/usr/local/sbin /usr/sbin /usr/bin /sbin /bin".split(" "),
    process.env["PATH"],
  ].join(":"),
  LD_LIBRARY_PATH: libraries.map((folder) => join(servers, folder)).join(":"),
  HOME: process.env["HOME"],
  LC_ALL: "C",
};

export function localMachine(): Machine {
  return new Machine(hostname(), (words) => words);
}

/**
 * Another machine, where a shell takes apart what it is given.
 * @param ssh the words of the command up to what is to be run there; it should keep its connection (ControlMaster)
 */
export function sshMachine(name: string, ssh: readonly string[]): Machine {
  return new Machine(name, (words) => [...ssh, words.map(quoted).join(" ")]);
}

/** One word for a shell. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

import { execa } from "execa";
import { openNamespace, withNamespace, syscalls } from "@netkit/netlink";

const CLONE_NEWNET = 0x40000000;

/** A network namespace to look into and to work in, with tools that know nothing of netkit. */
export interface Space {
  /** Opens the namespace: `/run/netns/<name>`, `/proc/<pid>/ns/net`. */
  readonly path: string;
  /** Runs a program in it; mounts stay those of the caller. Rejects with what it printed when it fails. */
  exec(argv: readonly string[], options?: { readonly input?: string; readonly signal?: AbortSignal }): Promise<string>;
  /** `sh -e` with `script` on its standard input. */
  shell(script: string): Promise<string>;
  /** `ip -j -d` with `words`, without the empty objects that it prints for what it leaves out. */
  ip<T = Record<string, unknown>>(words: string): Promise<T[]>;
  /** Reads a sysctl by its path below /proc/sys. */
  sysctl(path: string): Promise<string>;
  /**
   * Moves the calling thread into the namespace until the result is disposed, last entered first. The code in between
   * may be asynchronous if nothing else runs on the thread meanwhile.
   */
  enter(): Disposable;
  /** Runs `work`, which must be synchronous, with the thread in the namespace. */
  within<T>(work: () => T): T;
}

export function spaceOf(path: string): Space {
  const exec: Space["exec"] = async (argv, { input, signal } = {}) => {
    const { stdout } = await execa("nsenter", [`--net=${path}`, "--", ...argv], {
      ...(input === undefined ? { stdin: "ignore" } : { input }),
      ...(signal === undefined ? {} : { cancelSignal: signal }),
      env: { LC_ALL: "C" },
    });
    return stdout;
  };
  return {
    path,
    exec,
    shell: async (script) => await exec(["sh", "-e"], { input: script }),
    ip: async <T>(words: string) => {
      const rows = JSON.parse((await exec(["ip", "-j", "-d", ...words.split(" ")])) || "[]") as T[];
      return rows.filter((row) => Object.keys(row as object).length > 0);
    },
    sysctl: async (name) => (await exec(["cat", `/proc/sys/${name}`])).trim(),
    enter: () => enter(path),
    within: (work) => withNamespace(path, work),
  };
}

function enter(path: string): Disposable {
  const home = openNamespace();
  const there = openNamespace(path);
  try {
    move(there.fd, `enter ${path}`);
  } catch (error) {
    home.close();
    throw error;
  } finally {
    there.close();
  }
  return {
    [Symbol.dispose]() {
      try {
        move(home.fd, `leave ${path}`);
      } finally {
        home.close();
      }
    },
  };
}

function move(fd: number, what: string): void {
  const result = syscalls().setns(fd, CLONE_NEWNET);
  if (result < 0) throw new Error(`can't ${what}: errno ${-result}`);
}

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect } from "vitest";

/** Namespaces that play containers, as their runtime makes them before it calls a plugin. */
export class Containers implements Disposable {
  readonly #prefix: string;
  readonly #namespaces: string[] = [];

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** The path of a new one. @param loopback whether the runtime brings it up */
  container(id: string, loopback = true): string {
    const name = `${this.#prefix}-${process.pid}-${this.#namespaces.length}-${id.slice(0, 20)}`;
    execFileSync("ip", ["netns", "add", name]);
    this.#namespaces.push(name);
    if (loopback) execFileSync("ip", ["-n", name, "link", "set", "lo", "up"]);
    return join("/run/netns", name);
  }

  /** The end of a container's namespace. */
  kill(netns: string): void {
    const name = netns.replace("/run/netns/", "");
    execFileSync("ip", ["netns", "del", name]);
    this.#namespaces.splice(this.#namespaces.indexOf(name), 1);
  }

  [Symbol.dispose](): void {
    for (const name of this.#namespaces) execFileSync("ip", ["netns", "del", name]);
  }
}

/** What comes of a program that runs at the same time as others. @param killAfterMs SIGKILL then, with all that it has started */
export async function startProgram(
  program: string,
  words: readonly string[],
  { input, env }: { readonly input: string; readonly env: NodeJS.ProcessEnv },
  killAfterMs?: number,
): Promise<{
  readonly status: number | string;
  readonly stdout: string;
  readonly stderr: string;
  readonly tookMs: number;
}> {
  const start = performance.now();
  const child = spawn(program, words, { env, stdio: ["pipe", "pipe", "pipe"], detached: true });
  const timer = killAfterMs === undefined ? undefined : setTimeout(() => killGroup(child.pid ?? 0), killAfterMs);
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  if (child.exitCode === null && child.signalCode === null) await once(child, "close");
  clearTimeout(timer);
  return { status: child.exitCode ?? child.signalCode ?? "", stdout, stderr, tookMs: performance.now() - start };
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended.
  }
}

/**
 * Runs a program again and again, killed ever later on its way: from its start to just after its end, by the shortest time that it took
 * when nobody killed it. Fails if none was killed.
 * @param once runs it, once with the time of its death, in ms; resolves to how it ended
 * @param then what is looked at after each
 */
export async function killedOnItsWay(
  steps: number,
  once: (killAfterMs?: number) => Promise<{ readonly status: number | string; readonly tookMs: number }>,
  then: (when: string) => void,
): Promise<void> {
  let wholeMs = Infinity;
  let killed = 0;
  for (let step = 0; step <= steps; step++) {
    const killAfterMs = step === 0 ? undefined : (step * 1.1 * wholeMs) / steps;
    const { status, tookMs } = await once(killAfterMs);
    if (status === "SIGKILL") killed++;
    else wholeMs = Math.min(wholeMs, tookMs);
    then(`killed after ${killAfterMs} ms`);
  }
  expect(killed).toBeGreaterThan(0);
}

/** What a program prints in a namespace. */
export function inside(netns: string, ...words: string[]): string {
  return execFileSync("nsenter", [`--net=${netns}`, "--", ...words], { encoding: "utf8" });
}

export function reaches(netns: string, address: string): boolean {
  try {
    inside(netns, "ping", "-c", "1", "-W", "1", address);
    return true;
  } catch {
    return false;
  }
}

/** Links, addresses and routes of a namespace, but for what the kernel counts. */
export function contents(netns: string): unknown {
  const ask = (...words: string[]): unknown[] => JSON.parse(inside(netns, "ip", "-j", ...words) || "[]") as unknown[];
  const links = (ask("address") as { ifname: string; address: string; addr_info: { local: string }[] }[]).map(
    ({ ifname, address, addr_info: addresses }) => ({
      ifname,
      address,
      addresses: addresses.map(({ local }) => local),
    }),
  );
  return { links, routes: ask("route"), routes6: ask("-6", "route"), rules: ask("rule") };
}

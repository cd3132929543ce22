import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bridge } from "@netkit/driver-bridge";
import { container } from "@netkit/driver-container";
import { host } from "@netkit/driver-host";
import { ipvlan } from "@netkit/driver-ipvlan";
import { macvlan } from "@netkit/driver-macvlan";
import { none } from "@netkit/driver-none";
import { openNamespace, syscalls } from "@netkit/netlink";
import { afterEach, beforeEach, expect } from "vitest";
import { openNetkit, type Netkit, type NetkitOptions } from "@netkit/engine";
import { lastingRules } from "../src/index.ts";

const CLONE_NEWNET = 0x40000000;

/** What isn't a test's own namespace. */
function others(directory: string): string {
  const names = existsSync(directory) ? readdirSync(directory) : [];
  return names.filter((name) => !name.startsWith("nktest-")).join(" ");
}

/** A further root directory. */
class Root implements Disposable {
  readonly path: string = mkdtempSync(join(tmpdir(), "netkit-root-"));

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true });
  }
}

/** A fresh network namespace that plays the host; the thread is in it until it is disposed of. */
export class TestHost implements AsyncDisposable {
  static readonly Root: typeof Root = Root;
  readonly name: string = `nktest-${randomBytes(3).toString("hex")}`;
  readonly root: string = mkdtempSync(join(tmpdir(), "netkit-engine-"));
  readonly #home = openNamespace();
  readonly #opened: Netkit[] = [];
  readonly #before: string;

  constructor() {
    execFileSync("ip", ["netns", "add", this.name]);
    this.sh("ip link set lo up");
    using inside = openNamespace(`/run/netns/${this.name}`);
    if (syscalls().setns(inside.fd, CLONE_NEWNET) < 0) throw new Error("can't enter the test host");
    this.#before = this.traces();
  }

  /** Opens the root with netkit's own drivers. Closed with the host. */
  async open(options: NetkitOptions = {}): Promise<Netkit> {
    const netkit = await openNetkit({
      root: this.root,
      drivers: [bridge(), none(), host(), container(), ipvlan(), macvlan()],
      ...options,
    });
    this.#opened.push(netkit);
    return netkit;
  }

  /** A shell command on this host; its output. Throws when it fails. */
  sh(command: string): string {
    return execFileSync("ip", ["netns", "exec", this.name, "sh", "-c", command], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    }).trim();
  }

  /** Whether a shell command succeeds. */
  succeeds(command: string): boolean {
    try {
      this.sh(command);
      return true;
    } catch {
      return false;
    }
  }

  /** All that a network could leave: links, addresses, routes, rules, namespaces, files. */
  traces(): string {
    return [
      this.sh("ip -o link show | cut -d: -f2 | grep -v ' lo$' || true"),
      this.sh("ip -o address show | grep -v ' lo ' || true"),
      this.sh("ip route show table all | grep -v 'dev lo' || true"),
      lastingRules(this.sh("nft list ruleset")),
      others("/run/netns"),
      others("/etc/netns"),
    ].join("\n");
  }

  /** The leak check. */
  expectClean(): void {
    // oxlint-disable-next-line vitest/no-standalone-expect -- called from tests and their hooks
    expect(this.traces()).toBe(this.#before);
  }

  /** Removes all sandboxes and networks that can be removed. */
  async empty(netkit: Netkit): Promise<void> {
    for (const sandbox of await netkit.sandboxes.list()) await netkit.sandboxes.remove(sandbox.id, { force: true });
    for (const { id } of (await netkit.networks.list()).filter(({ predefined }) => !predefined))
      await netkit.networks.remove(id);
  }

  /** The end of a test: everything is removed, the leak check made, the host disposed of. */
  async leave(netkit: Netkit): Promise<void> {
    await this.empty(netkit);
    // The default network stays once it was used; a doctor with nothing stored would call its bridge a stray.
    const { realised } = await netkit.networks.get("bridge");
    if (!realised) this.expectClean();
    await this[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const netkit of this.#opened) await netkit.close();
    syscalls().setns(this.#home.fd, CLONE_NEWNET);
    this.#home.close();
    execFileSync("ip", ["netns", "del", this.name]);
    rmSync(this.root, { recursive: true });
  }
}

/** What a test has to work with. */
export interface Given<H extends TestHost = TestHost> {
  readonly host: H;
  readonly netkit: Netkit;
}

/** Has each test of the file run on a host of its own, which `use` is given before, and end with nothing left there. */
export function onHosts(use: (given: Given) => unknown, options?: NetkitOptions): void {
  eachOn(async () => {
    const host = new TestHost();
    return { host, netkit: await host.open(options) };
  }, use);
}

/** As {@link onHosts}, for hosts of another kind. */
export function eachOn<H extends TestHost>(make: () => Promise<Given<H>>, use: (given: Given<H>) => unknown): void {
  let given: Given<H>;
  beforeEach(async () => {
    given = await make();
    await use(given);
  });
  afterEach(async () => {
    await given.host.leave(given.netkit);
  });
}

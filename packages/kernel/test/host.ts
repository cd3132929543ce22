import { execFileSync } from "node:child_process";
import {
  keyOf,
  NetkitError,
  type Change,
  type HandlerContext,
  type NamespaceId,
  type Owner,
  type Resource,
  type ResourceHandler,
} from "@netkit/core";
import { openNamespace, syscalls } from "@netkit/netlink";
import { kernelHandler } from "../src/index.ts";

/** Of this process alone: all namespaces of the machine are in one directory. */
export const mark = `netkit-${(process.pid & 0xffffff).toString(16).padStart(6, "0")}`;

const CLONE_NEWNET = 0x40000000;
let count = 0;

export type Row = Record<string, unknown>;

/**
 * A fresh network namespace that plays the host, with the thread in it, and sandboxes' namespaces beside it. Everything
 * is made and observed with iproute2.
 */
export class TestHost implements Disposable {
  readonly mark = mark;
  readonly owner: Owner = { type: "endpoint", id: "e".repeat(64), name: "web" };
  readonly requests: string[] = [];
  readonly handler: ResourceHandler;
  readonly context: HandlerContext;
  readonly #names: string[] = [];
  readonly #paths = new Map<string, string>();
  readonly #home = openNamespace();

  constructor() {
    const path = `/run/netns/${this.#make()}`;
    using host = openNamespace(path);
    enter(host.fd);
    this.context = {
      mark: this.mark,
      namespacePath: (id) => {
        const known = this.#paths.get(id);
        if (known === undefined) throw new NetkitError("NAMESPACE_NOT_FOUND", `namespace ${id} is gone`);
        return known;
      },
      onRequest: (what) => this.requests.push(what),
    };
    this.handler = kernelHandler(this.context);
    sh("ip link set lo up");
  }

  /** A sandbox's namespace, made with iproute2. */
  sandbox(): { id: NamespaceId; name: string } {
    const name = this.#make();
    return { id: this.register(name), name };
  }

  /** Gives an id to a namespace that may not exist yet; it is removed with the host. */
  register(name: string, path = `/run/netns/${name}`): NamespaceId {
    const id = name.replaceAll(/[^0-9a-f]/g, "").padStart(64, "0") as NamespaceId;
    this.#paths.set(id, path);
    if (!this.#names.includes(name)) this.#names.push(name);
    return id;
  }

  forget(id: NamespaceId): void {
    this.#paths.delete(id);
  }

  creates(...resources: Resource[]): Change[] {
    return resources.map((resource) => ({ op: "create", key: keyOf(resource), resource, owner: this.owner }));
  }

  removes(...resources: Resource[]): Change[] {
    return resources.map((resource) => ({ op: "remove", key: keyOf(resource), resource, owner: this.owner }));
  }

  replaces(previous: Resource, resource: Resource): Change[] {
    return [{ op: "replace", key: keyOf(resource), resource, previous, owner: this.owner }];
  }

  [Symbol.dispose](): void {
    this.handler.close();
    enter(this.#home.fd);
    this.#home.close();
    const there = sh("ip netns list");
    for (const name of this.#names) if (new RegExp(`^${name}\\b`, "m").test(there)) sh(`ip netns delete ${name}`);
  }

  #make(): string {
    count += 1;
    const name = `nkt${process.pid.toString(16)}-${count.toString(16)}`;
    sh(`ip netns add ${name}`);
    this.#names.push(name);
    return name;
  }
}

function enter(fd: number): void {
  const result = syscalls().setns(fd, CLONE_NEWNET);
  if (result < 0) throw new Error(`setns: errno ${-result}`);
}

/** Runs a shell script where the thread is. */
export function sh(script: string): string {
  return execFileSync("sh", ["-e", "-c", script], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

/** `ip -j -d ...`, without the empty objects that stand for what is left out. */
export function ipJson(command: string): Row[] {
  return rowsOf(sh(`ip -j -d ${command}`));
}

export function bridgeJson(command: string): Row[] {
  return rowsOf(sh(`bridge -j -d ${command}`));
}

export function tcJson(command: string): Row[] {
  return rowsOf(sh(`tc -j ${command}`));
}

/** What a program of iproute2 says with -j. */
export function rowsOf(text: string): Row[] {
  const rows = text.trim() === "" ? [] : (JSON.parse(text) as Row[]);
  return rows.filter((row) => Object.keys(row).length > 0);
}

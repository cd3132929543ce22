import {
  keyOf,
  NetkitError,
  parseIp,
  type Change,
  type Owner,
  type Resource,
  type ResourceHandler,
  type ResourceKind,
} from "@netkit/core";
import { expect, test } from "vitest";
import { execute, groupRuns } from "../src/index.ts";

const owner: Owner = { type: "network", id: "a".repeat(64), name: "one" };
const bridge = (name: string): Resource => ({ kind: "bridge", ns: "host", name });
const isolation = (link: string): Resource => ({ kind: "isolation", ns: "host", link, icc: true, internal: false });
const create = (resource: Resource): Change => ({ op: "create", key: keyOf(resource), resource, owner });

interface Fake extends ResourceHandler {
  readonly log: string[];
}

/** Records what it is told to do, in `log`, and fails as told. */
function fake(name: string, kinds: ResourceKind[], log: string[], fails: { apply?: true; undo?: true } = {}): Fake {
  return {
    log,
    kinds: new Set(kinds),
    async apply(changes) {
      log.push(`${name} ${changes.length}`);
      if (fails.apply === true) throw new NetkitError("KERNEL", `${name} refused`);
      return async () => {
        log.push(`undo ${name}`);
        if (fails.undo === true) throw new NetkitError("KERNEL", `${name} can't undo`);
      };
    },
    read: async () => [],
    strays: async () => [],
    toShell: () => [],
    close() {},
  };
}

const plan = [create(bridge("a")), create(bridge("b")), create(isolation("a")), create(bridge("c"))];

test("a plan is split where the handler changes, and nowhere else", () => {
  const [links, walls] = [fake("links", ["bridge"], []), fake("walls", ["isolation"], [])];
  expect(groupRuns(plan, [walls, links])).toEqual([
    { handler: links, changes: plan.slice(0, 2) },
    { handler: walls, changes: plan.slice(2, 3) },
    { handler: links, changes: plan.slice(3) },
  ]);
  expect(groupRuns([], [links])).toEqual([]);
  const unknown: Resource = { kind: "neighbour", ns: "host", link: "a", address: parseIp("192.0.2.1") };
  expect(() => groupRuns([create(unknown)], [links])).toThrow(expect.objectContaining({ code: "UNSUPPORTED" }));
});

test("runs are applied in order, told step by step, and undone newest first", async () => {
  const log: string[] = [];
  const handlers = [fake("links", ["bridge"], log), fake("walls", ["isolation"], log)];
  const undo = await execute(plan, handlers, { onStep: (change) => log.push(change.key) });
  expect(log).toEqual([
    "bridge host a",
    "bridge host b",
    "links 2",
    "isolation host a",
    "walls 1",
    "bridge host c",
    "links 1",
  ]);
  log.length = 0;
  await undo();
  expect(log).toEqual(["undo links", "undo walls", "undo links"]);
});

test("a failure undoes what was done before it", async () => {
  const log: string[] = [];
  const handlers = [fake("links", ["bridge"], log), fake("walls", ["isolation"], log, { apply: true })];
  await expect(execute(plan, handlers)).rejects.toMatchObject({ code: "KERNEL", message: "walls refused" });
  expect(log).toEqual(["links 2", "walls 1", "undo links"]);
});

test("a failure to undo is told with the failure before it, and the rest is undone", async () => {
  const log: string[] = [];
  const handlers = [
    fake("links", ["bridge"], log),
    fake("walls", ["isolation"], log, { undo: true }),
    fake("files", ["file"], log, { apply: true }),
  ];
  const file: Resource = { kind: "file", ns: "host", path: "/a", content: "" };
  await expect(execute([...plan.slice(0, 3), create(file)], handlers)).rejects.toMatchObject({
    code: "TEARDOWN",
    message: "files refused; walls can't undo",
    details: { failures: [{ message: "files refused" }, { message: "walls can't undo" }] },
  });
  expect(log).toEqual(["links 2", "walls 1", "files 1", "undo walls", "undo links"]);
});

test("giving up between two runs undoes the first", async () => {
  const log: string[] = [];
  const handlers = [fake("links", ["bridge"], log), fake("walls", ["isolation"], log)];
  const controller = new AbortController();
  const options = { signal: controller.signal, onStep: () => controller.abort() };
  await expect(execute(plan, handlers, options)).rejects.toMatchObject({ code: "CANCELLED" });
  expect(log).toEqual(["links 2", "undo links"]);
});

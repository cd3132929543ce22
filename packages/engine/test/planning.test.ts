import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { keyOf, type NamespaceId, type Owner, type Resource, type Store } from "@netkit/core";
import { openSqliteStore } from "@netkit/store-sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Draft } from "../src/draft.ts";
import { inverse, planDraft } from "../src/planning.ts";

const owner = (id: string): Owner => ({ type: "network", id, name: `net-${id}` });
const forwarding: Resource = { kind: "sysctl", ns: "host", path: "net/ipv4/ip_forward", value: "1" };
const bridge = (name: string, mtu = 1500): Resource => ({ kind: "bridge", ns: "host", name, mtu });
const address = (link: string, text: string): Resource =>
  ({ kind: "address", ns: "host", link, address: text }) as Resource;

let directory: string;
let store: Store;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "netkit-planning-"));
  store = openSqliteStore({ path: join(directory, "state.db"), synchronous: "off" });
});
afterEach(async () => {
  await store.close();
  rmSync(directory, { recursive: true });
});

/** Plans what the owners want, stores it as carried out, and returns the plan as short words. */
async function apply(wants: Record<string, readonly Resource[]>): Promise<string[]> {
  const draft = new Draft(store);
  for (const [id, resources] of Object.entries(wants)) draft.want(owner(id), resources);
  const { plan, writes } = await planDraft(draft);
  await store.commit({ checks: [], writes: [...draft.writes(), ...writes] });
  return plan.map(({ op, key }) => `${op} ${key}`);
}

test("what is wanted is made in the order of kinds, whatever the driver's order", async () => {
  const plan = await apply({ a: [address("br0", "10.0.0.1/24"), forwarding, bridge("br0")] });
  expect(plan).toEqual([
    "create bridge host br0",
    "create sysctl host net/ipv4/ip_forward",
    "create address host br0 10.0.0.1/24",
  ]);
});

test("removal goes the other way round", async () => {
  await apply({ a: [bridge("br0"), address("br0", "10.0.0.1/24")] });
  expect(await apply({ a: [] })).toEqual(["remove address host br0 10.0.0.1/24", "remove bridge host br0"]);
  expect(await store.range("owned/")).toEqual([]);
  expect(await store.range("held/")).toEqual([]);
});

test("what two owners want alike is made once and goes with the last of them", async () => {
  expect(await apply({ a: [forwarding] })).toHaveLength(1);
  expect(await apply({ b: [forwarding] })).toEqual([]);
  expect(await apply({ a: [] })).toEqual([]);
  expect(await apply({ b: [] })).toEqual(["remove sysctl host net/ipv4/ip_forward"]);
});

test("two owners that let go in one operation remove a shared thing once", async () => {
  await apply({ a: [forwarding], b: [forwarding] });
  expect(await apply({ a: [], b: [] })).toEqual(["remove sysctl host net/ipv4/ip_forward"]);
});

test("the same object with other settings is a conflict that names both owners", async () => {
  await apply({ a: [bridge("br0", 1500)] });
  await expect(apply({ b: [bridge("br0", 1400)] })).rejects.toMatchObject({
    code: "RESOURCE_CONFLICT",
    message: expect.stringMatching(/net-b.*bridge br0.*net-a/),
  });
});

test("what an owner wants differently is replaced, and what it still wants is left alone", async () => {
  await apply({ a: [bridge("br0", 1500), forwarding] });
  expect(await apply({ a: [bridge("br0", 1400), forwarding] })).toEqual(["replace bridge host br0"]);
});

test("what passes from one owner to another is replaced, or left alone if it stays the same", async () => {
  await apply({ a: [bridge("br0", 1500), forwarding] });
  expect(await apply({ a: [], b: [bridge("br0", 1400), forwarding] })).toEqual(["replace bridge host br0"]);
  expect(await apply({ b: [] })).toEqual(["remove sysctl host net/ipv4/ip_forward", "remove bridge host br0"]);
});

test("dependsOn moves a resource behind what it names, and a circle is the driver's fault", async () => {
  const first = bridge("br0");
  const later = bridge("br1");
  const plan = await apply({ a: [{ ...first, dependsOn: [keyOf(later)] }, later] });
  expect(plan).toEqual(["create bridge host br1", "create bridge host br0"]);
  const circle = [
    { ...bridge("c0"), dependsOn: [keyOf(bridge("c1"))] } as Resource,
    { ...bridge("c1"), dependsOn: [keyOf(bridge("c0"))] } as Resource,
  ];
  await expect(apply({ b: circle })).rejects.toMatchObject({ code: "DRIVER_INVALID" });
});

test("the inverse of a plan takes it back from its end", async () => {
  const draft = new Draft(store);
  draft.want(owner("a"), [bridge("br0"), address("br0", "10.0.0.1/24")]);
  const { plan } = await planDraft(draft);
  expect(inverse(plan).map(({ op, key }) => `${op} ${key}`)).toEqual([
    "remove address host br0 10.0.0.1/24",
    "remove bridge host br0",
  ]);
  expect(inverse(inverse(plan))).toEqual(plan);
});

test("a draft shows its own writes over the store's, and a limit counts both", async () => {
  await store.commit({ checks: [], writes: [1, 3, 5].map((n) => ({ key: `k/${n}`, value: n })) });
  const draft = new Draft(store);
  draft.put("k/2", 2);
  draft.delete("k/3");
  draft.put("k/5", 50);
  expect(await draft.range("k/")).toEqual([
    { key: "k/1", value: 1 },
    { key: "k/2", value: 2 },
    { key: "k/5", value: 50 },
  ]);
  expect((await draft.range("k/", { from: "k/2", limit: 1 })).map(({ key }) => key)).toEqual(["k/2"]);
  expect(await draft.get("k/3")).toBeUndefined();
  const other: NamespaceId | undefined = await draft.get("k/9");
  expect(other).toBeUndefined();
});

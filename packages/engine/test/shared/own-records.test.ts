import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Ip, NetkitError, Store } from "@netkit/core";
import { openSqliteStore } from "@netkit/store-sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { addressKeyOf } from "../../src/networks.ts";
import { removeShared } from "../../src/shared/committing.ts";
import { mendOwn } from "../../src/shared/own-records.ts";
import { endpointOn, network } from "./records.ts";

let folder: string;
let store: Store;
let complaints: NetkitError[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "netkit-own-"));
  store = openSqliteStore({ path: join(folder, "shared.db"), synchronous: "off" });
  complaints = [];
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true });
});

const own = endpointOn("1", "b", "10.0.0.5");
const other = endpointOn("2", "c", "10.0.0.5");
const key = `endpoint/${network.id}/${own.id}`;
const addressKey = addressKeyOf(network.id, "10.0.0.5" as Ip);
const complain = (error: NetkitError): void => void complaints.push(error);

async function put(at: string, value: unknown): Promise<void> {
  await store.commit({ checks: [], writes: [{ key: at, value }] });
}

test("what is missing is written under the lease, and goes with it", async () => {
  const lease = await store.lease(10_000);
  expect(await mendOwn(store, { missing: [own], leftOver: [] }, lease.id, false, complain)).toBe(true);
  expect((await store.get(key))?.value).toEqual(own);
  expect((await store.get(addressKey))?.value).toMatchObject({ id: own.id, who: "sandbox 'sb' on host 'host-1'" });
  await lease.revoke();
  expect(await store.range("")).toEqual([]);
  expect(complaints).toEqual([]);
});

test("what is there as it should be is left alone, or put under the new lease", async () => {
  const [old, next] = [await store.lease(10_000), await store.lease(10_000)];
  await mendOwn(store, { missing: [own], leftOver: [] }, old.id, false, complain);
  const revision = await store.revision();
  await mendOwn(store, { missing: [own], leftOver: [] }, next.id, false, complain);
  expect(await store.revision()).toBe(revision);
  await mendOwn(store, { missing: [own], leftOver: [] }, next.id, true, complain);
  await old.revoke();
  expect((await store.get(key))?.value).toEqual(own);
});

test("an address that another host has by now is its own, and complained of", async () => {
  const lease = await store.lease(10_000);
  await mendOwn(store, { missing: [other], leftOver: [] }, lease.id, false, complain);
  await mendOwn(store, { missing: [own], leftOver: [] }, lease.id, false, complain);
  expect(await store.get(key)).toBeUndefined();
  expect((await store.get(addressKey))?.value).toMatchObject({ id: other.id });
  expect(complaints.map(({ code, message }) => [code, message])).toEqual([
    ["ADDRESS_TAKEN", expect.stringContaining("of sandbox 'sb' is in use by sandbox 'sc' on host 'host-2'")],
  ]);
});

test("records are removed as long as they are of whom they were", async () => {
  const keys = Array.from({ length: 45 }, (_, index) => `claim/vni/${index}`);
  for (const at of keys) await put(at, { id: own.id });
  await put("claim/vni/7", { id: other.id });
  await put("claim/vni/8", null);
  await removeShared(
    store,
    [...keys, "claim/vni/99"].map((at) => ({ key: at, id: own.id })),
  );
  expect((await store.range("")).map((entry) => entry.key)).toEqual(["claim/vni/7", "claim/vni/8"]);
});

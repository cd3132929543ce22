import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Commit, Network, Store } from "@netkit/core";
import { openSqliteStore } from "@netkit/store-sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Draft } from "../../src/draft.ts";
import type { Context } from "../../src/operation.ts";
import { withdraw } from "../../src/shared/committing.ts";
import { removeGlobal } from "../../src/shared/global-networks.ts";
import { sharedKeys } from "../../src/shared/keys.ts";
import { endpointOn, network as record } from "./records.ts";

const network: Network = { ...record, facts: { links: {} }, realised: false };
const endpoint = endpointOn("2", "c", "10.0.0.5");
const networkKey = sharedKeys.network(network.id);
const everything = [sharedKeys.claim("vni", "5"), sharedKeys.networkName(network.name), networkKey].toSorted();
const endpointKey = sharedKeys.endpoint(network.id, endpoint.id);

let folder: string;
let state: Store;
let shared: Store;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "netkit-removal-"));
  state = openSqliteStore({ path: join(folder, "state.db"), synchronous: "off" });
  shared = openSqliteStore({ path: join(folder, "shared.db"), synchronous: "off" });
  await shared.commit({
    checks: [],
    writes: [
      { key: networkKey, value: record },
      { key: sharedKeys.networkName(network.name), value: { id: network.id, name: network.name } },
      { key: sharedKeys.claim("vni", "5"), value: { id: network.id, name: network.name } },
      { key: sharedKeys.claim("vni", "6"), value: { id: endpoint.id, name: "other" } },
    ],
  });
});
afterEach(async () => {
  await state.close();
  await shared.close();
  rmSync(folder, { recursive: true });
});

/** What a removal does with the store that hosts share before it deletes, and what it will delete. */
async function prepare(store: Store = shared): Promise<string[]> {
  const draft = new Draft(state);
  const context = { shared: { isOthers: false, open: async () => await Promise.resolve(store) } } as Context;
  await removeGlobal(context, draft, network, undefined);
  for (const preparation of draft.shared.preparations) await preparation(store);
  return draft.shared.removals.map(({ key }) => key).toSorted();
}

/** As another host would, which knows the network as it was at that revision. */
async function attach(revision: number): Promise<boolean> {
  const { committed } = await shared.commit({
    checks: [{ key: networkKey, revision }],
    writes: [{ key: endpointKey, value: endpoint }],
  });
  return committed;
}

async function revision(): Promise<number> {
  return (await shared.get(networkKey))?.revision ?? 0;
}

test("a removal takes the network, its name and its claims, and nobody can attach from the mark on", async () => {
  const before = await revision();
  expect(await prepare()).toEqual(everything);
  expect(await attach(before)).toBe(false);
  expect((await shared.get(networkKey))?.value).toMatchObject({ removing: true });
});

test("an attach that was faster has the removal refused", async () => {
  const before = await revision();
  expect(await attach(before)).toBe(true);
  await expect(prepare()).rejects.toThrow("network 'web' is in use by 'sc' on host 'host-2'");
  expect(await revision()).toBe(before);
});

test("one between the first look and the mark, too, and the network is as it was", async () => {
  const before = await revision();
  const between = new Proxy(shared, {
    get: (store, name: keyof Store) =>
      name === "commit"
        ? async (wanted: Commit) => {
            await attach(before);
            return await store.commit(wanted);
          }
        : store[name]?.bind(store),
  });
  await expect(prepare(between)).rejects.toThrow("is in use by 'sc'");
  expect((await shared.get(networkKey))?.value).toEqual(record);
});

test("a network that the store hasn't any more isn't marked there; what is left of it goes", async () => {
  await shared.commit({ checks: [], writes: [{ key: networkKey, value: undefined }] });
  expect(await prepare()).toEqual(everything);
  expect(await revision()).toBe(0);
});

function sharing(store: Store): Context {
  return { shared: { isOthers: true, open: async () => store } } as Context;
}

test("a store that doesn't answer holds up no detach: its records are left to the agent", async () => {
  const silent: Store = { ...shared, getAll: () => new Promise(() => {}) };
  const revisionOf = async (): Promise<number | undefined> => (await shared.get(endpointKey))?.revision;
  await attach(await revision());
  await withdraw(sharing(silent), [{ key: endpointKey, id: endpoint.id }]);
  expect(await revisionOf()).toBeGreaterThan(0);
  await withdraw(sharing(shared), [{ key: endpointKey, id: endpoint.id }]);
  expect(await revisionOf()).toBeUndefined();
});

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Cidr, EndpointId, Ip, Network, Store } from "@netkit/core";
import { openSqliteStore } from "@netkit/store-sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { nextAddress } from "../../src/addresses.ts";
import { Draft } from "../../src/draft.ts";
import { addressKeyOf } from "../../src/networks.ts";
import type { Context } from "../../src/operation.ts";
import { shareRecord } from "../../src/shared/presence.ts";
import { endpointOn, network as record } from "./records.ts";

// So large that two hosts don't meet twice.
const network: Network = {
  ...record,
  subnets: [{ subnet: "fd00:5::/64" as Cidr, auxiliary: {} }],
  facts: { links: {} },
  realised: false,
};

let folder: string;
let state: Store;
let shared: Store;
let ranges = 0;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "netkit-conflicts-"));
  // Both hosts know nothing of each other's addresses yet.
  state = openSqliteStore({ path: join(folder, "state.db"), synchronous: "off" });
  shared = openSqliteStore({ path: join(folder, "shared.db"), synchronous: "off" });
  ranges = 0;
  const range = shared.range.bind(shared);
  shared.range = async (...words) => {
    ranges++;
    return await range(...words);
  };
});
afterEach(async () => {
  await state.close();
  await shared.close();
  rmSync(folder, { recursive: true });
});

/** An attach of one host, again until nobody else was faster; the addresses that it wanted, the last of them its own. */
async function attach(id: string, meanwhile: (wanted: Ip) => Promise<void> = async () => {}): Promise<Ip[]> {
  const context = { shared: { open: async () => shared } } as Context;
  const assumed = new Map<string, unknown>();
  const wanted: Ip[] = [];
  for (;;) {
    const draft = new Draft(state, false, assumed);
    const { ip } = await nextAddress(draft, network, network.subnets);
    wanted.push(ip);
    await meanwhile(ip);
    const address = `${ip}/${64}` as Cidr;
    shareRecord(context, draft, network, {
      ...endpointOn("2", "c", "10.0.0.5"),
      id: id as EndpointId,
      addresses: [address],
    });
    const { checks, writes } = draft.shared;
    const result = await shared.commit({
      checks: [...checks].map(([key, { revision }]) => ({ key, revision })),
      writes: [...writes.values()].map(({ key, value }) => ({ key, value })),
    });
    if (result.committed) return wanted;
    for (const key of result.conflicts) await checks.get(key)?.conflict(await shared.get(key));
  }
}

test("hosts that chose the same address part at once, and read nothing but who has it", async () => {
  const [first] = await attach("a".repeat(64));
  const others = [await attach("b".repeat(64)), await attach("c".repeat(64)), await attach("d".repeat(64))];
  for (const wanted of others) expect(wanted).toEqual([first, expect.anything()]);
  expect(new Set(others.map(([, own]) => own)).size).toBe(3);
  expect(ranges).toBe(0);
});

test("one that others have overtaken again and again looks up all addresses", async () => {
  const wanted = await attach("a".repeat(64), async (ip) => {
    if (ranges > 0) return;
    const value = { id: "b".repeat(64), host: "c".repeat(64), ip, who: "sandbox 's' on host 'b'" };
    await shared.commit({ checks: [], writes: [{ key: addressKeyOf(network.id, ip), value }] });
  });
  expect(ranges).toBe(1);
  expect(new Set(wanted).size).toBe(wanted.length);
});

// Who looks for sandboxes that are over does so while others make some.
import { join } from "node:path";
import { storeWith } from "@netkit/core";
import type { Netkit } from "@netkit/engine";
import { openSqliteStore } from "@netkit/store-sqlite";
import { expect, test } from "vitest";
import { onHosts, type TestHost } from "./host.ts";

let host: TestHost;
let netkit: Netkit;
onHosts((given) => ({ host, netkit } = given));

/** Another process, during whose next look a sandbox is made: once it has read the namespaces, before it reads the sandboxes. */
async function lookingWhile(make: () => Promise<unknown>): Promise<Netkit> {
  const store = openSqliteStore({ path: join(host.root, "state.db") });
  let isMade = false;
  const slow = storeWith(store, {
    async range(prefix, options) {
      const found = await store.range(prefix, options);
      if (prefix !== "namespace/" || isMade) return found;
      isMade = true;
      await make();
      return found;
    },
  });
  return await host.open({ store: slow });
}

test.for<[string, (other: Netkit) => Promise<unknown>]>([
  ["gc", async (other) => await other.gc()],
  ["doctor with repair", async (other) => await other.doctor({ repair: true })],
])("%s leaves a sandbox that is made while it looks", async ([, look]) => {
  await netkit.networks.create({ name: "n" });
  const other = await lookingWhile(async () => await netkit.sandboxes.open({ name: "new", networks: ["n"] }));
  await look(other);
  expect((await netkit.sandboxes.list()).map(({ name }) => name)).toEqual(["new"]);
  expect((await netkit.doctor()).findings).toEqual([]);
});

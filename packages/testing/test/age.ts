import { join } from "node:path";
import { openSqliteStore } from "@netkit/store-sqlite";

/** Makes the state look as if it had been written before the last boot. */
export async function age(root: string): Promise<void> {
  const store = openSqliteStore({ path: join(root, "state.db") });
  const prefixes = ["boot", "namespace/", "journal/", "loan/"];
  const entries = (await Promise.all(prefixes.map((prefix) => store.range(prefix)))).flat();
  const writes = entries.map(({ key, value }) => ({
    key,
    value: key === "boot" ? "another-boot" : { ...(value as object), boot: "another-boot" },
  }));
  await store.commit({ checks: [], writes });
  await store.close();
}

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StoreSubject } from "@netkit/conformance";
import type { Store } from "@netkit/core";
import { openSqliteStore } from "@netkit/store-sqlite";

/** The embedded store. */
export const sqlite: StoreSubject = {
  name: "sqlite",
  makeSpace: () => {
    const directory = mkdtempSync(join(tmpdir(), "netkit-store-"));
    const open = (): Store => openSqliteStore({ path: join(directory, "state.db"), synchronous: "off" });
    return {
      open,
      // It remembers ten thousand revisions, and looks every five hundred.
      forget: async () => {
        const store = open();
        for (let n = 0; n < 10_600; n++) await store.commit({ checks: [], writes: [{ key: "n", value: n }] });
        await store.commit({ checks: [], writes: [{ key: "n", value: undefined }] });
        await store.close();
      },
      remove: () => rmSync(directory, { recursive: true }),
    };
  },
  lease: { shortestMs: 1_000, lateMs: 100 },
  history: true,
  forgets: true,
};

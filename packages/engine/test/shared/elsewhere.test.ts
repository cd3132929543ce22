import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSqliteStore } from "@netkit/store-sqlite";
import { expect, onTestFinished, test } from "vitest";
import { findSandbox, readerOf, type Reader } from "../../src/lookup.ts";
import { keys } from "../../src/state.ts";
import { endpointOn, idOf, network } from "./records.ts";

/** A host with the sandbox 'se', whose id begins with 1; it knows of 'sc' on two others, and of 'sd' and '1' on one. */
async function known(): Promise<Reader> {
  const folder = mkdtempSync(join(tmpdir(), "netkit-elsewhere-"));
  const state = openSqliteStore({ path: join(folder, "state.db"), synchronous: "off" });
  onTestFinished(async () => {
    await state.close();
    rmSync(folder, { recursive: true });
  });
  const remotes = [endpointOn("2", "c", "10.0.0.5"), endpointOn("2", "d", "10.0.0.6")];
  const again = { ...endpointOn("3", "c", "10.0.0.7"), id: idOf<(typeof remotes)[0]["id"]>("f") };
  const digit = { ...endpointOn("2", "a", "10.0.0.8"), sandbox: { ...again.sandbox, name: "1" } };
  const writes = [...remotes, again, digit].map((value) => ({ key: keys.remote(network.id, value.id), value }));
  const own = { key: keys.sandbox(idOf("1")), value: { id: idOf("1"), name: "se" } };
  await state.commit({ checks: [], writes: [...writes, own] });
  return readerOf(state);
}

test.each([
  ["sd", "There is a 'sd' on host 'host-2': give the command there."],
  ["sc", "There is a 'sc' on host 'host-2', 'host-3': give the command there."],
  ["1", "There is a '1' on host 'host-2': give the command there."],
  ["sf", "Did you mean 'se'?"],
])("of a sandbox %s that isn't here an error says where it is: %s", async (name, hint) => {
  await expect(findSandbox(await known(), name)).rejects.toMatchObject({ code: "SANDBOX_NOT_FOUND", hint });
});

test("the beginning of an id stands for a sandbox of this host where none elsewhere is called so", async () => {
  expect(await findSandbox(await known(), "11")).toMatchObject({ name: "se" });
});

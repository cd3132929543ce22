import { expect, test } from "vitest";
import type { CommittedChange, RecordChange } from "@netkit/engine";
import { TestHost } from "./host.ts";

function words({ type, now, before }: RecordChange): string {
  const what = before === undefined ? "made" : now === undefined ? "removed" : "changed";
  const record = now ?? before;
  return `${type} ${what}${record !== undefined && "name" in record ? ` ${record.name}` : ""}`;
}

test("records are followed across processes' changes, whoever made them", async () => {
  await using host = new TestHost();
  const [netkit, other] = [await host.open(), await host.open()];
  const seen: string[] = [];
  const following = await netkit.follow((change) => seen.push(words(change)));
  expect(seen.toSorted()).toEqual(["network made bridge", "network made host", "network made none"]);
  seen.length = 0;

  const network = await other.networks.create({ name: "n" });
  expect(seen).toEqual([]);
  const sandbox = await other.sandboxes.open({ name: "a", networks: ["n"] });
  const revision = await following.catchUp();
  expect(seen.filter((text) => !text.startsWith("namespace")).toSorted()).toEqual([
    "endpoint made",
    "network made n",
    "sandbox made a",
  ]);
  expect(following.records.networks.get(network.id)).toEqual(network);
  expect([...following.records.endpoints.values()].map((endpoint) => endpoint.sandbox)).toEqual([sandbox.id]);
  seen.length = 0;

  await sandbox.close();
  await other.networks.remove("n");
  expect(await following.catchUp()).toBeGreaterThan(revision);
  expect(seen.filter((text) => !text.startsWith("namespace")).toSorted()).toEqual([
    "endpoint removed",
    "network removed n",
    "sandbox removed a",
  ]);
  expect(following.records.endpoints.size).toBe(0);
  host.expectClean();
});

test("an agent is told of each change with its revision, of those alone, and whether it is needed", async () => {
  await using host = new TestHost();
  const told: CommittedChange[] = [];
  const netkit = await host.open({
    agent: { changed: async (change) => void told.push(change), serves: async () => true },
  });
  const following = await netkit.follow(() => {});
  await netkit.networks.create({ name: "n" });
  await netkit.networks.create({ name: "dry" }, { dryRun: true });
  await expect(netkit.networks.create({ name: "n" })).rejects.toMatchObject({ code: "NAME_TAKEN" });
  expect(told.map(({ needed }) => needed)).toEqual([false]);
  expect(await following.catchUp()).toBe(told[0]?.revision);

  // Names are served on user-defined networks, as in Docker.
  await using plain = await netkit.sandboxes.open({ networks: ["none"] });
  await using named = await netkit.sandboxes.open({ networks: ["n"] });
  expect(told.map(({ needed }) => needed)).toEqual([false, false, true]);
  const conf = async (sandbox: typeof named): Promise<string> =>
    host.sh(`cat /etc/netns/${(await sandbox.inspect()).netns.split("/").at(-1)}/resolv.conf`);
  expect(await conf(named)).toContain("nameserver 127.0.0.11\n");
  expect(await conf(named)).toContain("ndots:0");
  expect(await conf(plain)).not.toContain("127.0.0.11");
  await named.disconnect("n");
  expect(await conf(named)).not.toContain("127.0.0.11");
  await named.connect("n");
  expect(await conf(named)).toContain("nameserver 127.0.0.11\n");
  await named.close();
  await plain.close();
  await netkit.networks.remove("n");
  host.expectClean();
});

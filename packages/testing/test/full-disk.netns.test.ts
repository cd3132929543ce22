// A state directory on a disk that is full, or that can't be written.
import { expect, test } from "vitest";
import { Disk } from "./disk.ts";
import { TestHost } from "./host.ts";

test("on a full disk nothing is changed, and the error says so; with space it works again", async () => {
  await using host = new TestHost();
  using disk = new Disk(host.root);
  const netkit = await host.open();
  await netkit.networks.create({ name: "a", subnets: [{ subnet: "10.9.0.0/24" }] });
  await netkit.networks.create({ name: "b", subnets: [{ subnet: "10.9.1.0/24" }] });
  const box = await netkit.sandboxes.open({ name: "box", networks: ["a"] });
  const before = host.traces();
  const changes = [
    async () => await box.connect("b", { publish: ["8080:80"] }),
    async () => await box.disconnect("b"),
    async () => await box.disconnect("a"),
    async () => await netkit.sandboxes.remove("box"),
    async () => await netkit.networks.remove("b"),
    async () => await netkit.networks.remove("a"),
  ];
  disk.fill();
  for (const change of changes.filter((_, index) => ![1, 5].includes(index))) {
    await expect(change()).rejects.toMatchObject({
      code: "STATE_UNWRITABLE",
      message: expect.stringContaining("the disk is full"),
      hint: `Free some space on the file system of ${host.root}.`,
    });
    expect(host.traces()).toBe(before);
  }
  expect((await netkit.networks.list()).map(({ name }) => name)).toEqual(expect.arrayContaining(["a", "b"]));
  disk.remount("size=4096k");
  for (const change of changes) await change();
  expect((await netkit.doctor()).findings).toEqual([]);
  host.expectClean();
});

test("a state directory that can't be written is said to be so, and changes nothing; later it works again", async () => {
  await using host = new TestHost();
  using disk = new Disk(host.root);
  const first = await host.open();
  await first.networks.create({ name: "a", subnets: [{ subnet: "10.9.0.0/24" }] });
  await first.close();
  const before = host.traces();
  disk.remount("ro");
  await expect(host.open()).rejects.toMatchObject({
    code: "STATE_UNWRITABLE",
    message: expect.stringContaining(host.root),
    hint: expect.stringContaining("or choose another --root"),
  });
  const looking = await host.open({ looking: true });
  expect((await looking.networks.list()).map(({ name }) => name)).toContain("a");
  expect((await looking.doctor()).findings).toEqual([]);
  await looking.networks.remove("a", { dryRun: true });
  for (const change of [looking.networks.remove("a"), looking.doctor({ repair: true }), looking.gc()]) {
    await expect(change).rejects.toMatchObject({ code: "STATE_UNWRITABLE" });
  }
  await looking.close();
  expect(host.traces()).toBe(before);
  disk.remount("rw");
  await (await host.open()).networks.remove("a");
  host.expectClean();
});

test("a removal that can't be finished stands in the way of changes, not of looking", async () => {
  await using host = new TestHost();
  const netkit = await host.open();
  await netkit.sandboxes.open({ name: "box" });
  const files = `/etc/netns/${netkit.instance.mark}.box`;
  const remove = async (): Promise<unknown> => await netkit.sandboxes.remove("box");
  host.sh(`chattr +i ${files}`);
  try {
    await expect(remove()).rejects.toMatchObject({
      code: "TEARDOWN",
      message: expect.stringContaining(files),
      hint: expect.stringContaining("next change"),
    });
    const other = await host.open();
    expect((await other.sandboxes.list()).map(({ name }) => name)).toEqual(["box"]);
    await expect(other.networks.create({ name: "a" })).rejects.toMatchObject({
      message: expect.stringContaining("'remove sandbox box'"),
      hint: expect.stringContaining("netkit gc"),
    });
  } finally {
    host.sh(`chattr -i ${files}`);
  }
  await netkit.gc();
  expect(await netkit.sandboxes.list()).toEqual([]);
  host.expectClean();
});

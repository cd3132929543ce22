// Operations of one process that wait for each other are carried out as one, and nobody can tell by their results.
import { rmSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { isNetkitError, type Endpoint } from "@netkit/core";
import type { Netkit } from "@netkit/engine";
import { expect, test } from "vitest";
import { onHosts } from "./host.ts";

/** How many journal entries have been written. */
let intents = 0;
let netkit: Netkit;
onHosts(
  async (given) => {
    netkit = given.netkit;
    await netkit.networks.create({ name: "n", subnets: [{ subnet: "10.9.0.0/24" }] });
  },
  { onTiming: ({ what }) => void (intents += what === "intent" ? 1 : 0) },
);

/** The code of what one was refused for, or its address. */
function outcome(result: PromiseSettledResult<Endpoint>): string {
  if (result.status === "fulfilled") return result.value.addresses[0]?.address ?? "none";
  return isNetkitError(result.reason) ? result.reason.code : String(result.reason);
}

test("sandboxes and their ports come in one turn for all that wait, at most 64", async () => {
  const names = Array.from({ length: 70 }, (_, index) => `box-${index}`);
  intents = 0;
  const boxes = await Promise.all(names.map(async (name) => await netkit.sandboxes.open({ name })));
  expect(intents).toBe(2);
  intents = 0;
  const endpoints = await Promise.all(
    boxes.map(async (box, index) => await box.connect("n", { publish: [`${8000 + index}:80`] })),
  );
  expect(intents).toBe(2);
  expect(new Set(endpoints.map(({ addresses }) => addresses[0]?.address)).size).toBe(70);
  expect(endpoints.map(({ sandbox }) => sandbox)).toEqual(boxes.map(({ id }) => id));
  expect(endpoints.map(({ ports }) => ports[0]?.hostPort.first)).toEqual(names.map((_, index) => 8000 + index));
  expect((await netkit.doctor()).findings).toEqual([]);
});

test("who is refused what it asks for is refused alone", async () => {
  const boxes = await Promise.all(["a", "b", "c"].map(async (name) => await netkit.sandboxes.open({ name })));
  const results = await Promise.allSettled(
    boxes.map(async (box) => await box.connect("n", { publish: [box.name === "c" ? "8081:80" : "8080:80"] })),
  );
  expect(results.map(outcome)).toEqual(["10.9.0.2/24", "PORT_TAKEN", "10.9.0.3/24"]);
  expect((await netkit.doctor()).findings).toEqual([]);
});

test("what the kernel refuses one of them is undone for all, and made for the others", async () => {
  const boxes = await Promise.all(["a", "b", "c"].map(async (name) => await netkit.sandboxes.open({ name })));
  const [, gone] = boxes;
  execFileSync("umount", [gone?.netns ?? ""]);
  rmSync(gone?.netns ?? "");
  const results = await Promise.allSettled(boxes.map(async (box) => await box.connect("n", { publish: [":80"] })));
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  const rest = await netkit.doctor();
  expect(new Set(rest.findings.map(({ object }) => object))).toEqual(new Set(["sandbox b"]));
});

test("removals among them keep their place", async () => {
  const box = await netkit.sandboxes.open({ name: "box" });
  const other = await netkit.sandboxes.open({ name: "other" });
  await Promise.all([
    box.connect("n"),
    other.connect("n"),
    box.disconnect("n"),
    box.connect("n", { ip: "10.9.0.77" }),
    other.disconnect("n"),
  ]);
  expect((await box.inspect()).endpoints.map(({ addresses }) => addresses[0]?.address)).toEqual(["10.9.0.77/24"]);
  expect((await other.inspect()).endpoints).toEqual([]);
  expect((await netkit.doctor()).findings).toEqual([]);
});

test("one can join a sandbox that is opened in the same turn", async () => {
  intents = 0;
  const [pod, side] = await Promise.all([
    netkit.sandboxes.open({ name: "pod", networks: ["n"] }),
    netkit.sandboxes.open({ name: "side", networks: ["container:pod"] }),
  ]);
  expect(intents).toBe(1);
  expect(side.netns).toBe(pod.netns);
  await pod.close();
  const child = await side.run(["ip", "-o", "-4", "address", "show", "eth0"], { stdio: "pipe" });
  expect(await child.exited).toMatchObject({ code: 0 });
  expect((await netkit.doctor()).findings).toEqual([]);
});

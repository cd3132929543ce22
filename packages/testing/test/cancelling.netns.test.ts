import { afterEach, beforeEach, expect, test } from "vitest";
import type { SandboxRequest, Timing } from "@netkit/engine";
import { TestHost } from "./host.ts";

let host: TestHost;
let gaveUp: AbortController;
const abort = (): void => gaveUp.abort();
const sendSignal = (): true => process.kill(process.pid, "SIGUSR2");
beforeEach(() => {
  host = new TestHost();
  gaveUp = new AbortController();
  process.on("SIGUSR2", abort);
});
afterEach(async () => {
  process.off("SIGUSR2", abort);
  host.expectClean();
  await host[Symbol.asyncDispose]();
});

const request: SandboxRequest = { name: "web", networks: [{ network: "n", publish: ["8080:80"] }] };

test.each(["plan", "intent", "kernel"])(
  "a signal that comes at the %s of a change, though nothing waits there, undoes all of it",
  async (moment) => {
    let making = false;
    const at = (what: string): void => {
      if (making && what === moment) sendSignal();
    };
    const netkit = await host.open({ onTiming: ({ what }: Timing) => at(what) });
    await netkit.networks.create({ name: "n" });
    making = true;
    await expect(netkit.sandboxes.open(request, { signal: gaveUp.signal })).rejects.toMatchObject({
      code: "CANCELLED",
    });
    making = false;
    expect(await netkit.sandboxes.list()).toEqual([]);
    expect((await netkit.doctor()).findings).toEqual([]);
    await netkit.networks.remove("n");
  },
);

test("a removal that has begun is finished", async () => {
  const netkit = await host.open({ onTiming: ({ what }) => what === "intent" && removing && sendSignal() });
  let removing = false;
  await netkit.networks.create({ name: "n" });
  await netkit.sandboxes.open(request);
  removing = true;
  await netkit.sandboxes.remove("web", { signal: gaveUp.signal });
  expect(gaveUp.signal.aborted).toBe(true);
  expect(await netkit.sandboxes.list()).toEqual([]);
  await netkit.networks.remove("n");
});

import { spawn } from "node:child_process";
import { expect, test } from "vitest";
import type { Netkit } from "@netkit/engine";
import { onHosts, type TestHost } from "./host.ts";

let host: TestHost;
let netkit: Netkit;
onHosts((given) => ({ host, netkit } = given));

test("200 sandboxes are started, reach each other and are removed with nothing left", async () => {
  await netkit.networks.create({ name: "n" });
  const addresses: string[] = [];
  for (let i = 0; i < 200; i++) {
    const box = await netkit.sandboxes.open({ name: `box${i}`, networks: ["n"] });
    addresses.push((await box.inspect()).endpoints[0]?.addresses[0]?.address.split("/")[0] ?? "");
  }
  expect(new Set(addresses).size).toBe(200);
  // A ring: each reaches the next one.
  for (let i = 0; i < 200; i += 10) {
    const pings = Array.from({ length: 10 }, async (_, k) => {
      const box = await netkit.sandboxes.get(`box${i + k}`);
      const child = await box.run(["ping", "-q", "-c", "1", "-W", "5", addresses[(i + k + 1) % 200] ?? ""], {
        stdio: "ignore",
      });
      expect((await child.exited).code).toBe(0);
    });
    await Promise.all(pings);
  }
  expect((await netkit.doctor()).findings).toEqual([]);
});

test("20 concurrent processes attach to one network and get 20 distinct addresses", async () => {
  await netkit.networks.create({ name: "n" });
  const script = `
    import { openNetkit } from "@netkit/engine";
    import { bridge } from "@netkit/driver-bridge";
    const [root, name] = process.argv.slice(-2);
    await using netkit = await openNetkit({ root, drivers: [bridge()] });
    const box = await netkit.sandboxes.open({ name, networks: ["n"] });
    console.log((await box.inspect()).endpoints[0].addresses[0].address);
  `;
  const started = Array.from({ length: 20 }, async (_, i) => {
    const argv = [
      `--net=/run/netns/${host.name}`,
      process.execPath,
      "--input-type=module",
      "-e",
      script,
      host.root,
      `p${i}`,
    ];
    const child = spawn("nsenter", argv, { cwd: import.meta.dirname, stdio: ["ignore", "pipe", "inherit"] });
    let text = "";
    child.stdout.on("data", (chunk) => (text += String(chunk)));
    const code = await new Promise((resolve) => child.on("close", resolve));
    expect(code).toBe(0);
    return text.trim();
  });
  expect(new Set(await Promise.all(started)).size).toBe(20);
  expect((await netkit.doctor()).findings).toEqual([]);
});

test("at least 1,000 networks fit into the default pools", async () => {
  // The addresses alone: a thousand bridges would only slow this down.
  const { choosePool, defaultIpv4Pools, overlaps } = await import("@netkit/ipam");
  const taken: ReturnType<typeof choosePool>[] = [];
  for (let i = 0; i < 1000; i++) {
    const chosen = choosePool({ pools: defaultIpv4Pools, taken, routes: [] });
    expect(taken.some((other) => overlaps(other, chosen))).toBe(false);
    taken.push(chosen);
  }
});

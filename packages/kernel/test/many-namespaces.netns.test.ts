import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { parseCidr, type Reading, type Resource } from "@netkit/core";
import { setSyscalls, syscalls } from "@netkit/netlink";
import { expect, test } from "vitest";
import { sh, TestHost } from "./host.ts";

/** More than are looked at through one procfs, twice over. */
const MANY = 70;

const path = "net/ipv6/conf/default/disable_ipv6";

/** Reads a sysctl and an address of each namespace, and the host's own sysctl before and after. */
async function readMany(): Promise<{ readonly found: readonly Reading[]; readonly wanted: readonly Reading[] }> {
  using host = new TestHost();
  const ids = Array.from({ length: MANY }, () => host.sandbox());
  for (const [index, { name }] of ids.entries()) {
    if (index % 3 === 0) sh(`ip netns exec ${name} sh -c 'echo 1 > /proc/sys/${path}; ip link set lo up'`);
  }
  const resources = ids.flatMap(({ id }): Resource[] => [
    { kind: "sysctl", ns: id, path, value: "1" },
    { kind: "address", ns: id, link: "lo", address: parseCidr("127.0.0.1/8") },
  ]);
  const own: Resource = { kind: "sysctl", ns: "host", path, value: "0" };
  const open = readdirSync("/proc/self/fd").length;
  const inside = readlinkSync("/proc/thread-self/ns/net");
  const mounts = readFileSync("/proc/self/mountinfo", "utf8");
  const found = await host.handler.read([own, ...resources, own]);
  const wanted: Reading[] = ids.flatMap((_, index): Reading[] =>
    index % 3 === 0
      ? [{ state: "same" }, { state: "same" }]
      : [{ state: "different", differences: [{ field: "value", wanted: "1", found: "0" }] }, { state: "missing" }],
  );
  expect(readlinkSync("/proc/thread-self/ns/net")).toBe(inside);
  expect(readFileSync("/proc/self/mountinfo", "utf8")).toBe(mounts);
  // The host's socket stays with the handler, all else is closed.
  expect(readdirSync("/proc/self/fd").length).toBeLessThanOrEqual(open + 1);
  return { found, wanted: [{ state: "same" }, ...wanted, { state: "same" }] };
}

test("many namespaces are read each as it is, and nothing stays open or mounted", async () => {
  const { found, wanted } = await readMany();
  expect(found).toEqual(wanted);
});

test("where no further procfs may be mounted the machine's own is read", async () => {
  const real = syscalls();
  let refused = 0;
  const refuse = (): number => {
    refused += 1;
    return -1;
  };
  setSyscalls({ ...real, openProc: refuse });
  try {
    const { found, wanted } = await readMany();
    expect(found).toEqual(wanted);
  } finally {
    setSyscalls(real);
  }
  expect(refused).toBeGreaterThan(0);
});

test("a namespace that is gone, and one whose name is a plain file, are missing with all that is in them", async () => {
  using host = new TestHost();
  const [there, gone] = [host.sandbox(), host.sandbox()];
  sh(`ip -n ${there.name} link set lo up; ip netns del ${gone.name}; touch /run/netns/${gone.name}`);
  const of = ({ id, name }: typeof gone): Resource[] => [
    { kind: "netns", ns: id, name },
    { kind: "sysctl", ns: id, path, value: "0" },
    { kind: "address", ns: id, link: "lo", address: parseCidr("127.0.0.1/8") },
  ];
  expect(await host.handler.read([...of(gone), ...of(there)])).toEqual([
    { state: "missing" },
    { state: "missing" },
    { state: "missing" },
    { state: "same" },
    { state: "same" },
    { state: "same" },
  ]);
  sh(`rm /run/netns/${gone.name}`);
});

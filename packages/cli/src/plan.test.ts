import { parseIp, parseMac, type Change, type Owner, type Resource } from "@netkit/core";
import { expect, test } from "vitest";
import { formatPreviews } from "./plan.ts";
import { terminal } from "./terminal.ts";

const owner: Owner = { type: "peer", id: "p".repeat(64), name: "web@n on h2" };
const mac = parseMac("02:6e:0a:00:01:03");

test("what is of one MAC in two tables is told apart", () => {
  const resources: Resource[] = [
    { kind: "fdb", ns: "host", link: "nkx1", mac, destination: parseIp("192.0.2.2") },
    { kind: "fdb", ns: "host", link: "nkx1", mac, master: true },
  ];
  const plan = resources.map((resource): Change => ({ op: "create", key: "" as Change["key"], resource, owner }));
  expect(
    formatPreviews([{ title: "t", plan, toShell: () => [] }], terminal(true))
      .split("\n")
      .slice(2),
  ).toEqual([
    "    + forwarding entry 02:6e:0a:00:01:03 of nkx1 to 192.0.2.2",
    "    + forwarding entry 02:6e:0a:00:01:03 to nkx1, of its bridge",
  ]);
});

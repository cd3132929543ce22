import type { HostId } from "@netkit/core";
import { expect, test } from "vitest";
import { hostLabels } from "./host-labels.ts";

const host = (digit: string, name: string): { id: HostId; name: string } => ({ id: digit.repeat(64) as HostId, name });

test("hosts go by their names, and where two have one name by their ids as well", () => {
  const hosts = [host("a", "web"), host("b", "localhost"), host("c", "localhost"), host("a", "web")];
  expect(hosts.map(hostLabels(hosts))).toEqual(["web", "localhost (bbbbbbbbbbbb)", "localhost (cccccccccccc)", "web"]);
});

import { driverApi, instanceOf } from "@netkit/core";
import { expect, test } from "vitest";
import { none } from "../src/index.ts";

test("the network none is there from the start and needs nothing of the host", () => {
  const driver = none();
  expect(driver).toMatchObject({ api: driverApi, name: "null", scope: "local", options: {}, endpointOptions: {} });
  expect(driver.predefined?.(instanceOf("/var/lib/netkit"))).toEqual({ name: "none" });
  expect(driver.network({} as never)).toEqual([]);
  expect(driver.endpoint({} as never)).toEqual([]);
});

test("a sandbox on it has a namespace of its own, no addresses and no other network", () => {
  expect(none().traits).toEqual({
    namespace: "own",
    addresses: "none",
    families: [],
    publish: false,
    exclusive: true,
    internal: false,
    subnetOfLink: false,
  });
});

import { driverApi, instanceOf } from "@netkit/core";
import { expect, test } from "vitest";
import { host } from "../src/index.ts";

test("the network host is there from the start and needs nothing of the host", () => {
  const driver = host();
  expect(driver).toMatchObject({ api: driverApi, name: "host", scope: "local", options: {}, endpointOptions: {} });
  expect(driver.predefined?.(instanceOf("/var/lib/netkit"))).toEqual({ name: "host" });
  expect(driver.network({} as never)).toEqual([]);
  expect(driver.endpoint({} as never)).toEqual([]);
});

test("a sandbox on it shares the host's namespace, and has no addresses of its own and no other network", () => {
  expect(host().traits).toEqual({
    namespace: "host",
    addresses: "none",
    families: [],
    publish: false,
    exclusive: true,
    internal: false,
    subnetOfLink: false,
  });
});

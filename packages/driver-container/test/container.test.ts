import { driverApi } from "@netkit/core";
import { expect, test } from "vitest";
import { container } from "../src/index.ts";

test("it has no networks and needs nothing of the host", () => {
  const driver = container();
  expect(driver).toMatchObject({ api: driverApi, name: "container", scope: "local", options: {}, endpointOptions: {} });
  expect("predefined" in driver).toBe(false);
  expect(driver.network({} as never)).toEqual([]);
  expect(driver.endpoint({} as never)).toEqual([]);
});

test("a sandbox on it shares another one's namespace, and has no addresses of its own and no other network", () => {
  expect(container().traits).toEqual({
    namespace: "joined",
    addresses: "none",
    families: [],
    publish: false,
    exclusive: true,
    internal: false,
    subnetOfLink: false,
  });
});

import { expect, test } from "vitest";
import { announcementsOf, commonNetworkOptions, driverOptionsOf, parseOptions, type Network } from "../src/index.ts";

const networkWith = (options: object): Network => ({ options }) as Network;

test("Docker's names of common network options, which the driver doesn't see", () => {
  const docker = { "com.docker.network.advertise_addr_nmsgs": "0", "com.docker.network.advertise_addr_ms": "250" };
  const network = networkWith({ mtu: 1400, ...parseOptions(commonNetworkOptions, docker, "networks") });
  expect(announcementsOf(network)).toEqual({ times: 0, intervalMs: 250 });
  expect(driverOptionsOf(network)).toEqual({ mtu: 1400 });
});

test("without them an address is announced as by Docker: three times, a second apart", () => {
  expect(announcementsOf(networkWith({}))).toEqual({ times: 3, intervalMs: 1_000 });
});

import { expect, test } from "vitest";
import {
  announcementsOf,
  commonNetworkOptions,
  driverOptionsOf,
  givesDefaultRoute,
  parseOptions,
  type Network,
  type OptionInput,
} from "../src/index.ts";

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

function gives(options: OptionInput, internal = false): boolean {
  return givesDefaultRoute({ internal, options: parseOptions(commonNetworkOptions, options, "networks") });
}

test("a network gives a default route, unless it is internal or told not to, by Podman's name as well", () => {
  expect([gives({}), gives({ "no-default-route": "false" })]).toEqual([true, true]);
  expect([gives({ "no-default-route": "true" }), gives({ no_default_route: "1" }), gives({}, true)]).toEqual([
    false,
    false,
    false,
  ]);
});

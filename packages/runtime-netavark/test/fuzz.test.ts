import { isNetkitError } from "@netkit/core";
import { fuzz, jsonNear, textNear } from "@netkit/fuzzing";
import * as fc from "fast-check";
import { test } from "vitest";
import { parseCommandLine } from "../src/command-line.ts";
import { completeNetwork, parseWish } from "../src/create.ts";
import { parseNetworkOptions, type PodmanNetwork } from "../src/network-options.ts";
import { networkRequest } from "../src/network-request.ts";

/** Runs it; what it refuses it may refuse. */
function reads(work: () => unknown): void {
  try {
    work();
  } catch (error) {
    if (!isNetkitError(error) || error.code === "INTERNAL") throw error;
  }
}

const network: PodmanNetwork = {
  name: "pnet",
  id: "a".repeat(64),
  driver: "bridge",
  network_interface: "podman1",
  subnets: [{ subnet: "10.89.0.0/24", gateway: "10.89.0.1" }, { subnet: "fd00:89::/64" }],
  routes: [{ destination: "10.91.0.0/24", gateway: "10.89.0.9", metric: 5 }],
  options: { mtu: "1400", isolate: "true", metric: "7", no_default_route: "0" },
  network_dns_servers: ["192.0.2.1"],
};
const setup = {
  container_id: "c1",
  container_name: "web",
  port_mappings: [{ host_ip: "", container_port: 80, host_port: 8080, range: 1, protocol: "tcp" }],
  dns_servers: ["192.0.2.2"],
  networks: {
    pnet: { interface_name: "eth0", static_ips: ["10.89.0.2"], static_mac: "02:00:00:00:00:01", aliases: ["web"] },
  },
  network_info: { pnet: network },
};
const wish = {
  network: { name: "pnet", driver: "bridge", subnets: [{ subnet: "10.89.0.0/24" }], routes: [], options: {} },
  used: { interfaces: ["podman1"], names: { other: "b" }, subnets: ["10.88.0.0/16"] },
  options: { subnet_pools: [{ base: "10.89.0.0/16", size: 24 }], check_used_subnets: true },
};

const documents = (valid: unknown): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 3, arbitrary: jsonNear(fc.constant(valid)).map((document) => JSON.stringify(document)) },
    textNear(fc.constant(JSON.stringify(valid)), '{}[]",:0\\'),
  );

test("what Podman says of a container is read or refused, and so is what becomes of its networks", async () => {
  await fuzz(documents(setup), (input) => {
    reads(() => {
      for (const each of Object.values(parseNetworkOptions(input).network_info)) reads(() => networkRequest(each));
    });
  });
});

test("a network that Podman wants is completed or refused", async () => {
  await fuzz(documents(wish), (input) => {
    reads(() => completeNetwork(parseWish(input), { links: ["podman0"], subnets: [] }));
  });
});

test("a command line is one of Podman's or refused", async () => {
  await fuzz(
    fc.array(
      textNear(
        fc.constantFrom(
          "setup",
          "update",
          "--network-dns-servers=1.1.1.1",
          "-f",
          "--config",
          "version",
          "/run/netns/x",
        ),
        "-=fcra/ .",
      ),
      { maxLength: 6 },
    ),
    (words) => reads(() => parseCommandLine(words)),
  );
});

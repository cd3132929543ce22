import { commonNetworkOptions } from "@netkit/core";
import { command, type Command, type HelpSection } from "../command.ts";
import { parseRoute } from "../route-option.ts";
import { refuseEncryption, refuseSwarm, swarmOptions } from "../swarm-options.ts";
import { parsePairs } from "../pairs.ts";
import { readSettings } from "../settings.ts";
import { findDriver, refuseNamesake } from "../drivers.ts";
import { driverExamples } from "../driver-examples.ts";
import { optionSection } from "../driver-help.ts";
import { refuseFamilies, subnetRequests } from "../subnet-requests.ts";

export const networkCreate: Command = command({
  name: "network create",
  summary: "Create a network and print its id",
  arguments: { NAME: { summary: "Letters, digits, '_', '.' and '-'" } },
  options: {
    driver: { short: "d", value: "NAME", default: "bridge", summary: "Driver", complete: "driver" },
    subnet: { value: "CIDR", many: true, summary: "Subnet; without it one is chosen that overlaps no route" },
    gateway: { value: "IP", many: true, summary: "Gateway of the subnet that it lies in" },
    "ip-range": { value: "CIDR", many: true, summary: "Part of the subnet from which addresses are handed out" },
    "aux-address": { value: "NAME=IP", many: true, summary: "Address that is never handed out" },
    route: {
      value: "DEST,GATEWAY[,METRIC]",
      many: true,
      summary: "Route of every sandbox; blackhole, unreachable or prohibit for a gateway refuses what goes there",
    },
    ipv4: { default: "true", summary: "IPv4; --ipv4=false makes a network with IPv6 alone" },
    ipv6: { optional: true, summary: "IPv6 as well; without a subnet one is chosen" },
    internal: { summary: "No way out of the network and none in" },
    "config-only": { summary: "No network, but settings for others (--config-from)" },
    "config-from": {
      value: "NETWORK",
      summary: "Subnets, routes, families, options and labels of that one",
      complete: "network",
    },
    ...swarmOptions,
    opt: { short: "o", value: "KEY=VALUE", many: true, summary: "Option of the driver", complete: "network-option" },
    label: { value: "KEY=VALUE", many: true, summary: "Label" },
  },
  examples: [
    { line: "netkit network create web", summary: "A bridge network with a subnet of netkit's choice" },
    {
      line: "netkit network create --subnet 10.7.0.0/24 --gateway 10.7.0.254 --ip-range 10.7.0.0/25 web",
      summary: "Subnet, gateway and the part for sandboxes by hand",
    },
    {
      line: "netkit network create --subnet 10.7.0.0/24 --route 10.99.0.0/16,10.7.0.9 --route 192.0.2.0/24,prohibit web",
      summary: "Routes of every sandbox on it: by way of a neighbour, and to nowhere",
    },
    {
      line: "netkit network create --ipv6 --internal -o mtu=1400 db",
      summary: "Both families, no way out, a smaller MTU",
    },
    {
      line: "netkit network create --config-only -o mtu=1400 --label team=web small",
      summary: "Settings, for: netkit network create --config-from small web",
    },
    { line: "netkit network create --explain web | less", summary: "The same in ip, nft and sysctl commands" },
    { line: "netkit network create --driver bridge --help", summary: "This help with the driver's options" },
  ],
  changes: true,
  async help({ options, globals }): Promise<HelpSection[]> {
    const driver = await findDriver(options.driver, await readSettings(globals));
    const examples = driverExamples[driver.name];
    return [
      optionSection(`Options of the driver ${driver.name} (-o KEY=VALUE)`, {
        ...driver.options,
        ...commonNetworkOptions,
      }),
      ...(examples === undefined ? [] : [{ title: `Examples for the driver ${driver.name}`, rows: examples }]),
    ];
  },
  async run({ open, options, arguments: { NAME }, globals, change }) {
    refuseSwarm(options);
    await refuseNamesake(options.driver, await readSettings(globals));
    refuseEncryption(options.driver, options.opt);
    const subnets = subnetRequests(options);
    refuseFamilies(subnets, options);
    const request = {
      name: NAME,
      driver: options.driver,
      ...(subnets.length === 0 ? {} : { subnets }),
      ...(options.route.length === 0 ? {} : { routes: options.route.map(parseRoute) }),
      ipv4: options.ipv4,
      ipv6: options.ipv6 ?? false,
      internal: options.internal,
      configOnly: options["config-only"],
      ...(options["config-from"] === undefined ? {} : { configFrom: options["config-from"] }),
      options: parsePairs("--opt", options.opt),
      labels: parsePairs("--label", options.label, ""),
    };
    const netkit = await open();
    const network = await netkit.networks.create(request, change);
    if (change.dryRun !== true || network.scope !== "global") return { data: network, text: network.id };
    const note = `network '${NAME}' is made on each host with its first sandbox there: see 'netkit network connect --explain'`;
    return { data: network, note };
  },
});

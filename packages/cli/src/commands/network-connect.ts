import { commonEndpointOptions } from "@netkit/core";
import { command, type Command, type HelpSection } from "../command.ts";
import { endpointOptions, endpointRequest } from "../endpoint-request.ts";
import { optionSection } from "../driver-help.ts";
import { warnOfSurroundings } from "../attached-warnings.ts";

export const networkConnect: Command = command({
  name: "network connect",
  summary: "Connect a sandbox to a network",
  arguments: {
    NETWORK: { summary: "Name, id or unique prefix of an id", complete: "network" },
    SANDBOX: { summary: "Name, id or unique prefix of an id", complete: "sandbox" },
  },
  options: endpointOptions,
  examples: [
    { line: "netkit network connect db web", summary: "A further interface in the running sandbox web" },
    {
      line: "netkit network connect --ip 10.7.0.9 --alias api -p 8080:80 net1 web",
      summary: "With an address, a name and a port",
    },
    { line: "netkit network connect --rate 10mbit net1 web", summary: "At most 10 Mbit/s in each direction" },
    {
      line: "netkit network connect --gw-priority 10 --sysctl net.ipv4.conf.IFNAME.rp_filter=2 net1 web",
      summary: "The default route goes through net1 from now on",
    },
    { line: "netkit network connect net1 --help", summary: "This help with the options of the network's driver" },
  ],
  changes: true,
  async help({ arguments: { NETWORK }, open }): Promise<HelpSection[]> {
    if (NETWORK === undefined) return [];
    const netkit = await open(true);
    const driver = await netkit.driver((await netkit.networks.get(NETWORK)).driver);
    const options = { ...driver.endpointOptions, ...commonEndpointOptions };
    return [optionSection(`Endpoint options on a network of the driver ${driver.name} (-o KEY=VALUE)`, options)];
  },
  async run({ open, options, arguments: { NETWORK, SANDBOX }, change, terminal }) {
    const request = endpointRequest(options);
    const netkit = await open();
    const sandbox = await netkit.sandboxes.get(SANDBOX);
    const data = await sandbox.connect(NETWORK, request, change);
    if (change.dryRun !== true) await warnOfSurroundings(netkit, sandbox.id, terminal);
    return { data };
  },
});

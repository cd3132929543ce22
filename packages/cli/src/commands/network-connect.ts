import { commonEndpointOptions } from "@netkit/core";
import { command, type Command, type HelpSection } from "../command.ts";
import { endpointOptions, endpointRequest } from "../endpoint-request.ts";
import { findGuest, guestForms } from "../guests.ts";
import { optionSection } from "../driver-help.ts";
import { warnOfSurroundings } from "../attached-warnings.ts";

export const networkConnect: Command = command({
  name: "network connect",
  summary: "Connect a sandbox, or what runs elsewhere, to a network",
  details: [
    "In place of a sandbox, what others run in a network namespace of theirs: docker://CONTAINER or podman://CONTAINER (by name\nor id), pid://PID, netns:/PATH. A sandbox stands for it until its last network or its process goes. It gets interfaces and\nnothing else: its files and name servers stay as they are.",
  ],
  arguments: {
    NETWORK: { summary: "Name, id or unique prefix of an id", complete: "network" },
    SANDBOX: { summary: `Name, id or unique prefix of an id; or ${guestForms}`, complete: "member" },
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
    {
      line: "netkit network connect -p 8080:80 net1 docker://shop",
      summary: "Docker's container shop, as it runs, with a further interface",
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
    const guest = await findGuest(SANDBOX);
    const netkit = await open();
    const data =
      guest === undefined
        ? await (await netkit.sandboxes.get(SANDBOX)).connect(NETWORK, request, change)
        : await netkit.sandboxes.join(guest, { ...request, network: NETWORK }, change);
    if (change.dryRun !== true) await warnOfSurroundings(netkit, data.sandbox, terminal);
    return { data };
  },
});

import { execFileSync } from "node:child_process";
import { basename } from "node:path";
import { Floor, floorAddresses, floorPorts, type FloorSandbox } from "../floor.ts";
import { openLibrary } from "../library.ts";
import { keptNumber, type Box, type Entry } from "./contender.ts";
import { inNamespaces } from "./namespaces.ts";
import { run, said, versionIn } from "./run.ts";

/** Requests by netlink and libnftables, from one process that lives: {@link Floor}. */
export const bareRequests: Entry = {
  find: () => ({ version: "" }),
  start: async (root) => {
    const floor = new Floor(await tableOfNetkit(root));
    const open = new Map<number, FloorSandbox>();
    const of = ({ number }: Box): FloorSandbox => {
      const sandbox = open.get(number);
      if (sandbox === undefined) throw new Error(`there is no box ${number}`);
      return sandbox;
    };
    floor.attach(floor.open(keptNumber, 0));
    return {
      open: async ({ number, ports, range }) =>
        await Promise.resolve(void open.set(number, floor.open(number, ports, { range }))),
      attach: async (box) => await Promise.resolve(floor.attach(of(box))),
      detach: async (box) => await floor.detach(of(box)),
      close: async (box) => await Promise.resolve(floor.close(of(box))),
    };
  },
};

/** The same by programs: `ip -batch` on the host and in the sandbox, `nft -f` where ports are published. */
export const programs: Entry = {
  find: () => {
    const [ip, nft] = [said("ip", "-V"), said("nft", "--version")];
    if (ip === undefined || nft === undefined) return { missing: "no ip or nft (Debian: iproute2, nftables)" };
    return { version: `${versionIn(ip)} and ${versionIn(nft)}` };
  },
  start: async (root) => {
    await run(["nft", "-f", "-"], { input: `flush ruleset\n${await tableOfNetkit(root)}` });
    await run(["ip", "-batch", "-"], {
      input: `link add br0 address 02:00:00:00:00:01 type bridge
address add 10.9.0.1/16 dev br0
link set br0 up
`,
    });
    const way = {
      attach: async (box: Box): Promise<void> => {
        const { number, ports, path } = box;
        const name = basename(path);
        const { address, mac } = floorAddresses(number);
        await run(["ip", "-batch", "-"], {
          input: `link add v${number} up master br0 type veth peer name eth0 address ${mac} netns ${name}
link set v${number} type bridge_slave hairpin on
`,
        });
        await run(["ip", "-netns", name, "-batch", "-"], {
          input: `address add ${address}/16 dev eth0
link set eth0 up
route add default via 10.9.0.1
`,
        });
        if (ports > 0) await run(["nft", "-f", "-"], { input: `${floorPorts("create", box)}\n` });
      },
      detach: async (box: Box): Promise<void> => {
        if (box.ports > 0) await run(["nft", "-f", "-"], { input: `${floorPorts("delete", box)}\n` });
        await run(["ip", "-batch", "-"], { input: `link delete v${box.number}\n` });
      },
    };
    const contender = await inNamespaces(way, ({ number }) => floorAddresses(number).address);
    const nothing = [process.execPath, "-e", "0"];
    return { ...contender, program: { name: "node -e 0", version: "", words: { version: nothing, list: nothing } } };
  },
};

/** netkit's table, as nft lists it once a network is there. */
async function tableOfNetkit(root: string): Promise<string> {
  // oxlint-disable-next-line typescript/await-thenable -- the linter finds no tsconfig with disposables here
  await using netkit = await openLibrary(root);
  await netkit.networks.create({ name: "table", subnets: [{ subnet: "10.8.0.0/16" }] });
  const table = execFileSync("nft", ["-s", "list", "table", "inet", netkit.instance.mark], { encoding: "utf8" });
  await netkit.networks.remove("table");
  return table;
}

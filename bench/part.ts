/** Runs one part of the bench, or the clients of one, and prints what it found as JSON; for a private host (see bench.ts). */
import type { Asked } from "./dns-client.ts";
import type { Row } from "./report.ts";

/** The default root of netkit, which is on the real disk. */
const root = "/var/lib/netkit";

const [name = "", ...more] = process.argv.slice(2);
const quick = more[0] === "quick";

try {
  process.stdout.write(JSON.stringify(await measure()));
} catch (error) {
  if (!(error instanceof DOMException && error.name === "AbortError")) throw error;
  process.exitCode = 130;
}

async function measure(): Promise<Row[] | Asked> {
  switch (name) {
    case "attach": {
      const { measureAttach } = await import("./attach.ts");
      return await measureAttach(root, {
        pairs: quick ? 60 : 200,
        fills: quick ? 1 : 5,
        thousand: !quick,
        routed: quick ? 1000 : 4000,
      });
    }
    case "ports": {
      const { measurePorts } = await import("./ports.ts");
      return await measurePorts(root, {
        pairs: quick ? 60 : 200,
        rounds: quick ? 60 : 200,
        backends: quick ? ["nftables"] : ["nftables", "iptables"],
      });
    }
    case "memory": {
      const { measureMemory } = await import("./memory.ts");
      return await measureMemory(root, 1000);
    }
    case "scale": {
      const { measureScale } = await import("./scale.ts");
      return await measureScale(root, quick ? 30 : 100, quick ? 5 : 10);
    }
    case "commands": {
      const { measureCommands } = await import("./commands.ts");
      return await measureCommands(quick ? 10 : 40);
    }
    case "agent": {
      const { measureAgent } = await import("./agent.ts");
      return await measureAgent(root, { pairs: quick ? 60 : 200, endpoints: 500 });
    }
    case "dns": {
      const { measureDns } = await import("./dns.ts");
      return await measureDns(quick ? 2 : 5);
    }
    case "hosts": {
      const { measureHosts } = await import("./hosts/hosts.ts");
      return await measureHosts(root, quick);
    }
    case "docker": {
      const { measureDocker } = await import("./docker/docker.ts");
      return await measureDocker(quick ? 20 : 40);
    }
    case "ipam": {
      const { measureIpam } = await import("./ipam.ts");
      return await measureIpam(root, quick ? 2_000 : 5_000);
    }
    case "peers": {
      const { measurePeers } = await import("./peers/peers.ts");
      return await measurePeers(
        root,
        quick
          ? {
              blocks: 1,
              rounds: 3,
              crowds: 1,
              wholeCrowds: false,
              streams: 7,
              warmUps: 40,
              ranges: 0,
              patienceMs: 600,
              many: 20,
              line: 0,
            }
          : {
              blocks: 3,
              rounds: 8,
              crowds: 2,
              wholeCrowds: true,
              streams: 60,
              warmUps: 150,
              ranges: 3,
              patienceMs: 60_000,
              many: 100,
              line: 200,
            },
      );
    }
    case "faults": {
      const { measureFaults } = await import("./faults.ts");
      return await measureFaults(quick, more.slice(1), quick ? 60 : 1_000);
    }
    case "simulate": {
      const { measureSimulation } = await import("./simulate.ts");
      return await measureSimulation(quick);
    }
    case "dns-client": {
      const { ask } = await import("./dns-client.ts");
      return await ask(more[0] ?? "", more[1] ?? "", Number(more[2]));
    }
    default:
      throw new Error(`no part is named '${name}'`);
  }
}

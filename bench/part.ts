/** Runs one part of the bench and prints its rows as JSON; for a private host (see bench.ts). */
import type { Row } from "./report.ts";

/** The default root of netkit, which is on the real disk. */
const root = "/var/lib/netkit";

const [name = "", extent] = process.argv.slice(2);
const quick = extent === "quick";

process.stdout.write(JSON.stringify(await measure()));

async function measure(): Promise<Row[]> {
  switch (name) {
    case "attach": {
      const { measureAttach } = await import("./attach.ts");
      return await measureAttach(root, { pairs: quick ? 60 : 200, fills: quick ? 1 : 5, thousand: !quick });
    }
    case "memory": {
      const { measureMemory } = await import("./memory.ts");
      return await measureMemory(root, 1000);
    }
    case "commands": {
      const { measureCommands } = await import("./commands.ts");
      return await measureCommands(quick ? 10 : 40);
    }
    default:
      throw new Error(`no part is named '${name}'`);
  }
}

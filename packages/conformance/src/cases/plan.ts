import assert from "node:assert/strict";
import { execa } from "execa";
import type { Case } from "../case.ts";
import { compareSnapshots, createHost, spaceOf } from "../lab/index.ts";
import { inLab, removeAll } from "../lab/lab.ts";
import { makesNetworks } from "../lab/steps.ts";

const common = {
  since: 1,
  tier: "kernel",
  requires: ["root", "ip", "nft"],
  applies: makesNetworks,
} as const satisfies Partial<Case>;

/** What the engine shows of a plan. */
export const planCases: readonly Case[] = [
  {
    ...common,
    id: "DRV-EXPLAIN-001",
    rule: "the shell commands of a plan, run as a script in another host, make the same",
    run: async ({ driver }) => {
      await inLab(driver, {}, async ({ netkit, network, space, host, snapshot, previews, recording }) => {
        await network("a");
        await network("b", driver.traits.internal ? { internal: true } : {});
        const publish = driver.traits.publish
          ? ["18080:80", "127.0.0.1:18053:53/udp", "18090-18092:90-92,from=192.0.2.0/24"]
          : [];
        const web = await netkit.sandboxes.open({ name: "web", networks: [{ network: "a", publish }] }, recording);
        await web.connect({ network: "b" }, recording);
        const { path } = space(web);
        const picture = { portable: true } as const;
        const made = await snapshot({ host, web: spaceOf(path) }, picture);
        const script = previews.flatMap((preview) => preview.toShell()).join("\n");
        await removeAll(netkit);

        await using other = await createHost();
        try {
          await other.shell(script);
          const replayed = await snapshot({ host: other, web: spaceOf(path) }, picture);
          assert.deepEqual(compareSnapshots(made, replayed), [], script);
        } finally {
          await execa("ip", ["netns", "del", path.slice(path.lastIndexOf("/") + 1)], { reject: false });
          await execa("rm", ["-rf", path.replace("/run/netns/", "/etc/netns/")]);
        }
      });
    },
  },
];

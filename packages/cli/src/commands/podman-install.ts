import { resolve } from "node:path";
import { agentSocket } from "@netkit/agent/client";
import { defaultRoot, isNetkitError, NetkitError, podmansContainerLabel } from "@netkit/core";
import type { Netkit } from "@netkit/engine";
import { sameSettings } from "../agent-process.ts";
import { command, type Command } from "../command.ts";
import { removeAll, removeEmpty, writeAllOwn } from "../own-files.ts";
import {
  backend,
  contradicting,
  dropIn,
  installedPrograms,
  installedSetting,
  leftBridges,
  nameServer,
} from "../podman-files.ts";
import { folderOptions } from "../podman-options.ts";
import { readSettings } from "../settings.ts";
import { warn } from "../warning.ts";

export const podmanInstall: Command = command({
  name: "podman install",
  summary: "Have Podman's networks be netkit's",
  details: [
    "Writes a network backend, which Podman calls in place of netavark, and the setting that has Podman find it. Podman has to have no\nrunning containers on its networks then: what another backend has set up, netkit can't take down.",
  ],
  options: {
    ...folderOptions,
    force: { short: "f", summary: "Even while containers run that another backend has connected" },
    print: { summary: "Print the setting and do nothing" },
  },
  examples: [
    { line: "netkit podman install && netkit agent install", summary: "From nothing: containers on netkit's networks" },
    { line: "podman network create --ipam-driver none my-net", summary: "Joins the netkit network of that name" },
  ],
  changes: false,
  async run({ globals, options, open, terminal }) {
    const root = resolve((await readSettings(globals)).root ?? defaultRoot);
    const [folder, confDir] = [resolve(options["bin-dir"]), resolve(options["conf-dir"])];
    const setting = dropIn(confDir, folder);
    if (options.print) return { data: { path: setting.path, setting: setting.text }, text: setting.text.trimEnd() };
    const former = installedSetting(confDir)?.folder;
    // Podman reads no other folder, unless it is told to.
    const isRead = confDir === folderOptions["conf-dir"].default;
    if (isRead && former === undefined && !options.force) await refuseContainers(await open(true));
    const words = [process.execPath, "--", process.argv[1] ?? "", "__netavark", ...sameSettings(root, globals), "--"];
    const [program, names] = [backend(folder, agentSocket(root), words), nameServer(folder)];
    writeAllOwn([program, names, setting]);
    if (former !== undefined && former !== folder) {
      removeAll(installedPrograms(former));
      removeEmpty(former);
    }
    for (const path of contradicting(confDir, folder)) {
      const hint = `Take network_backend and helper_binaries_dir out of it, or put "${folder}" first there.`;
      warn(`Podman won't use netkit: ${path}, which it reads later, says otherwise`, hint, terminal);
    }
    for (const bridge of leftBridges()) {
      const hint = `Unless something needs it: ip link delete dev ${bridge}`;
      warn(
        `Podman's CNI backend has left the bridge ${bridge}, whose subnet no other network can have`,
        hint,
        terminal,
      );
    }
    const data = { backend: program.path, names: names.path, setting: setting.path };
    return { data, text: Object.values(data).join("\n") };
  },
});

/** netkit couldn't take down what another backend has set up. @throws NetkitError NETWORK_IN_USE */
async function refuseContainers(netkit: Netkit): Promise<void> {
  const { podmanConnected } = await import("../podman.ts");
  const running = await podmanConnected().catch((error: unknown) => {
    if (isNetkitError(error) && error.code === "TOOL_MISSING") return [];
    throw error;
  });
  if (running.length === 0) return;
  const ours = new Set((await netkit.sandboxes.list()).map(({ labels }) => labels[podmansContainerLabel]));
  const names = running.filter(({ id }) => !ours.has(id)).map(({ name }) => name);
  if (names.length === 0) return;
  throw new NetkitError(
    "NETWORK_IN_USE",
    `Podman's containers run on another backend's networks: ${names.join(", ")}`,
    {
      hint: "Stop them first: podman stop --all. With -f what that backend has set up for them stays.",
      details: { containers: names },
    },
  );
}

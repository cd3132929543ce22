import { resolve } from "node:path";
import { agentSocket } from "@netkit/agent/client";
import { defaultRoot } from "@netkit/core";
import { sameSettings } from "../agent-process.ts";
import { command, type Command } from "../command.ts";
import { writeOwn } from "../own-files.ts";
import { backend, dropIn, nameServer } from "../podman-files.ts";
import { folderOptions } from "../podman-options.ts";
import { readSettings } from "../settings.ts";

export const podmanInstall: Command = command({
  name: "podman install",
  summary: "Have Podman's networks be netkit's",
  details: [
    "Writes a network backend, which Podman calls in place of netavark, and the setting that has Podman find it. Podman has to have no\nrunning containers then: what another backend has set up, netkit can't take down.",
  ],
  options: {
    ...folderOptions,
    print: { summary: "Print the setting and do nothing" },
  },
  examples: [
    { line: "netkit podman install && netkit agent install", summary: "From nothing: containers on netkit's networks" },
    { line: "podman network create --ipam-driver none my-net", summary: "Joins the netkit network of that name" },
  ],
  changes: false,
  async run({ globals, options }) {
    const root = resolve((await readSettings(globals)).root ?? defaultRoot);
    const folder = resolve(options["bin-dir"]);
    const setting = dropIn(resolve(options["conf-dir"]), folder);
    if (options.print) return { data: { path: setting.path, setting: setting.text }, text: setting.text.trimEnd() };
    const words = [process.execPath, "--", process.argv[1] ?? "", "__netavark", ...sameSettings(root, globals), "--"];
    const program = backend(folder, agentSocket(root), words);
    for (const file of [program, nameServer(folder), setting]) writeOwn(file);
    return { data: { backend: program.path, setting: setting.path }, text: `${program.path}\n${setting.path}` };
  },
});

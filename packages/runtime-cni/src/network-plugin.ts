import { detach } from "@netkit/runtime";
import { add } from "./add.ts";
import { findContainer, findInterface } from "./attachment.ts";
import { check } from "./check.ts";
import { collect } from "./gc.ts";
import { status } from "./status.ts";
import type { Plugin } from "./plugin.ts";

/** `netkit`: connects a container to a network. */
export const networkPlugin: Plugin = {
  about: "netkit: connects containers to netkit's networks",
  add,
  async del(netkit, { containerId, ifName }, { name }) {
    const sandbox = await findContainer(netkit, containerId);
    if (sandbox === undefined) return;
    const endpoint = findInterface(sandbox, name, ifName);
    // With its namespace everything is gone, whoever else has connected it.
    if (sandbox.state === "gone") await detach(netkit, sandbox, sandbox.endpoints);
    else if (endpoint !== undefined) await detach(netkit, sandbox, [endpoint]);
  },
  check,
  gc: collect,
  status,
};

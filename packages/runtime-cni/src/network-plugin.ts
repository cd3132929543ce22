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
    const endpoint = sandbox && findInterface(sandbox, name, ifName);
    if (sandbox !== undefined && endpoint !== undefined) await detach(netkit, sandbox, [endpoint]);
  },
  check,
  gc: collect,
  status,
};

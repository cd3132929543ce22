import type { LinkResource } from "@netkit/core";
import type { Kind } from "../kind.ts";
import { missing } from "../reading.ts";

/** Somebody else's link: the handler checks that it is there, and nothing else happens to it. */
export const link: Kind<LinkResource> = {
  create() {},
  read: (view, { ns, name }) => (view.link(ns, name) === undefined ? missing : { state: "same" }),
  createCommands: () => [],
  removeCommands: () => [],
};

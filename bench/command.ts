import { resolve } from "node:path";

/** The bundled command, from the folder of the checkout. */
export const command = resolve("packages/cli/dist/netkit.js");

import { resolve } from "node:path";

/** Where setup unpacks the newest peers, from Debian's sid; from the folder of the checkout. */
export const peersFolder: string = resolve(".tools/peers");

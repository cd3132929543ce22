// Random operations by four processes on a host of their own, for as long as you like; see packages/testing/README.md.
// usage: npm run soak -- --help
import { privateHost } from "../vm/private-host.ts";
import { follow } from "./follow.mjs";

const [unshare, ...words] = privateHost;
follow(unshare, [...words, process.execPath, "packages/testing/test/soak/soak.program.ts", ...process.argv.slice(2)]);

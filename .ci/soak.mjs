// Random operations by four processes on a host of their own, for as long as you like; see packages/testing/README.md.
// usage: npm run soak -- [--minutes 30] [--seed N [--repeat] [--path P]]
import { spawnSync } from "node:child_process";
import { privateHost } from "../vm/private-host.ts";

const [unshare, ...words] = privateHost;
const program = [process.execPath, "packages/testing/test/soak/soak.program.ts", ...process.argv.slice(2)];
const { status } = spawnSync(unshare, [...words, ...program], { stdio: "inherit" });
process.exitCode = status ?? 1;

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { packageVersion } from "./package-version.ts";
import { peersFolder } from "./sid.ts";

const program = "usr/lib/podman/aardvark-dns";
/** The newest one needs the libraries of its own suite: its process has them in the place of the machine's. */
const script = `
sid=$1; shift
if [ "$sid" ]; then mount -t overlay overlay -o "lowerdir=$sid/usr:/usr" /usr; fi
exec "$@"`;

/** Podman's resolver, with a core of its own. */
export interface Aardvark extends Disposable {
  readonly version: string;
}

/**
 * Serves names, if this machine has one.
 * @param folder for its configuration
 * @param names each with its address
 */
export function startAardvark(
  folder: string,
  server: { readonly address: string; readonly port: number },
  names: readonly { readonly name: string; readonly address: string }[],
): Aardvark | undefined {
  const sid = existsSync(join(peersFolder, program)) ? peersFolder : "";
  if (sid === "" && !existsSync(join("/", program))) return undefined;
  mkdirSync(folder, { recursive: true });
  // A network's file: who asks for its names at which address, then a container a line.
  const lines = names.map(({ name, address }, index) => `${index.toString(16).padStart(64, "0")} ${address}  ${name}`);
  writeFileSync(join(folder, "network"), `${[server.address, ...lines].join("\n")}\n`);
  const words = [join("/", program), "--config", folder, "--port", String(server.port), "run"];
  const pinned = ["taskset", "--cpu-list", "0", ...words];
  // It returns once what it leaves behind is listening.
  execFileSync("unshare", ["--mount", "--", "sh", "-ec", script, "sh", sid, ...pinned], { stdio: "ignore" });
  const pid = Number(readFileSync(join(folder, "aardvark.pid"), "utf8"));
  return { version: packageVersion("aardvark-dns"), [Symbol.dispose]: () => void process.kill(pid) };
}

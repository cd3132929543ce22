import { readFileSync } from "node:fs";
import { parseResolvConf } from "./files.ts";

/**
 * The content of the host's resolv.conf, for `renderResolvConf`; "" when there is none. Where it names nothing but the
 * local stub of systemd-resolved, the list of the real servers that the stub asks (systemd-resolved(8)).
 */
export function readHostResolvConf(): string {
  const content = read("/etc/resolv.conf");
  const { servers } = parseResolvConf(content);
  const stub = servers.length > 0 && servers.every((server) => server === "127.0.0.53" || server === "127.0.0.54");
  return stub ? read("/run/systemd/resolve/resolv.conf") || content : content;
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}

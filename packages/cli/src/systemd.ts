import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { NetkitError } from "@netkit/core";

/** Where units of the administrator are (systemd.unit(5)). */
export const unitFolder = "/etc/systemd/system";

/** Tells systemd what becomes of this service (sd_notify(3)); elsewhere, nothing. */
export async function tellSystemd(what: "--ready" | "--stopping"): Promise<void> {
  if (process.env["NOTIFY_SOCKET"] === undefined) return;
  await attempt("systemd-notify", [what]);
}

/** Whether systemd runs the machine (sd_booted(3)). */
export function isSystemdThere(): boolean {
  return existsSync("/run/systemd/system");
}

/** Runs systemctl. @throws NetkitError COMMAND */
export async function systemctl(...words: string[]): Promise<void> {
  const failure = await attempt("systemctl", words);
  if (failure === undefined) return;
  throw new NetkitError("COMMAND", `systemctl ${words.join(" ")} failed: ${failure}`, {
    hint: "Does systemd run on this machine? With --no-start the unit is written and nothing else is done.",
  });
}

/** What went wrong, if anything did. */
async function attempt(program: string, words: readonly string[]): Promise<string | undefined> {
  return await new Promise((resolve) => {
    execFile(program, words, (error, _, stderr) =>
      resolve(error === null ? undefined : stderr.trim() || error.message),
    );
  });
}

export interface UnitOptions {
  /** Program and arguments. */
  readonly command: readonly string[];
  readonly root: string;
}

/** The unit of an agent: ready when it serves, restarted when it dies, gone without a trace when it is stopped. */
export function renderUnit({ command, root }: UnitOptions): string {
  return `[Unit]
Description=netkit agent for ${root}: names, ports and events of sandboxes
Documentation=man:ip-netns(8)
After=network.target
Before=network-online.target

[Service]
Type=notify
NotifyAccess=all
ExecStart=${command.map(quoted).join(" ")}
Restart=always
RestartSec=200ms
TimeoutStopSec=20s
# Sandboxes and their processes are no part of it.
KillMode=process
LimitNOFILE=1048576
# Namespaces that commands make must be seen here, and those made here there.
MountFlags=shared

[Install]
WantedBy=multi-user.target
`;
}

/** systemd.service(5), "Command lines": quotes, and percent and dollar signs that mean themselves. */
function quoted(word: string): string {
  const plain = word.replaceAll("%", "%%").replaceAll("$", "$$$$");
  return /^[\w@%+=:,./$-]+$/.test(plain) ? plain : `"${plain.replaceAll(/["\\]/g, "\\$&")}"`;
}

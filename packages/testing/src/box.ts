import type { Host } from "./hosts/index.ts";

/** What it has beside busybox itself, which is static. */
const applets = ["sh", "ping", "sleep", "ip", "wget", "httpd", "cat", "nslookup"];

/** Makes the files of a container's image in a folder. */
export async function makeBox(host: Host, folder: string): Promise<void> {
  await host.shell(
    `mkdir -p ${folder}/bin && cp "$(command -v busybox)" ${folder}/bin/busybox
     for applet in ${applets.join(" ")}; do ln -s busybox ${folder}/bin/$applet; done`,
  );
}

/** What an engine has left of its containers' cgroups, which are the machine's: deepest first, and none of what others remove meanwhile. */
export async function removeCgroups(host: Host, name: string): Promise<void> {
  await host.shell(
    `find /sys/fs/cgroup -maxdepth 2 -type d -name '${name}' | while read -r own; do find "$own" -depth -type d -exec rmdir {} +; done`,
  );
}

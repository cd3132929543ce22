import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { instanceOf } from "@netkit/core";
import { removeNamespace } from "@netkit/netlink";
import { createHost, type Host } from "./host.ts";
import { takeSnapshot, type Snapshot } from "./snapshot.ts";

/** A host with a state directory, for one lifecycle at a time, and a namespace that others have made. */
export interface Place extends AsyncDisposable {
  readonly host: Host;
  readonly theirs: Host;
  readonly root: string;
}

export async function openPlace(): Promise<Place> {
  await using made = new AsyncDisposableStack();
  const root = mkdtempSync(join(tmpdir(), "netkit-sweep-"));
  made.defer(() => removeLeaks(root));
  const [host, theirs] = [made.use(await createHost()), made.use(await createHost())];
  const all = made.move();
  return { host, theirs, root, [Symbol.asyncDispose]: async () => await all.disposeAsync() };
}

/** What the kernel holds there, of this root alone. */
export async function pictureOf({ host, theirs, root }: Place): Promise<Snapshot> {
  return await takeSnapshot({ host, theirs }, { names: [`${instanceOf(root).mark}.`] });
}

/** What a driver or netkit leaves behind outside the host's namespaces when it fails the sweep. */
function removeLeaks(root: string): void {
  const prefix = `${instanceOf(root).mark}.`;
  for (const folder of ["/etc/netns", "/run/netns"]) {
    for (const name of existsSync(folder) ? readdirSync(folder) : []) {
      if (!name.startsWith(prefix)) continue;
      if (folder === "/run/netns") removeNamespace(join(folder, name));
      else rmSync(join(folder, name), { recursive: true });
    }
  }
  rmSync(root, { recursive: true, force: true });
}
